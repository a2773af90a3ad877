"""Statuses and Events wait while very many Jobs are created, but not for good."""

import pytest

from controller.reconcile.rush import LONGEST_S, MANY, Rush


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def hear(rush: Rush, clock: Clock, jobs: int, within_s: float) -> None:
    for _ in range(jobs):
        rush.hear()
        clock.now_s += within_s / jobs


def test_before_any_job_there_is_no_rush(clock: Clock) -> None:
    assert not Rush(clock).is_on()


def test_many_jobs_within_a_second_are_a_rush(clock: Clock) -> None:
    rush = Rush(clock)
    hear(rush, clock, MANY, within_s=0.5)
    assert rush.is_on()


def test_as_many_over_a_longer_time_are_none(clock: Clock) -> None:
    rush = Rush(clock)
    hear(rush, clock, 10 * MANY, within_s=20)
    assert not rush.is_on()


def test_a_rush_is_over_soon_after_the_last_of_its_jobs(clock: Clock) -> None:
    rush = Rush(clock)
    hear(rush, clock, MANY, within_s=0.5)
    clock.now_s += 1
    assert not rush.is_on()


def test_what_lasts_is_the_usual_load_and_nobody_waits_for_its_end(clock: Clock) -> None:
    rush, was_on = Rush(clock), []
    for _ in range(4 * round(LONGEST_S)):
        hear(rush, clock, 2 * MANY, within_s=1)
        was_on.append(rush.is_on())
    assert was_on[0]
    assert not any(was_on[round(LONGEST_S) + 1 :])


def test_the_next_rush_is_waited_for_again(clock: Clock) -> None:
    rush = Rush(clock)
    for _ in range(2 * round(LONGEST_S)):
        hear(rush, clock, 2 * MANY, within_s=1)
    clock.now_s += 2
    hear(rush, clock, MANY, within_s=0.5)
    assert rush.is_on()
