"""The worker role, wired together: what runs side by side, and how it ends."""

import asyncio
import logging
from contextlib import AsyncExitStack
from typing import Any

from redis.asyncio import Redis

from controller.index.connect import connect_redis
from controller.index.index import Index
from controller.index.messages import Lease
from controller.index.vigil import Vigil
from controller.kube.api import ApiServer
from controller.loops import Clock, cancel, first_of, loop, stop_on_signals
from controller.observe import metrics
from controller.observe.health import Health, serve_health
from controller.observe.lag import measure_lag
from controller.settings import Settings
from controller.worker.alarm import Alarm
from controller.worker.fire import Firing
from controller.worker.leases import Leases
from controller.worker.pace import Pace
from controller.worker.poll import Poll
from controller.worker.refusals import Refusals
from controller.worker.upkeep import Hints, Reaper, Renewal

log = logging.getLogger(__name__)


async def run_worker(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT: then claim nothing more, finish or give back what is held, and return."""
    stopping = stop_on_signals()
    health = Health()
    async with AsyncExitStack() as resources:
        api = await resources.enter_async_context(await ApiServer.connect(settings, metrics.api_answered))
        redis = await resources.enter_async_context(connect_redis(settings))
        await resources.enter_async_context(measure_lag())
        serving = serve_health(health, settings.http_host, settings.http_port, metrics.WORKER)
        address = await resources.enter_async_context(serving)
        worker = Worker(api, redis, settings, health)
        log.info("worker started", extra={"worker": settings.identity, "address": address})
        await worker.run(stopping)


class Worker:
    """All that a worker does side by side, between an API server and an index, by some clock."""

    def __init__(
        self, api: ApiServer, redis: "Redis", settings: Settings, health: Health, clock: Clock | None = None
    ) -> None:
        clock = clock or Clock()
        self._settings = settings
        self._health = health
        self._index = Index(redis, settings.installation, metrics.JUNK.inc, metrics.redis_answered)
        self._leases = Leases(settings.lease_seconds, clock.monotonic_s)
        self._alarm = Alarm()
        pace, ahead_ms = Pace(clock.monotonic_s), round(settings.ahead_seconds * 1000)
        self._firing = Firing(
            api,
            self._index,
            self._leases,
            pace,
            self._alarm,
            ahead_ms,
            clock.now_ms,
            settings.api_connections,
            Refusals(settings.served, health, clock.now_ms),
        )
        self._handling: set[asyncio.Task[Any]] = set()
        self._poll = Poll(self._index, self._leases, pace, self._alarm, health, settings, self._handle, clock.now_ms)
        self._hints = Hints(self._index, self._alarm, settings, clock.now_ms)
        self._vigil = Vigil(redis, settings, clock.now_ms)

    async def run(self, stopping: asyncio.Event) -> None:
        """Run until the event is set, then claim nothing more, and finish or give back what is held."""
        index, health, settings = self._index, self._health, self._settings
        upkeep: list[asyncio.Task[Any]] = [
            asyncio.create_task(loop(Renewal(index, self._leases, health, settings).step)),
            asyncio.create_task(loop(Reaper(index, self._alarm, health, settings).step)),
            asyncio.create_task(loop(self._hints.step)),
            asyncio.create_task(loop(self._vigil.step)),
        ]
        polling: asyncio.Task[Any] = asyncio.create_task(loop(self._poll.step, stopping))
        waiting: asyncio.Task[Any] = asyncio.create_task(stopping.wait())
        health.hinder("index", "has not been asked yet")
        health.clear("start")
        try:
            await first_of(waiting, polling, *upkeep)
        finally:
            health.hinder("stop", "is stopping")
            stopping.set()
            self._alarm.set(0)
            self._firing.stop()
            await asyncio.wait([polling, *self._handling], timeout=settings.grace_seconds)
            # A claim that was under way at the signal may have brought leases; they give themselves back.
            await asyncio.wait([polling, *self._handling], timeout=1)
            await cancel(waiting, polling, *upkeep, *self._handling)
            log.info("worker stopped", extra={"worker": settings.identity, "unfinished": len(self._leases)})

    def _handle(self, lease: Lease) -> None:
        task: asyncio.Task[Any] = asyncio.create_task(self._firing.handle(lease))
        self._handling.add(task)
        task.add_done_callback(self._handling.discard)
