"""Members that somebody else has written: refused, cleaned up, and no reason for anybody to wait."""

import math
import time
from typing import Any

import pytest

from controller.index.index import Index
from controller.index.messages import Fire
from tests.redis.servers import Server
from tests.redis.tickets import (
    HOUR_MS,
    MARK_MS,
    A,
    B,
    C,
    claim,
    claim_one,
    due_ms,
    is_leased,
    wanted,
)

NOT_TICKETS: list[str | bytes] = [
    "",
    " ",
    "A" * 21,
    "A" * 23,
    "A" * 21 + "/",
    f"{A}~",
    f"{A}~ABCDEFGH",
    f"{A}~abcdefg1",
    f"{A}~abcdefghi",
    "../../secrets",
    b"\xff" * 22,
    b"\x00",
    "\n" * 22,
    "x" * 100_000,
]
SENSELESS: list[str | bytes] = [
    "",
    "1",
    "1 2 3",
    "1 2 3 ",
    "1 2 3 name",
    "1 2 3 a/b/c",
    "1 5 9 a/b",  # fired before the epoch
    "1 -5 0 a/b",
    "-1 5 0 a/b",
    "0 5 0 a/b",
    "01 5 0 a/b",
    "1 05 0 a/b",
    "1.5 5 0 a/b",
    "0x1 5 0 a/b",
    "1e3 5 0 a/b",
    "nan inf 0 a/b",
    f"1 {2**63} 0 a/b",
    f"{2**63} 5 0 a/b",
    f"1 {10**14 * 9} 0 a/b",  # after the calendar
    f"1 {10**14 * 9} {10**14 * 9} a/b",
    f"1 5 -{10**14 * 9} a/b",
    f"1 {253402300799999} -{10**14 - 1} a/b",
    f"1 {'9' * 400} 0 a/b",
    "1 5 0 ../b",
    "1 5 0 a/..",
    "1 5 0 a/.",
    "1 5 0 a/b..c",
    "1 5 0 a/../../b",
    "1 5 0 a/%2e%2e",
    "1 5 0 a/b?x=y",
    "1 5 0 A/b",
    "1 5 0 a/é",
    "1 5 0 a/b\n",
    "1 5 0  a/b",
    b"1 5 0 a/\xff",
    b"\xff\xfe\x00",
    "1 5 0 a/" + "b" * 100_000,
]
SCORES: list[float | str] = ["-inf", -1e308, -1.5, 0, 0.5, 1e3, 1.9]
FAR_SCORES: list[float | str] = ["inf", 1e308, 2**53, 1e16, 253402300800000.5]


async def is_whole(index: Index) -> bool:
    """Whether all keys hold the same tickets, each due, leased or neither."""
    redis, keys = index.redis, index.keys
    known = set(await redis.hkeys(keys.tickets))
    due, leased = set(await redis.zrange(keys.due, 0, -1)), set(await redis.zrange(keys.leased, 0, -1))
    lease = set(await redis.hkeys(keys.lease))
    return due <= known and leased == lease and due & leased == {"!"} and leased <= known


async def rebuild(index: Index, *tickets: Any) -> None:
    """All that a rebuild does to the index."""
    identity = await index.begin_rebuild("nonce")
    found = await index.sweep()
    await index.sync(tickets)
    await index.remove(found.keys() - {one.ticket for one in tickets})
    assert await index.finish_rebuild("nonce", identity)


@pytest.mark.parametrize("score", SCORES)
async def test_what_is_due_and_no_ticket_is_removed_and_the_next_is_claimed(index: Index, score: float | str) -> None:
    junk: list[int] = []
    index.on_junk = junk.append
    for member in NOT_TICKETS:
        await index.sync([wanted(A, 2_000)])
        await index.redis.zadd(index.keys.due, {member: score})
        await index.redis.hset(index.keys.tickets, member, f"1 {MARK_MS} 0 default/nightly")
        assert (await index.inspect()).oldest_due_ms is not None
        (lease,) = await claim(index, limit=1)
        assert lease.ticket == A
        assert await index.redis.zcard(index.keys.due) == 1
        await index.drop([lease])
    assert junk == [1] * len(NOT_TICKETS)
    assert (await index.inspect()).valid


