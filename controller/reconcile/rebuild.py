"""Makes the index equal to the cluster: at the start of a leader, after the index was lost, and every few minutes.

The order matters, and each step says why. An error anywhere leaves the rebuild unfinished, and so without effect on
who may claim; the next one starts from the beginning.
"""

import logging
import time
import uuid
from collections.abc import Callable, Iterable, Mapping

from controller.core.job import TIMER_UID_LABEL
from controller.index.index import Index
from controller.index.messages import Known
from controller.kube import paths
from controller.kube.api import ApiServer
from controller.observe import metrics
from controller.reconcile.sync import BATCH, Sync
from controller.reconcile.table import Table
from controller.settings import SettingsError

log = logging.getLogger(__name__)


class Rebuild:
    """Rebuilds the index of one cluster."""

    def __init__(
        self, table: Table, api: ApiServer, index: Index, sync: Sync, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._table = table
        self._api = api
        self._index = index
        self._sync = sync
        self._monotonic = monotonic
        self._cluster_uid: str | None = None

    async def run(self) -> bool:
        """Rebuild once; False where it was overtaken.

        Raises RedisError, ApiError and ApiUnreachableError; SettingsError where the index is another cluster's.
        """
        started = self._monotonic()
        await self._own()
        nonce = uuid.uuid4().hex
        identity = await self._index.begin_rebuild(nonce)
        # Tickets first, objects second: what has a ticket now and no object then was deleted, and not just young.
        found = await self._index.sweep()
        await self._list_jobs()
        await self._list_timers()
        await self._begin_anew(found)
        await self._carry(list(self._table.entries), found)
        await self._remove(found.keys() - self._table.tickets())
        finished = await self._index.finish_rebuild(nonce, identity)
        metrics.REBUILDS.labels("finished" if finished else "overtaken").inc()
        if finished:
            metrics.REBUILD_SECONDS.set(self._monotonic() - started)
            ended = self._monotonic()
            metrics.REBUILD_AGE.set_function(lambda: self._monotonic() - ended)
        log.info(
            "index rebuilt" if finished else "rebuild overtaken",
            extra={"timers": len(self._table.entries), "seconds": round(self._monotonic() - started, 3)},
        )
        return finished

    async def _own(self) -> None:
        """Make sure that no other cluster uses this index: each would sweep the other's tickets."""
        if self._cluster_uid is None:
            self._cluster_uid = str((await self._api.get(paths.CLUSTER_IDENTITY))["metadata"]["uid"])
        owner, key = await self._index.claim_ownership(self._cluster_uid), self._index.keys.owner
        if owner != self._cluster_uid:
            raise SettingsError(
                f"the index {key!r} belongs to another cluster ({owner}), and this one is {self._cluster_uid}: "
                "give each cluster its own Redis database or its own --installation name. "
                f"If that cluster is gone, delete the key {key!r}"
            )

    async def _list_jobs(self) -> None:
        before = [(uid, run.uid) for uid, entry in self._table.entries.items() for run in entry.runs.values()]
        listed = set()
        async for page in self._api.pages(paths.ALL_JOBS, labelSelector=TIMER_UID_LABEL):
            for job in page:
                self._table.see_job(job)
                listed.add(job["metadata"]["uid"])
        for timer_uid, job_uid in before:
            if job_uid not in listed:
                self._table.run_gone(timer_uid, job_uid)

    async def _list_timers(self) -> None:
        before = list(self._table.entries)
        listed = set()
        async for page in self._api.pages(paths.ALL_TIMERS):
            for timer in page:
                self._table.see_timer(timer)
                listed.add(timer["metadata"]["uid"])
        # Only what was known before the list began can be missing from it; the rest came into being meanwhile.
        for uid in before:
            if uid not in listed:
                self._table.timer_deleted(uid)
        self._table.forget_early_runs()

    async def _begin_anew(self, found: dict[str, Known]) -> None:
        """Forget what tickets tell that cannot be."""
        forged = self._sync.unbelievable(found)
        if forged:
            log.warning("tickets begin anew that tell what cannot be", extra={"count": len(forged)})
            self._index.on_junk(len(forged))
            await self._remove(forged)
            for ticket in forged:
                del found[ticket]

    async def _carry(self, uids: list[str], found: Mapping[str, Known]) -> None:
        for start in range(0, len(uids), BATCH):
            await self._sync.carry(uids[start : start + BATCH], found)

    async def _remove(self, tickets: Iterable[str]) -> None:
        orphans = list(tickets)
        for start in range(0, len(orphans), BATCH):
            await self._index.remove(orphans[start : start + BATCH])
