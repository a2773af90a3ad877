"""A coalescing queue: each key waits at most once, until its earliest wanted moment."""

import asyncio
import heapq
import time
from collections.abc import Callable
from contextlib import suppress


class Pending:
    """Keys with a moment each. Adding one that waits already can only make it earlier."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._moments: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []
        self._earlier = asyncio.Event()

    def __len__(self) -> int:
        return len(self._moments)

    def add(self, key: str, delay_s: float = 0.0) -> None:
        """Let this key be taken once the delay is over."""
        moment = self._monotonic() + delay_s
        if moment < self._moments.get(key, float("inf")):
            self._moments[key] = moment
            heapq.heappush(self._heap, (moment, key))
            self._earlier.set()

    async def take(self, limit: int, longest_s: float = 5.0) -> list[str]:
        """Wait until some keys may be taken, and take up to `limit` of them; none, where the wait is too long."""
        give_up_at = self._monotonic() + longest_s
        while True:
            self._earlier.clear()
            taken = self._ripe(limit)
            now = self._monotonic()
            if taken or now >= give_up_at:
                return taken
            wake_at = min(give_up_at, self._heap[0][0]) if self._heap else give_up_at
            with suppress(TimeoutError):
                async with asyncio.timeout(wake_at - now):
                    await self._earlier.wait()

    def _ripe(self, limit: int) -> list[str]:
        now = self._monotonic()
        taken: list[str] = []
        while self._heap and len(taken) < limit and self._heap[0][0] <= now:
            moment, key = heapq.heappop(self._heap)
            # An entry that was made earlier since is in the heap a second time; the later one is stale.
            if self._moments.get(key) == moment:
                del self._moments[key]
                taken.append(key)
        return taken
