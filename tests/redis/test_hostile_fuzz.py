"""Somebody writes whatever he likes to Redis: timers are late at most, and the next rebuild mends all of it."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.exceptions import RedisError

from controller.index.index import Index, IndexInvalidError
from controller.index.messages import Again, Done, Fire, Lease
from tests.hostile.vandal import TICKETS, Act, Leader, acts, additions, marks_in, vandalise
from tests.redis.servers import INSTALLATION, Server
from tests.redis.tickets import HOUR_MS, a_report

FUZZED = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SENTINEL = "!"


async def leader_on(server: Server) -> Leader:
    """A leader that has built its index on an empty server."""
    await server.redis.flushall()
    leader = Leader(server.redis, INSTALLATION)
    assert await leader.rebuild.run()
    return leader


async def use(index: Index) -> None:
    """Every verb that a worker or a controller uses, as far as it goes."""
    leases = [Lease(ticket, "token", 1, 0, "default", "late") for ticket in TICKETS]
    verbs: list[Any] = [
        index.inspect(),
        index.claim("token", 2, 1000, HOUR_MS),
        index.confirm([Fire(lease, 1, 10**13) for lease in leases]),
        index.renew(leases, HOUR_MS),
        index.retry([Again(leases[0], 5, 7, (a_report(),))]),
        index.ack([Done(lease, 1, 5, 7, 5, (a_report(),)) for lease in leases[1:4]]),
        index.reap(10, 1000),
        index.drop(leases[-1:]),
        index.outcomes("0", 100),
        index.remove(["A" * 22]),
        index.sweep(),
    ]
    for verb in verbs:
        with suppress(RedisError, IndexInvalidError):
            await verb


@FUZZED
@given(first=st.lists(acts, max_size=8), second=st.lists(acts, max_size=8))
async def test_nothing_that_is_written_there_makes_anybody_fail_otherwise_than_redis_does(
    server: Server, first: Sequence[Act], second: Sequence[Act]
) -> None:
    leader = await leader_on(server)
    for doings in (first, second):
        await vandalise(leader.index, doings)
        await use(leader.index)
        with suppress(RedisError):
            await leader.sync.carry(list(leader.table.entries))
    assert await leader.rebuild.run()


@FUZZED
@given(doings=st.lists(additions, max_size=20))
async def test_what_is_added_beside_timers_holds_up_none_of_them(server: Server, doings: Sequence[Act]) -> None:
    leader = await leader_on(server)
    await vandalise(leader.index, doings)
    # One member looks like a ticket, and so costs a look.
    claims = [await leader.index.claim(f"token-{number}", 1, 0, HOUR_MS) for number in range(4)]
    claimed = [lease.ticket for claim in claims for lease in claim.leases]
    late, by_hand = leader.tickets[0], leader.tickets[-1]
    assert [ticket for ticket in claimed if ticket in leader.tickets] == [late, by_hand]


@FUZZED
@given(doings=st.lists(acts, max_size=20))
async def test_a_rebuild_makes_of_anything_what_it_makes_of_nothing(server: Server, doings: Sequence[Act]) -> None:
    leader = await leader_on(server)
    index, redis, keys, marks_ms = leader.index, leader.index.redis, leader.index.keys, marks_in(doings)
    await vandalise(index, doings)
    assert await leader.rebuild.run()
    # Whoever can forge a lease can hold up a timer for as long as one lasts.
    await index.reap(100, 0)
    now_ms = await server.now_ms()
    assert (await index.inspect()).valid
    tickets, due = await redis.hgetall(keys.tickets), dict(await redis.zrange(keys.due, 0, -1, withscores=True))
    assert tickets.keys() == {*leader.tickets, SENTINEL}
    assert due.keys() <= tickets.keys()
    assert await redis.zrange(keys.leased, 0, -1) == await redis.hkeys(keys.lease) == [SENTINEL]
    for ticket in leader.tickets:
        generation, mark_ms, _, timer = tickets[ticket].split()
        (one,) = [one for one in leader.timers if ticket.startswith(one.ticket)]
        assert (generation, timer) == ("1", f"default/{one.name}")
        wanted_ms = {next_ms for known_ms, next_ms in leader.possible(ticket, marks_ms) if known_ms == int(mark_ms)}
        assert wanted_ms, f"{mark_ms} is no mark that this timer can have"
        # One look too many costs nothing.
        assert due[ticket] <= now_ms or due[ticket] in wanted_ms
