"""Waiting for a state of the world, never for a while."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

import pytest

Seen = TypeVar("Seen")

PATIENCE_S = 60.0
"""Bound of every wait. It is met only where something is broken, however slow the machine."""

_LOOK_AGAIN_S = 0.1


def wait_until(
    look: Callable[[], Seen], wanted: Callable[[Seen], object], what: str, patience_s: float = PATIENCE_S
) -> Seen:
    """Look until what is seen is as wanted, and return it; the test fails with what was seen last."""
    deadline = time.monotonic() + patience_s
    while True:
        seen = look()
        if wanted(seen):
            return seen
        if time.monotonic() > deadline:
            pytest.fail(f"waited {patience_s:g} s in vain until {what}; seen last: {seen!r}")
        time.sleep(_LOOK_AGAIN_S)


def now_ms() -> int:
    """Now, in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def wait_for_clock(instant_ms: int) -> None:
    """Return once the clock shows this instant."""
    wait_until(now_ms, lambda now: now >= instant_ms, f"the clock shows {rfc3339(instant_ms)}")


def rfc3339(instant_ms: int) -> str:
    """An instant as a manifest has it, in milliseconds."""
    return datetime.fromtimestamp(instant_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def instant_of(text: str) -> int:
    """Milliseconds since the epoch of an RFC 3339 instant."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def seconds_from_now(seconds: int) -> int:
    """The first whole second that is at least so far in the future, in milliseconds since the epoch."""
    return -(-now_ms() // 1000) * 1000 + seconds * 1000
