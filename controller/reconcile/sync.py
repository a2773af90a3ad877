"""Carries what timers say into the index."""

import asyncio
import logging

from redis.exceptions import RedisError

from controller.core.fence import fence_ms
from controller.core.identity import ticket_of
from controller.index.index import Index
from controller.index.messages import Wanted
from controller.loops import wall_clock_ms
from controller.observe.health import Health
from controller.reconcile.table import Entry, Table

log = logging.getLogger(__name__)

BATCH = 500
_TROUBLE_PAUSE_S = 0.5


def wanted(entry: Entry, now_ms: int) -> Wanted:
    """The ticket that a timer should have: marked up to what is decided, due when there is something to look at."""
    timer = entry.timer
    mark_ms = max(fence_ms(timer, now_ms), entry.newest_run_ms)
    idle = timer.timing is None or timer.suspended or timer.being_deleted
    look_ms = None if idle or timer.timing is None else timer.timing.due_after_ms(mark_ms)
    return Wanted(timer.ticket, timer.generation, mark_ms, look_ms, timer.namespace, timer.name)


class Sync:
    """Writes tickets of new and changed timers, removes those of deleted ones."""

    def __init__(self, table: Table, index: Index, health: Health) -> None:
        self._table = table
        self._index = index
        self._health = health

    async def step(self) -> bool:
        """Carry a batch over; what did not arrive is queued again."""
        uids = await self._table.to_sync.take(BATCH)
        self._health.beat("sync")
        try:
            await self.carry(uids)
        except (RedisError, OSError) as error:
            log.warning("index did not take %d timers, trying again: %s", len(uids), error)
            for uid in uids:
                self._table.to_sync.add(uid, _TROUBLE_PAUSE_S)
            await asyncio.sleep(_TROUBLE_PAUSE_S)
        return True

    async def carry(self, uids: list[str]) -> None:
        """Make the index say of these timers what the table says now. Raises RedisError."""
        now_ms = wall_clock_ms()
        carried: list[tuple[Entry, Wanted]] = []
        for entry in (self._table.entries[uid] for uid in uids if uid in self._table.entries):
            try:
                carried.append((entry, wanted(entry, now_ms)))
            except Exception:
                # Its Jobs name occurrences, and who may edit them can name one beyond the calendar.
                timer = f"{entry.timer.namespace}/{entry.timer.name}"
                log.exception("unexpected error, timer not carried over", extra={"timer": timer})
        if carried:
            await self._index.sync(ticket for _, ticket in carried)
        for entry, ticket in carried:
            entry.synced_generation = max(entry.synced_generation, ticket.generation)
        gone = [ticket_of(uid) for uid in uids if uid not in self._table.entries]
        if gone:
            await self._index.remove(gone)
