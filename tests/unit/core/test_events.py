"""Which news of a timer deserve an Event."""

from collections.abc import Sequence
from typing import Any

from controller.core.events import EventDraft, events_between
from controller.core.job import Failure, Outcome, Run
from controller.core.news import news_of
from controller.core.reasons import Reason
from controller.core.report import Report
from controller.core.status import next_status
from tests.unit.core.objects import CREATED_MS, HOUR_MS, report, run, timer

EVERY = {"every": "1h"}
FIRST_MS, SECOND_MS = CREATED_MS + HOUR_MS, CREATED_MS + 2 * HOUR_MS
NOW_MS = CREATED_MS + 3 * HOUR_MS
FIRST = run(FIRST_MS).name

Told = tuple[dict[str, Any], list[EventDraft]]


def tell(
    before: dict[str, Any],
    runs: Sequence[Run] = (),
    reports: Sequence[Report] = (),
    spec: dict[str, Any] = EVERY,
) -> Told:
    """The status after one more write, and the Events with it."""
    one = timer(spec, status=before)
    news = news_of(one, runs, reports, NOW_MS)
    status = next_status(one, runs, news, NOW_MS)
    return status, events_between(before, status, news)


QUIET, _ = tell({})


def refused(occurrence_ms: int, before: dict[str, Any]) -> Told:
    return tell(before, reports=[report(timer(EVERY), occurrence_ms, Reason.FORBIDDEN, message="no")])


def test_where_nothing_happens_there_is_nothing_to_tell() -> None:
    assert tell({})[1] == []
    assert tell(QUIET)[1] == []


def test_a_run_is_told_when_it_begins_and_when_it_ends_once_each_and_in_the_words_of_a_cron_job() -> None:
    active, begun = tell(QUIET, [run(FIRST_MS)])
    assert begun == [EventDraft("Normal", Reason.SUCCESSFUL_CREATE, f"Created job {FIRST}")]
    assert tell(active, [run(FIRST_MS)])[1] == []
    ended, end = tell(active, [run(FIRST_MS, Outcome.SUCCEEDED)])
    assert end == [EventDraft("Normal", Reason.SAW_COMPLETED_JOB, f"Saw completed job: {FIRST}, condition: Complete")]
    assert tell(ended, [run(FIRST_MS, Outcome.SUCCEEDED)])[1] == []


def test_a_failed_run_is_told_with_its_reason() -> None:
    failed = run(FIRST_MS, Outcome.FAILED, failure=Failure("BackoffLimitExceeded", "too often"))
    text = f"Saw completed job: {FIRST}, condition: Failed (BackoffLimitExceeded)"
    assert [draft.message for draft in tell(QUIET, [failed])[1]] == [f"Created job {FIRST}", text]


def test_many_runs_are_told_together() -> None:
    failure = Failure("DeadlineExceeded", "too long")
    runs = [run(FIRST_MS, Outcome.SUCCEEDED), run(SECOND_MS, Outcome.FAILED, failure=failure)]
    second = runs[1].name
    assert [draft.message for draft in tell(QUIET, runs)[1]] == [
        f"Created 2 jobs, the last: {second}",
        f"Saw 2 completed jobs, 1 of them failed, the last of them {second}: Failed (DeadlineExceeded)",
    ]


def test_a_bad_spec_is_told_from_the_first_status_on_and_once() -> None:
    bad = timer({"every": "fast"})
    broken, drafts = tell({}, spec={"every": "fast"})
    assert bad.problem is not None
    assert drafts == [EventDraft("Warning", Reason.INVALID_SPEC, bad.problem.message)]
    assert tell(broken, spec={"every": "fast"})[1] == []


def test_a_refused_job_is_told_once_and_the_next_refused_one_again() -> None:
    first, drafts = refused(FIRST_MS, QUIET)
    message = "The Job of 2026-03-01T11:00:00Z was refused: no"
    assert drafts == [EventDraft("Warning", Reason.FORBIDDEN, message)]
    assert refused(FIRST_MS, first)[1] == []
    assert len(refused(SECOND_MS, first)[1]) == 1


def test_of_what_became_well_again_only_the_run_is_told() -> None:
    first, _ = refused(FIRST_MS, QUIET)
    assert [draft.reason for draft in tell(first, [run(FIRST_MS)])[1]] == [Reason.SUCCESSFUL_CREATE]


def test_missed_runs_are_told_with_their_number_and_the_last() -> None:
    missed, drafts = tell(QUIET, reports=[report(timer(EVERY), SECOND_MS, count=2)])
    text = "Missed 2 run(s), the last of 2026-03-01T12:00:00Z."
    assert drafts == [EventDraft("Warning", Reason.MISS_SCHEDULE, text)]
    assert tell(missed, reports=[report(timer(EVERY), SECOND_MS, count=2)])[1] == []


def test_missed_runs_are_told_even_in_the_first_status() -> None:
    assert [draft.reason for draft in tell({}, reports=[report(timer(EVERY), FIRST_MS)])[1]] == [Reason.MISS_SCHEDULE]


def test_a_skipped_run_is_told_with_what_it_met() -> None:
    skipped = report(timer(EVERY), SECOND_MS, Reason.JOB_ALREADY_ACTIVE, message="Skipped, as another runs.")
    status, drafts = tell(QUIET, [run(FIRST_MS)], [skipped])
    assert EventDraft("Warning", Reason.JOB_ALREADY_ACTIVE, "Skipped, as another runs.") in drafts
    assert tell(status, [run(FIRST_MS)], [skipped])[1] == []


def test_a_replaced_run_is_told() -> None:
    replaced = report(timer(EVERY), SECOND_MS, Reason.SUCCESSFUL_DELETE, message="Deleted job a.")
    assert tell(QUIET, reports=[replaced])[1] == [EventDraft("Normal", Reason.SUCCESSFUL_DELETE, "Deleted job a.")]


def test_a_stop_after_too_many_failures_is_told_once() -> None:
    spec = EVERY | {"maxConsecutiveFailures": 1}
    quiet, _ = tell({}, spec=spec)
    stopped, drafts = tell(quiet, [run(FIRST_MS, Outcome.FAILED)], spec=spec)
    assert [draft.reason for draft in drafts if draft.kind == "Warning"] == [Reason.TOO_MANY_FAILURES]
    assert tell(stopped, [run(FIRST_MS, Outcome.FAILED)], spec=spec)[1] == []
