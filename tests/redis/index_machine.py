"""Everything that can be done to the index, and a model of what its callers have been told.

Hypothesis plays workers, controllers, the passing of time and accidents of the server against each other.
"""

import asyncio

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from controller.core.identity import TICKET_LENGTH
from controller.index.index import Index, IndexInvalidError
from controller.index.messages import Fire, Lease, State
from tests.redis.servers import Fake
from tests.redis.tickets import A, B, again, done, wanted

START_MS = 1_000_000
LEASE_MS = 10_000
LONGEST_LEASE_MS = 60_000
UNREACHED_MS = 10**12
"""An occurrence after every mark in these tests."""

BY_HAND = f"{A}~abcdefgh"
"""The ticket of a run of A that somebody asked for: it must not be held together with A's own."""

RIVALS = {A: BY_HAND, BY_HAND: A}
TICKETS = st.sampled_from([A, B, BY_HAND])
TIMES = st.integers(START_MS - 20_000, START_MS + 60_000)
NEXT_TIMES = st.none() | TIMES
SINCE = st.sampled_from([0, 1, 30_000])
"""How long before its mark a timer fired last."""
GENERATIONS = st.integers(1, 4)
RECENT = st.integers(0, 2)
"""Which of the leases granted so far, counted from the last."""

BUILT_KEYS = ("due", "leased", "lease", "tickets", "epoch")


some_lease_was_granted = precondition(lambda machine: machine.granted)


