"""Carries what timers say into the index."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from redis.exceptions import RedisError

from controller.core.fence import fence_ms
from controller.core.identity import manual_ticket, ticket_of
from controller.core.instants import CLOCKS_APART_MS
from controller.index.index import Index
from controller.index.messages import Known, Wanted
from controller.loops import wall_clock_ms
from controller.observe.health import Health
from controller.reconcile.entry import Entry
from controller.reconcile.table import Table

log = logging.getLogger(__name__)

BATCH = 500
_TROUBLE_PAUSE_S = 0.5
_NOTHING: Mapping[str, Known] = MappingProxyType({})
_UNKNOWN = Known(0, 0, 0)


def wanted(entry: Entry, now_ms: int, marked_ms: int = 0) -> list[Wanted]:
    """The tickets that a timer should have: marked up to what is decided, due when there is something to look at.

    One for its occurrences, and while a run by hand is asked for one for that, due now. `marked_ms` is up to when the
    index knows all to be handled, where that is known here.
    """
    timer = entry.timer
    mark_ms = max(_decided_through_ms(entry, now_ms), marked_ms)
    look_ms = None if timer.idle or timer.timing is None else timer.timing.due_after_ms(mark_ms)
    if timer.recorded.pending:
        # Whoever looks starts what is committed, whatever else the timer is or waits for.
        look_ms = now_ms
    namespace, name, fired_ms = timer.namespace, timer.name, entry.newest_run_ms(now_ms)
    tickets = [Wanted(timer.ticket, timer.generation, mark_ms, look_ms, namespace, name, fired_ms)]
    if entry.request_ticket:
        tickets.append(Wanted(entry.request_ticket, timer.generation, 0, now_ms, namespace, name))
    return tickets


def _decided_through_ms(entry: Entry, now_ms: int) -> int:
    return max(fence_ms(entry.timer, now_ms), entry.newest_run_ms(now_ms))


class Sync:
    """Writes tickets of new and changed timers, removes those of deleted ones."""

    def __init__(self, table: Table, index: Index, health: Health, now_ms: Callable[[], int] = wall_clock_ms) -> None:
        self._table = table
        self._index = index
        self._health = health
        self._now_ms = now_ms

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

    def unbelievable(self, uids: Iterable[str], found: Mapping[str, Known]) -> list[str]:
        """Of the tickets of these timers, found in the index before they were listed, those that tell what cannot be.

        A generation that the list does not show yet: no worker can have read it before. And a mark or a run in the
        future, but for clocks that differ: nothing there is handled. The one would keep its timer from ever being
        scheduled again, the others from running, or from noticing what runs, until then.
        """
        now_ms = self._now_ms()
        forged = []
        for entry in (self._table.entries[uid] for uid in uids if uid in self._table.entries):
            for ticket in filter(None, (entry.timer.ticket, entry.request_ticket)):
                if ticket not in found:
                    continue
                known = found[ticket]
                latest_ms = max(known.mark_ms, known.fired_ms)
                too_late = latest_ms > now_ms + CLOCKS_APART_MS and latest_ms > _decided_through_ms(entry, now_ms)
                if too_late or known.generation > entry.timer.generation:
                    forged.append(ticket)
        return forged

    async def carry(self, uids: list[str], found: Mapping[str, Known] = _NOTHING) -> None:
        """Make the index say of these timers what the table says now, and what was found there. Raises RedisError.

        What was found counts for when to look next: what the index has there may not be trusted.
        """
        now_ms = self._now_ms()
        carried: list[tuple[Entry, list[Wanted]]] = []
        for entry in (self._table.entries[uid] for uid in uids if uid in self._table.entries):
            try:
                known = found.get(entry.timer.ticket, _UNKNOWN)
                carried.append((entry, wanted(entry, now_ms, known.mark_ms)))
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
