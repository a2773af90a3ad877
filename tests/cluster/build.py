"""Compile the control plane from Go modules, once for all checkouts of this machine.

The result lives outside the checkout, in a folder named after everything it was made from.
"""

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.errors import StackError
from tests.cluster.go_toolchain import find_go
from tests.cluster.processes import Guard
from tests.cluster.progress import LongStep, say

PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl")
SOURCES = Path(__file__).parent / "controlplane"
USUAL_TIME = "10-15 minutes on 2 cores, 3 GB of memory"


def kubernetes_version() -> str:
    """Return the version of Kubernetes that the Go module names, like ``v1.37.2``."""
    match = re.search(r"^\s*k8s\.io/kubernetes (v\S+)$", (SOURCES / "go.mod").read_text(), re.MULTILINE)
    if match is None:
        raise StackError(f"{SOURCES / 'go.mod'} requires no k8s.io/kubernetes")
    return match[1]


def cache_root(environ: Mapping[str, str]) -> Path:
    """Return the folder of everything that is kept between runs."""
    base = environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME") or Path.home()) / ".cache"
    return Path(base) / "redistimer"


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Return where the programs are, or would be, that these sources compile to on this platform."""
    digest = hashlib.sha256()
    inputs = [*sorted(SOURCES.glob("*.go")), SOURCES / "go.mod", SOURCES / "go.sum"]
    for path in inputs:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    digest.update(" ".join([*_flags(), sys.platform, platform.machine()]).encode())
    return cache_root(environ) / f"controlplane-{kubernetes_version()}-{digest.hexdigest()[:12]}"


def build(environ: Mapping[str, str]) -> Path:
    """Return the folder with the programs, compiling them first when nobody has; StackError when that fails."""
    folder = cache_folder(environ)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _lock(folder.parent / "build.lock"):
        if folder.exists():
            return folder
        for leftover in folder.parent.glob("controlplane-*.unfinished"):
            shutil.rmtree(leftover, ignore_errors=True)
        go = find_go(folder.parent, environ)
        unfinished = folder.with_name(f"{folder.name}.unfinished")
        unfinished.mkdir()
        try:
            _compile(go, unfinished / "controlplane", environ)
            for program in PROGRAMS:
                (unfinished / program).symlink_to("controlplane")
            unfinished.rename(folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def _flags() -> list[str]:
    version = kubernetes_version()
    major, minor, _ = version.removeprefix("v").split(".", 2)
    stamp = "-X k8s.io/component-base/version."
    values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    linker = " ".join(["-s -w", *(f"{stamp}{name}={value}" for name, value in values.items())])
    return ["-mod=readonly", "-buildvcs=false", "-trimpath", "-ldflags", linker]


def _compile(go: Path, output: Path, environ: Mapping[str, str]) -> None:
    say(f"compiling Kubernetes {kubernetes_version()} with {go}; this usually takes {USUAL_TIME}, once")
    with Guard() as guard, LongStep("compiling the control plane") as step:
        go_environ = {
            **environ,
            "CGO_ENABLED": "0",
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
            "GOTMPDIR": str(guard.directory),
        }
        step.update("fetching modules")
        packages = subprocess.run(
            [go, "list", "-mod=readonly", "-deps", "."],
            cwd=SOURCES,
            env=go_environ,
            capture_output=True,
            text=True,
            check=False,
        )
        if packages.returncode != 0:
            raise StackError(f"the Go modules cannot be had:\n{_last_lines(packages.stderr)}")
        total = len(packages.stdout.split())

        command: list[str | Path] = [go, "build", "-v", *_flags(), "-o", output, "."]
        compiler = guard.spawn("go-build", command, go_environ, cwd=SOURCES)
        while (code := compiler.poll()) is None:
            lines = compiler.log_text().splitlines()
            compiled = sum(not line.startswith("go: ") for line in lines)
            step.update(f"{compiled} of at most {total} packages" if compiled < total else "linking")
            time.sleep(0.2)
        if code != 0:
            raise StackError(f"go build failed with exit code {code}:\n{_last_lines(compiler.log_text())}")


def _last_lines(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines()[-15:])


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Hold a lock between processes; the kernel drops it with the process."""
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"somebody else is compiling the control plane; waiting for that (usually {USUAL_TIME})")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
