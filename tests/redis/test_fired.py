"""What fired last: kept beside the mark, as that also rises with what was missed or skipped."""

import pytest

from controller.index.index import Index
from controller.index.messages import Lease
from tests.redis.servers import Server
from tests.redis.tickets import HOUR_MS, MARK_MS, A, B, again, claim, claim_one, done, due_ms, mark_ms, wanted

LATER_MS = MARK_MS + HOUR_MS
BY_HAND = f"{A}~abcdefgh"
"""The ticket of a run of A that somebody asked for."""


async def fired_ms(index: Index, ticket: str = A) -> int:
    """What fired last, as the next claim would tell."""
    known = await index.redis.hget(index.keys.tickets, ticket)
    assert known is not None
    _, mark, since, _ = known.split()
    return int(mark) - int(since)


async def lease_after(index: Index, lease: Lease, **acknowledged: int) -> Lease:
    """The next lease of a ticket whose lease before was acknowledged like this."""
    assert await index.ack([done(lease, 1, **acknowledged)]) == [True]
    (following,) = await claim(index)
    return following


async def test_a_claim_says_what_fired_last(index: Index) -> None:
    lease = await claim_one(index, fired_ms=MARK_MS - 5)
    assert (lease.mark_ms, lease.fired_ms) == (MARK_MS, MARK_MS - 5)


async def test_where_nothing_is_known_to_have_fired_the_mark_stands_for_it(index: Index) -> None:
    """No occurrence at or before it has a Job that counts; as a difference of nothing it takes no memory."""
    lease = await claim_one(index)
    assert lease.fired_ms == MARK_MS


async def test_an_acknowledgement_raises_it_with_the_mark(index: Index) -> None:
    lease = await lease_after(index, await claim_one(index), mark_ms=LATER_MS, fired_ms=LATER_MS)
    assert (lease.mark_ms, lease.fired_ms) == (LATER_MS, LATER_MS)


async def test_what_has_no_job_raises_the_mark_alone(index: Index) -> None:
    lease = await lease_after(index, await claim_one(index), mark_ms=LATER_MS)
    assert (lease.mark_ms, lease.fired_ms) == (LATER_MS, MARK_MS)


async def test_what_fired_before_others_were_skipped_is_remembered_through_all_of_them(index: Index) -> None:
    lease = await lease_after(index, await claim_one(index), mark_ms=LATER_MS, fired_ms=LATER_MS)
    for number in range(1, 4):
        lease = await lease_after(index, lease, mark_ms=LATER_MS + number * HOUR_MS)
        assert (lease.mark_ms, lease.fired_ms) == (LATER_MS + number * HOUR_MS, LATER_MS)


async def test_a_retry_raises_the_mark_alone(index: Index) -> None:
    lease = await claim_one(index)
    await index.retry([again(lease, 1, mark_ms=LATER_MS)])
    (lease,) = await claim(index)
    assert (lease.mark_ms, lease.fired_ms) == (LATER_MS, MARK_MS)


async def test_an_acknowledgement_never_lowers_it(index: Index) -> None:
    lease = await claim_one(index, fired_ms=MARK_MS)
    lease = await lease_after(index, lease, mark_ms=MARK_MS, fired_ms=MARK_MS - 5)
    assert lease.fired_ms == MARK_MS


async def test_what_was_done_counts_even_when_the_lease_is_lost(server: Server, index: Index) -> None:
    lost = await claim_one(index, lease_ms=1)
    await server.pass_ms(2)
    await index.reap(10, HOUR_MS)
    assert await index.ack([done(lost, None, mark_ms=LATER_MS, fired_ms=LATER_MS)]) == [False]
    (lease,) = await claim(index)
    assert lease.fired_ms == LATER_MS


async def test_what_was_done_under_an_older_generation_counts(index: Index) -> None:
    lease = await claim_one(index)
    await index.sync([wanted(A, 1, generation=2)])
    await index.ack([done(lease, None, mark_ms=LATER_MS, fired_ms=LATER_MS)])
    assert await fired_ms(index) == LATER_MS


@pytest.mark.parametrize("generation", [1, 2, 3], ids=["older", "the same", "newer"])
async def test_a_sync_of_any_generation_adds_what_the_controller_has_seen(index: Index, generation: int) -> None:
    await index.sync([wanted(A, 1, generation=2, fired_ms=MARK_MS - 5)])
    await index.sync([wanted(A, 1, generation=generation, fired_ms=MARK_MS - 3)])
    assert await fired_ms(index) == MARK_MS - 3


