"""Writes the status of timers, and what goes with it: Events, and the removal of what is not to be kept."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from redis.exceptions import RedisError

from controller.core.events import events_between
from controller.core.history import expires_at_ms, losers, surplus_runs
from controller.core.instants import CLOCKS_APART_MS
from controller.core.job import TIMER_UID_LABEL, Outcome, Run, parse_run
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
from controller.reconcile.entry import Entry
from controller.reconcile.herald import Herald
from controller.reconcile.outcomes import Outcomes
from controller.reconcile.table import Table

log = logging.getLogger(__name__)

_AT_ONCE = 8
_RUSH_PAUSE_S = 0.1
_UNREAD_PAUSE_S = 0.5
_BUSY_PAUSE_S = 0.2
_UNSYNCED_PAUSE_S = 0.2
_CONFLICT_PAUSE_S = 0.5
_TROUBLE_PAUSE_S = 2.0
_PENDING_PAUSE_S = 2.0
_COUNT_PAUSE_S = 0.2
_REFUSED_PAUSE_S = 60.0
_REMOVED_AT_ONCE = 4
_CLEANING_PAUSE_S = 1.0


class StatusReport:
    """The writer of status; only what is committed under guarantee Strict, workers write there themselves."""

    def __init__(
        self,
        table: Table,
        api: ApiServer,
        index: Index,
        health: Health,
        herald: Herald,
        outcomes: Outcomes,
        now_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self._table = table
        self._api = api
        self._index = index
        self._health = health
        self._herald = herald
        self._outcomes = outcomes
        self._now_ms = now_ms
        self._under_way: dict[str, asyncio.Task[None]] = {}

    async def step(self) -> bool:
        """Begin to write what is to be written; what could not be is queued again.

        A handful are under way at a time, and one that waits for its answer holds up no other.
        """
        self._health.beat("status")
        if self._table.rush.is_on():
            await asyncio.sleep(_RUSH_PAUSE_S)
            return True
        if len(self._under_way) >= _AT_ONCE:
            await asyncio.wait(self.under_way, return_when=asyncio.FIRST_COMPLETED)
        uids = []
        for uid in await self._table.to_report.take(_AT_ONCE - len(self._under_way)):
            if uid in self._under_way:
                self._table.to_report.add(uid, _BUSY_PAUSE_S)
            else:
                uids.append(uid)
        if uids and not await self._outcomes.catch_up():
            for uid in uids:
                self._table.to_report.add(uid, _UNREAD_PAUSE_S)
            await asyncio.sleep(_UNREAD_PAUSE_S)
            return True
        for uid in uids:
            self._under_way[uid] = asyncio.create_task(self._try(uid))
            self._under_way[uid].add_done_callback(lambda _, uid=uid: self._under_way.pop(uid))  # type: ignore[misc]
        return True

    @property
    def under_way(self) -> list[asyncio.Task[None]]:
        """The writes that have begun and not ended, for whoever ends this loop."""
        return list(self._under_way.values())

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
        now_ms = self._now_ms()
        # A worker whose clock is ahead is believed a moment later.
        early = {id: one for id, one in entry.reports.items() if now_ms < one.occurrence_ms <= now_ms + CLOCKS_APART_MS}
        runs, reports = entry.started_runs(now_ms), {id: one for id, one in entry.reports.items() if id not in early}
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
        uncounted = {run.uid for run in news.uncounted}
        surplus = surplus_runs(timer, (run for run in runs if run.uid not in uncounted))
        # Not all at once: after an outage there can be thousands, and others wait for their status.
        await self._remove(uid, surplus[:_REMOVED_AT_ONCE])
        await self._remove_losers(entry)
        ended = {run.uid for run in runs if run.gone or run.outcome is not Outcome.ACTIVE}
        if any(one["uid"] in ended for one in entry.timer.status.get("active") or ()):
            # A run by hand that was quick is on record now, and can be counted.
            return _COUNT_PAUSE_S
        early_s = [(one.occurrence_ms - now_ms) / 1000 for one in early.values()]
        cleaning_s = _CLEANING_PAUSE_S if len(surplus) > _REMOVED_AT_ONCE else None
        pauses_s = [await self._retire(entry), self._helped_s(uid, entry), cleaning_s, *early_s]
        return min((pause_s for pause_s in pauses_s if pause_s is not None), default=None)

    async def _remove_losers(self, entry: Entry) -> None:
        timer, uncommitted = entry.timer, entry.uncommitted_runs()
        for run in losers(timer, uncommitted):
            if run.by_hand:
                # A request that is open no more can become so again: make sure that this is the timer as it is.
                unchanged = {"metadata": {"resourceVersion": timer.resource_version}}
                await self._api.merge(paths.timer_status(timer.namespace, timer.name), unchanged)
            await delete_job(self._api, run, unchanged=True)

    def _helped_s(self, uid: str, entry: Entry) -> float | None:
        """Have a worker start what is committed and was not seen to start; in how many seconds to ask again."""
        if not entry.timer.recorded.pending:
            return None
        self._table.to_sync.add(uid)
        return _PENDING_PAUSE_S

    async def _retire(self, entry: Entry) -> float | None:
        """Delete a timer that outlived its completion; or in how many seconds that is due."""
        timer = entry.timer
        expires_ms = expires_at_ms(timer)
        if expires_ms is None:
            return None
        left_s = (expires_ms - self._now_ms()) / 1000
        if left_s > 0:
            return left_s
        if await self._has_active_jobs(timer):
            # Seen later than the status of their timer: to delete it would end them.
            return _PENDING_PAUSE_S
        # Whatever was changed since would not be known to be complete.
        unchanged = {"uid": timer.uid, "resourceVersion": timer.resource_version}
        options = {"propagationPolicy": "Background", "preconditions": unchanged}
        await self._api.delete(paths.timer(timer.namespace, timer.name), options)
        log.info("complete for long enough, deleted", extra={"timer": f"{timer.namespace}/{timer.name}"})
        return None

    async def _has_active_jobs(self, timer: Timer) -> bool:
        selector = f"{TIMER_UID_LABEL}={timer.uid}"
        async for page in self._api.pages(paths.jobs(timer.namespace), labelSelector=selector):
            runs = [run for job in page if (run := parse_run(job)) and run.timer_uid == timer.uid]
            if any(run.outcome is Outcome.ACTIVE and run.uncommitted is None for run in runs):
                return True
        return False

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
        return _TROUBLE_PAUSE_S if error.overloaded or error.status >= 500 else _REFUSED_PAUSE_S

    async def _remove(self, uid: str, surplus: Sequence[Run]) -> None:
        for run in surplus:
            await delete_job(self._api, run)
            self._table.run_gone(uid, run.uid)
