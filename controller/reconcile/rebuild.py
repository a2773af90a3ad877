"""Makes the index equal to the cluster: at the start of a leader, after the index was lost, and every few minutes.

The order matters, and each step says why. An error anywhere leaves the rebuild unfinished, and so without effect on
who may claim; the next one starts from the beginning.

Timers are carried over page by page, right after they were seen: read once, and not kept. Nothing of a timer hangs on
another one, and what is needed of its own is known by then: its ticket and its Jobs were looked at before the list
began, and so its page shows all that they can tell of. What changes later is told by the watch, and carried again. No
worker claims from a lost index before the last page and the orphans are done: only then it is finished.
"""

import asyncio
import gc
import logging
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from controller.core.identity import ticket_of
from controller.core.nesting import read_json
from controller.core.slim import read_page
from controller.index.index import Index
from controller.index.messages import Known
from controller.kube import paths
from controller.kube.api import ApiServer
from controller.kube.errors import ApiError
from controller.loops import cancel
from controller.observe import metrics
from controller.reconcile.entry import Entry
from controller.reconcile.job_watch import OURS, Pages, list_jobs
from controller.reconcile.ownership import Ownership
from controller.reconcile.reach import Place, Reach
from controller.reconcile.sync import BATCH, Sync
from controller.reconcile.table import Table

log = logging.getLogger(__name__)

_SEEN_AT_ONCE = 125
"""So many timers are read in one go, and carried over in one call, so that everybody else has their turn in between."""
_COLLECTED_AT = 100_000
_TURNS_TO_SEND = 2
"""After so many turns of the loop a command has left for Redis. redis-py needs one, and under Python 3.11 two."""


