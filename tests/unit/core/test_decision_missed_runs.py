"""Which of several overdue occurrences still fire: missedRunPolicy, its limit, and the deadline."""

import time
from typing import Any

import pytest

from controller.core.decision import Decision, Missed, decide
from controller.core.instants import rfc3339
from tests.unit.core.objects import CREATED_MS, DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, handled, timer

EVERY = {"every": "1h"}
LATEST = EVERY | {"missedRunPolicy": "Latest"}
SKIP = EVERY | {"missedRunPolicy": "Skip"}
ALL = EVERY | {"missedRunPolicy": "All"}


def nth(number: int) -> int:
    """The nth occurrence; the first is an hour after the creation."""
    return CREATED_MS + number * HOUR_MS


@pytest.mark.parametrize("late_ms", [0, 59 * MINUTE_MS])
def test_with_latest_the_last_overdue_one_fires_however_late(late_ms: int) -> None:
    assert decide(timer(LATEST), 0, nth(3) + late_ms) == Decision(nth(3), nth(2), nth(4), Missed(2, nth(2)))


def test_latest_is_what_a_timer_does_that_does_not_say() -> None:
    now_ms = nth(3) + 5 * MINUTE_MS
    assert decide(timer(EVERY), 0, now_ms) == decide(timer(LATEST), 0, now_ms)


def test_with_skip_what_is_a_minute_late_fires_still_and_what_is_later_does_not() -> None:
    assert decide(timer(SKIP), 0, nth(1) + MINUTE_MS) == Decision(nth(1), CREATED_MS, nth(2))
    assert decide(timer(SKIP), 0, nth(1) + MINUTE_MS + 1) == Decision(None, nth(1), nth(2), Missed(1, nth(1)))


def test_with_skip_those_before_one_that_is_on_time_are_missed_and_it_fires() -> None:
    assert decide(timer(SKIP), 0, nth(3) + SECOND_MS) == Decision(nth(3), nth(2), nth(4), Missed(2, nth(2)))


@pytest.mark.parametrize("deadline_s", [0, 10, 600])
def test_with_skip_a_deadline_stands_in_the_place_of_the_minute(deadline_s: int) -> None:
    skipping = timer(SKIP | {"startingDeadlineSeconds": deadline_s})
    last_ms = nth(1) + deadline_s * SECOND_MS
    assert decide(skipping, 0, last_ms).fire_ms == nth(1)
    assert decide(skipping, 0, last_ms + 1) == Decision(None, nth(1), nth(2), Missed(1, nth(1)))


def test_with_skip_the_minute_of_what_is_spread_counts_from_when_it_was_due() -> None:
    spread = timer(SKIP | {"jitter": "30m"})
    assert spread.timing is not None
    due_ms = spread.timing.due_ms(nth(1))
    assert due_ms > nth(1) + MINUTE_MS
    assert decide(spread, 0, due_ms + MINUTE_MS).fire_ms == nth(1)
    assert decide(spread, 0, due_ms + MINUTE_MS + 1).missed == Missed(1, nth(1))


def test_with_skip_an_occurrence_more_often_than_every_minute_is_not_always_the_last_that_runs() -> None:
    """As with Latest: of several that are on time still, the last one fires and the others are missed."""
    skipping = timer({"every": "10s", "missedRunPolicy": "Skip"})
    decision = decide(skipping, 0, CREATED_MS + 35 * SECOND_MS)
    assert decision.fire_ms == CREATED_MS + 30 * SECOND_MS
    assert decision.missed == Missed(2, CREATED_MS + 20 * SECOND_MS)


def test_with_all_the_oldest_fires_first_and_nothing_is_missed() -> None:
    assert decide(timer(ALL), 0, nth(3) + MINUTE_MS) == Decision(nth(1), CREATED_MS, nth(2))


def test_with_all_one_look_after_another_fires_each_in_order() -> None:
    assert looks(ALL, nth(4)) == ([nth(1), nth(2), nth(3), nth(4)], [])


def looks(spec: dict[str, Any], now_ms: int, at_most: int = 200) -> tuple[list[int], list[Missed]]:
    """What fires, and what is reported as missed, in looks one after another at one instant until nothing is due."""
    mark_ms, fired, lost = 0, [], []
    for _ in range(at_most):
        decision = decide(timer(spec), mark_ms, now_ms)
        lost += [decision.missed] if decision.missed else []
        if decision.fire_ms is None:
            return fired, lost
        fired.append(decision.fire_ms)
        mark_ms = decision.fire_ms
    raise AssertionError("no end of it")


def test_with_all_the_next_look_is_due_already_while_anything_is() -> None:
    assert decide(timer(ALL), nth(1), nth(3)).next_ms == nth(3)
    assert decide(timer(ALL), nth(2), nth(3)).next_ms == nth(4)


