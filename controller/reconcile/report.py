"""Writes the status of timers, and what goes with it: Events, and the removal of what is not to be kept."""

import asyncio
import logging
from collections.abc import Sequence

from redis.exceptions import RedisError

from controller.core.events import events_between
from controller.core.history import expires_at_ms, surplus_runs
from controller.core.job import Run
from controller.core.news import news_of
from controller.core.status import next_status, status_patch
from controller.core.timer import Timer
from controller.index.index import Index
from controller.kube import paths
from controller.kube.api import ApiServer
from controller.kube.errors import ApiError, ApiUnreachableError
from controller.kube.jobs import delete_job
from controller.loops import wall_clock_ms
from controller.observe import metrics
from controller.observe.health import Health
from controller.reconcile.herald import Herald
from controller.reconcile.table import Entry, Table

log = logging.getLogger(__name__)

_AT_ONCE = 8
_UNSYNCED_PAUSE_S = 0.2
_CONFLICT_PAUSE_S = 0.5
_TROUBLE_PAUSE_S = 2.0
_REFUSED_PAUSE_S = 60.0
_CLOCKS_APART_MS = 60_000


class StatusReport:
    """The only writer of status."""

    def __init__(self, table: Table, api: ApiServer, index: Index, health: Health, herald: Herald) -> None:
        self._table = table
        self._api = api
        self._index = index
        self._health = health
        self._herald = herald

    async def step(self) -> bool:
        """Write a handful of statuses side by side; what could not be written is queued again."""
        uids = await self._table.to_report.take(_AT_ONCE)
        self._health.beat("status")
        await asyncio.gather(*(self._try(uid) for uid in uids))
        return True

    async def _try(self, uid: str) -> None:
        entry = self._table.entries.get(uid)
        if entry is None:
            return
        timer = entry.timer
        keys = {"timer": f"{timer.namespace}/{timer.name}"}
        try:
            pause_s = await self._write(uid, entry)
        except (ApiUnreachableError, RedisError) as error:
            log.warning("status not written or not cleaned up after, trying again: %s", error, extra=keys)
            metrics.STATUS_WRITES.labels("failed").inc()
            pause_s = _TROUBLE_PAUSE_S
        except ApiError as error:
            pause_s = await self._refused(error, timer)
        except Exception:
            log.exception("unexpected error, trying again in a minute", extra=keys)
            pause_s = _REFUSED_PAUSE_S
        if pause_s is not None:
            self._table.to_report.add(uid, pause_s)

    async def _write(self, uid: str, entry: Entry) -> float | None:
        """Write what is known now; None, or after how many seconds to look again."""
        timer = entry.timer
        if entry.synced_generation < timer.generation:
            # Status must not say that an edit is dealt with while the index may still fire what was before it.
            return _UNSYNCED_PAUSE_S
        wait_s = self._table.check_awaited_s(entry)
        if timer.recorded.generation < timer.generation and wait_s > 0:
            # Whoever waits for Ready learns of a typo, too. The check ends with its verdict here, as a rule.
            return wait_s
        now_ms = wall_clock_ms()
        # A worker whose clock is ahead is believed a moment later.
        early = {
            id: one for id, one in entry.reports.items() if now_ms < one.occurrence_ms <= now_ms + _CLOCKS_APART_MS
        }
        runs, reports = list(entry.runs.values()), {id: one for id, one in entry.reports.items() if id not in early}
        news = news_of(timer, runs, reports.values(), now_ms)
        status = next_status(timer, runs, news, now_ms, entry.template)
        patch = status_patch(timer.status, status)
        if patch:
            body = {"metadata": {"resourceVersion": timer.resource_version}, "status": patch}
            self._table.written(uid, await self._api.merge(paths.timer_status(timer.namespace, timer.name), body))
            metrics.STATUS_WRITES.labels("written").inc()
        self._herald.tell(timer, events_between(timer.status, status, news))
        # First of all: what was written once must not be counted again, whatever fails from here on.
        self._table.taken_in(uid, runs, reports)
        told = list(entry.told)
        await self._index.delete_outcomes(told)
        entry.told.difference_update(told)
        await self._remove(uid, surplus_runs(timer, runs))
        pauses_s = [await self._retire(entry), *((one.occurrence_ms - now_ms) / 1000 for one in early.values())]
        return min((pause_s for pause_s in pauses_s if pause_s is not None), default=None)

    async def _retire(self, entry: Entry) -> float | None:
        """Delete a timer that outlived its completion; or in how many seconds that is due."""
        timer = entry.timer
        expires_ms = expires_at_ms(timer)
        if expires_ms is None:
            return None
        left_s = (expires_ms - wall_clock_ms()) / 1000
        if left_s > 0:
            return left_s
        # Whatever was changed since would not be known to be complete.
        unchanged = {"uid": timer.uid, "resourceVersion": timer.resource_version}
        options = {"propagationPolicy": "Background", "preconditions": unchanged}
        await self._api.delete(paths.timer(timer.namespace, timer.name), options)
        log.info("complete for long enough, deleted", extra={"timer": f"{timer.namespace}/{timer.name}"})
        return None

    async def _refused(self, error: ApiError, timer: Timer) -> float | None:
        if error.status == 404:
            metrics.STATUS_WRITES.labels("gone").inc()
            return None
        if error.status == 409:
            metrics.STATUS_WRITES.labels("conflict").inc()
            return _CONFLICT_PAUSE_S
        metrics.STATUS_WRITES.labels("failed").inc()
        keys = {"timer": f"{timer.namespace}/{timer.name}"}
        log.warning("status refused, trying again: %s", error, extra=keys)
        return _TROUBLE_PAUSE_S if error.overloaded else _REFUSED_PAUSE_S

    async def _remove(self, uid: str, surplus: Sequence[Run]) -> None:
        for run in surplus:
            await delete_job(self._api, run)
            self._table.run_gone(uid, run.uid)