class Rebuild:
    """Rebuilds the index of one cluster."""

    def __init__(
        self,
        table: Table,
        api: ApiServer,
        index: Index,
        sync: Sync,
        monotonic: Callable[[], float] = time.monotonic,
        beat: Callable[[], object] = lambda: None,
        ownership: Ownership | None = None,
        reach: Reach | None = None,
    ) -> None:
        """`beat` is called with each page of a list: a rebuild can take long, and makes progress."""
        self._beat = beat
        self._table = table
        self._api = api
        self._index = index
        self._sync = sync
        self._monotonic = monotonic
        self._ownership = ownership or Ownership(api, index)
        self._reach = reach or Reach()
        self._listing = 0
        self._unseen: set[str] = set()
        self.is_overdue = False
        """Whether the last one was refused what those who watch are allowed: that should not last."""

    async def run(self) -> bool:
        """Rebuild once; False where it was overtaken.

        Raises RedisError, ApiError and ApiUnreachableError; SettingsError where the index is another cluster's.
        """
        started = self._monotonic()
        try:
            finished = await self._run()
        except Exception:
            metrics.REBUILDS.labels("failed").inc()
            raise
        metrics.REBUILDS.labels("finished" if finished else "overtaken").inc()
        seconds = self._monotonic() - started
        if finished:
            metrics.REBUILD_SECONDS.set(seconds)
            ended = self._monotonic()
            metrics.REBUILD_AGE.set_function(lambda: self._monotonic() - ended)
        log.info(
            "index rebuilt" if finished else "rebuild overtaken",
            extra={"timers": len(self._table.entries), "seconds": round(seconds, 3)},
        )
        return finished

    async def _run(self) -> bool:
        await self._ownership.claim()
        refused = self._reach.out
        self._unseen = set(refused)
        nonce = uuid.uuid4().hex
        identity = await self._index.begin_rebuild(nonce)
        # Tickets first, objects second: what has a ticket now and no object then was deleted, and not just young.
        found = await self._index.sweep()
        with _seldom_collected():
            # Jobs before timers: a timer is carried over as it is listed, and what has a Job must not be due again.
            await list_jobs(self._table, self._pages(paths.jobs, **OURS), lambda place: place not in self._unseen)
            await self._list_timers(found)
        self._table.is_whole = not self._unseen
        await self._remove([ticket for ticket in found if not self._table.has(ticket)])
        finished = await self._index.finish_rebuild(nonce, identity)
        self.is_overdue = self._unseen > refused
        return finished

    async def _list_timers(self, found: dict[str, Known]) -> None:
        """See all timers, and carry them over. What was found and is theirs is taken out: it is accounted for."""
        entries, before = self._table.entries, list(self._table.entries)
        self._listing += 1
        pages = self._pages(paths.timers, read_page)

        async def following() -> list[dict[str, Any]] | None:
            return await anext(pages, None)

        coming = asyncio.create_task(following())
        # None are on their way to Redis yet.
        carried = asyncio.create_task(self._carry([], found))
        try:
            while (page := await coming) is not None:
                # Fetched while this one is worked on: the API server takes as long for a page as we do.
                coming = asyncio.create_task(following())
                while page:
                    uids = self._seen(page[:_SEEN_AT_ONCE])
                    # What was seen is packed, and several times as large here.
                    del page[:_SEEN_AT_ONCE]
                    await carried
                    # Redis has its turn while the next are read, and so is asked before.
                    carried = asyncio.create_task(self._carry(uids, found))
                    for _ in range(_TURNS_TO_SEND):
                        await asyncio.sleep(0)
            await carried
        finally:
            await cancel(coming, carried)
        # Only what was known before the list began can be missing from it; the rest came into being meanwhile.
        for uid in before:
            if uid in entries and entries[uid].listing != self._listing and not self._is_unseen(entries[uid]):
                self._table.timer_deleted(uid)
        self._table.forget_early_runs()
        rest = [uid for uid, entry in entries.items() if entry.listing != self._listing]
        for start in range(0, len(rest), BATCH):
            # Of what was not listed workers may know more than we do.
            await self._carry(rest[start : start + BATCH], {} if self._unseen else found)

    async def _pages(
        self, collection: Callable[[Place], str], read: Callable[[bytes], Any] = read_json, /, **parameters: str
    ) -> Pages:
        """All objects of a kind, page by page; but for namespaces out of reach, of which nothing is forgotten."""
        for place in self._reach.places:
            if place in self._unseen:
                continue
            try:
                async for page in self._api.pages(collection(place), read, **parameters):
                    self._beat()
                    yield page
            except ApiError as error:
                if place is None or error.status != 403:
                    raise
                log.warning("namespace is left as it was: %s", error, extra={"namespace": place})
                self._unseen.add(place)

    def _is_unseen(self, entry: Entry) -> bool:
        return bool(self._unseen) and entry.timer.namespace in self._unseen

    def _seen(self, timers: list[dict[str, Any]]) -> list[str]:
        """Their UIDs, once the table knows them."""
        uids = [timer["metadata"]["uid"] for timer in timers]
        for uid, timer in zip(uids, timers, strict=True):
            self._table.see_timer(timer)
            if entry := self._table.entries.get(uid):
                entry.listing = self._listing
        return uids

    async def _carry(self, uids: list[str], found: dict[str, Known]) -> None:
        """Make the index say what these timers do."""
        try:
            await self._begin_anew(self._sync.unbelievable(uids, found), found)
            for uid in uids:
                # Whatever is news from here on is queued again.
                self._table.to_sync.discard(uid)
            await self._sync.carry(uids, found)
        except BaseException:
            # Where the rebuild ends early they are carried all the same.
            for uid in uids:
                self._table.to_sync.add(uid)
            raise
        if found:
            for uid in uids:
                found.pop(ticket_of(uid), None)

    async def _begin_anew(self, forged: list[str], found: dict[str, Known]) -> None:
        """Forget what tickets tell that cannot be."""
        if forged:
            log.warning("tickets begin anew that tell what cannot be", extra={"count": len(forged)})
            self._index.on_junk(len(forged))
            await self._index.remove(forged)
            for ticket in forged:
                del found[ticket]

    async def _remove(self, tickets: list[str]) -> None:
        for start in range(0, len(tickets), BATCH):
            await self._index.remove(tickets[start : start + BATCH], self._unseen)


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """Objects come by the ten thousand, and go again without a cycle: to look for cycles among them is time lost."""
    usual = gc.get_threshold()
    gc.set_threshold(_COLLECTED_AT, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
