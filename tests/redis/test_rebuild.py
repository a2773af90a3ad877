"""Rebuilding: from whatever the index lost to a valid one, unless something came between."""

import pytest

from controller.index.index import Index, IndexInvalidError
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
    done,
    due_ms,
    is_leased,
    mark_ms,
    wanted,
)


async def is_valid(index: Index) -> bool:
    return (await index.inspect()).valid


async def test_a_rebuild_makes_an_index_valid(unbuilt: Index) -> None:
    assert not await is_valid(unbuilt)
    identity = await unbuilt.begin_rebuild("nonce")
    await unbuilt.sync([wanted(A, 1)])
    assert not await is_valid(unbuilt)
    assert await unbuilt.finish_rebuild("nonce", identity)
    assert await is_valid(unbuilt)
    assert [lease.ticket for lease in await claim(unbuilt)] == [A]


@pytest.mark.parametrize("key", ["due", "leased", "lease", "tickets", "epoch"])
async def test_a_rebuild_after_the_loss_of_a_key_starts_without_times_and_leases(index: Index, key: str) -> None:
    await index.sync([wanted(A, 1), wanted(B, 2)])
    await claim(index, limit=1)
    await index.redis.delete(getattr(index.keys, key))
    identity = await index.begin_rebuild("second")
    assert not await is_leased(index)
    assert await due_ms(index, B) is None
    assert await index.finish_rebuild("second", identity)
    assert await claim(index) == []


async def test_a_rebuild_after_a_loss_keeps_the_marks(index: Index) -> None:
    lease = await claim_one(index)
    await index.ack([done(lease, None, mark_ms=MARK_MS + 5)])
    await index.redis.delete(index.keys.epoch)
    await index.begin_rebuild("second")
    await index.sync([wanted(A, 1, mark_ms=MARK_MS)])
    assert await mark_ms(index) == MARK_MS + 5


async def test_a_rebuild_of_a_valid_index_takes_nothing_from_the_workers(index: Index) -> None:
    await index.sync([wanted(A, 1), wanted(B, 2)])
    (lease,) = await claim(index, limit=1)
    identity = await index.begin_rebuild("second")
    assert await index.renew([lease], HOUR_MS) == [True]
    assert await due_ms(index, B) == 2
    assert await index.finish_rebuild("second", identity)
    assert await index.confirm([Fire(lease, 1, MARK_MS + 1)]) == ["ok"]


async def test_a_rebuild_overtaken_by_another_does_not_finish(unbuilt: Index) -> None:
    identity = await unbuilt.begin_rebuild("first")
    assert await unbuilt.begin_rebuild("second") == identity
    assert not await unbuilt.finish_rebuild("first", identity)
    assert not await is_valid(unbuilt)
    assert await unbuilt.finish_rebuild("second", identity)


async def test_a_rebuild_finishes_once(unbuilt: Index) -> None:
    identity = await unbuilt.begin_rebuild("nonce")
    assert await unbuilt.finish_rebuild("nonce", identity)
    assert not await unbuilt.finish_rebuild("nonce", identity)
    assert await is_valid(unbuilt)


async def test_a_rebuild_does_not_finish_on_a_server_that_restarted_meanwhile(server: Server, unbuilt: Index) -> None:
    identity = await unbuilt.begin_rebuild("nonce")
    await server.restart_from_snapshot()
    assert await unbuilt.redis.get(unbuilt.keys.building) == "nonce"
    assert not await unbuilt.finish_rebuild("nonce", identity)
    assert not await is_valid(unbuilt)


async def test_a_rebuild_does_not_finish_on_an_empty_server(server: Server, unbuilt: Index) -> None:
    identity = await unbuilt.begin_rebuild("nonce")
    await server.restart()
    assert not await unbuilt.finish_rebuild("nonce", identity)
    assert not await is_valid(unbuilt)


async def test_a_rebuild_does_not_finish_after_a_failover(server: Server, unbuilt: Index) -> None:
    identity = await unbuilt.begin_rebuild("nonce")
    await server.fail_over()
    assert not await unbuilt.finish_rebuild("nonce", identity)
    assert not await is_valid(unbuilt)