class IndexMachine(RuleBasedStateMachine):
    """The index, and beside it a model that knows only what the callers of the index have been told."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.server = self.loop.run(self._start())
        self.index = Index(self.server.redis, "model")
        self.claims = 0
        self.built = False
        self.expiries: dict[str, int] = {}
        self.holders: dict[str, str] = {}
        self.marks: dict[str, int] = {}
        self.fired: dict[str, int] = {}
        self.known: dict[str, int] = {}
        self.awaited: set[str] = set()
        self.granted: list[Lease] = []

    async def _start(self) -> Fake:
        server = Fake()
        server.server.clock_ms = START_MS
        return server

    def teardown(self) -> None:
        self.loop.run(self.server.redis.aclose())
        self.loop.close()

    @initialize()
    def build(self) -> None:
        identity = self.loop.run(self.index.begin_rebuild("first"))
        assert self.loop.run(self.index.finish_rebuild("first", identity))
        self.built = True
        for ticket in (A, B, BY_HAND):
            self.sync(ticket, 1, 0, START_MS)

    # The controller.

    @rule(ticket=TICKETS, generation=GENERATIONS, mark_ms=TIMES, next_ms=NEXT_TIMES, since_ms=SINCE)
    def sync(self, ticket: str, generation: int, mark_ms: int, next_ms: int | None, since_ms: int = 0) -> None:
        fired_ms = max(mark_ms - since_ms, 0)
        one = wanted(ticket, next_ms, generation=generation, mark_ms=mark_ms, fired_ms=fired_ms)
        self.loop.run(self.index.sync([one]))
        known = self.known.get(ticket, 0)
        self.marks[ticket] = max(mark_ms, self.marks.get(ticket, 0))
        self.fired[ticket] = max(fired_ms, self.fired.get(ticket, 0))
        if generation > known:
            self.holders.pop(ticket, None)
            self.awaited.discard(ticket)
        if generation >= known:
            self.known[ticket] = generation
            if next_ms is not None:
                self.awaited.add(ticket)

    @rule(ticket=TICKETS)
    def remove(self, ticket: str) -> None:
        self.loop.run(self.index.remove([ticket]))
        self._forget(ticket)

    @rule()
    def reap(self) -> None:
        try:
            self.loop.run(self.index.reap(10, LONGEST_LEASE_MS))
        except IndexInvalidError:
            assert not self.built
        else:
            assert self.built

    @rule()
    def rebuild(self) -> None:
        if not self.built:
            # Times and leases start anew; what each timer wants comes with the syncs.
            self.holders.clear()
            self.awaited.clear()
        identity = self.loop.run(self.index.begin_rebuild("again"))
        assert self.loop.run(self.index.finish_rebuild("again", identity))
        self.built = True

    # The workers.

    @rule(ticket=TICKETS, edits=st.integers(0, 1))
    def a_timer_comes_due_and_is_claimed(self, ticket: str, edits: int) -> None:
        generation = max(self.known.get(ticket, 0) + edits, 1)
        self.sync(ticket, generation, self.marks.get(ticket, 0), self._now_ms())
        self.claim(limit=2, ahead_ms=0)

    @rule(limit=st.integers(1, 2), ahead_ms=st.sampled_from([0, 60_000]))
    def claim(self, limit: int, ahead_ms: int) -> None:
        self.claims += 1
        try:
            reply = self.loop.run(self.index.claim(f"claim-{self.claims}", limit, ahead_ms, LEASE_MS))
        except IndexInvalidError:
            assert not self.built
            return
        assert self.built
        for lease in reply.leases:
            assert lease.mark_ms == self.marks[lease.ticket]
            assert lease.fired_ms == self.fired.get(lease.ticket[:TICKET_LENGTH], 0)
            self.holders[lease.ticket] = lease.token
            self.expiries[lease.token + lease.ticket] = self._now_ms() + LEASE_MS
        self.granted += reply.leases

    @some_lease_was_granted
    @rule(recent=RECENT, generation=GENERATIONS, mark_ms=TIMES, next_ms=NEXT_TIMES, fired=st.booleans())
    def ack(self, recent: int, generation: int, mark_ms: int, next_ms: int | None, fired: bool) -> None:
        lease, fired_ms = self._granted(recent), mark_ms if fired else 0
        acknowledgement = done(lease, next_ms, generation=generation, mark_ms=mark_ms, fired_ms=fired_ms)
        (held,) = self.loop.run(self.index.ack([acknowledgement]))
        if lease.ticket in self.marks:
            self.marks[lease.ticket] = max(mark_ms, self.marks[lease.ticket])
            self.fired[lease.ticket] = max(fired_ms, self.fired[lease.ticket])
        if held:
            self._was_holder(lease)
            if generation >= self.known[lease.ticket]:
                self.known[lease.ticket] = generation
                if next_ms is None:
                    self.awaited.discard(lease.ticket)

    @some_lease_was_granted
    @rule(recent=RECENT, mark_ms=TIMES, not_before_ms=TIMES)
    def retry(self, recent: int, mark_ms: int, not_before_ms: int) -> None:
        lease = self._granted(recent)
        (held,) = self.loop.run(self.index.retry([again(lease, not_before_ms, mark_ms=mark_ms)]))
        if held:
            self._was_holder(lease)
            self.marks[lease.ticket] = max(mark_ms, self.marks[lease.ticket])

    @some_lease_was_granted
    @rule(recent=RECENT)
    def drop(self, recent: int) -> None:
        lease = self._granted(recent)
        if self.loop.run(self.index.drop([lease])) == [True]:
            self._was_holder(lease)
            self._forget(lease.ticket)

    @some_lease_was_granted
    @rule(recent=RECENT, lease_ms=st.sampled_from([LEASE_MS, LONGEST_LEASE_MS]))
    def renew(self, recent: int, lease_ms: int) -> None:
        lease = self._granted(recent)
        if self.loop.run(self.index.renew([lease], lease_ms)) == [True]:
            assert self.holders.get(lease.ticket) == lease.token
            assert self.expiries[lease.token + lease.ticket] > self._now_ms()
            self.expiries[lease.token + lease.ticket] = self._now_ms() + lease_ms

    # The world.

    @rule(duration_ms=st.sampled_from([1, LEASE_MS, LEASE_MS + 1]))
    def time_passes(self, duration_ms: int) -> None:
        self.loop.run(self.server.pass_ms(duration_ms))

    # One rule for all accidents, often mended at once: an index that is hardly ever valid would show little.
    @rule(
        accident=st.sampled_from(("the clock is set back", "restart", "failover", *BUILT_KEYS)),
        mended=st.booleans(),
    )
    def accident(self, accident: str, mended: bool) -> None:
        if accident == "the clock is set back":
            self.loop.run(self.server.pass_ms(-2 * LONGEST_LEASE_MS))
            return
        self.built = False
        if accident == "restart":
            self.loop.run(self.server.restart())
            self._lose_all()
        elif accident == "failover":
            self.loop.run(self.server.fail_over())
        else:
            self._lose_key(accident)
        if mended:
            self.rebuild()

    def _lose_key(self, key: str) -> None:
        self.loop.run(self.server.redis.delete(getattr(self.index.keys, key)))
        self.awaited.clear()
        if key == "tickets":
            self.known.clear()
            self.marks.clear()
            self.fired.clear()

    # Looking.

    def _verdicts(self, fires: list[Fire]) -> list[str]:
        return self.loop.run(self.index.confirm(fires))

    def _granted(self, recent: int) -> Lease:
        return self.granted[-1 - recent % len(self.granted)]

    def _now_ms(self) -> int:
        return self.loop.run(self.server.now_ms())

    def _state(self) -> State:
        return self.loop.run(self.index.inspect())

    def _places(self) -> tuple[set[str], set[str], set[str]]:
        redis, keys = self.server.redis, self.index.keys
        due = self.loop.run(redis.zrange(keys.due, 0, -1))
        leased = self.loop.run(redis.zrange(keys.leased, 0, -1))
        lease = self.loop.run(redis.hkeys(keys.lease))
        return set(due) - {"!"}, set(leased) - {"!"}, set(lease) - {"!"}

    def _was_holder(self, lease: Lease) -> None:
        assert self.holders.pop(lease.ticket) == lease.token

    def _forget(self, ticket: str) -> None:
        for memory in (self.holders, self.marks, self.fired, self.known):
            memory.pop(ticket, None)
        self.awaited.discard(ticket)

    def _lose_all(self) -> None:
        for memory in (self.holders, self.marks, self.fired, self.known, self.awaited):
            memory.clear()
