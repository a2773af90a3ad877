"""A coalescing queue: each key waits at most once, until its earliest wanted moment."""

import asyncio
import heapq
import random
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from operator import itemgetter

LAST = 1 << 62
"""The rank of those that nobody hurries."""


class Pending:
    """Keys with a moment each. Adding one that waits already can only make it earlier."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._ripe: dict[str, int] = {}
        self._moments: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []
        self._earlier = asyncio.Event()

    def __len__(self) -> int:
        return len(self._ripe) + len(self._moments)

    def add(self, key: str, delay_s: float = 0.0, rank: int = LAST) -> None:
        """Let this key be taken once the delay is over. Its rank counts where all are ranked after that."""
        if key in self._ripe:
            self._ripe[key] = min(rank, self._ripe[key])
            return
        if delay_s <= 0:
            # Most come so, and often all at once: without a moment each they take a third of the memory.
            self._moments.pop(key, None)
            self._ripe[key] = rank
            self._earlier.set()
            return
        moment = self._monotonic() + delay_s
        if moment < self._moments.get(key, float("inf")):
            self._moments[key] = moment
            heapq.heappush(self._heap, (moment, key))
            self._earlier.set()

    def discard(self, key: str) -> None:
        """Let this key not be taken, unless it is added again."""
        self._ripe.pop(key, None)
        self._moments.pop(key, None)

    def rank(self, chance: random.Random) -> None:
        """Let what may be taken by now be taken by rank, and in any order within one; so far it was that of arrival."""
        keys = list(self._ripe.items())
        chance.shuffle(keys)
        keys.sort(key=itemgetter(1))
        self._ripe = dict(keys)

    async def take(self, limit: int, longest_s: float = 5.0) -> list[str]:
        """Wait until some keys may be taken, and take up to `limit` of them; none, where the wait is too long."""
        give_up_at = self._monotonic() + longest_s
        while True:
            self._earlier.clear()
            taken = self._take(limit)
            now = self._monotonic()
            if taken or now >= give_up_at:
                return taken
            wake_at = min(give_up_at, self._heap[0][0]) if self._heap else give_up_at
            with suppress(TimeoutError):
                async with asyncio.timeout(wake_at - now):
                    await self._earlier.wait()

    def _take(self, limit: int) -> list[str]:
        now = self._monotonic()
        while self._heap and self._heap[0][0] <= now:
            moment, key = heapq.heappop(self._heap)
            # An entry that was made earlier since is in the heap a second time; the later one is stale.
            if self._moments.get(key) == moment:
                del self._moments[key]
                self._ripe[key] = LAST
        taken = list(islice(self._ripe, limit))
        for key in taken:
            del self._ripe[key]
        return taken
