"""Pace: how an overloaded API server slows a worker down."""

import pytest

from controller.kube.errors import ApiError, ApiUnreachableError
from controller.worker.pace import Pace
from tests.unit.clocks import Monotonic

AWAY = ApiUnreachableError("away")


def asks_for(seconds: float) -> ApiError:
    return ApiError(429, "TooManyRequests", "slow down", retry_after_s=seconds)


def slow_down_again(pace: Pace, clock: Monotonic) -> float:
    """Another error right after the pause before it."""
    clock.now_s += pace.pause_s()
    return pace.slow_down(AWAY)


def test_a_worker_that_heard_of_no_trouble_does_not_pause() -> None:
    assert Pace(Monotonic()).pause_s() == 0.0


def test_each_pause_is_twice_as_long_as_the_one_before_up_to_ten_seconds() -> None:
    clock = Monotonic()
    pace = Pace(clock)
    pauses = [slow_down_again(pace, clock) for _ in range(8)]
    assert pauses == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_a_pause_ends() -> None:
    clock = Monotonic()
    pace = Pace(clock)
    pause_s = pace.slow_down(AWAY)
    clock.now_s += pause_s / 2
    assert pace.pause_s() == pytest.approx(pause_s / 2)
    clock.now_s += pause_s / 2
    assert pace.pause_s() == 0.0


def test_what_the_server_asks_for_wins() -> None:
    clock = Monotonic()
    pace = Pace(clock)
    assert pace.slow_down(asks_for(7)) == 7
    clock.now_s += 7
    for _ in range(5):
        slow_down_again(pace, clock)
    clock.now_s += pace.pause_s()
    assert pace.slow_down(asks_for(1)) == 1


def test_a_server_that_asks_for_no_wait_at_all_is_not_asked_again_at_once() -> None:
    assert Pace(Monotonic()).slow_down(asks_for(0)) > 0


def test_many_errors_at_once_are_one_pause() -> None:
    clock = Monotonic()
    pace = Pace(clock)
    assert {pace.slow_down(AWAY) for _ in range(50)} == {0.25}
    assert slow_down_again(pace, clock) == 0.5


def test_a_server_that_answers_again_starts_over_with_short_pauses() -> None:
    clock = Monotonic()
    pace = Pace(clock)
    for _ in range(4):
        slow_down_again(pace, clock)
    pace.recovered()
    assert slow_down_again(pace, clock) == 0.25
