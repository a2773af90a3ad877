"""The controller role, wired together: strive for leadership, lead, and leave at once when it is lost."""

import asyncio
import logging
from contextlib import AsyncExitStack, suppress
from typing import Any

from controller.index.connect import connect_redis
from controller.index.index import Index
from controller.kube.api import ApiServer
from controller.kube.errors import ApiError, ApiUnreachableError
from controller.kube.leadership import Leadership
from controller.loops import Step, cancel, first_of, loop, pause, stop_on_signals
from controller.observe import metrics
from controller.observe.health import Health, serve_health
from controller.reconcile.guardian import Guardian
from controller.reconcile.herald import Herald
from controller.reconcile.outcomes import Outcomes
from controller.reconcile.rebuild import Rebuild
from controller.reconcile.report import StatusReport
from controller.reconcile.sync import Sync
from controller.reconcile.table import Table
from controller.reconcile.templates import Templates
from controller.reconcile.watch import watch
from controller.settings import Settings

log = logging.getLogger(__name__)


async def run_controller(settings: Settings) -> None:
    """Stand by until leading, lead until SIGTERM or SIGINT.

    Raises LeadershipLostError: whoever starts the process again starts it with nothing half-done.
    """
    stopping = stop_on_signals()
    health = Health()
    async with AsyncExitStack() as resources:
        api = await resources.enter_async_context(await ApiServer.connect(settings))
        redis = await resources.enter_async_context(connect_redis(settings))
        serving = serve_health(health, settings.http_host, settings.http_port, metrics.CONTROLLER)
        address = await resources.enter_async_context(serving)
        log.info("controller started", extra={"identity": settings.identity, "address": address})
        leadership = Leadership(
            api, settings.namespace, settings.installation, settings.identity, settings.leader_seconds
        )
        health.clear("start")
        try:
            while not stopping.is_set() and not await leadership.step():
                if leadership.trouble:
                    log.warning("API server does not answer: %s", leadership.trouble)
                    health.hinder("api", leadership.trouble)
                else:
                    health.clear("api")
                await pause(leadership.pause_s, stopping)
            health.clear("api")
            if not stopping.is_set():
                log.info("leading", extra={"identity": settings.identity})
                metrics.LEADER.set(1)
                await _lead(settings, health, api, Index(redis, settings.installation), leadership, stopping)
        finally:
            metrics.LEADER.set(0)
            with suppress(ApiError, ApiUnreachableError):
                await leadership.release()
            log.info("controller stopped", extra={"identity": settings.identity})


async def _lead(
    settings: Settings,
    health: Health,
    api: ApiServer,
    index: Index,
    leadership: Leadership,
    stopping: asyncio.Event,
) -> None:
    table = Table(settings.status_seconds)
    sync = Sync(table, index, health)
    rebuild = Rebuild(table, api, index, sync)
    outcomes = Outcomes(table, index, health)
    guardian = Guardian(index, rebuild, outcomes, health, settings.rebuild_seconds)
    herald = Herald(api, health, settings.identity, settings.events_per_second)
    templates = Templates(table, api, health, settings.template_checks_per_second)
    report = StatusReport(table, api, index, health, herald)

    tasks: list[asyncio.Task[Any]] = [
        asyncio.create_task(loop(leadership.keep)),
        asyncio.create_task(stopping.wait()),
    ]
    watching = asyncio.Event()
    try:
        # Watching begins before the first rebuild lists anything: what happens in between is seen by one of them.
        tasks.append(asyncio.create_task(watch(table, api.configuration, watching, stopping)))
        await first_of(*tasks, asyncio.create_task(watching.wait()))
        stop_on_signals(stopping)  # kopf has put its own handlers in their place
        tasks.append(asyncio.create_task(loop(guardian.step)))
        await first_of(*tasks, asyncio.create_task(guardian.rebuilt.wait()))
        steps: list[Step] = [sync.step, outcomes.step, templates.step, report.step, herald.step]
        tasks += [asyncio.create_task(loop(step)) for step in steps]
        await first_of(*tasks)
    finally:
        stopping.set()
        await cancel(*tasks)
