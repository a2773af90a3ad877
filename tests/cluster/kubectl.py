"""Running kubectl, with errors that carry what it said."""

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.cluster.errors import StackError

_ESTABLISHED_S = 60
_NO_CONDITIONS_YET = ".status.conditions accessor error"
_LOOK_AGAIN_S = 0.1


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


def wait_until_established(kubectl: Callable[..., object], *which: str, input: str | None = None) -> None:
    """Wait until the API server serves these CRDs; `kubectl` runs it, and raises StackError where it fails.

    Of a CRD that is so young that it has no conditions kubectl's own wait makes an error: it is asked again.
    """
    deadline = time.monotonic() + _ESTABLISHED_S
    while True:
        try:
            kubectl("wait", "--for=condition=Established", f"--timeout={_ESTABLISHED_S}s", *which, input=input)
            return
        except StackError as error:
            if _NO_CONDITIONS_YET not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(_LOOK_AGAIN_S)