@pytest.mark.parametrize(
    ("limit", "fired", "missed"),
    [(1, [10], 9), (3, [8, 9, 10], 7), (9, list(range(2, 11)), 1), (10, list(range(1, 11)), 0), (11, None, 0)],
)
def test_with_all_no_more_than_the_limit_run_and_those_are_the_newest(
    limit: int, fired: list[int] | None, missed: int
) -> None:
    numbers = fired or list(range(1, 11))
    lost = [Missed(missed, nth(missed))] if missed else []
    assert looks(ALL | {"missedRunLimit": limit}, nth(10) + MINUTE_MS) == ([nth(number) for number in numbers], lost)


def test_with_all_a_hundred_run_where_no_limit_is_given() -> None:
    fired, lost = looks(ALL, nth(150))
    assert fired == [nth(number) for number in range(51, 151)]
    assert lost == [Missed(50, nth(50))]


def test_a_limit_says_nothing_without_all() -> None:
    limited = EVERY | {"missedRunLimit": 5}
    assert looks(limited, nth(10)) == ([nth(10)], [Missed(9, nth(9))])


@pytest.mark.parametrize(
    ("deadline_s", "limit", "fired"),
    [
        pytest.param(3 * 3600 + 300, 100, [7, 8, 9, 10], id="the deadline is the narrower"),
        pytest.param(3 * 3600 + 299, 100, [8, 9, 10], id="one is a second too late"),
        pytest.param(3 * 3600 + 300, 2, [9, 10], id="the limit is the narrower"),
        pytest.param(300, 100, [10], id="only the last is in time"),
        pytest.param(299, 100, [], id="none is in time"),
    ],
)
def test_with_all_both_deadline_and_limit_count(deadline_s: int, limit: int, fired: list[int]) -> None:
    spec = ALL | {"startingDeadlineSeconds": deadline_s, "missedRunLimit": limit}
    missed = 10 - len(fired)
    assert looks(spec, nth(10) + 5 * MINUTE_MS) == (
        [nth(number) for number in fired],
        [Missed(missed, nth(missed))],
    )


def test_with_all_what_is_spread_and_not_due_yet_does_not_count_among_the_overdue() -> None:
    spread = ALL | {"jitter": "30m", "missedRunLimit": 2}
    timing = timer(spread).timing
    assert timing is not None
    due_ms = timing.due_ms(nth(4))
    assert due_ms > nth(4)
    assert looks(spread, due_ms - 1) == ([nth(2), nth(3)], [Missed(1, nth(1))])
    assert looks(spread, due_ms) == ([nth(3), nth(4)], [Missed(2, nth(2))])


def test_with_all_the_next_look_for_what_is_spread_is_when_that_fires() -> None:
    spread = timer(ALL | {"jitter": "30m"})
    assert spread.timing is not None
    decision = decide(spread, 0, nth(3) + 40 * MINUTE_MS)
    assert (decision.fire_ms, decision.next_ms) == (nth(1), spread.timing.due_ms(nth(2)))


def test_with_all_nothing_overdue_leaves_what_is_due_ahead_to_its_time() -> None:
    assert decide(timer(ALL), nth(1), nth(2) - SECOND_MS, 3 * SECOND_MS) == Decision(nth(2), nth(1), nth(3))
    assert decide(timer(ALL), nth(1), nth(2) - MINUTE_MS, 3 * SECOND_MS) == Decision(None, nth(1), nth(2))


def test_with_all_what_status_covers_is_not_made_up_for() -> None:
    known = timer(ALL, status=handled(nth(2), timer(ALL)))
    assert decide(known, 0, nth(4)) == Decision(nth(3), nth(2), nth(4))


def test_with_all_nothing_after_the_end_of_the_timer_is_made_up_for() -> None:
    ended = ALL | {"endTime": rfc3339(nth(2))}
    assert looks(ended, nth(9)) == ([nth(1), nth(2)], [])


@pytest.mark.parametrize("policy", ["Latest", "Skip", "All"])
@pytest.mark.parametrize("spec", [{"schedule": "* * * * * *"}, {"every": "1s"}], ids=str)
def test_ten_years_of_seconds_are_answered_at_once(spec: dict[str, Any], policy: str) -> None:
    spec = spec | {"missedRunPolicy": policy}
    now_ms = CREATED_MS + 3650 * DAY_MS
    one = timer(spec)
    decide(one, 0, now_ms)  # what is worked out once and kept
    started_s = time.process_time()
    decision = decide(one, 0, now_ms)
    assert time.process_time() - started_s < 1.0, "every second was looked at"
    run = 100 if policy == "All" else 1
    first_ms = now_ms - (run - 1) * SECOND_MS
    assert decision.fire_ms == first_ms
    assert decision.missed == Missed(3650 * 86_400 - run, first_ms - SECOND_MS)


def test_decades_of_seconds_with_a_limit_of_ten_thousand_begin_with_exactly_the_ten_thousandth_from_the_end() -> None:
    spec = {"schedule": "* * * * * *", "missedRunPolicy": "All", "missedRunLimit": 10_000}
    now_ms = CREATED_MS + 9000 * DAY_MS
    assert decide(timer(spec), 0, now_ms).fire_ms == now_ms - 9_999 * SECOND_MS
