"""Clocks for tests: they stand still unless told otherwise."""

import asyncio
import inspect
import time
from collections.abc import Callable

import pytest

from tests.unit.core.objects import ms

_PATIENCE_S = 10.0


class Clock:
    """A wall clock in milliseconds. Call it to read it."""

    def __init__(self, instant: str) -> None:
        self._set_ms = ms(instant)
        self._started_s: float | None = None

    def __call__(self) -> int:
        passed_s = 0.0 if self._started_s is None else time.monotonic() - self._started_s
        return self._set_ms + int(passed_s * 1000)

    def set(self, instant: str) -> None:
        """Stand still at this instant."""
        self._set_ms, self._started_s = ms(instant), None

    def run(self) -> None:
        """Go on as real time does."""
        self._started_s = time.monotonic()


class Monotonic:
    """A monotonic clock in seconds. Call it to read it, add to `now_s` to let time pass."""

    def __init__(self, now_s: float = 1000.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s


async def eventually(condition: Callable[[], object]) -> None:
    """Return once the condition holds, which may have to be awaited; fail where it does not for long."""
    async with asyncio.timeout(_PATIENCE_S):
        while True:
            met = condition()
            if await met if inspect.isawaitable(met) else met:
                return
            await asyncio.sleep(0.001)


def sleepless(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let pauses take no time; the list that they will be noted in, in seconds."""
    real_sleep = asyncio.sleep
    pauses: list[float] = []

    async def nap(seconds: float) -> None:
        pauses.append(seconds)
        await real_sleep(0)

    monkeypatch.setattr(asyncio, "sleep", nap)
    return pauses
