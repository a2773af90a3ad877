"""A run by hand and one of the schedule that come at the same time: where they must not meet, they do not.

Who is active is asked of the API server. What another worker is about to create is not there yet, and so neither of the
two acts while the other may.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from controller.core.identity import job_name, manual_job_name, manual_ticket
from controller.core.timer import Timer
from controller.index.messages import Done, Lease, Wanted
from tests.unit.core.objects import UID, ms
from tests.unit.worker.workbench import AHEAD_MS, HOURLY, JOBS_PATH, LEASE_MS, Workbench

TEN, ELEVEN, TWELVE = (ms(f"2026-03-01T{hour}:00:00Z") for hour in (10, 11, 12))

MEETING = ["Forbid", "Replace"]


def asked(bench: Workbench, policy: str) -> Timer:
    """A timer of which a run is asked for at the time of one of its schedule."""
    return bench.timer({**HOURLY, "concurrencyPolicy": policy}, annotations={"redistimer.dev/trigger": "x"})


async def both(bench: Workbench, one: Timer) -> tuple[Lease, Lease]:
    """The leases of both: for the schedule, and by hand."""
    await bench.index.sync(
        [
            Wanted(one.ticket, 1, TEN, 1, one.namespace, one.name, TEN),
            Wanted(manual_ticket(one.ticket, "x"), 1, 0, 2, one.namespace, one.name),
        ]
    )
    scheduled, by_hand = (await bench.index.claim("both", 10, AHEAD_MS, LEASE_MS)).leases
    bench.leases.hold([scheduled, by_hand], bench.leases.now_s())
    bench.journal.clear()
    return scheduled, by_hand


def at_the_confirmation(bench: Workbench, happens: Callable[[], Awaitable[Any]], number: int = 1) -> None:
    """Let something happen right before the nth time that anybody asks whether it may act."""
    asked_so_far = 0

    async def ask() -> None:
        nonlocal asked_so_far
        asked_so_far += 1
        if asked_so_far == number:
            await happens()

    bench.index.before_confirm = ask


@pytest.mark.parametrize("policy", MEETING)
async def test_a_run_by_hand_is_given_back_for_a_second_while_somebody_holds_the_schedule(
    bench: Workbench, policy: str
) -> None:
    one = asked(bench, policy)
    _, by_hand = await both(bench, one)
    await bench.firing.handle(by_hand)
    assert bench.jobs_made() == []
    assert await bench.due_ms(by_hand.ticket) == bench.clock() + 1_000 + AHEAD_MS
    assert await bench.known(by_hand.ticket) == (1, 0)
    assert not await bench.is_leased(by_hand.ticket)
    assert await bench.reports() == []


@pytest.mark.parametrize("policy", MEETING)
async def test_a_run_of_the_schedule_is_given_back_for_a_moment_while_somebody_holds_the_request(
    bench: Workbench, policy: str
) -> None:
    one = asked(bench, policy)
    scheduled, _ = await both(bench, one)
    await bench.firing.handle(scheduled)
    assert bench.jobs_made() == []
    assert await bench.due_ms(one) == bench.clock() + 50 + AHEAD_MS
    assert await bench.known(one) == (1, TEN)
    assert await bench.reports() == []


@pytest.mark.parametrize("policy", MEETING)
async def test_of_two_that_meet_the_one_that_was_asked_for_before_runs_first(bench: Workbench, policy: str) -> None:
    """It keeps asking; the schedule lets go for a moment, and then finds it active."""
    one = asked(bench, policy)
    scheduled, by_hand = await both(bench, one)
    await asyncio.gather(bench.firing.handle(by_hand), bench.firing.handle(scheduled))
    assert not await bench.is_leased(one)
    assert not await bench.is_leased(by_hand.ticket)
    bench.clock.set("2026-03-01T11:00:10.100Z")
    for lease in (await bench.index.claim("again", 10, AHEAD_MS, LEASE_MS)).leases:
        assert lease.ticket == one.ticket
        bench.leases.hold([lease], bench.leases.now_s())
        await bench.firing.handle(lease)
    of_request, of_schedule = manual_job_name("nightly", UID, "x"), job_name("nightly", UID, ELEVEN)
    assert bench.made() == ([of_request] if policy == "Forbid" else [of_request, of_schedule])
    assert len([path for path in bench.api.objects if path.startswith(JOBS_PATH)]) == 1


async def test_a_run_of_the_schedule_does_not_wait_for_a_request_that_nobody_holds(bench: Workbench) -> None:
    one = asked(bench, "Forbid")
    scheduled, by_hand = await both(bench, one)
    await bench.firing.handle(by_hand)
    await bench.firing.handle(scheduled)
    assert len(bench.jobs_made()) == 1


async def test_with_allow_both_run_at_once(bench: Workbench) -> None:
    one = asked(bench, "Allow")
    for lease in await both(bench, one):
        await bench.firing.handle(lease)
    assert len(bench.jobs_made()) == 2


@pytest.mark.parametrize("acting", [0, 1], ids=["scheduled", "by hand"])
async def test_with_replace_nothing_is_deleted_while_somebody_holds_the_other(bench: Workbench, acting: int) -> None:
    one = asked(bench, "Replace")
    bench.job(one, TEN)
    await bench.firing.handle((await both(bench, one))[acting])
    assert bench.api.made("DELETE") == []
    assert bench.jobs_made() == []


@pytest.mark.parametrize("policy", MEETING)
async def test_a_run_by_hand_meets_none_of_the_schedule_that_fired_since_it_was_claimed(
    bench: Workbench, policy: str
) -> None:
    """Another worker held the schedule, creates its Job, says so and lets go, before this one is confirmed."""
    one = asked(bench, policy)
    scheduled, by_hand = await both(bench, one)

    async def fire_elsewhere() -> None:
        bench.job(one, ELEVEN)
        assert await bench.index.ack([Done(scheduled, 1, ELEVEN, TWELVE, ELEVEN)]) == [True]

    at_the_confirmation(bench, fire_elsewhere)
    await bench.firing.handle(by_hand)
    assert bench.jobs_made() == [] or bench.api.made("DELETE"), "two of them run at the same time"


@pytest.mark.parametrize("policy", MEETING)
async def test_a_run_of_the_schedule_meets_none_by_hand_that_was_created_since_it_asked_who_is_active(
    bench: Workbench, policy: str
) -> None:
    """Another worker was allowed to create the Job by hand before this one claimed, and took its time."""
    one = asked(bench, policy)
    scheduled, by_hand = await both(bench, one)

    async def create_elsewhere() -> None:
        bench.job(one, ELEVEN, "x")
        assert await bench.index.ack([Done(by_hand, 1, 1, None)]) == [True]

    at_the_confirmation(bench, create_elsewhere)
    await bench.firing.handle(scheduled)
    assert bench.jobs_made() == [] or bench.api.made("DELETE"), "two of them run at the same time"
