"""What was due against what ran, and the lag in three figures."""

import pytest

from controller.core.instants import parse_rfc3339
from controller.core.job import Outcome
from controller.core.schedule.fixed import Every, Once
from controller.core.schedule.occurrences import between
from controller.core.schedule.reading import read_schedule
from tests.harness.accounts import EDIT_MARGIN_MS, Account, Due, Phase, SeenRun, due_in, settle, total
from tests.harness.lag import Lag, lag_of, percentile

NOON = parse_rfc3339("2026-11-22T12:00:00Z")
EVERY_5S = Every(NOON + 5_000, 5_000)


def ran(second: float, lag_ms: int = 10, outcome: Outcome = Outcome.SUCCEEDED, gone: bool = False) -> SeenRun:
    occurrence_ms = NOON + round(second * 1000)
    return SeenRun(occurrence_ms, occurrence_ms + lag_ms, outcome, gone)


def due(*seconds: float) -> Due:
    return Due(frozenset(NOON + round(second * 1000) for second in seconds), frozenset())


def test_an_occurrence_at_the_end_is_due_and_one_at_the_beginning_is_not() -> None:
    assert list(between(EVERY_5S, NOON + 5_000, NOON + 15_000)) == [NOON + 10_000, NOON + 15_000]


def test_more_occurrences_are_found_than_a_gap_counts() -> None:
    assert len(list(between(EVERY_5S, NOON, NOON + 3_600_000))) == 720


def test_any_sixty_seconds_hold_one_full_minute() -> None:
    every_minute = read_schedule({"schedule": "* * * * *"}, 0, "default/minutely")
    for second in range(60):
        begin_ms = NOON + second * 1000
        assert len(list(between(every_minute, begin_ms, begin_ms + 60_000))) == 1


def test_a_suspended_time_has_nothing_due() -> None:
    phases = [Phase(EVERY_5S, NOON, NOON + 12_500), Phase(None, NOON + 12_500, begins_with_edit=True)]

    assert due_in(phases, NOON + 60_000).required == {NOON + 5_000, NOON + 10_000}


def test_close_to_an_edit_an_occurrence_may_run_and_need_not() -> None:
    edited_ms = NOON + 11_000
    once = Once(NOON + 30_000)
    phases = [Phase(EVERY_5S, NOON, edited_ms), Phase(once, edited_ms, begins_with_edit=True)]

    found = due_in(phases, NOON + 60_000)

    assert found.required == {NOON + 5_000, NOON + 30_000}
    assert found.optional == {NOON + 10_000}
    assert settle(found, [ran(5), ran(30)]).faultless
    with_the_optional_one = settle(found, [ran(5), ran(10), ran(30)])
    assert with_the_optional_one.faultless
    assert with_the_optional_one.due == 3


def test_far_from_an_edit_an_occurrence_of_the_old_schedule_was_not_asked_for() -> None:
    edited_ms = NOON + 11_000
    phases = [Phase(EVERY_5S, NOON, edited_ms), Phase(None, edited_ms, begins_with_edit=True)]
    late = (edited_ms + EDIT_MARGIN_MS - NOON) / 1000 + 2

    assert settle(due_in(phases, NOON + 60_000), [ran(5), ran(late)]).unasked == 1


def test_creation_is_no_edit_and_fences_exactly() -> None:
    assert due_in([Phase(Every(NOON + 1_000, 1_000), NOON)], NOON + 2_000) == due(1, 2)


def test_everything_run_once_is_faultless() -> None:
    account = settle(due(5, 10), [ran(5), ran(10)])

    assert account == Account(due=2, jobs=2, succeeded=2)
    assert account.faultless


def test_an_occurrence_without_a_job_is_missed() -> None:
    account = settle(due(5, 10), [ran(10)])

    assert account.missed == 1
    assert not account.faultless


def test_each_further_job_of_an_occurrence_is_double() -> None:
    account = settle(due(5), [ran(5), ran(5), ran(5)])

    assert (account.jobs, account.double, account.missed) == (3, 2, 0)
    assert not account.faultless


def test_a_double_does_not_make_up_for_a_miss() -> None:
    account = settle(due(5, 10), [ran(5), ran(5)])

    assert (account.missed, account.double) == (1, 1)


@pytest.mark.parametrize("run", [ran(7), ran(5, lag_ms=-1)], ids=["of no schedule", "before its time"])
def test_a_job_nobody_asked_for_is_a_fault(run: SeenRun) -> None:
    account = settle(due(5), [ran(5), run])

    assert account.unasked == 1
    assert not account.faultless


def test_a_failed_job_is_a_fault() -> None:
    account = settle(due(5), [ran(5, outcome=Outcome.FAILED)])

    assert (account.failed, account.succeeded) == (1, 0)
    assert not account.faultless


def test_a_job_still_active_is_a_fault_unless_somebody_deleted_it() -> None:
    assert settle(due(5), [ran(5, outcome=Outcome.ACTIVE)]).unfinished == 1
    assert settle(due(5), [ran(5, outcome=Outcome.ACTIVE, gone=True)]).faultless


def test_a_total_adds_every_figure() -> None:
    assert total([]) == Account()
    assert total([Account(1, 2, 3, 4, 5, 6, 7, 8), Account(10, 20, 30, 40, 50, 60, 70, 80)]) == Account(
        11, 22, 33, 44, 55, 66, 77, 88
    )


@pytest.mark.parametrize(("part", "value"), [(0.0, 1), (0.5, 50), (0.99, 99), (0.991, 100), (1.0, 100)])
def test_a_percentile_is_a_value_that_was_measured(part: float, value: int) -> None:
    assert percentile(range(1, 101), part) == value


def test_the_lag_of_few_jobs_is_honest_about_its_extremes() -> None:
    assert lag_of([30, 10, 20]) == Lag(count=3, p50_ms=20, p99_ms=30, max_ms=30)
    assert lag_of([7]) == Lag(1, 7, 7, 7)
    assert lag_of([]) is None
