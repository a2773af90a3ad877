"""Leases: how long each is safe by the worker's own clock."""

import asyncio

from controller.index.messages import Lease
from controller.worker.leases import Leases
from tests.unit.clocks import Monotonic

DURATION_S = 10.0


def lease(ticket: str, token: str = "mine") -> Lease:
    return Lease(ticket, token, 1, 0, "default", ticket)


def test_a_lease_is_safe_until_four_fifths_of_its_duration_after_it_was_asked_for() -> None:
    clock = Monotonic(100.0)
    leases = Leases(DURATION_S, clock)
    asked_at_s = leases.now_s()
    clock.now_s = 105.0  # the answer took its time
    leases.hold([lease("a")], asked_at_s)
    clock.now_s = 107.99
    assert leases.is_safe(lease("a"))
    clock.now_s = 108.0
    assert not leases.is_safe(lease("a"))


def test_a_renewal_makes_it_safe_from_the_time_the_renewal_was_asked_for() -> None:
    clock = Monotonic(100.0)
    leases = Leases(DURATION_S, clock)
    leases.hold([lease("a")], 100.0)
    leases.hold([lease("a")], 103.0)
    clock.now_s = 110.99
    assert leases.is_safe(lease("a"))
    assert len(leases) == 1


def test_what_was_never_granted_or_was_let_go_is_not_safe() -> None:
    leases = Leases(DURATION_S, Monotonic())
    assert not leases.is_safe(lease("a"))
    leases.hold([lease("a")], leases.now_s())
    leases.let_go(lease("a"))
    assert not leases.is_safe(lease("a"))
    assert leases.held() == []


def test_the_same_ticket_under_another_token_is_another_lease() -> None:
    leases = Leases(DURATION_S, Monotonic())
    leases.hold([lease("a", "first"), lease("a", "second")], leases.now_s())
    leases.let_go(lease("a", "first"))
    assert leases.held() == [lease("a", "second")]
    assert leases.is_safe(lease("a", "second"))


async def test_who_waits_for_fewer_leases_wakes_when_one_is_let_go() -> None:
    leases = Leases(DURATION_S, Monotonic())
    leases.hold([lease("a"), lease("b")], leases.now_s())
    waiting = asyncio.create_task(leases.fewer())
    await asyncio.sleep(0)
    assert not waiting.done()
    leases.let_go(lease("a"))
    await asyncio.wait_for(waiting, 10)
