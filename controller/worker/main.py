"""The worker role, wired together: what runs side by side, and how it ends."""

import asyncio
import logging
from contextlib import AsyncExitStack
from typing import Any

from controller.index.connect import connect_redis
from controller.index.index import Index
from controller.index.messages import Lease
from controller.kube.api import ApiServer
from controller.loops import cancel, first_of, loop, stop_on_signals
from controller.observe import metrics
from controller.observe.health import Health, serve_health
from controller.settings import Settings
from controller.worker.alarm import Alarm
from controller.worker.fire import Firing
from controller.worker.leases import Leases
from controller.worker.pace import Pace
from controller.worker.poll import Poll
from controller.worker.upkeep import Hints, Reaper, Renewal

log = logging.getLogger(__name__)


async def run_worker(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT: then claim nothing more, finish or give back what is held, and return."""
    stopping = stop_on_signals()
    health = Health()
    async with AsyncExitStack() as resources:
        api = await resources.enter_async_context(await ApiServer.connect(settings))
        redis = await resources.enter_async_context(connect_redis(settings))
        serving = serve_health(health, settings.http_host, settings.http_port, metrics.WORKER)
        address = await resources.enter_async_context(serving)
        index = Index(redis, settings.installation)
        leases, pace, alarm = Leases(settings.lease_seconds), Pace(), Alarm()
        firing = Firing(api, index, leases, pace, alarm, round(settings.ahead_seconds * 1000))
        handling: set[asyncio.Task[Any]] = set()

        def handle(lease: Lease) -> None:
            task: asyncio.Task[Any] = asyncio.create_task(firing.handle(lease))
            handling.add(task)
            task.add_done_callback(handling.discard)

        poll = Poll(index, leases, pace, alarm, health, settings, handle)
        upkeep: list[asyncio.Task[Any]] = [
            asyncio.create_task(loop(Renewal(index, leases, health, settings).step)),
            asyncio.create_task(loop(Reaper(index, alarm, health, settings).step)),
            asyncio.create_task(loop(Hints(index, alarm, settings).step)),
        ]
        polling: asyncio.Task[Any] = asyncio.create_task(loop(poll.step, stopping))
        waiting: asyncio.Task[Any] = asyncio.create_task(stopping.wait())
        log.info("worker started", extra={"worker": settings.identity, "address": address})
        health.hinder("index", "has not been asked yet")
        health.clear("start")
        try:
            await first_of(waiting, polling, *upkeep)
        finally:
            health.hinder("stop", "is stopping")
            stopping.set()
            alarm.set(0)
            firing.stop()
            await asyncio.wait([polling, *handling], timeout=settings.grace_seconds)
            # A claim that was under way at the signal may have brought leases; they give themselves back.
            await asyncio.wait([polling, *handling], timeout=1)
            await cancel(waiting, polling, *upkeep, *handling)
            log.info("worker stopped", extra={"worker": settings.identity, "unfinished": len(leases)})
