"""When to look at the index next: asleep until then, unless something earlier turns up."""

import asyncio
import math


class Alarm:
    """Remembers the earliest instant that anybody named. Instants are milliseconds since the epoch."""

    def __init__(self) -> None:
        self._earliest_ms = math.inf
        self._earlier = asyncio.Event()

    def set(self, instant_ms: float) -> None:
        """Look no later than at this instant."""
        if instant_ms < self._earliest_ms:
            self._earliest_ms = instant_ms
            self._earlier.set()

    def reset(self) -> None:
        """Forget what was named: a look has begun, and what is named from now on is news to it."""
        self._earliest_ms = math.inf
        self._earlier.clear()

    async def sleep(self, now_ms: int, longest_s: float) -> None:
        """Return at the earliest instant named before or meanwhile, at the latest after `longest_s`."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        while True:
            self._earlier.clear()
            until_s = min((self._earliest_ms - now_ms) / 1000, longest_s) - (loop.time() - started)
            if until_s <= 0:
                return
            try:
                async with asyncio.timeout(until_s):
                    await self._earlier.wait()
            except TimeoutError:
                return