@pytest.mark.parametrize("generation", [1, 2, 3], ids=["older", "the same", "newer"])
async def test_a_sync_of_any_generation_takes_nothing_away(index: Index, generation: int) -> None:
    await index.sync([wanted(A, 1, generation=2, fired_ms=MARK_MS - 3)])
    await index.sync([wanted(A, 1, generation=generation, fired_ms=MARK_MS - 5)])
    assert await fired_ms(index) == MARK_MS - 3


async def test_a_sync_raises_the_mark_and_not_what_fired(index: Index) -> None:
    await index.sync([wanted(A, 1, fired_ms=MARK_MS - 5)])
    await index.sync([wanted(A, 1, mark_ms=LATER_MS, fired_ms=MARK_MS - 5)])
    assert (await mark_ms(index), await fired_ms(index)) == (LATER_MS, MARK_MS - 5)


async def test_it_survives_a_rebuild_after_a_loss(index: Index) -> None:
    await index.sync([wanted(A, 1, fired_ms=MARK_MS - 5)])
    await index.redis.delete(index.keys.epoch)
    identity = await index.begin_rebuild("second")
    await index.sync([wanted(A, 1, fired_ms=MARK_MS - 9)])
    assert await index.finish_rebuild("second", identity)
    (lease,) = await claim(index)
    assert lease.fired_ms == MARK_MS - 5


# Runs by hand.


async def test_a_claim_by_hand_says_what_its_timer_fired_last(index: Index) -> None:
    await index.sync([wanted(A, None, fired_ms=MARK_MS - 5), wanted(BY_HAND, 1, mark_ms=0)])
    (lease,) = await claim(index)
    assert (lease.ticket, lease.mark_ms, lease.fired_ms) == (BY_HAND, 0, MARK_MS - 5)
    assert lease.request_key == "abcdefgh"


async def test_a_claim_by_hand_whose_timer_is_not_known_says_that_nothing_fired(index: Index) -> None:
    await index.sync([wanted(B, None), wanted(BY_HAND, 1, mark_ms=0)])
    (lease,) = await claim(index)
    assert (lease.ticket, lease.fired_ms) == (BY_HAND, 0)


async def test_a_claim_of_the_timer_itself_is_about_no_request(index: Index) -> None:
    assert (await claim_one(index)).request_key == ""


async def test_what_is_done_by_hand_moves_nothing_of_the_timer(index: Index) -> None:
    await index.sync([wanted(A, LATER_MS, fired_ms=MARK_MS - 5), wanted(BY_HAND, 1, mark_ms=0)])
    (lease,) = [one for one in await claim(index) if one.ticket == BY_HAND]
    assert await index.ack([done(lease, None, mark_ms=1)]) == [True]
    assert (await mark_ms(index), await fired_ms(index)) == (MARK_MS, MARK_MS - 5)
    assert await mark_ms(index, BY_HAND) == 1


async def test_a_request_that_was_done_waits_for_nothing_whatever_the_mark_of_its_timer(index: Index) -> None:
    await index.sync([wanted(A, None), wanted(BY_HAND, 1, mark_ms=0)])
    (lease,) = await claim(index)
    await index.ack([done(lease, None, mark_ms=1)])
    assert await due_ms(index, BY_HAND) is None
    # Until status says so the controller goes on asking for it, and a worker finds what was done.
    await index.sync([wanted(BY_HAND, 1, mark_ms=0)])
    (lease,) = await claim(index)
    assert lease.mark_ms == 1


async def test_a_ticket_by_hand_is_removed_by_itself_and_not_with_its_timer(index: Index) -> None:
    await index.sync([wanted(A, 1), wanted(BY_HAND, 2, mark_ms=0)])
    await index.remove([BY_HAND])
    assert await mark_ms(index, BY_HAND) is None
    assert await due_ms(index, BY_HAND) is None
    assert await due_ms(index) == 1
    await index.sync([wanted(BY_HAND, 2, mark_ms=0)])
    await index.remove([A])
    assert await due_ms(index, BY_HAND) == 2


async def test_a_ticket_by_hand_that_is_removed_while_it_is_held_is_done_no_more(index: Index) -> None:
    await index.sync([wanted(A, None), wanted(BY_HAND, 1, mark_ms=0)])
    (lease,) = await claim(index)
    await index.remove([BY_HAND])
    assert await index.ack([done(lease, None, mark_ms=1)]) == [False]
    assert await mark_ms(index, BY_HAND) is None


async def test_an_edit_does_not_forget_what_fired_last(index: Index) -> None:
    """The controller may not have seen its Job yet, and it may run for long."""
    await index.sync([wanted(A, 1, mark_ms=LATER_MS, fired_ms=LATER_MS)])
    await index.sync([wanted(A, 1, generation=2, mark_ms=LATER_MS + 5)])
    (lease,) = await claim(index)
    assert (lease.mark_ms, lease.fired_ms) == (LATER_MS + 5, LATER_MS)
