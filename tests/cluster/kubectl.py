"""Running kubectl, with errors that carry what it said."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.cluster.errors import StackError


def run_kubectl(
    program: str | Path,
    arguments: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    input: str | None = None,
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Run it, by default in our own environment; with ``check`` a failure raises StackError with what it printed."""
    done = subprocess.run(
        [program, *arguments],
        input=input,
        stdin=subprocess.DEVNULL if input is None else None,
        capture_output=True,
        text=True,
        check=False,
        env=env,
    )
    if check and done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise StackError(f"kubectl {' '.join(arguments)} failed (exit code {done.returncode}):\n{said}")
    return done
