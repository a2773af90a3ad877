"""Writes the status of timers, and what goes with it: Events, and the removal of Jobs beyond the history limits."""

import asyncio
import logging
import time
from collections.abc import Sequence

import orjson
from redis.exceptions import RedisError

from controller.core.events import EventDraft, events_between
from controller.core.history import surplus_runs
from controller.core.instants import rfc3339
from controller.core.job import Run
from controller.core.status import next_status, status_patch
from controller.core.timer import API_VERSION, KIND, Timer
from controller.index.index import Index
from controller.kube import paths
from controller.kube.api import ApiServer
from controller.kube.errors import ApiError, ApiUnreachableError
from controller.loops import wall_clock_ms
from controller.observe import metrics
from controller.observe.health import Health
from controller.reconcile.table import Entry, Table

log = logging.getLogger(__name__)

_AT_ONCE = 8
_UNSYNCED_PAUSE_S = 0.2
_CONFLICT_PAUSE_S = 0.5
_TROUBLE_PAUSE_S = 2.0
_REFUSED_PAUSE_S = 60.0


class StatusReport:
    """The only writer of status."""

    def __init__(self, table: Table, api: ApiServer, index: Index, health: Health, identity: str) -> None:
        self._table = table
        self._api = api
        self._index = index
        self._health = health
        self._identity = identity

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
        """Write what is known now; None, or after how many seconds to try again."""
        timer = entry.timer
        if entry.synced_generation < timer.generation:
            # Status must not say that an edit is dealt with while the index may still fire what was before it.
            return _UNSYNCED_PAUSE_S
        runs, reports = list(entry.runs.values()), dict(entry.reports)
        status = next_status(timer, runs, list(reports.values()), wall_clock_ms())
        patch = status_patch(timer.status, status)
        if patch:
            body = {"metadata": {"resourceVersion": timer.resource_version}, "status": patch}
            self._table.written(uid, await self._api.merge(paths.timer_status(timer.namespace, timer.name), body))
            metrics.STATUS_WRITES.labels("written").inc()
            await self._tell(timer, events_between(timer.status, status))
        await self._index.delete_outcomes(list(reports))
        self._table.taken_in(uid, runs, reports)
        await self._remove(uid, surplus_runs(timer, runs))
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

    async def _tell(self, timer: Timer, drafts: Sequence[EventDraft]) -> None:
        for number, draft in enumerate(drafts):
            now = rfc3339(wall_clock_ms() // 1000 * 1000)
            event = {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"name": f"{timer.name}.{time.time_ns() + number:x}", "namespace": timer.namespace},
                "involvedObject": {
                    "apiVersion": API_VERSION,
                    "kind": KIND,
                    "namespace": timer.namespace,
                    "name": timer.name,
                    "uid": timer.uid,
                    "resourceVersion": timer.resource_version,
                },
                "type": draft.kind,
                "reason": draft.reason,
                "message": draft.message[:1024],
                "source": {"component": "redistimer-controller", "host": self._identity},
                "firstTimestamp": now,
                "lastTimestamp": now,
                "count": 1,
            }
            try:
                await self._api.create(paths.events(timer.namespace), orjson.dumps(event))
            except (ApiError, ApiUnreachableError) as error:
                # The condition says the same, and lasts. In a namespace that is being deleted no Event can be made.
                log.info("event not written: %s", error, extra={"timer": f"{timer.namespace}/{timer.name}"})

    async def _remove(self, uid: str, surplus: Sequence[Run]) -> None:
        for run in surplus:
            options = {"propagationPolicy": "Background", "preconditions": {"uid": run.uid}}
            try:
                await self._api.delete(paths.job(run.namespace, run.name), options)
            except ApiError as error:
                # 404 and 409: it is gone, or a namesake has its place.
                if error.status not in (404, 409):
                    raise
            self._table.run_gone(uid, run.uid)
