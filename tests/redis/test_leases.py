"""How long a lease lasts: renew and reap."""

import pytest

from controller.index.index import Index, IndexInvalidError
from controller.index.messages import Fire
from tests.redis.servers import Server
from tests.redis.tickets import (
    HOUR_MS,
    MARK_MS,
    MINUTE_MS,
    A,
    B,
    C,
    again,
    claim,
    claim_one,
    due_ms,
    is_leased,
    mark_ms,
    wanted,
)


async def test_a_lease_is_renewed_from_now_on(server: Server, index: Index) -> None:
    lease = await claim_one(index, lease_ms=MINUTE_MS)
    before_ms = await server.now_ms()
    assert await index.renew([lease], HOUR_MS) == [True]
    expiry_ms = await index.redis.zscore(index.keys.leased, A)
    assert expiry_ms is not None
    assert before_ms + HOUR_MS <= expiry_ms <= await server.now_ms() + HOUR_MS


async def test_an_expired_lease_is_not_renewed_even_before_it_is_reaped(server: Server, index: Index) -> None:
    lease = await claim_one(index, lease_ms=1)
    await server.pass_ms(2)
    assert await index.renew([lease], HOUR_MS) == [False]
    assert await index.confirm([Fire(lease, 1, MARK_MS + 1)]) == ["expired"]


async def test_a_lost_lease_is_not_renewed_while_another_holds_the_ticket(index: Index) -> None:
    lost = await claim_one(index)
    await index.retry([again(lost, 1)])
    (held,) = await claim(index, lease_ms=MINUTE_MS)
    assert await index.renew([lost], HOUR_MS) == [False]
    assert await index.renew([held], HOUR_MS) == [True]


async def test_each_lease_of_a_batch_is_renewed_for_itself(index: Index) -> None:
    await index.sync([wanted(A, 1), wanted(B, 2), wanted(C, 3)])
    a, b, c = await claim(index)
    await index.retry([again(b, 1)])
    assert await index.renew([a, b, c], HOUR_MS) == [True, False, True]


async def test_an_expired_lease_makes_its_ticket_due_now(server: Server, index: Index) -> None:
    await claim_one(index, lease_ms=1)
    await server.pass_ms(2)
    before_ms = await server.now_ms()
    assert await index.reap(10, HOUR_MS) == 1
    assert not await is_leased(index)
    reaped_ms = await due_ms(index)
    assert reaped_ms is not None
    assert before_ms <= reaped_ms <= await server.now_ms()
    assert [lease.ticket for lease in await claim(index)] == [A]


async def test_a_lease_is_not_reaped_before_it_expires(index: Index) -> None:
    await claim_one(index, lease_ms=MINUTE_MS)
    assert await index.reap(10, HOUR_MS) == 0
    assert await is_leased(index)


async def test_a_lease_from_before_the_clock_was_set_back_is_reaped(index: Index) -> None:
    await claim_one(index, lease_ms=24 * HOUR_MS)
    assert await index.reap(10, HOUR_MS) == 1
    assert not await is_leased(index)
    assert await due_ms(index) is not None


async def test_to_reap_forgets_no_ticket_and_no_mark(server: Server, index: Index) -> None:
    await index.sync([wanted(A, 1), wanted(B, 2), wanted(C, None)])
    await claim(index, lease_ms=1)
    await server.pass_ms(2)
    await index.reap(10, HOUR_MS)
    assert [await mark_ms(index, ticket) for ticket in (A, B, C)] == [MARK_MS] * 3
    assert None not in (await due_ms(index, A), await due_ms(index, B))


async def test_what_the_limit_leaves_is_reaped_the_next_time(server: Server, index: Index) -> None:
    await index.sync([wanted(A, 1), wanted(B, 2), wanted(C, 3)])
    await claim(index, lease_ms=1)
    await server.pass_ms(2)
    assert [await index.reap(2, HOUR_MS) for _ in range(3)] == [2, 1, 0]


@pytest.mark.parametrize("key", ["due", "leased", "lease", "tickets", "epoch"])
async def test_an_invalid_index_is_not_reaped(server: Server, index: Index, key: str) -> None:
    await claim_one(index, lease_ms=1)
    await server.pass_ms(2)
    await index.redis.delete(getattr(index.keys, key))
    with pytest.raises(IndexInvalidError):
        await index.reap(10, HOUR_MS)
    assert await due_ms(index) is None