async def test_a_ticket_that_says_what_none_can_is_refused_and_the_next_is_claimed(index: Index) -> None:
    for text in SENSELESS:
        await rebuild(index)
        lease = await claim_one(index, B)
        await index.sync([wanted(A, 2)])
        for ticket in (B, C):
            await index.redis.hset(index.keys.tickets, ticket, text)
        await index.redis.zadd(index.keys.due, {C: 1})
        assert [lease.ticket for lease in await claim(index, limit=1)] == [A], text
        assert await index.confirm([Fire(lease, 1, HOUR_MS)]) == ["gone"], text
        assert await due_ms(index, C) is None
        await rebuild(index, wanted(A, 1), wanted(B, 2), wanted(C, 3))
        assert await is_whole(index)
        assert [lease.ticket for lease in await claim(index)] == [B, C], "A is held still"


async def test_ever_so_much_junk_in_front_is_cleared_in_few_claims(index: Index) -> None:
    async with index.redis.pipeline(transaction=False) as pipeline:
        for start in range(0, 5000, 500):
            pipeline.zadd(index.keys.due, {f"junk-{number}": "-inf" for number in range(start, start + 500)})
        await pipeline.execute()
    await index.sync([wanted(A, 1)])
    claims = [await claim(index) for _ in range(6)]
    assert [lease.ticket for leases in claims for lease in leases] == [A]


@pytest.mark.parametrize("score", FAR_SCORES)
async def test_a_time_beyond_the_calendar_is_no_time_to_wake_up_at(index: Index, score: float | str) -> None:
    await index.redis.zadd(index.keys.due, {A: score})
    assert (await index.claim("token", 10, 1000, HOUR_MS)).next_due_ms is None
    state = await index.inspect()
    assert (state.due, state.oldest_due_ms) == (0, None)


@pytest.mark.parametrize(("score", "shown"), [("-inf", 0), (-7.5, 0), (1500.9, 1500)])
async def test_a_time_that_is_no_whole_number_is_read_as_one(index: Index, score: float | str, shown: int) -> None:
    await index.sync([wanted(A, 1), wanted(B, 2)])
    await index.redis.zadd(index.keys.due, {A: score, B: score})
    assert (await index.claim("token", 1, 0, HOUR_MS)).next_due_ms == shown
    assert (await index.inspect()).oldest_due_ms == shown


@pytest.mark.parametrize("score", [*SCORES, *FAR_SCORES, 4e12])
async def test_a_time_that_a_timer_does_not_want_is_corrected_by_a_rebuild(index: Index, score: float | str) -> None:
    await index.redis.zadd(index.keys.due, {A: score})
    await rebuild(index, wanted(A, 1))
    assert [lease.ticket for lease in await claim(index)] == [A]


@pytest.mark.parametrize("expiry", ["inf", 1e308, 1e16, "-inf", 0.5])
async def test_a_lease_that_would_last_for_ever_is_reaped(server: Server, index: Index, expiry: float | str) -> None:
    await claim_one(index)
    await index.redis.zadd(index.keys.leased, {A: expiry})
    assert await index.reap(10, HOUR_MS) == 1
    assert [lease.ticket for lease in await claim(index)] == [A]


async def test_leases_of_what_is_no_ticket_are_reaped_and_not_due(index: Index) -> None:
    forged = {f"junk-{number}": "inf" for number in range(25)} | {" ": "inf", b"\xff": 1}
    await index.redis.zadd(index.keys.leased, forged)
    assert [await index.reap(10, HOUR_MS) for _ in range(4)] == [11, 10, 6, 0]
    assert await index.redis.zrange(index.keys.due, 0, -1) == ["!"]
    assert (await index.inspect()).valid


@pytest.mark.parametrize("key", ["leased", "lease", "both", "due and leased"])
async def test_half_a_lease_that_somebody_forged_does_not_outlast_a_rebuild(index: Index, key: str) -> None:
    """Else a sync would leave such a ticket to a worker that does not exist."""
    redis, keys = index.redis, index.keys
    await index.sync([wanted(A, 4 * 10**12)])
    if key != "due and leased":
        await redis.zrem(keys.due, A)
    if key in ("leased", "both", "due and leased"):
        await redis.zadd(keys.leased, {A: "inf"})
    if key in ("lease", "both", "due and leased"):
        await redis.hset(keys.lease, A, "forged")
    await rebuild(index, wanted(A, 1))
    await index.reap(10, HOUR_MS)
    assert await is_whole(index)
    assert [lease.ticket for lease in await claim(index)] == [A]


