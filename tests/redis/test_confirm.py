"""Confirming: the last question before a Job is created, and every reason to answer no."""

import pytest

from controller.index.index import Index
from controller.index.messages import Fire, Lease
from tests.redis.servers import Server
from tests.redis.tickets import HOUR_MS, MARK_MS, A, B, C, again, claim, claim_one, done, due_ms, wanted

OCCURRENCE_MS = MARK_MS + 1


async def confirm(index: Index, lease: Lease, generation: int = 1, occurrence_ms: int = OCCURRENCE_MS) -> str:
    (verdict,) = await index.confirm([Fire(lease, generation, occurrence_ms)])
    return verdict


async def test_a_lease_confirms_and_confirms_again(index: Index) -> None:
    lease = await claim_one(index)
    assert await confirm(index, lease) == "ok"
    assert await confirm(index, lease) == "ok"


async def test_a_lease_that_ran_out_does_not_confirm_even_before_it_is_reaped(server: Server, index: Index) -> None:
    lease = await claim_one(index, lease_ms=1)
    await server.pass_ms(2)
    assert await confirm(index, lease) == "expired"


async def test_a_reaped_lease_is_lost(server: Server, index: Index) -> None:
    lease = await claim_one(index, lease_ms=1)
    await server.pass_ms(2)
    assert await index.reap(10, HOUR_MS) == 1
    assert await confirm(index, lease) == "lost"


async def test_of_two_leases_in_a_row_only_the_later_confirms(server: Server, index: Index) -> None:
    earlier = await claim_one(index, lease_ms=1)
    await server.pass_ms(2)
    await index.reap(10, HOUR_MS)
    (later,) = await claim(index)
    assert await confirm(index, earlier) == "lost"
    assert await confirm(index, later) == "ok"


async def test_a_lease_given_back_is_lost(index: Index) -> None:
    lease = await claim_one(index)
    await index.retry([again(lease, 1)])
    assert await confirm(index, lease) == "lost"


async def test_an_acknowledged_lease_is_lost(index: Index) -> None:
    lease = await claim_one(index)
    await index.ack([done(lease, None)])
    assert await confirm(index, lease) == "lost"


async def test_a_lease_from_before_a_rebuild_after_a_loss_is_lost(server: Server, index: Index) -> None:
    lease = await claim_one(index)
    await server.restart()
    identity = await index.begin_rebuild("second")
    await index.sync([wanted(A, 1)])
    assert await index.finish_rebuild("second", identity)
    await claim(index)
    assert await confirm(index, lease) == "lost"


async def test_a_lease_of_a_removed_ticket_is_lost(index: Index) -> None:
    lease = await claim_one(index)
    await index.remove([A])
    assert await confirm(index, lease) == "lost"


async def test_a_lease_whose_ticket_nobody_knows_is_gone(index: Index) -> None:
    lease = await claim_one(index)
    await index.redis.hdel(index.keys.tickets, A)
    assert await confirm(index, lease) == "gone"


async def test_an_edit_revokes_the_lease(index: Index) -> None:
    lease = await claim_one(index)
    await index.sync([wanted(A, 1, generation=2)])
    assert await confirm(index, lease) == "lost"


async def test_a_worker_that_read_an_older_generation_than_the_index_knows_does_not_confirm(index: Index) -> None:
    lease = await claim_one(index, generation=2)
    assert await confirm(index, lease, generation=1) == "edited"


async def test_a_worker_that_read_a_newer_generation_than_the_index_knows_confirms(index: Index) -> None:
    lease = await claim_one(index, generation=2)
    assert await confirm(index, lease, generation=3) == "ok"


@pytest.mark.parametrize(("offset_ms", "verdict"), [(-1, "handled"), (0, "handled"), (1, "ok")])
async def test_only_what_is_after_the_mark_confirms(index: Index, offset_ms: int, verdict: str) -> None:
    lease = await claim_one(index)
    assert await confirm(index, lease, occurrence_ms=MARK_MS + offset_ms) == verdict


async def test_news_of_a_job_during_the_lease_leave_nothing_to_confirm(index: Index) -> None:
    lease = await claim_one(index)
    await index.sync([wanted(A, 1, mark_ms=OCCURRENCE_MS)])
    assert await confirm(index, lease) == "handled"


async def test_the_late_acknowledgement_of_another_leaves_nothing_to_confirm(server: Server, index: Index) -> None:
    paused = await claim_one(index, lease_ms=1)
    await server.pass_ms(2)
    await index.reap(10, HOUR_MS)
    (lease,) = await claim(index)
    await index.ack([done(paused, None, mark_ms=OCCURRENCE_MS)])
    assert await confirm(index, lease) == "handled"


@pytest.mark.parametrize("key", ["due", "leased", "lease", "tickets", "epoch"])
async def test_nothing_confirms_once_a_key_is_lost(index: Index, key: str) -> None:
    lease = await claim_one(index)
    await index.redis.delete(getattr(index.keys, key))
    assert await confirm(index, lease) == "invalid"


async def test_nothing_confirms_after_a_restart(server: Server, index: Index) -> None:
    lease = await claim_one(index)
    await server.restart_from_snapshot()
    assert await confirm(index, lease) == "invalid"


async def test_nothing_confirms_after_a_failover(server: Server, index: Index) -> None:
    lease = await claim_one(index)
    await server.fail_over()
    assert await confirm(index, lease) == "invalid"


async def test_each_of_a_batch_is_answered_for_itself_and_in_order(index: Index) -> None:
    await index.sync([wanted(A, 1), wanted(B, 2), wanted(C, 3)])
    a, b, c = await claim(index)
    await index.ack([done(b, None)])
    verdicts = await index.confirm([Fire(a, 1, MARK_MS), Fire(b, 1, OCCURRENCE_MS), Fire(c, 1, OCCURRENCE_MS)])
    assert verdicts == ["handled", "lost", "ok"]


async def test_to_confirm_changes_nothing(index: Index) -> None:
    lease = await claim_one(index)
    await confirm(index, lease)
    assert await due_ms(index) is None
    assert await index.ack([done(lease, 5)]) == [True]


async def test_what_is_noted_counts_as_fired_last_and_leaves_the_mark(index: Index) -> None:
    """Its worker may die before it says that it has created a Job."""
    lease = await claim_one(index)
    assert await index.confirm([Fire(lease, 1, MARK_MS, noted_ms=MARK_MS + HOUR_MS)]) == ["handled"]
    assert await index.confirm([Fire(lease, 1, OCCURRENCE_MS, noted_ms=OCCURRENCE_MS)]) == ["ok"]
    await index.retry([again(lease, 1)])
    (following,) = await claim(index)
    assert (following.mark_ms, following.fired_ms) == (MARK_MS, OCCURRENCE_MS)
    assert await index.ack([done(following, 1, mark_ms=OCCURRENCE_MS)]) == [True]
    (following,) = await claim(index)
    assert (following.mark_ms, following.fired_ms) == (OCCURRENCE_MS, OCCURRENCE_MS)
