"""Wait for something to become true instead of sleeping for luck."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

PATIENCE_S = 60.0
Found = TypeVar("Found")


def wait_until(condition: Callable[[], Found], what: str, patience_s: float = PATIENCE_S) -> Found:
    """Return the first true value of ``condition()``; AssertionError naming ``what`` after ``patience_s`` seconds."""
    deadline = time.monotonic() + patience_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {patience_s:.0f} s"
        time.sleep(0.02)
    return found


def is_alive(pid: int) -> bool:
    """Tell whether a process exists and is more than a zombie that nobody has collected yet."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat[stat.rindex(")") + 2] != "Z"
