"""What to do with a timer now."""

from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.decision import Decision, Missed, decide
from controller.core.fence import fence_ms
from controller.core.instants import rfc3339
from controller.core.schedule.occurrences import iterate
from controller.core.timer import Timer
from tests.unit.core.objects import CREATED_MS, DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, handled, spec_written_at, timer

EVERY = {"every": "1h"}
FIRST_MS, SECOND_RUN_MS, THIRD_MS, FOURTH_MS = (CREATED_MS + n * HOUR_MS for n in range(1, 5))


def test_what_lies_beyond_the_time_ahead_is_only_looked_at_again() -> None:
    assert decide(timer(EVERY), 0, CREATED_MS, 3 * SECOND_MS) == Decision(None, CREATED_MS, FIRST_MS)


def test_what_is_due_within_the_time_ahead_fires_at_its_time() -> None:
    now_ms = FIRST_MS - 3 * SECOND_MS
    assert decide(timer(EVERY), 0, now_ms, 3 * SECOND_MS) == Decision(FIRST_MS, CREATED_MS, SECOND_RUN_MS)
    assert decide(timer(EVERY), 0, now_ms - 1, 3 * SECOND_MS).fire_ms is None


@pytest.mark.parametrize("late_ms", [0, 1, 59 * MINUTE_MS])
def test_what_is_overdue_fires_and_the_next_follows_from_its_nominal_time(late_ms: int) -> None:
    assert decide(timer(EVERY), 0, FIRST_MS + late_ms) == Decision(FIRST_MS, CREATED_MS, SECOND_RUN_MS)


def test_of_several_overdue_the_latest_fires_and_the_others_are_missed() -> None:
    decision = decide(timer(EVERY), 0, THIRD_MS + MINUTE_MS)
    assert decision == Decision(THIRD_MS, SECOND_RUN_MS, FOURTH_MS, Missed(2, SECOND_RUN_MS))


def test_what_is_overdue_fires_before_what_is_due_ahead() -> None:
    decision = decide(timer(EVERY), 0, SECOND_RUN_MS - SECOND_MS, 3 * SECOND_MS)
    assert decision == Decision(FIRST_MS, CREATED_MS, SECOND_RUN_MS)


def test_what_is_past_its_deadline_is_missed_and_the_next_is_waited_for() -> None:
    short = timer(EVERY | {"startingDeadlineSeconds": 10})
    decision = decide(short, 0, SECOND_RUN_MS + 10 * SECOND_MS + 1)
    assert decision == Decision(None, SECOND_RUN_MS, THIRD_MS, Missed(2, SECOND_RUN_MS))


def test_what_is_exactly_at_its_deadline_fires_still() -> None:
    short = timer(EVERY | {"startingDeadlineSeconds": 10})
    assert decide(short, 0, FIRST_MS + 10 * SECOND_MS).fire_ms == FIRST_MS


def test_what_is_missed_does_not_hold_up_what_is_due_ahead() -> None:
    short = timer(EVERY | {"startingDeadlineSeconds": 10})
    decision = decide(short, 0, SECOND_RUN_MS - SECOND_MS, 3 * SECOND_MS)
    assert decision == Decision(SECOND_RUN_MS, FIRST_MS, THIRD_MS, Missed(1, FIRST_MS))


def test_a_deadline_of_nothing_misses_what_is_late_and_fires_what_is_not() -> None:
    strict = timer(EVERY | {"startingDeadlineSeconds": 0})
    assert decide(strict, 0, FIRST_MS).fire_ms == FIRST_MS
    assert decide(strict, 0, FIRST_MS + 1) == Decision(None, FIRST_MS, SECOND_RUN_MS, Missed(1, FIRST_MS))


@pytest.mark.parametrize(
    ("spec", "changes"),
    [
        (EVERY | {"suspend": True}, {}),
        ({"every": "nonsense"}, {}),
        (EVERY, {"deletionTimestamp": "2026-03-01T11:00:00Z"}),
    ],
    ids=["suspended", "a bad spec", "being deleted"],
)
def test_what_must_not_fire_is_not_looked_at_again_before_an_edit(
    spec: dict[str, Any], changes: dict[str, Any]
) -> None:
    assert decide(timer(spec, **changes), 0, THIRD_MS, HOUR_MS) == Decision(None, CREATED_MS, None)


def test_a_single_instant_fires_once_and_is_not_looked_at_again() -> None:
    once = timer({"at": rfc3339(FIRST_MS)})
    assert decide(once, 0, FIRST_MS) == Decision(FIRST_MS, CREATED_MS, None)
    assert decide(once, FIRST_MS, FIRST_MS) == Decision(None, FIRST_MS, None)