@pytest.mark.parametrize("key", ["due", "leased", "lease", "tickets"])
async def test_a_rebuild_does_not_finish_when_a_key_was_lost_meanwhile(unbuilt: Index, key: str) -> None:
    identity = await unbuilt.begin_rebuild("nonce")
    await unbuilt.redis.delete(getattr(unbuilt.keys, key))
    await unbuilt.sync([wanted(A, 1)])
    assert not await unbuilt.finish_rebuild("nonce", identity)
    with pytest.raises(IndexInvalidError):
        await claim(unbuilt)


async def test_the_next_rebuild_mends_what_the_one_before_could_not(unbuilt: Index) -> None:
    identity = await unbuilt.begin_rebuild("first")
    await unbuilt.redis.delete(unbuilt.keys.due)
    assert not await unbuilt.finish_rebuild("first", identity)
    identity = await unbuilt.begin_rebuild("second")
    assert await unbuilt.finish_rebuild("second", identity)
    assert await is_valid(unbuilt)


async def test_the_identity_of_a_server_changes_with_a_restart_and_with_a_failover(
    server: Server, unbuilt: Index
) -> None:
    identities = [await unbuilt.begin_rebuild("1")]
    await server.restart_from_snapshot()
    identities.append(await unbuilt.begin_rebuild("2"))
    await server.fail_over()
    identities.append(await unbuilt.begin_rebuild("3"))
    assert len(set(identities)) == 3


async def test_a_first_look_at_an_empty_server_finds_an_invalid_index(unbuilt: Index) -> None:
    state = await unbuilt.inspect()
    assert (state.valid, state.tickets, state.due, state.oldest_due_ms, state.leased) == (False, 0, 0, None, 0)


async def test_the_state_counts_what_is_due_what_is_leased_and_all_tickets(server: Server, index: Index) -> None:
    now_ms = await server.now_ms()
    a, b, c, d, e = (f"{number:022d}" for number in range(5))
    await index.sync([wanted(a, 1), wanted(b, 2), wanted(c, 3), wanted(d, now_ms + HOUR_MS), wanted(e, None)])
    await claim(index, limit=1)
    state = await index.inspect()
    assert (state.valid, state.tickets, state.due, state.oldest_due_ms, state.leased) == (True, 5, 2, 2, 1)
    assert now_ms <= state.now_ms <= await server.now_ms()


async def test_what_is_removed_but_in_some_namespaces_stays_there(index: Index) -> None:
    one, two, three = (wanted(ticket, 1, namespace=place) for ticket, place in ((A, "one"), (B, "two"), (C, "three")))
    await index.sync([one, two, three])
    await index.remove([A, B, C, "unknown"], but_in=["one", "tw", "three"])
    assert {ticket async for page in index.all_tickets() for ticket in page} == {A, C}
    await index.remove([A, C])
    assert (await index.inspect()).tickets == 0


@pytest.mark.parametrize("count", [0, 1, 3000])
async def test_all_tickets_are_found_page_by_page(index: Index, count: int) -> None:
    tickets = {f"{number:022d}" for number in range(count)}
    if tickets:
        await index.sync(wanted(ticket, None) for ticket in tickets)
    assert {ticket async for page in index.all_tickets() for ticket in page} == tickets


async def test_the_first_cluster_owns_the_index_and_another_learns_which(unbuilt: Index) -> None:
    assert await unbuilt.claim_ownership("first-cluster") == "first-cluster"
    assert await unbuilt.claim_ownership("second-cluster") == "first-cluster"
    assert await unbuilt.claim_ownership("first-cluster") == "first-cluster"


async def test_who_takes_an_index_has_it_whoever_had_it_before(unbuilt: Index) -> None:
    await unbuilt.claim_ownership("first-cluster")
    await unbuilt.take_ownership("second-cluster")
    assert await unbuilt.claim_ownership("first-cluster") == "second-cluster"


async def test_an_owner_that_is_lost_while_it_is_read_is_nobody(
    unbuilt: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    await unbuilt.claim_ownership("first-cluster")
    read = unbuilt.redis.getrange

    async def lost_before(key: str, start: int, end: int) -> str:
        await unbuilt.redis.delete(key)
        return str(await read(key, start, end))

    monkeypatch.setattr(unbuilt.redis, "getrange", lost_before)
    assert await unbuilt.claim_ownership("second-cluster") == "second-cluster"
