"""Two tickets of one timer: where their runs must not meet, neither confirms while the other is held."""

import pytest

from controller.index.index import Index
from controller.index.messages import Fire, Lease
from tests.redis.servers import Server
from tests.redis.tickets import HOUR_MS, MARK_MS, A, B, again, claim, done, wanted

BY_HAND = f"{A}~abcdefgh"
OCCURRENCE_MS = MARK_MS + 1


async def both(index: Index, lease_ms: int = HOUR_MS) -> tuple[Lease, Lease]:
    """The leases of a timer's schedule and of a run by hand."""
    await index.sync([wanted(A, 1), wanted(BY_HAND, 2, mark_ms=0)])
    scheduled, by_hand = await claim(index, lease_ms=lease_ms)
    return scheduled, by_hand


async def confirm(index: Index, lease: Lease, rival: str = "") -> str:
    occurrence_ms = 1 if lease.ticket == BY_HAND else OCCURRENCE_MS
    (verdict,) = await index.confirm([Fire(lease, 1, occurrence_ms, rival)])
    return verdict


async def test_neither_confirms_while_both_are_held(index: Index) -> None:
    scheduled, by_hand = await both(index)
    assert await confirm(index, scheduled, BY_HAND) == "busy"
    assert await confirm(index, by_hand, A) == "busy"


async def test_both_in_one_batch_are_busy(index: Index) -> None:
    scheduled, by_hand = await both(index)
    fires = [Fire(scheduled, 1, OCCURRENCE_MS, BY_HAND), Fire(by_hand, 1, 1, A)]
    assert await index.confirm(fires) == ["busy", "busy"]


async def test_where_they_may_meet_both_confirm(index: Index) -> None:
    scheduled, by_hand = await both(index)
    assert [await confirm(index, lease) for lease in (scheduled, by_hand)] == ["ok", "ok"]


async def test_who_is_the_rival_of_one_is_none_of_the_others(index: Index) -> None:
    await index.sync([wanted(A, 1), wanted(B, 2)])
    a, _ = await claim(index)
    assert await confirm(index, a, f"{A}~otherone") == "ok"


@pytest.mark.parametrize("how", ["acknowledged", "given back", "dropped", "removed", "edited"])
async def test_once_the_other_is_let_go_it_confirms(index: Index, how: str) -> None:
    scheduled, by_hand = await both(index)
    if how == "acknowledged":
        await index.ack([done(by_hand, None, mark_ms=1)])
    elif how == "given back":
        await index.retry([again(by_hand, 5)])
    elif how == "dropped":
        await index.drop([by_hand])
    elif how == "removed":
        await index.remove([BY_HAND])
    else:
        await index.sync([wanted(BY_HAND, 5, generation=2, mark_ms=0)])
    assert await confirm(index, scheduled, BY_HAND) == "ok"


async def test_one_that_is_due_and_not_held_is_in_nobodys_way(index: Index) -> None:
    await index.sync([wanted(A, 1), wanted(BY_HAND, 2, mark_ms=0)])
    (scheduled,) = await claim(index, limit=1)
    assert await confirm(index, scheduled, BY_HAND) == "ok"


async def test_a_lease_that_ran_out_is_in_the_way_until_it_is_reaped(server: Server, index: Index) -> None:
    """Its worker may be creating its Job in this very moment."""
    await index.sync([wanted(BY_HAND, 2, mark_ms=0)])
    await claim(index, lease_ms=1)
    await index.sync([wanted(A, 1)])
    (scheduled,) = await claim(index)
    await server.pass_ms(2)
    assert await confirm(index, scheduled, BY_HAND) == "busy"
    await index.reap(10, HOUR_MS)
    assert await confirm(index, scheduled, BY_HAND) == "ok"


async def test_every_other_reason_to_say_no_comes_before_the_rival(index: Index) -> None:
    scheduled, _ = await both(index)
    await index.sync([wanted(A, 1, mark_ms=OCCURRENCE_MS)])
    assert await confirm(index, scheduled, BY_HAND) == "handled"
    await index.ack([done(scheduled, None)])
    assert await confirm(index, scheduled, BY_HAND) == "lost"


async def test_after_a_loss_nobody_is_in_the_way_but_nobody_confirms_either(server: Server, index: Index) -> None:
    scheduled, _ = await both(index)
    await server.fail_over()
    assert await confirm(index, scheduled, BY_HAND) == "invalid"
