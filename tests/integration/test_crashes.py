"""A worker that dies, hangs or leaves at any point of firing costs no run and doubles none."""

import re

import pytest

from tests.integration.gate import Gate
from tests.integration.occurrences import assert_once_and_not_before, assert_steady
from tests.integration.product import Member, Product, others
from tests.integration.waiting import now_ms, rfc3339, seconds_from_now, wait_for_clock, wait_until
from tests.integration.world import KEYS, World


def test_a_worker_killed_between_claim_and_create_costs_no_run_and_doubles_none(product: Product, world: World) -> None:
    steady = [world.create(f"steady-{number}", every="2s") for number in range(4)]
    instant_ms = seconds_from_now(3)
    once = world.create("once", at=rfc3339(instant_ms))
    victim = product.wait_for_holder(once.ticket)
    victim.kill()
    assert once.fired() == [], "the worker is killed before the instant"
    killed_ms = now_ms()
    once.wait_for_runs(1)
    steady[0].wait_for_beats(2)
    for timer in steady:
        timer.wait_for_runs(2)
        assert_steady(timer, 2, killed_ms)
    assert once.nominal() == [instant_ms]
    assert_once_and_not_before(once)


def test_a_worker_killed_between_create_and_acknowledgement_leaves_one_job(
    product: Product, world: World, guarded: tuple[Member, Gate]
) -> None:
    victim, the_gate = guarded
    timer = world.create("timer", every="3s")
    the_gate.hold_next_job("answer")
    the_gate.wait_until_held()
    (fired,) = timer.wait_for_runs(1)
    victim.kill()
    for worker in others(product, victim):
        worker.go_on()
    timer.wait_for_runs(3)
    assert fired.nominal_ms == timer.created_ms + 3000
    assert_steady(timer, 3)


def test_a_job_that_only_the_api_server_knows_of_is_found_and_not_created_again(
    product: Product, world: World, guarded: tuple[Member, Gate]
) -> None:
    """Its worker was killed before it acknowledged, and no controller has seen it: only the Job's name tells."""
    victim, the_gate = guarded
    instant_ms = seconds_from_now(3)
    timer = world.create("timer", at=rfc3339(instant_ms))
    assert product.wait_for_holder(timer.ticket) is victim
    the_gate.hold_next_job("answer")
    product.controllers[0].terminate()
    the_gate.wait_until_held()
    (fired,) = timer.wait_for_runs(1)
    victim.kill()
    for worker in others(product, victim):
        worker.go_on()
    wait_until(
        lambda: [worker.metric("redistimer_fires_total", result="found") for worker in others(product, victim)],
        any,
        "another worker has come upon the Job",
    )
    product.start("controller")
    timer.wait_for_condition("Ready", "True", "Scheduled")
    assert timer.fired() == [fired]
    assert timer.status()["runs"] == {"succeeded": 0, "failed": 0, "missed": 0, "skipped": 0}


def test_a_run_whose_worker_died_before_acknowledging_it_does_not_count_as_missed(
    product: Product, world: World, guarded: tuple[Member, Gate]
) -> None:
    """The next worker comes after the next occurrence, and no controller has seen the Job meanwhile."""
    victim, the_gate = guarded
    timer = world.create("timer", every="3s")
    product.wait_for_holder(timer.ticket)
    the_gate.hold_next_job("answer")
    product.controllers[0].terminate()
    the_gate.wait_until_held()
    (created,) = timer.wait_for_runs(1)
    victim.kill()
    wait_for_clock(created.nominal_ms + 3000)
    for worker in others(product, victim):
        worker.go_on()
    timer.wait_for_runs(2)
    product.start("controller")
    timer.wait_for_beats(1)
    wait_until(timer.status, lambda seen: "lastScheduleTime" in seen, "status tells of the runs")
    wait_until(lambda: world.cluster.redis.xlen(KEYS.outcomes), lambda left: left == 0, "all reports are taken in")
    left_out = (max(timer.nominal()) - created.nominal_ms) // 3000 + 1 - len(timer.fired())
    assert timer.status()["runs"]["missed"] == left_out
    assert_steady(timer, 3)


def test_a_worker_paused_beyond_its_lease_does_not_fire_again_what_another_has_fired(
    product: Product, world: World
) -> None:
    instant_ms = seconds_from_now(3)
    once = world.create("once", at=rfc3339(instant_ms))
    steady = world.create("steady", every="1s")
    paused = product.wait_for_holder(once.ticket)
    # An answer of it, after that: by then it has read the timer, and waits for the instant.
    assert paused.metric("redistimer_held_leases")
    paused.pause()
    assert once.fired() == []
    once.wait_for_runs(1)
    beats = steady.wait_for_beats(1)
    paused.go_on()
    too_late = rf"not fired, somebody else has it.* timer={world.namespace}/once "
    wait_until(lambda: re.search(too_late, paused.log), bool, "the paused worker sees that it is too late")
    steady.wait_for_beats(2)
    assert once.nominal() == [instant_ms]
    assert_steady(steady, 1, beats[0])


def test_a_request_that_arrives_after_another_worker_has_fired_creates_no_second_job(
    product: Product, world: World, guarded: tuple[Member, Gate]
) -> None:
    """Paused between its last check and the API server: only the Job's name stands against a second one."""
    late, the_gate = guarded
    the_gate.hold_next_job("request")
    instant_ms = seconds_from_now(3)
    once = world.create("once", at=rfc3339(instant_ms))
    the_gate.wait_until_held()
    late.pause()
    assert once.fired() == []
    for worker in others(product, late):
        worker.go_on()
    (fired,) = once.wait_for_runs(1)
    the_gate.release()
    late.go_on()
    wait_until(lambda: ("POST", 409) in the_gate.answers, bool, "the late request is refused")
    assert once.fired() == [fired]
    assert [job["metadata"]["uid"] for job in once.jobs()] == [fired.uid]
    assert fired.nominal_ms == instant_ms


# Claims long before the time, and with a lease that would last longer than anybody here waits.
FAR_SIGHTED = {"REDISTIMER_AHEAD_SECONDS": "30", "REDISTIMER_LEASE_SECONDS": "300"}


@pytest.mark.parametrize("guarded", [FAR_SIGHTED], indirect=True, ids=["far-sighted"])
def test_a_worker_told_to_end_gives_back_what_it_holds_and_finishes_what_it_has_begun(
    product: Product, world: World, guarded: tuple[Member, Gate]
) -> None:
    leaving, the_gate = guarded
    the_gate.hold_next_job("answer")
    begun = world.create("begun", every="2s")
    the_gate.wait_until_held()
    instant_ms = seconds_from_now(6)
    held = world.create("held", at=rfc3339(instant_ms))
    assert product.wait_for_holder(held.ticket) is leaving
    leaving.process.terminate()
    wait_until(lambda: product.holder(held.ticket), lambda holder: holder is None, "the lease is given back")
    assert leaving.alive, "it waits for the answer to what it has begun"
    assert product.holder(begun.ticket) is leaving
    the_gate.release()
    assert leaving.process.wait(60) == 0
    assert world.cluster.redis.zscore(KEYS.leased, begun.ticket) is None, "what was finished is acknowledged"
    assert "unfinished=0" in leaving.log
    for worker in others(product, leaving):
        worker.go_on()
    held.wait_for_runs(1)
    begun.wait_for_runs(3)
    assert f"timer={world.namespace}/held" not in leaving.log, "another worker has fired it"
    assert held.nominal() == [instant_ms]
    assert_once_and_not_before(held)
    assert_steady(begun, 2)
