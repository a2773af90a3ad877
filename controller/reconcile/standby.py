"""Stands by until this controller leads, and tells meanwhile whether it could take over: whether the API server answers
it, and Redis does. So a wrong URL or password is seen when it is rolled out, and not when the leader goes."""

import asyncio
import logging

from redis.exceptions import RedisError

from controller.index.index import Index
from controller.kube.leadership import Leadership
from controller.loops import cancel, first_of, loop, pause
from controller.observe import metrics
from controller.observe.health import Health

log = logging.getLogger(__name__)

_LOOK_S = 2.0


class Standby:
    """Strives for leadership, and looks at the index, side by side: neither waits for the other."""

    def __init__(self, leadership: Leadership, index: Index, health: Health, stopping: asyncio.Event) -> None:
        self._leadership = leadership
        self._index = index
        self._health = health
        self._stopping = stopping

    async def wait(self) -> None:
        """Until leading, or until the event is set."""
        self._health.hinder("api", "has not been asked yet")
        self._health.hinder("index", "has not been asked yet")
        self._health.clear("start")
        tasks = [asyncio.create_task(loop(self.strive, self._stopping)), asyncio.create_task(loop(self.look))]
        try:
            await first_of(*tasks)
        finally:
            await cancel(*tasks)

    async def strive(self) -> bool:
        """Try to take the Lease, then pause; False once it is held."""
        held = await self._leadership.step()
        if trouble := self._leadership.trouble:
            log.warning("API server does not answer: %s", trouble)
            self._health.hinder("api", trouble)
        else:
            self._health.clear("api")
        if not held:
            await pause(self._leadership.pause_s, self._stopping)
        return not held

    async def look(self) -> bool:
        """Ask the index how it stands, then pause. One that has to be rebuilt is a leader's work, and no obstacle."""
        try:
            state = await self._index.inspect()
            metrics.INDEX_VALID.set(state.valid)
            self._health.clear("index")
        except (RedisError, OSError) as error:
            metrics.INDEX_VALID.set(0)
            self._health.hinder("index", f"cannot be reached: {error}")
        await pause(_LOOK_S, self._stopping)
        return True