def test_an_instant_before_the_creation_fires_only_within_an_explicit_deadline() -> None:
    past = {"at": "2026-03-01T09:30:00Z"}
    half_an_hour_ago_ms = CREATED_MS - 30 * MINUTE_MS
    assert decide(timer(past), 0, CREATED_MS).fire_ms is None
    assert decide(timer(past | {"startingDeadlineSeconds": 3600}), 0, CREATED_MS).fire_ms == half_an_hour_ago_ms
    assert decide(timer(past | {"startingDeadlineSeconds": 1800}), 0, CREATED_MS).fire_ms is None


def test_what_the_mark_covers_does_not_fire_again_although_status_is_behind() -> None:
    assert decide(timer(EVERY), SECOND_RUN_MS, SECOND_RUN_MS) == Decision(None, SECOND_RUN_MS, THIRD_MS)


def test_what_status_covers_does_not_fire_again_although_the_mark_is_lost() -> None:
    known = timer(EVERY, status=handled(SECOND_RUN_MS, timer(EVERY)))
    assert decide(known, 0, SECOND_RUN_MS) == Decision(None, SECOND_RUN_MS, THIRD_MS)


def test_what_was_due_before_an_edit_does_not_fire_after_it() -> None:
    edited = timer(
        {"every": "30m"},
        generation=2,
        status=handled(CREATED_MS, timer(EVERY)),
        managedFields=spec_written_at(rfc3339(SECOND_RUN_MS + MINUTE_MS)),
    )
    decision = decide(edited, 0, SECOND_RUN_MS + 2 * MINUTE_MS)
    assert decision == Decision(None, SECOND_RUN_MS + MINUTE_MS, SECOND_RUN_MS + 30 * MINUTE_MS)


def test_a_fired_instant_is_armed_again_by_an_edit_to_a_new_one_and_not_by_an_edit_of_the_template() -> None:
    fired = handled(FIRST_MS, timer({"at": rfc3339(FIRST_MS)}))
    edit = {"generation": 2, "status": fired, "managedFields": spec_written_at(rfc3339(SECOND_RUN_MS))}
    assert decide(timer({"at": rfc3339(THIRD_MS)}, **edit), 0, SECOND_RUN_MS).next_ms == THIRD_MS
    same = timer({"at": rfc3339(FIRST_MS), "jobTemplate": {"spec": {}}}, **edit)
    assert decide(same, 0, SECOND_RUN_MS) == Decision(None, FIRST_MS, None)


SPREAD = EVERY | {"jitter": "30m"}


def test_what_is_spread_fires_at_its_own_time_and_is_looked_at_for_it() -> None:
    due_ms = spread_due_ms(FIRST_MS)
    assert FIRST_MS < due_ms < FIRST_MS + 30 * MINUTE_MS
    assert decide(timer(SPREAD), 0, FIRST_MS) == Decision(None, CREATED_MS, due_ms)
    assert decide(timer(SPREAD), 0, due_ms - 1).fire_ms is None
    assert decide(timer(SPREAD), 0, due_ms) == Decision(FIRST_MS, CREATED_MS, spread_due_ms(SECOND_RUN_MS))
    assert decide(timer(SPREAD), 0, due_ms - SECOND_MS, SECOND_MS).fire_ms == FIRST_MS


def test_what_is_spread_and_not_due_yet_is_not_overdue() -> None:
    """Three nominal times have passed, and only two of them were due."""
    due_ms = spread_due_ms(THIRD_MS)
    assert decide(timer(SPREAD), 0, due_ms - 1) == Decision(SECOND_RUN_MS, FIRST_MS, due_ms, Missed(1, FIRST_MS))
    assert decide(timer(SPREAD), 0, due_ms).fire_ms == THIRD_MS


def test_the_deadline_of_what_is_spread_counts_from_when_it_was_due() -> None:
    short = timer(SPREAD | {"startingDeadlineSeconds": 10})
    due_ms = spread_due_ms(FIRST_MS)
    assert decide(short, 0, due_ms + 10 * SECOND_MS).fire_ms == FIRST_MS
    assert decide(short, 0, due_ms + 10 * SECOND_MS + 1).missed == Missed(1, FIRST_MS)


def spread_due_ms(occurrence_ms: int) -> int:
    timing = timer(SPREAD).timing
    assert timing is not None
    return timing.due_ms(occurrence_ms)


