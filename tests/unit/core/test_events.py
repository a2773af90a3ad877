"""Which changes of status deserve an Event."""

from typing import Any

from controller.core.events import EventDraft, events_between
from controller.core.reasons import Reason
from controller.core.status import next_status
from tests.unit.core.objects import CREATED_MS, HOUR_MS, report, run, timer

EVERY = {"every": "1h"}
FIRST_MS, SECOND_MS = CREATED_MS + HOUR_MS, CREATED_MS + 2 * HOUR_MS
NOW_MS = CREATED_MS + 3 * HOUR_MS

QUIET = next_status(timer(EVERY), [], [], NOW_MS)


def refused(occurrence_ms: int, before: dict[str, Any]) -> dict[str, Any]:
    reports = [report(timer(EVERY), occurrence_ms, Reason.FORBIDDEN, message="no")]
    return next_status(timer(EVERY, status=before), [], reports, NOW_MS)


def test_where_all_is_well_there_is_nothing_to_tell() -> None:
    assert events_between({}, QUIET) == []
    assert events_between(QUIET, next_status(timer(EVERY, status=QUIET), [run(FIRST_MS)], [], NOW_MS)) == []


def test_a_bad_spec_is_told_from_the_first_status_on_and_once() -> None:
    bad = timer({"every": "fast"})
    broken = next_status(bad, [], [], NOW_MS)
    assert bad.problem is not None
    assert events_between({}, broken) == [EventDraft("Warning", Reason.INVALID_SPEC, bad.problem.message)]
    assert events_between(broken, broken) == []


def test_a_refused_job_is_told_once_and_the_next_refused_one_again() -> None:
    first = refused(FIRST_MS, QUIET)
    message = "The Job of 2026-03-01T11:00:00Z was refused: no"
    assert events_between(QUIET, first) == [EventDraft("Warning", Reason.FORBIDDEN, message)]
    assert events_between(first, refused(FIRST_MS, first)) == []
    assert len(events_between(first, refused(SECOND_MS, first))) == 1


def test_what_became_well_again_is_not_told() -> None:
    first = refused(FIRST_MS, QUIET)
    mended = next_status(timer(EVERY, status=first), [run(FIRST_MS)], [], NOW_MS)
    assert events_between(first, mended) == []


def test_missed_runs_are_told_with_their_number_and_the_last() -> None:
    missed = next_status(timer(EVERY, status=QUIET), [], [report(timer(EVERY), SECOND_MS, count=2)], NOW_MS)
    text = "Missed 2 run(s), the last of 2026-03-01T12:00:00Z."
    assert events_between(QUIET, missed) == [EventDraft("Warning", Reason.MISS_SCHEDULE, text)]
    assert events_between(missed, missed) == []


def test_missed_runs_are_told_even_in_the_first_status() -> None:
    missed = next_status(timer(EVERY), [], [report(timer(EVERY), FIRST_MS)], NOW_MS)
    assert [draft.reason for draft in events_between({}, missed)] == [Reason.MISS_SCHEDULE]
