"""How long this process's tasks wait for their turn: with too little CPU, or too much work, that is what makes late."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from controller.loops import cancel, loop
from controller.observe import metrics

_PAUSE_S = 0.5


class LoopLag:
    """Sleeps, and looks how much too long that was."""

    def __init__(
        self,
        observe: Callable[[float], object] = metrics.LOOP_LAG.observe,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`observe` hears of each, in seconds."""
        self._observe = observe
        self._monotonic = monotonic

    async def step(self) -> bool:
        """One sleep."""
        until_s = self._monotonic() + _PAUSE_S
        await asyncio.sleep(_PAUSE_S)
        self._observe(max(self._monotonic() - until_s, 0))
        return True


@asynccontextmanager
async def measure_lag() -> AsyncIterator[None]:
    """Measure until the context ends."""
    task = asyncio.create_task(loop(LoopLag().step))
    try:
        yield
    finally:
        await cancel(task)
