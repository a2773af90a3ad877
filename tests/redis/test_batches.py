"""Many in one call: each is answered for itself, in order, as if it had come alone."""

import itertools

import pytest
from redis.exceptions import ResponseError

from controller.index.index import Index
from controller.index.messages import Done, Fire, Lease
from tests.cluster.redis_server import RedisServer
from tests.redis.servers import INSTALLATION, Real, Server
from tests.redis.tickets import (
    HOUR_MS,
    MARK_MS,
    A,
    B,
    C,
    a_report,
    again,
    claim,
    claim_one,
    done,
    due_ms,
    generation,
    is_leased,
    mark_ms,
    wanted,
)

MANY = 4500
"""More than Lua can unpack at once, as pairs."""

NO_TICKETS = ["!", "", "x", f"{A}~", "../../secrets/12345678", "x" * 100_000]


async def lost_and_held(server: Server, index: Index) -> tuple[Lease, Lease]:
    """Two leases of one ticket; the first has run out, and the second is held."""
    lost = await claim_one(index, lease_ms=1)
    await server.pass_ms(2)
    await index.reap(10, HOUR_MS)
    (held,) = await claim(index)
    return lost, held


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
async def test_a_lost_and_a_held_lease_of_one_ticket_can_be_acknowledged_together(
    server: Server, index: Index, late: bool
) -> None:
    lost, held = await lost_and_held(server, index)
    both = [
        done(lost, 5, mark_ms=MARK_MS + 7, fired_ms=MARK_MS + 7, generation=5),
        done(held, 9, mark_ms=MARK_MS + 3, generation=2),
    ]
    assert await index.ack(both[::-1] if late else both) == ([True, False] if late else [False, True])
    assert (await mark_ms(index), await due_ms(index), await generation(index)) == (MARK_MS + 7, 9, 2)
    assert not await is_leased(index)
    (following,) = await claim(index)
    assert following.fired_ms == MARK_MS + 7


async def test_a_lease_that_is_acknowledged_twice_at_once_is_given_back_once(index: Index) -> None:
    lease = await claim_one(index)
    assert await index.ack([done(lease, 5), done(lease, 9)]) == [True, False]
    assert await due_ms(index) == 5


async def test_what_one_of_a_batch_notes_the_next_of_the_same_ticket_finds(index: Index) -> None:
    lease = await claim_one(index)
    first = Fire(lease, 1, MARK_MS + 5, noted_ms=MARK_MS + 5, mark_ms=MARK_MS + 4, reports=(a_report(),))
    second, third = Fire(lease, 1, MARK_MS + 4), Fire(lease, 1, MARK_MS + 6, noted_ms=MARK_MS + 6)
    assert await index.confirm([first, second, third]) == ["ok", "handled", "ok"]
    assert len(await index.outcomes("0", 10)) == 1
    await index.retry([again(lease, 1)])
    (following,) = await claim(index)
    assert (following.mark_ms, following.fired_ms) == (MARK_MS + 4, MARK_MS + 6)


async def test_one_that_ran_out_is_told_from_those_beside_it(server: Server, index: Index) -> None:
    a, c = await claim_one(index, A, lease_ms=1), await claim_one(index, C, lease_ms=1)
    b = await claim_one(index, B)
    await server.pass_ms(2)
    leases = list(itertools.permutations([a, b, c]))
    for order in leases:
        expected = ["ok" if lease is b else "expired" for lease in order]
        assert await index.confirm([Fire(lease, 1, HOUR_MS) for lease in order]) == expected
    await index.redis.zrem(index.keys.leased, B)
    assert await index.confirm([Fire(b, 1, HOUR_MS)]) == ["expired"], "without an end there is no lease"


