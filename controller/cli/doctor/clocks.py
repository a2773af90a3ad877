"""How far clocks of other machines are from this one's, as far as can be told from here."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from controller.cli.doctor.findings import Finding, Level

_CHECK = "clocks"
_NOTABLE_MS = 1_000
_HARMFUL_MS = 3_000
"""Workers claim so long before the time, by the clock of Redis, and fire by their own."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How much later another clock is than this machine's: between these two, in milliseconds."""

    least_ms: float
    most_ms: float

    @property
    def middle_ms(self) -> float:
        """The best guess."""
        return (self.least_ms + self.most_ms) / 2

    @property
    def error_ms(self) -> float:
        """By how much that can be wrong."""
        return (self.most_ms - self.least_ms) / 2

    @property
    def certain_ms(self) -> float:
        """By how much the two clocks differ at least."""
        return max(self.least_ms, -self.most_ms, 0)

    def less(self, other: "Reading") -> "Reading":
        """How much later this clock is than another that was read from the same machine."""
        return Reading(self.least_ms - other.most_ms, self.most_ms - other.least_ms)


async def read_clock(ask: Callable[[], Awaitable[tuple[int, int]]]) -> Reading:
    """Ask another machine for its time, as (milliseconds, resolution); what is finer was cut off.

    Its answer was true at some moment between the question and the answer.
    """
    asked_ms = time.time() * 1000
    told_ms, resolution_ms = await ask()
    answered_ms = time.time() * 1000
    return Reading(told_ms - answered_ms, told_ms + resolution_ms - asked_ms)


def judge_clocks(api: Reading | None, redis: Reading | None) -> list[Finding]:
    """Whether the clocks agree; None is a clock that could not be asked."""
    if api is None and redis is None:
        return []
    clocks = [("API server", api), ("Redis", redis)]
    told = [f"{name} {_shown(reading)}" for name, reading in clocks if reading is not None]
    found = f"{', '.join(told)}, by the clock of this machine (in brackets: how exact the measurement is)"
    apart_ms = redis.less(api).certain_ms if api is not None and redis is not None else 0
    if apart_ms > _NOTABLE_MS:
        level = Level.PROBLEM if apart_ms > _HARMFUL_MS else Level.WARNING
        advice = (
            f"Redis and the API server are at least {apart_ms / 1000:.1f}s apart: synchronise clocks (NTP), also those "
            "of workers; timers are claimed by the clock of Redis and fire by that of a worker"
        )
        return [Finding(_CHECK, level, found, advice)]
    if max(reading.certain_ms for _, reading in clocks if reading is not None) > _NOTABLE_MS:
        advice = "this machine's clock is off, which matters only where a controller or a worker runs on it"
        return [Finding(_CHECK, Level.WARNING, found, advice)]
    return [Finding(_CHECK, Level.OK, found)]


def _shown(reading: Reading) -> str:
    return f"{reading.middle_ms / 1000:+.1f}s (within {reading.error_ms / 1000:.1f}s)"