async def test_a_rebuild_removes_all_that_no_script_can_have_written(server: Server, index: Index) -> None:
    redis, keys = index.redis, index.keys
    await index.sync([wanted(A, 1), wanted(B, 4 * 10**12)])
    (lease,) = await claim(index)
    before = [await redis.zrange(keys.due, 0, -1, withscores=True), await redis.hgetall(keys.tickets)]
    for number, member in enumerate(NOT_TICKETS):
        await redis.zadd(keys.due, {member: "inf"})
        await redis.zadd(keys.leased, {member: "inf"})
        await redis.hset(keys.lease, member, "x")
        await redis.hset(keys.tickets, member, SENSELESS[number])
    async with redis.pipeline(transaction=False) as pipeline:
        for start in range(0, 3000, 500):
            pipeline.hset(keys.tickets, mapping={f"junk-{number}": "x" for number in range(start, start + 500)})
        await pipeline.execute()
    junk: list[int] = []
    index.on_junk = junk.append
    await rebuild(index, wanted(A, 1), wanted(B, 4 * 10**12))
    assert await is_whole(index)
    assert [await redis.zrange(keys.due, 0, -1, withscores=True), await redis.hgetall(keys.tickets)] == before
    assert junk == [len(NOT_TICKETS) + 3000], "all at once with the tickets"
    assert await index.confirm([Fire(lease, 1, HOUR_MS)]) == ["ok"], "what workers hold is left to them"


async def test_a_sweep_finds_what_is_in_one_place_only_or_in_two_that_exclude_each_other(index: Index) -> None:
    redis, keys = index.redis, index.keys
    await index.sync([wanted(A, 1), wanted(B, 4 * 10**12)])
    (lease,) = await claim(index)
    # Tickets by their looks, of no timer; and A both held and due.
    await redis.zadd(keys.due, {C: "inf", f"{C}~abcdefgh": 5, A: 7})
    await redis.zadd(keys.leased, {C: "inf", B: 4 * 10**12, f"{B}~abcdefgh": 4 * 10**12})
    await redis.hset(keys.lease, f"{C}~abcdefgh", "forged")
    await index.sweep()
    assert await redis.zrange(keys.due, 0, -1) == [B, "!"]
    assert await redis.zrange(keys.leased, 0, -1) == [A, "!"]
    assert sorted(await redis.hkeys(keys.lease)) == ["!", A]
    assert await index.renew([lease], HOUR_MS) == [True]


async def test_a_sweep_of_a_healthy_index_removes_nothing(index: Index) -> None:
    tickets = [f"{number:022d}" for number in range(3000)]
    await index.sync([wanted(ticket, 1) for ticket in tickets] + [wanted(f"{A}~abcdefgh", None, mark_ms=0)])
    await claim(index, limit=1000)
    keys, redis = index.keys, index.redis

    async def content() -> list[Any]:
        return [
            await redis.zrange(keys.due, 0, -1, withscores=True),
            await redis.zrange(keys.leased, 0, -1, withscores=True),
            await redis.hgetall(keys.lease),
            await redis.hgetall(keys.tickets),
        ]

    before, junk = await content(), []
    index.on_junk = junk.append
    assert await index.sweep() == dict.fromkeys(tickets, (1, MARK_MS, MARK_MS)) | {f"{A}~abcdefgh": (1, 0, 0)}
    assert await content() == before
    assert junk == []


async def test_a_claim_with_a_time_that_never_comes_at_the_head_waits_and_does_not_spin(index: Index) -> None:
    await index.redis.zadd(index.keys.due, {"junk": 1e308})
    reply = await index.claim("token", 10, 0, HOUR_MS)
    assert (reply.leases, reply.next_due_ms) == ([], None)
    assert math.isfinite(reply.now_ms)
    assert abs(reply.now_ms - time.time() * 1000) < HOUR_MS
    assert not await is_leased(index)
