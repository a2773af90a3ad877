"""What status counts and remembers of runs: each once, whatever happens in between."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.instants import rfc3339
from controller.core.job import Outcome, Run
from controller.core.reasons import Reason
from controller.core.report import Report
from controller.core.status import ACTIVE_LIMIT, status_patch
from controller.core.timer import Timer
from tests.unit.core.objects import CREATED_MS, HOUR_MS, MINUTE_MS, report, run, status_of, timer

SPEC = {"every": "1h"}
NOW_MS = CREATED_MS + 1000 * HOUR_MS
FIRST_MS, SECOND_MS, THIRD_MS = (CREATED_MS + n * HOUR_MS for n in (1, 2, 3))


def with_status(status: dict[str, Any]) -> Timer:
    return timer(SPEC, status=status)


def fold(status: dict[str, Any], runs: list[Run], reports: list[Report] | None = None) -> dict[str, Any]:
    """The status after one more write."""
    new = status_of(with_status(status), runs, reports or [], NOW_MS)
    patched = {**status, **status_patch(status, new)}
    return {key: value for key, value in patched.items() if value is not None}


def counts(succeeded: int = 0, failed: int = 0, missed: int = 0, skipped: int = 0) -> dict[str, int]:
    return {"succeeded": succeeded, "failed": failed, "missed": missed, "skipped": skipped}


def test_a_new_timer_has_counted_nothing() -> None:
    status = fold({}, [])
    assert status["runs"] == counts()
    assert (status["active"], status["activeCount"]) == ([], 0)
    assert not {"lastScheduleTime", "lastMissedTime", "lastSuccessfulTime", "lastFailedTime"} & status.keys()
    assert status["handledThrough"] == rfc3339(CREATED_MS)
    assert status["nextScheduleTime"] == rfc3339(FIRST_MS)


def test_an_active_run_is_named_and_not_counted_yet() -> None:
    status = fold({}, [run(FIRST_MS)])
    assert status["active"] == [
        {"name": run(FIRST_MS).name, "uid": run(FIRST_MS).uid, "scheduledAt": rfc3339(FIRST_MS)}
    ]
    assert (status["activeCount"], status["runs"]) == (1, counts())
    assert status["lastScheduleTime"] == status["handledThrough"] == rfc3339(FIRST_MS)
    assert status["nextScheduleTime"] == rfc3339(SECOND_MS)


@pytest.mark.parametrize(
    ("outcome", "expected", "field"),
    [
        (Outcome.SUCCEEDED, counts(succeeded=1), "lastSuccessfulTime"),
        (Outcome.FAILED, counts(failed=1), "lastFailedTime"),
    ],
)
@pytest.mark.parametrize("seen_active_before", [True, False])
def test_a_finished_run_is_counted_once_whether_it_was_seen_active_or_not(
    outcome: Outcome, expected: dict[str, int], field: str, seen_active_before: bool
) -> None:
    status = fold({}, [run(FIRST_MS)]) if seen_active_before else {}
    for _ in range(3):
        status = fold(status, [run(FIRST_MS, outcome)])
        assert status["runs"] == expected
        assert status[field] == rfc3339(FIRST_MS + MINUTE_MS)
        assert status["active"] == []


def test_runs_that_finish_in_another_order_than_they_began_are_all_counted() -> None:
    status = fold({}, [run(FIRST_MS), run(SECOND_MS), run(THIRD_MS)])
    status = fold(status, [run(FIRST_MS), run(SECOND_MS), run(THIRD_MS, Outcome.SUCCEEDED)])
    status = fold(status, [run(FIRST_MS, Outcome.FAILED), run(SECOND_MS), run(THIRD_MS, Outcome.SUCCEEDED)])
    status = fold(status, [run(n, Outcome.FAILED) for n in (FIRST_MS, SECOND_MS)])
    assert status["runs"] == counts(succeeded=1, failed=2)
    assert status["lastScheduleTime"] == rfc3339(THIRD_MS)


def test_a_run_that_was_removed_before_status_counted_it_is_counted_still() -> None:
    status = fold(fold({}, [run(FIRST_MS)]), [run(FIRST_MS, Outcome.SUCCEEDED, gone=True)])
    assert status["runs"] == counts(succeeded=1)
    assert status["activeCount"] == 0


def test_a_run_that_was_removed_while_active_is_neither_active_nor_finished() -> None:
    status = fold(fold({}, [run(FIRST_MS)]), [run(FIRST_MS, gone=True)])
    assert (status["runs"], status["activeCount"]) == (counts(), 0)
    assert status["lastScheduleTime"] == rfc3339(FIRST_MS)


def test_the_last_times_only_grow() -> None:
    status = fold({}, [run(SECOND_MS, Outcome.SUCCEEDED)])
    status = fold(status, [])
    assert status["lastScheduleTime"] == status["handledThrough"] == rfc3339(SECOND_MS)
    assert status["lastSuccessfulTime"] == rfc3339(SECOND_MS + MINUTE_MS)


def test_a_failed_run_without_a_time_is_counted_all_the_same() -> None:
    status = fold({}, [run(FIRST_MS, Outcome.FAILED, finished_ms=None)])
    assert status["runs"] == counts(failed=1)
    assert "lastFailedTime" not in status


def test_of_many_active_runs_the_newest_are_named_and_all_are_counted() -> None:
    runs = [run(CREATED_MS + n * HOUR_MS) for n in range(1, ACTIVE_LIMIT + 6)]
    status = fold({}, runs[::-1])
    assert status["activeCount"] == ACTIVE_LIMIT + 5
    assert [entry["uid"] for entry in status["active"]] == [one.uid for one in runs[5:]]


def test_missed_occurrences_are_counted_as_often_as_reported_and_handled_through_the_last() -> None:
    status = fold({}, [], [report(with_status({}), SECOND_MS, count=2), report(with_status({}), THIRD_MS)])
    assert status["runs"] == counts(missed=3)
    assert status["lastMissedTime"] == status["handledThrough"] == rfc3339(THIRD_MS)


def test_a_report_that_arrives_again_is_not_counted_again() -> None:
    missed = report(with_status({}), SECOND_MS, count=2)
    status = fold({}, [], [missed, missed])
    assert status["runs"] == counts(missed=2)
    assert fold(status, [], [missed])["runs"] == counts(missed=2)


def test_what_was_missed_before_the_newest_run_is_counted() -> None:
    status = fold({}, [run(THIRD_MS)])
    status = fold(status, [run(THIRD_MS)], [report(with_status({}), SECOND_MS, count=2)])
    assert status["runs"] == counts(missed=2)
    assert status["handledThrough"] == rfc3339(THIRD_MS)


def test_what_has_run_was_not_missed_whatever_a_worker_believes() -> None:
    """One that died between creating a Job and acknowledging it leaves a gap to those who come after it."""
    ran, wrong = run(FIRST_MS), report(with_status({}), FIRST_MS)
    assert fold({}, [ran, run(SECOND_MS)], [wrong])["runs"] == counts()
    assert "lastMissedTime" not in fold({}, [ran, run(SECOND_MS)], [wrong])
    too_many = report(with_status({}), SECOND_MS, count=2)
    assert fold({}, [ran, run(THIRD_MS)], [too_many])["runs"] == counts(missed=1)


def test_what_was_reported_as_missed_but_has_a_job_is_not_counted_as_missed() -> None:
    # A worker died between creating the Job and saying so; the next one took that occurrence for missed.
    three_missed = [report(with_status({}), THIRD_MS, count=3)]
    assert fold({}, [run(SECOND_MS)], three_missed)["runs"] == counts(missed=2)
    assert fold({}, [run(CREATED_MS)], three_missed)["runs"] == counts(missed=3)
    all_there = fold({}, [run(FIRST_MS), run(SECOND_MS), run(THIRD_MS)], three_missed)
    assert all_there["runs"] == counts()
    assert "lastMissedTime" not in all_there


def test_nothing_in_the_future_counts_as_missed() -> None:
    status = fold({}, [], [report(with_status({}), NOW_MS + 1)])
    assert status["runs"] == counts()
    assert status["handledThrough"] == rfc3339(CREATED_MS)


def test_a_refused_job_is_no_missed_run() -> None:
    status = fold({}, [], [report(with_status({}), FIRST_MS, Reason.FORBIDDEN)])
    assert status["runs"] == counts()
    assert status["handledThrough"] == rfc3339(CREATED_MS)


def test_there_is_nothing_to_write_where_nothing_changed() -> None:
    runs = [run(FIRST_MS, Outcome.SUCCEEDED), run(SECOND_MS)]
    status = fold({}, runs, [report(with_status({}), FIRST_MS)])
    later_ms = NOW_MS + 10 * HOUR_MS
    assert status_patch(status, status_of(with_status(status), runs, [], later_ms)) == {}


def test_a_patch_says_what_changed_and_takes_away_what_is_gone() -> None:
    old = {"same": 1, "changed": {"a": 1}, "gone": True}
    assert status_patch(old, {"same": 1, "changed": {"a": 2}, "new": []}) == {
        "changed": {"a": 2},
        "new": [],
        "gone": None,
    }


class Story:
    """A timer's life: Jobs are created in order, finish in any order, are removed once status has counted them."""

    def __init__(self) -> None:
        self.occurrences = itertools.count(1)
        self.runs: dict[int, Run] = {}
        self.reports: list[Report] = []
        self.status: dict[str, Any] = {}
        self.expected = counts()

    def play(self, event: str, which: int) -> None:
        unfinished = [ms for ms, one in self.runs.items() if one.outcome is Outcome.ACTIVE]
        counted = [
            ms
            for ms, one in self.runs.items()
            if one.outcome is not Outcome.ACTIVE and one.uid not in str(self.status.get("active"))
            if rfc3339(ms) <= self.status.get("lastScheduleTime", "")
        ]
        match event:
            case "create":
                occurrence_ms = CREATED_MS + next(self.occurrences) * HOUR_MS
                self.runs[occurrence_ms] = run(occurrence_ms)
            case "succeed" | "fail" if unfinished:
                occurrence_ms = unfinished[which % len(unfinished)]
                outcome = Outcome.SUCCEEDED if event == "succeed" else Outcome.FAILED
                self.runs[occurrence_ms] = run(occurrence_ms, outcome)
                self.expected["succeeded" if event == "succeed" else "failed"] += 1
            case "remove" if counted:
                del self.runs[counted[which % len(counted)]]
            case "miss":
                *_, last = itertools.islice(self.occurrences, which + 1)
                self.reports.append(report(with_status({}), CREATED_MS + last * HOUR_MS, count=which + 1))
                self.expected["missed"] += which + 1
            case "write":
                self.status = fold(self.status, list(self.runs.values()), self.reports)
                self.reports.clear()
            case "write and crash":
                # Status is written, and the same reports will be read again.
                self.status = fold(self.status, list(self.runs.values()), self.reports)


EVENTS = ("create", "succeed", "fail", "remove", "miss", "write", "write and crash")


@given(st.lists(st.tuples(st.sampled_from(EVENTS), st.integers(0, 5)), max_size=60))
def test_however_events_spread_over_writes_and_restarts_each_run_and_each_miss_counts_once(
    events: list[tuple[str, int]],
) -> None:
    story = Story()
    for event, which in events:
        story.play(event, which)
    story.play("write", 0)
    assert story.status["runs"] == story.expected
    active = [one for one in story.runs.values() if one.outcome is Outcome.ACTIVE]
    assert story.status["activeCount"] == len(active)


def test_a_run_whose_end_another_leader_has_counted_is_not_active_again() -> None:
    """It was replaced, and wrote what it had seen before it noticed; here the news of the end come later."""
    status = fold(fold({}, [run(FIRST_MS)]), [run(FIRST_MS, Outcome.SUCCEEDED)])
    status = fold(status, [run(FIRST_MS)])
    assert status["active"] == []
    assert fold(status, [run(FIRST_MS, Outcome.SUCCEEDED)])["runs"]["succeeded"] == 1
