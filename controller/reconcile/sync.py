"""Carries what timers say into the index."""

import asyncio
import logging

from redis.exceptions import RedisError

from controller.core.fence import fence_ms
from controller.core.identity import manual_ticket, ticket_of
from controller.index.index import Index
from controller.index.messages import Wanted
from controller.loops import wall_clock_ms
from controller.observe.health import Health
from controller.reconcile.table import Entry, Table

log = logging.getLogger(__name__)

BATCH = 500
_TROUBLE_PAUSE_S = 0.5


def wanted(entry: Entry, now_ms: int) -> list[Wanted]:
    """The tickets that a timer should have: marked up to what is decided, due when there is something to look at.

    One for its occurrences, and while a run by hand is asked for one for that, due now.
    """
    timer = entry.timer
    mark_ms = max(fence_ms(timer, now_ms), entry.newest_run_ms)
    look_ms = None if timer.idle or timer.timing is None else timer.timing.due_after_ms(mark_ms)
    namespace, name, fired_ms = timer.namespace, timer.name, entry.newest_run_ms
    tickets = [Wanted(timer.ticket, timer.generation, mark_ms, look_ms, namespace, name, fired_ms)]
    if entry.request_ticket:
        tickets.append(Wanted(entry.request_ticket, timer.generation, 0, now_ms, namespace, name))
    return tickets


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
        carried: list[tuple[Entry, list[Wanted]]] = []
        for entry in (self._table.entries[uid] for uid in uids if uid in self._table.entries):
            try:
                carried.append((entry, wanted(entry, now_ms)))
            except Exception:
                # Its Jobs name occurrences, and who may edit them can name one beyond the calendar.
                timer = f"{entry.timer.namespace}/{entry.timer.name}"
                log.exception("unexpected error, timer not carried over", extra={"timer": timer})
        if carried:
            await self._index.sync(ticket for _, tickets in carried for ticket in tickets)
        for entry, tickets in carried:
            entry.synced_generation = max(entry.synced_generation, tickets[0].generation)
        gone = [ticket_of(uid) for uid in uids if uid not in self._table.entries]
        # Status has it on record that these have run: until then their tickets are needed to remember it.
        timers = [entry.timer for entry, _ in carried]
        gone += [manual_ticket(one.ticket, one.request) for one in timers if one.handled_request]
        if gone:
            await self._index.remove(gone)
