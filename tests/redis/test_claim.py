"""Claiming: who gets which tickets, and what else the reply says."""

import asyncio

import pytest

from controller.index.index import Index, IndexInvalidError
from controller.index.messages import Lease
from tests.redis.servers import Server
from tests.redis.tickets import HOUR_MS, MARK_MS, MINUTE_MS, A, B, C, claim, due_ms, is_leased, mark_ms, wanted


async def test_a_claim_takes_what_is_due_and_says_all_that_is_known_of_it(index: Index) -> None:
    await index.sync([wanted(A, 1, generation=7, namespace="shop", name="nightly.report", fired_ms=MARK_MS - 5)])
    reply = await index.claim("mine", limit=10, ahead_ms=0, lease_ms=HOUR_MS)
    assert reply.leases == [Lease(A, "mine", 7, MARK_MS, "shop", "nightly.report", MARK_MS - 5)]
    assert await is_leased(index)
    assert await due_ms(index) is None


async def test_the_earliest_tickets_are_claimed_first_and_no_more_than_the_limit(index: Index) -> None:
    await index.sync([wanted(A, 3), wanted(B, 1), wanted(C, 2)])
    assert [lease.ticket for lease in await claim(index, limit=2)] == [B, C]
    assert [lease.ticket for lease in await claim(index, limit=2)] == [A]


async def test_what_is_not_due_yet_is_claimed_only_within_the_time_ahead(server: Server, index: Index) -> None:
    now_ms = await server.now_ms()
    await index.sync([wanted(A, now_ms + HOUR_MS), wanted(B, now_ms + 3 * HOUR_MS)])
    assert await claim(index) == []
    assert [lease.ticket for lease in await claim(index, ahead_ms=2 * HOUR_MS)] == [A]


async def test_a_claimed_ticket_is_not_claimed_again(index: Index) -> None:
    await index.sync([wanted(A, 1)])
    assert len(await claim(index)) == 1
    assert await claim(index) == []


async def test_many_claimers_at_once_never_get_the_same_ticket(index: Index) -> None:
    tickets = [f"{number:022d}" for number in range(60)]
    await index.sync([wanted(ticket, 1) for ticket in tickets])
    batches = await asyncio.gather(*(claim(index, limit=10) for _ in range(8)))
    assert sorted(lease.ticket for batch in batches for lease in batch) == tickets


async def test_a_claim_says_the_time_and_when_the_next_ticket_is_due(server: Server, index: Index) -> None:
    before_ms = await server.now_ms()
    await index.sync([wanted(A, 1), wanted(B, before_ms + HOUR_MS), wanted(C, before_ms + 2 * HOUR_MS)])
    reply = await index.claim("token", limit=10, ahead_ms=0, lease_ms=HOUR_MS)
    assert reply.next_due_ms == before_ms + HOUR_MS
    assert before_ms <= reply.now_ms <= await server.now_ms()


async def test_what_the_limit_left_behind_is_the_next_that_is_due(index: Index) -> None:
    await index.sync([wanted(A, 1), wanted(B, 2)])
    assert (await index.claim("token", limit=1, ahead_ms=0, lease_ms=HOUR_MS)).next_due_ms == 2


async def test_nothing_is_due_next_where_nothing_is_left(index: Index) -> None:
    assert (await index.claim("token", limit=1, ahead_ms=0, lease_ms=HOUR_MS)).next_due_ms is None


async def test_a_claim_repeated_after_a_lost_reply_takes_only_what_was_left(index: Index) -> None:
    await index.sync([wanted(A, 1), wanted(B, 2), wanted(C, 3)])
    lost = await index.claim("same", limit=2, ahead_ms=0, lease_ms=HOUR_MS)
    repeated = await index.claim("same", limit=2, ahead_ms=0, lease_ms=HOUR_MS)
    assert [lease.ticket for lease in lost.leases] == [A, B]
    assert [lease.ticket for lease in repeated.leases] == [C]
    assert [await is_leased(index, ticket) for ticket in (A, B, C)] == [True, True, True]


async def test_a_due_time_without_a_timer_is_cleared_away_and_holds_up_nobody(index: Index) -> None:
    await index.redis.zadd(index.keys.due, {B: 1})
    await index.sync([wanted(A, 2)])
    assert [lease.ticket for lease in await claim(index)] == [A]
    assert await due_ms(index, B) is None


async def test_an_index_that_was_never_built_is_not_claimed_from(unbuilt: Index) -> None:
    with pytest.raises(IndexInvalidError):
        await claim(unbuilt)


async def test_an_index_is_not_claimed_from_during_its_first_rebuild(unbuilt: Index) -> None:
    await unbuilt.begin_rebuild("nonce")
    await unbuilt.sync([wanted(A, 1)])
    with pytest.raises(IndexInvalidError):
        await claim(unbuilt)


async def test_an_index_stays_in_use_while_it_is_rebuilt(index: Index) -> None:
    await index.sync([wanted(A, 1)])
    await index.begin_rebuild("second")
    assert len(await claim(index)) == 1


@pytest.mark.parametrize("key", ["due", "leased", "lease", "tickets", "epoch"])
async def test_an_index_that_lost_a_key_is_not_claimed_from(index: Index, key: str) -> None:
    await index.sync([wanted(A, 1), wanted(B, 1)])
    await claim(index, limit=1)
    await index.redis.delete(getattr(index.keys, key))
    with pytest.raises(IndexInvalidError):
        await claim(index)


@pytest.mark.parametrize("key", ["due", "leased", "lease", "tickets"])
async def test_a_lost_key_that_came_back_by_a_sync_is_still_noticed(index: Index, key: str) -> None:
    await index.sync([wanted(A, 1)])
    await index.redis.delete(getattr(index.keys, key))
    await index.sync([wanted(A, 1), wanted(B, 1)])
    with pytest.raises(IndexInvalidError):
        await claim(index)


async def test_an_index_is_not_claimed_from_after_a_restart(server: Server, index: Index) -> None:
    await index.sync([wanted(A, 1)])
    await server.restart()
    with pytest.raises(IndexInvalidError):
        await claim(index)


async def test_a_snapshot_of_a_valid_index_is_not_claimed_from(server: Server, index: Index) -> None:
    await index.sync([wanted(A, 1)])
    await server.restart_from_snapshot()
    assert await due_ms(index) == 1
    assert await mark_ms(index) == MARK_MS
    with pytest.raises(IndexInvalidError):
        await claim(index)


async def test_an_index_is_not_claimed_from_after_a_failover(server: Server, index: Index) -> None:
    await index.sync([wanted(A, MINUTE_MS)])
    await server.fail_over()
    assert await due_ms(index) == MINUTE_MS
    with pytest.raises(IndexInvalidError):
        await claim(index)
