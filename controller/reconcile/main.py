"""The controller role, wired together: strive for leadership, lead, and leave at once when it is lost."""

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Any

from redis.asyncio import Redis

from controller.index.connect import connect_redis
from controller.index.index import Index
from controller.index.vigil import Vigil
from controller.kube import paths
from controller.kube.api import ApiServer
from controller.kube.errors import ApiError, ApiUnreachableError
from controller.kube.leadership import NAMESPACES, Leadership
from controller.loops import Clock, Step, cancel, first_of, loop, stop_on_signals
from controller.observe import metrics
from controller.observe.health import Health, serve_health
from controller.observe.lag import measure_lag
from controller.reconcile.guardian import Guardian
from controller.reconcile.herald import Herald
from controller.reconcile.job_watch import JobWatch
from controller.reconcile.outcomes import Outcomes
from controller.reconcile.ownership import Ownership
from controller.reconcile.reach import Reach
from controller.reconcile.rebuild import Rebuild
from controller.reconcile.report import StatusReport
from controller.reconcile.standby import Standby
from controller.reconcile.sync import Sync
from controller.reconcile.table import Table
from controller.reconcile.templates import Templates
from controller.reconcile.watch import watch
from controller.settings import Settings

log = logging.getLogger(__name__)


Watch = Callable[[Table, asyncio.Event, asyncio.Event], Coroutine[Any, Any, None]]
"""Tells a table of timers and Jobs: sets the first event once it has begun, and ends with the second."""


async def run_controller(settings: Settings) -> None:
    """Stand by until leading, lead until SIGTERM or SIGINT.

    Raises LeadershipLostError: whoever starts the process again starts it with nothing half-done.
    """
    stopping = stop_on_signals()
    health = Health()
    async with AsyncExitStack() as resources:
        api = await resources.enter_async_context(await ApiServer.connect(settings, metrics.api_answered))
        redis = await resources.enter_async_context(connect_redis(settings))
        await resources.enter_async_context(measure_lag())
        serving = serve_health(health, settings.http_host, settings.http_port, metrics.CONTROLLER)
        address = await resources.enter_async_context(serving)

        reach = Reach(settings.served, health)
        controller = Controller(api, redis, settings, health, partial(_watch, api, reach), reach=reach)
        # kopf puts its own handlers of signals in the place of ours.
        controller.on_watching = lambda: stop_on_signals(stopping)
        log.info("controller started", extra={"identity": settings.identity, "address": address})
        await controller.run(stopping)


async def _watch(api: ApiServer, reach: Reach, table: Table, started: asyncio.Event, stop: asyncio.Event) -> None:
    """Jobs first: where the watch of timers has begun, both have."""
    jobs_started = [asyncio.Event() for _ in reach.places]
    watches = {
        place: JobWatch(table, api, begun, reach, place)
        for place, begun in zip(reach.places, jobs_started, strict=True)
    }

    async def admits(namespace: str) -> bool:
        if not watches[namespace].has_begun:
            return False
        return await reach.lets(namespace, "redistimers", api.get(paths.timers(namespace), limit="1"))

    tasks = [asyncio.create_task(loop(watch.step, stop)) for watch in watches.values()]
    try:
        for begun in jobs_started:
            await first_of(*tasks, asyncio.create_task(begun.wait()))
        tasks.append(asyncio.create_task(watch(table, api.configuration, started, stop, reach.places, admits)))
        await first_of(*tasks)
    finally:
        await cancel(*tasks)


class Controller:
    """One controller, between an API server and an index, by some clock: strives to lead, and leads."""

    def __init__(
        self,
        api: ApiServer,
        redis: "Redis",
        settings: Settings,
        health: Health,
        watch: Watch,
        clock: Clock | None = None,
        reach: Reach | None = None,
    ) -> None:
        self._api = api
        self._settings = settings
        self._health = health
        self._watch = watch
        self._clock = clock or Clock()
        self._reach = reach or Reach()
        self._index = Index(redis, settings.installation, metrics.JUNK.inc, metrics.redis_answered)
        self._leadership = Leadership(
            api,
            settings.namespace,
            settings.installation,
            settings.identity,
            settings.leader_seconds,
            self._clock.monotonic_s,
        )
        self.on_watching: Callable[[], object] = lambda: None
        """Called once watching has begun."""

    async def run(self, stopping: asyncio.Event) -> None:
        """Until the event is set. Raises LeadershipLostError."""
        identity = self._settings.identity
        try:
            await Standby(self._leadership, self._index, self._health, stopping).wait()
            if not stopping.is_set():
                log.info("leading", extra={"identity": identity})
                metrics.LEADER.set(1)
                await self._lead(stopping)
        finally:
            metrics.LEADER.set(0)
            with suppress(ApiError, ApiUnreachableError):
                await self._leadership.release()
            log.info("controller stopped", extra={"identity": identity})

    async def _lead(self, stopping: asyncio.Event) -> None:
        settings, api, index, health = self._settings, self._api, self._index, self._health
        now_ms, monotonic_s = self._clock.now_ms, self._clock.monotonic_s
        health.hinder("index", "is not read through by this leader yet")
        table = Table(settings.status_seconds, monotonic_s)
        sync = Sync(table, index, health, now_ms)
        ownership = Ownership(api, index, self._leadership, settings.namespace if settings.served else None)
        beat = partial(health.beat, "guardian")
        rebuild = Rebuild(table, api, index, sync, monotonic_s, beat, ownership, self._reach)
        outcomes = Outcomes(table, index, health, monotonic_s)
        guardian = Guardian(index, rebuild, outcomes, health, settings.rebuild_seconds, monotonic_s)
        herald = Herald(api, health, settings.identity, settings.events_per_second, monotonic_s, now_ms)
        templates = Templates(table, api, health, settings.template_checks_per_second, monotonic_s)
        metrics.tell_of(lambda: {**table.sizes(), "events": herald.waiting})
        self._leadership.note(NAMESPACES, ",".join(settings.served))
        report = StatusReport(table, api, index, health, herald, outcomes, now_ms)

        tasks: list[asyncio.Task[Any]] = [
            asyncio.create_task(loop(self._leadership.keep)),
            asyncio.create_task(stopping.wait()),
            asyncio.create_task(loop(Vigil(index.redis, settings, now_ms).step)),
        ]
        watching = asyncio.Event()
        try:
            # Watching begins before the first rebuild lists anything: what happens in between is seen by one of them.
            tasks.append(asyncio.create_task(self._watch(table, watching, stopping)))
            await first_of(*tasks, asyncio.create_task(watching.wait()))
            self.on_watching()
            tasks.append(asyncio.create_task(loop(guardian.step)))
            await first_of(*tasks, asyncio.create_task(guardian.rebuilt.wait()))
            # What only Redis knows comes first, then statuses that are behind, by how long: in the order of the lists
            # those at the end would go without whenever leaders do not last.
            await first_of(*tasks, asyncio.create_task(outcomes.catch_up()))
            for queue in (table.to_check, table.to_report):
                queue.rank(random.Random(settings.identity))
            steps: list[Step] = [sync.step, outcomes.step, templates.step, report.step, herald.step]
            tasks += [asyncio.create_task(loop(step)) for step in steps]
            await first_of(*tasks)
        finally:
            stopping.set()
            await cancel(*tasks)
            await cancel(*report.under_way)
