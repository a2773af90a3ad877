"""Syncing: what the controller knows meets what the workers did meanwhile."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio.client import PubSub

from controller.index.index import Index
from tests.redis.servers import Server
from tests.redis.tickets import (
    HOUR_MS,
    MARK_MS,
    MINUTE_MS,
    A,
    B,
    C,
    claim_one,
    done,
    due_ms,
    generation,
    is_leased,
    mark_ms,
    wanted,
)

LATER_MS = 4_000_000_000_000
"""A due time of the next century."""


async def test_a_new_timer_is_scheduled(index: Index) -> None:
    await index.sync([wanted(A, LATER_MS)])
    assert await due_ms(index) == LATER_MS
    assert await mark_ms(index) == MARK_MS


async def test_a_new_timer_that_wants_nothing_is_known_and_not_scheduled(index: Index) -> None:
    await index.sync([wanted(A, None)])
    assert await due_ms(index) is None
    assert await mark_ms(index) == MARK_MS


async def test_an_older_generation_raises_the_mark_and_changes_nothing_else(index: Index) -> None:
    await index.sync([wanted(A, LATER_MS, generation=2)])
    await index.sync([wanted(A, 1, generation=1, mark_ms=MARK_MS + 5)])
    assert await due_ms(index) == LATER_MS
    assert await generation(index) == 2
    assert await mark_ms(index) == MARK_MS + 5


async def test_an_older_generation_does_not_schedule_what_the_newer_suspended(index: Index) -> None:
    await index.sync([wanted(A, None, generation=2)])
    await index.sync([wanted(A, 1, generation=1)])
    assert await due_ms(index) is None


@pytest.mark.parametrize("next_ms", [LATER_MS + 1, LATER_MS - 1, 1, None])
async def test_an_edit_reschedules_whatever_was_wanted_before(index: Index, next_ms: int | None) -> None:
    await index.sync([wanted(A, LATER_MS)])
    await index.sync([wanted(A, next_ms, generation=2)])
    assert await due_ms(index) == next_ms
    assert await generation(index) == 2


async def test_an_edit_unschedules_even_what_is_due(index: Index) -> None:
    await index.sync([wanted(A, 1)])
    await index.sync([wanted(A, None, generation=2)])
    assert await due_ms(index) is None


async def test_an_edit_revokes_the_lease_and_schedules_at_once(index: Index) -> None:
    lease = await claim_one(index)
    await index.sync([wanted(A, LATER_MS, generation=2)])
    assert not await is_leased(index)
    assert await index.renew([lease], HOUR_MS) == [False]
    assert await due_ms(index) == LATER_MS


async def test_a_leased_ticket_only_learns_the_mark(index: Index) -> None:
    lease = await claim_one(index)
    await index.sync([wanted(A, 1, mark_ms=MARK_MS + 5)])
    assert await due_ms(index) is None
    assert await mark_ms(index) == MARK_MS + 5
    assert await index.renew([lease], HOUR_MS) == [True]


async def test_who_is_due_stays_due_until_a_worker_has_looked(index: Index) -> None:
    await index.sync([wanted(A, 1)])
    await index.sync([wanted(A, LATER_MS, mark_ms=MARK_MS + 5)])
    assert await due_ms(index) == 1
    assert await mark_ms(index) == MARK_MS + 5


@pytest.mark.parametrize("scheduled_ms", [1, LATER_MS])
async def test_the_same_generation_does_not_unschedule(index: Index, scheduled_ms: int) -> None:
    await index.sync([wanted(A, scheduled_ms)])
    await index.sync([wanted(A, None)])
    assert await due_ms(index) == scheduled_ms


@pytest.mark.parametrize("next_ms", [1, LATER_MS - 1, LATER_MS + 1])
async def test_who_knows_no_less_corrects_a_time_in_the_future(index: Index, next_ms: int) -> None:
    await index.sync([wanted(A, LATER_MS)])
    await index.sync([wanted(A, next_ms)])
    assert await due_ms(index) == next_ms


async def test_what_a_worker_knew_later_is_not_overruled(index: Index) -> None:
    lease = await claim_one(index)
    await index.ack([done(lease, LATER_MS, mark_ms=MARK_MS + 5)])
    await index.sync([wanted(A, 1, mark_ms=MARK_MS)])
    assert await due_ms(index) == LATER_MS
    assert await mark_ms(index) == MARK_MS + 5


async def test_a_ticket_that_waits_for_nothing_is_scheduled_when_it_wants_to_be(index: Index) -> None:
    lease = await claim_one(index)
    await index.ack([done(lease, None)])
    await index.sync([wanted(A, LATER_MS)])
    assert await due_ms(index) == LATER_MS


async def test_a_sync_never_lowers_a_mark(index: Index) -> None:
    await index.sync([wanted(A, LATER_MS)])
    await index.sync([wanted(A, LATER_MS, mark_ms=MARK_MS - 5)])
    assert await mark_ms(index) == MARK_MS


async def test_the_mark_survives_a_suspension(index: Index) -> None:
    lease = await claim_one(index)
    await index.ack([done(lease, LATER_MS, mark_ms=MARK_MS + 5)])
    await index.sync([wanted(A, None, generation=2)])
    await index.sync([wanted(A, LATER_MS, generation=3)])
    assert await mark_ms(index) == MARK_MS + 5


async def test_a_sync_can_be_repeated(index: Index) -> None:
    batch = [wanted(A, 1), wanted(B, LATER_MS), wanted(C, None)]
    await index.sync(batch)
    await index.sync(batch)
    assert [await due_ms(index, ticket) for ticket in (A, B, C)] == [1, LATER_MS, None]


async def test_a_removed_ticket_is_forgotten_wherever_it_was(index: Index) -> None:
    await claim_one(index, A)
    await index.sync([wanted(B, LATER_MS), wanted(C, None)])
    await index.remove([A, B, C])
    assert [await mark_ms(index, ticket) for ticket in (A, B, C)] == [None] * 3
    assert [await due_ms(index, ticket) for ticket in (A, B, C)] == [None] * 3
    assert not await is_leased(index)


async def test_to_remove_what_is_not_there_is_no_error(index: Index) -> None:
    await index.sync([wanted(A, LATER_MS)])
    await index.remove([B, "!", ""])
    assert await mark_ms(index) == MARK_MS
    assert (await index.inspect()).valid


@pytest.fixture
async def listener(index: Index) -> AsyncIterator[PubSub]:
    """Somebody who is subscribed to the wake-ups of this index."""
    async with index.redis.pubsub() as subscription:
        await subscription.subscribe(index.keys.due)
        greeting = await subscription.get_message(timeout=10)
        assert greeting is not None
        assert greeting["type"] == "subscribe"
        yield subscription


async def heard(index: Index, listener: PubSub) -> list[str]:
    """All wake-ups so far: what is heard before a word of our own, on the same connection and in order."""
    await index.redis.publish(index.keys.due, "end")
    words = []
    while (message := await listener.get_message(timeout=10)) is not None and message["data"] != "end":
        words.append(message["data"])
    assert message is not None
    return words


async def test_the_first_ticket_wakes_the_sleepers(index: Index, listener: PubSub) -> None:
    await index.sync([wanted(A, LATER_MS + 1), wanted(B, LATER_MS)])
    assert await heard(index, listener) == [str(LATER_MS)]


async def test_what_is_earlier_than_all_before_wakes_the_sleepers(index: Index, listener: PubSub) -> None:
    await index.sync([wanted(A, LATER_MS)])
    await index.sync([wanted(B, LATER_MS - MINUTE_MS)])
    assert await heard(index, listener) == [str(LATER_MS), str(LATER_MS - MINUTE_MS)]


@pytest.mark.parametrize("next_ms", [LATER_MS, LATER_MS + 1, None])
async def test_what_is_not_earlier_wakes_nobody(index: Index, listener: PubSub, next_ms: int | None) -> None:
    await index.sync([wanted(A, LATER_MS)])
    await index.sync([wanted(B, next_ms)])
    assert await heard(index, listener) == [str(LATER_MS)]


async def test_a_sync_that_schedules_nothing_wakes_nobody(index: Index, listener: PubSub) -> None:
    await claim_one(index)
    assert await heard(index, listener) == ["1"]
    await index.sync([wanted(A, 1)])
    assert await heard(index, listener) == []


async def test_the_end_of_a_rebuild_wakes_the_sleepers(server: Server, index: Index, listener: PubSub) -> None:
    identity = await index.begin_rebuild("second")
    assert await index.finish_rebuild("second", identity)
    assert len(await heard(index, listener)) == 1
