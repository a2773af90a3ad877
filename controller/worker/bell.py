"""Wakes those who wait for an instant: in order, by one timer for all of them, and never too early."""

import asyncio
import heapq
import itertools
from collections.abc import Callable

_LONGEST_NAP_S = 1.0
"""The wall clock can be set while everybody sleeps."""
_AT_A_TIME = 32
"""Where a thousand wait for the same instant, the first of them should not wait until all are awake."""


class Bell:
    """Instants are milliseconds since the epoch."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._waiting: list[tuple[int, int, asyncio.Future[bool]]] = []
        self._numbers = itertools.count()
        self._timer: asyncio.Handle | None = None
        self._stopped = False

    async def until(self, instant_ms: int) -> bool:
        """Wait for an instant; False where the bell is stopped before."""
        if instant_ms <= self._now_ms():
            return True
        if self._stopped:
            return False
        rung: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (instant_ms, next(self._numbers), rung))
        if self._timer is None or self._waiting[0][2] is rung:
            self._set_timer()
        return await rung

    def stop(self) -> None:
        """Let nobody wait any longer."""
        self._stopped = True
        for _, _, rung in self._waiting:
            if not rung.done():
                rung.set_result(False)
        self._waiting.clear()

    def _ring(self) -> None:
        self._timer = None
        now_ms, rung_for = self._now_ms(), 0
        while self._waiting and self._waiting[0][0] <= now_ms and rung_for < _AT_A_TIME:
            _, _, rung = heapq.heappop(self._waiting)
            # Whoever waited may have been cancelled.
            if not rung.done():
                rung.set_result(True)
                rung_for += 1
        if self._waiting:
            self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        left_s = (self._waiting[0][0] - self._now_ms()) / 1000
        loop = asyncio.get_running_loop()
        if left_s > 0:
            self._timer = loop.call_later(min(left_s, _LONGEST_NAP_S), self._ring)
        else:
            self._timer = loop.call_soon(self._ring)