def test_years_of_missed_occurrences_are_counted_at_once() -> None:
    decision = decide(timer({"schedule": "* * * * * *"}), 0, CREATED_MS + 3650 * DAY_MS)
    assert decision.fire_ms == CREATED_MS + 3650 * DAY_MS
    assert decision.missed == Missed(3650 * 86_400 - 1, CREATED_MS + 3650 * DAY_MS - SECOND_MS)


def test_a_timer_that_has_ended_fires_no_more() -> None:
    ending = timer(EVERY | {"endTime": rfc3339(SECOND_RUN_MS)})
    assert decide(ending, 0, FIRST_MS).next_ms == SECOND_RUN_MS
    assert decide(ending, FIRST_MS, SECOND_RUN_MS) == Decision(SECOND_RUN_MS, FIRST_MS, None)
    assert decide(ending, SECOND_RUN_MS, FOURTH_MS) == Decision(None, SECOND_RUN_MS, None)


SPECS = st.sampled_from(
    [
        {"every": "17m", "jitter": "20m"},
        {"schedule": "*/10 * * * *", "jitter": "5m", "exclude": [{"cron": "20-40 * * * *"}]},
        {"schedules": [{"cron": "*/7 * * * *"}, {"cron": "0 * * * *"}], "endTime": "2026-03-01T20:00:00Z"},
        {"every": "17m"},
        {"schedule": "*/10 * * * *"},
        {"schedule": "30 2 * * *", "timeZone": "Europe/Berlin"},
        {"at": "2026-03-01T13:00:00Z"},
        {"at": "2026-03-01T08:00:00Z"},
        {"afterCreation": "3h"},
    ]
)


@st.composite
def timers(draw: st.DrawFn) -> Timer:
    spec = draw(SPECS) | draw(
        st.sampled_from([{}, {"startingDeadlineSeconds": 1}, {"startingDeadlineSeconds": 10_000}])
    )
    status = handled(CREATED_MS + draw(st.integers(0, 300)) * MINUTE_MS, timer(spec)) if draw(st.booleans()) else {}
    edited = spec_written_at(rfc3339(CREATED_MS + draw(st.integers(0, 18_000)) * SECOND_MS))
    return timer(spec, status=status, generation=draw(st.integers(1, 3)), managedFields=edited)


@given(
    timer_=timers(),
    mark_ms=st.just(0) | st.integers(CREATED_MS, CREATED_MS + DAY_MS),
    age_ms=st.integers(0, DAY_MS),
    ahead_ms=st.sampled_from([0, 3 * SECOND_MS, HOUR_MS]),
)
def test_whatever_happened_nothing_decided_fires_again_nothing_fires_too_early_and_nothing_is_forgotten(
    timer_: Timer, mark_ms: int, age_ms: int, ahead_ms: int
) -> None:
    now_ms = CREATED_MS + age_ms
    decision = decide(timer_, mark_ms, now_ms, ahead_ms)
    decided_ms = max(mark_ms, fence_ms(timer_, now_ms))
    assert timer_.schedule is not None
    assert timer_.timing is not None
    assert decision.handled_through_ms >= decided_ms
    if decision.fire_ms is not None:
        assert decided_ms < decision.fire_ms <= timer_.timing.due_ms(decision.fire_ms) <= now_ms + ahead_ms
        assert decision.handled_through_ms < decision.fire_ms
        assert timer_.schedule.next_after(decision.fire_ms - 1) == decision.fire_ms
    # Between what was decided before and what is next, everything was fired or missed.
    passed = (decision.missed.count if decision.missed else 0) + (decision.fire_ms is not None)
    following = islice(iterate(timer_.schedule, decided_ms), passed, passed + 1)
    assert [timer_.timing.due_ms(occurrence_ms) for occurrence_ms in following] == (
        [] if decision.next_ms is None else [decision.next_ms]
    )


@given(timer_=timers(), age_ms=st.integers(0, DAY_MS))
def test_a_worker_that_asks_again_after_each_answer_fires_every_occurrence_at_most_once_and_in_order(
    timer_: Timer, age_ms: int
) -> None:
    mark_ms, fired, now_ms = 0, [], CREATED_MS + age_ms
    for _ in range(5):
        decision = decide(timer_, mark_ms, now_ms)
        if decision.fire_ms is not None:
            fired.append(decision.fire_ms)
        mark_ms = max(decision.handled_through_ms, decision.fire_ms or 0)
        if decision.next_ms is None:
            break
        now_ms = decision.next_ms
    assert fired == sorted(set(fired))
