"""How a worker lets go of a ticket: ack, retry, drop."""

from controller.index.index import Index
from tests.redis.servers import Server
from tests.redis.tickets import (
    HOUR_MS,
    MARK_MS,
    A,
    B,
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

OCCURRENCE_MS = MARK_MS + 1
NEXT_MS = MARK_MS + HOUR_MS


async def test_an_acknowledgement_raises_the_mark_and_schedules_the_next_look(index: Index) -> None:
    lease = await claim_one(index)
    assert await index.ack([done(lease, NEXT_MS, mark_ms=OCCURRENCE_MS)]) == [True]
    assert await mark_ms(index) == OCCURRENCE_MS
    assert await due_ms(index) == NEXT_MS
    assert not await is_leased(index)


async def test_without_a_next_time_a_ticket_waits_for_nothing_and_keeps_its_mark(index: Index) -> None:
    lease = await claim_one(index)
    await index.ack([done(lease, None, mark_ms=OCCURRENCE_MS)])
    assert await due_ms(index) is None
    assert not await is_leased(index)
    assert await mark_ms(index) == OCCURRENCE_MS


async def test_what_was_done_raises_the_mark_even_when_the_lease_is_lost(server: Server, index: Index) -> None:
    lease = await claim_one(index, lease_ms=1)
    await server.pass_ms(2)
    await index.reap(10, HOUR_MS)
    reaped_ms = await due_ms(index)
    assert await index.ack([done(lease, NEXT_MS, mark_ms=OCCURRENCE_MS)]) == [False]
    assert await mark_ms(index) == OCCURRENCE_MS
    assert await due_ms(index) == reaped_ms


async def test_an_acknowledgement_without_the_lease_does_not_end_the_lease_of_another(
    server: Server, index: Index
) -> None:
    lost = await claim_one(index, lease_ms=1)
    await server.pass_ms(2)
    await index.reap(10, HOUR_MS)
    (held,) = await claim(index)
    assert await index.ack([done(lost, NEXT_MS)]) == [False]
    assert await due_ms(index) is None
    assert await index.ack([done(held, NEXT_MS)]) == [True]


async def test_an_expired_lease_that_nobody_has_reaped_still_acknowledges(server: Server, index: Index) -> None:
    lease = await claim_one(index, lease_ms=1)
    await server.pass_ms(2)
    assert await index.ack([done(lease, NEXT_MS)]) == [True]
    assert await due_ms(index) == NEXT_MS


async def test_an_acknowledgement_never_lowers_a_mark(index: Index) -> None:
    lease = await claim_one(index)
    await index.ack([done(lease, NEXT_MS, mark_ms=MARK_MS - 1)])
    assert await mark_ms(index) == MARK_MS


async def test_an_acknowledgement_repeated_after_a_lost_reply_changes_nothing(index: Index) -> None:
    lease = await claim_one(index)
    acknowledgement = done(lease, NEXT_MS, mark_ms=OCCURRENCE_MS)
    await index.ack([acknowledgement])
    assert await index.ack([acknowledgement]) == [False]
    assert await due_ms(index) == NEXT_MS
    assert await mark_ms(index) == OCCURRENCE_MS


async def test_an_older_generation_raises_the_mark_but_says_nothing_of_when_to_look_next(
    server: Server, index: Index
) -> None:
    lease = await claim_one(index, generation=3)
    await index.ack([done(lease, NEXT_MS + HOUR_MS * 24 * 365 * 100, generation=2, mark_ms=OCCURRENCE_MS)])
    assert await generation(index) == 3
    assert await mark_ms(index) == OCCURRENCE_MS
    looked_at_ms = await due_ms(index)
    assert looked_at_ms is not None
    assert looked_at_ms <= await server.now_ms()


async def test_an_older_generation_cannot_unschedule(index: Index) -> None:
    lease = await claim_one(index, generation=3)
    await index.ack([done(lease, None, generation=2)])
    assert await due_ms(index) is not None


async def test_a_newer_generation_that_the_worker_saw_first_is_taken_over(index: Index) -> None:
    lease = await claim_one(index)
    await index.ack([done(lease, NEXT_MS, generation=2)])
    assert await generation(index) == 2
    assert await due_ms(index) == NEXT_MS


async def test_what_was_claimed_before_an_edit_is_not_acknowledged_over_it(index: Index) -> None:
    lease = await claim_one(index)
    await index.sync([wanted(A, NEXT_MS, generation=2)])
    assert await index.ack([done(lease, None, mark_ms=OCCURRENCE_MS)]) == [False]
    assert await due_ms(index) == NEXT_MS
    assert await generation(index) == 2
    assert await mark_ms(index) == OCCURRENCE_MS


async def test_an_acknowledgement_does_not_bring_back_a_removed_ticket(index: Index) -> None:
    lease = await claim_one(index)
    await index.remove([A])
    assert await index.ack([done(lease, NEXT_MS, mark_ms=OCCURRENCE_MS)]) == [False]
    assert await mark_ms(index) is None
    assert await due_ms(index) is None


async def test_each_acknowledgement_of_a_batch_counts_for_itself(index: Index) -> None:
    await index.sync([wanted(A, 1), wanted(B, 2)])
    a, b = await claim(index)
    await index.retry([again(a, 5)])
    assert await index.ack([done(a, 7), done(b, 8)]) == [False, True]
    assert (await due_ms(index, A), await due_ms(index, B)) == (5, 8)


async def test_a_retry_makes_the_ticket_due_again_later(index: Index) -> None:
    lease = await claim_one(index)
    assert await index.retry([again(lease, NEXT_MS)]) == [True]
    assert await due_ms(index) == NEXT_MS
    assert not await is_leased(index)
    assert await mark_ms(index) == MARK_MS


async def test_a_retry_takes_along_the_mark_of_what_was_decided_on_the_way(index: Index) -> None:
    lease = await claim_one(index)
    await index.retry([again(lease, NEXT_MS, mark_ms=OCCURRENCE_MS)])
    assert await mark_ms(index) == OCCURRENCE_MS


async def test_a_retry_never_lowers_a_mark(index: Index) -> None:
    lease = await claim_one(index)
    await index.retry([again(lease, NEXT_MS, mark_ms=MARK_MS - 1)])
    assert await mark_ms(index) == MARK_MS


async def test_a_retry_without_the_lease_changes_nothing(index: Index) -> None:
    lease = await claim_one(index)
    await index.sync([wanted(A, 5, generation=2)])
    assert await index.retry([again(lease, NEXT_MS, mark_ms=OCCURRENCE_MS)]) == [False]
    assert await due_ms(index) == 5
    assert await mark_ms(index) == MARK_MS


async def test_to_drop_a_ticket_forgets_it(index: Index) -> None:
    lease = await claim_one(index)
    assert await index.drop([lease]) == [True]
    assert await mark_ms(index) is None
    assert not await is_leased(index)
    assert await due_ms(index) is None


async def test_to_drop_a_ticket_without_the_lease_changes_nothing(index: Index) -> None:
    lease = await claim_one(index)
    await index.sync([wanted(A, 5, generation=2)])
    assert await index.drop([lease]) == [False]
    assert await mark_ms(index) == MARK_MS
    assert await due_ms(index) == 5


async def test_a_drop_forgets_only_what_is_still_held(index: Index) -> None:
    await index.sync([wanted(A, 1), wanted(B, 2)])
    a, b = await claim(index)
    await index.ack([done(a, NEXT_MS)])
    assert await index.drop([a, b]) == [False, True]
    assert await mark_ms(index, A) == MARK_MS
    assert await mark_ms(index, B) is None