@pytest.mark.parametrize("forged", [False, True])
async def test_what_is_no_ticket_changes_nothing_for_those_beside_it(index: Index, forged: bool) -> None:
    await index.sync([wanted(A, 1), wanted(B, 2)])
    a, b = await claim(index)
    junk = [Lease(member, a.token, 1, MARK_MS, "default", "junk") for member in NO_TICKETS]
    for member in NO_TICKETS[1:] if forged else []:
        await index.redis.hset(index.keys.tickets, member, f"1 {MARK_MS} 0 default/junk")
        await index.redis.hset(index.keys.lease, member, a.token)
        await index.redis.zadd(index.keys.leased, {member: "inf"})
    batch = [a, *junk, b]
    no = ["lost", *["gone" if forged else "lost"] * (len(junk) - 1)]
    before = await index.redis.hgetall(index.keys.tickets)
    assert await index.confirm([Fire(one, 1, HOUR_MS) for one in batch]) == ["ok", *no, "ok"]
    assert await index.ack([done(one, 5, reports=(a_report(),)) for one in batch]) == [True, *[False] * len(junk), True]
    assert await index.redis.hgetall(index.keys.tickets) == before
    assert await index.redis.zrange(index.keys.due, 0, -1) == [*sorted([A, B]), "!"]
    assert len(await index.outcomes("0", 100)) == 2
    assert (await index.inspect()).valid


async def test_thousands_go_through_every_call_at_once(index: Index) -> None:
    tickets = [f"{number:022d}" for number in range(MANY)]
    await index.sync([wanted(ticket, number + 1) for number, ticket in enumerate(tickets)])
    leases = await claim(index, limit=2 * MANY)
    assert [lease.ticket for lease in leases] == tickets
    # Each with a mark of its own, so that none can be taken for another.
    fires = [Fire(one, 1, HOUR_MS, noted_ms=MARK_MS + number) for number, one in enumerate(leases)]
    assert await index.confirm(fires) == ["ok"] * MANY
    acknowledged = [done(one, 7, mark_ms=MARK_MS + 2 * number) for number, one in enumerate(leases)]
    assert await index.ack(acknowledged) == [True] * MANY
    found = await claim(index, limit=2 * MANY)
    assert [(one.ticket, one.mark_ms, one.fired_ms) for one in found] == [
        (ticket, MARK_MS + 2 * number, MARK_MS + number) for number, ticket in enumerate(tickets)
    ]


async def test_what_is_removed_from_the_head_makes_room_for_the_next_and_the_sentinel_goes_to_its_place(
    index: Index,
) -> None:
    await index.sync([wanted(A, 3), wanted(B, 4), wanted(C, 5)])
    await index.redis.zadd(index.keys.due, {"!": 1, "junk": 2, "rubbish": 3.5})
    assert [lease.ticket for lease in await claim(index, limit=2)] == [A, B]
    assert await index.redis.zrange(index.keys.due, 0, -1, withscores=True) == [(C, 5), ("!", float("inf"))]
    assert [await is_leased(index, ticket) for ticket in (A, B, C)] == [True, True, False]


@pytest.mark.parametrize("key", ["due", "tickets"])
async def test_an_acknowledgement_that_fails_leaves_the_lease_to_whoever_reaps(index: Index, key: str) -> None:
    await index.sync([wanted(A, 1), wanted(B, 2)])
    a, b = await claim(index)
    await index.redis.delete(getattr(index.keys, key))
    await index.redis.rpush(getattr(index.keys, key), "!")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await index.ack([Done(a, 1, MARK_MS, 5), Done(b, 1, MARK_MS, None)])
    assert [await is_leased(index, ticket) for ticket in (A, B)] == [True, True]


async def test_a_call_about_nothing_is_answered_with_nothing(index: Index) -> None:
    assert (await index.ack([]), await index.confirm([]), await claim(index, limit=1)) == ([], [], [])


async def test_no_search_takes_longer_the_more_is_leased(redis_server: RedisServer) -> None:
    redis = Real(redis_server).redis
    await redis.flushall()
    index = Index(redis, INSTALLATION)
    try:
        assert await index.finish_rebuild("nonce", await index.begin_rebuild("nonce"))
        await claim_one(index)
        encodings = [await redis.object("ENCODING", key) for key in (index.keys.leased, index.keys.lease)]
        assert encodings == ["skiplist", "hashtable"]
        assert (await index.inspect()).leased == 1
    finally:
        await redis.aclose()
