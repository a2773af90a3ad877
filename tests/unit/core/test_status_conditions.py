"""What status says of a timer as a whole: conditions, reasons, and since when."""

from collections.abc import Sequence
from typing import Any

import pytest

from controller.core.instants import rfc3339
from controller.core.job import Outcome, Run
from controller.core.reasons import CREATE_PROBLEMS, Reason
from controller.core.report import Report
from controller.core.timer import condition
from tests.unit.core.objects import (
    CREATED_MS,
    HOUR_MS,
    MINUTE_MS,
    SECOND_MS,
    handled,
    ms,
    report,
    run,
    timer,
)
from tests.unit.core.objects import (
    status_of as written_status,
)

EVERY = {"every": "1h"}
ONCE = {"at": "2026-03-01T11:00:00Z"}
FIRST_MS, SECOND_RUN_MS = CREATED_MS + HOUR_MS, CREATED_MS + 2 * HOUR_MS
NOW_MS = CREATED_MS + HOUR_MS + MINUTE_MS


def status_of(
    spec: dict[str, Any],
    runs: Sequence[Run] = (),
    reports: Sequence[Report] = (),
    now_ms: int = NOW_MS,
    **changes: Any,
) -> dict[str, Any]:
    return written_status(timer(spec, **changes), runs, reports, now_ms)


def said(status: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {entry["type"]: (entry["status"], entry["reason"]) for entry in status["conditions"]}


def refused(occurrence_ms: int, reason: Reason = Reason.FORBIDDEN, **changes: Any) -> Report:
    return report(timer(EVERY), occurrence_ms, reason, message="no Jobs here", **changes)


SCHEDULED = {"Ready": ("True", "Scheduled")}


def test_a_timer_that_fires_is_ready_and_nothing_else() -> None:
    assert said(status_of(EVERY)) == SCHEDULED
    assert said(status_of(EVERY, [run(FIRST_MS, Outcome.FAILED)])) == SCHEDULED


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"every": "fast"}, "InvalidSpec"),
        ({"schedule": "x"}, "InvalidSchedule"),
        ({"schedule": "* * * * *", "timeZone": "Mars/Base"}, "UnknownTimeZone"),
    ],
)
def test_a_bad_spec_is_not_ready_and_stalled_until_it_is_edited(spec: dict[str, Any], reason: str) -> None:
    status = status_of(spec)
    assert said(status) == {"Ready": ("False", reason), "Stalled": ("True", reason)}
    problem = timer(spec).problem
    assert problem is not None
    assert condition(status, "Ready")["message"] == problem.message
    assert status["scheduleSummary"] == "<invalid>"
    assert "nextScheduleTime" not in status


def test_a_suspended_timer_is_ready_and_suspended_and_has_no_next_time() -> None:
    status = status_of(EVERY | {"suspend": True})
    assert said(status) == {"Ready": ("True", "Suspended"), "Suspended": ("True", "Suspended")}
    assert "nextScheduleTime" not in status


@pytest.mark.parametrize(
    "spec", [{"schedule": "0 0 31 2 *"}, {"schedule": "0 9 * * *", "exclude": [{"cron": "* * * * *"}]}], ids=str
)
def test_a_schedule_that_never_fires_says_so(spec: dict[str, Any]) -> None:
    status = status_of(spec)
    assert said(status) == {"Ready": ("True", "NeverFires"), "Complete": ("True", "NeverFires")}
    assert condition(status, "Ready")["message"] == "The schedule never fires: it has no occurrence at all."
    assert "nextScheduleTime" not in status


@pytest.mark.parametrize("suspend", [False, True])
def test_what_surely_means_something_else_is_warned_about(suspend: bool) -> None:
    status = status_of({"schedule": "*/61 * * * *", "suspend": suspend})
    message = condition(status, "Ready")["message"]
    assert message.endswith(" Warning: minute '*/61' is the same as '0': the step leads past 59.")
    assert condition(status, "Ready")["status"] == "True"


def test_a_timer_past_its_end_is_complete() -> None:
    ended = EVERY | {"endTime": rfc3339(FIRST_MS + 1)}
    assert said(status_of(ended)) == SCHEDULED
    complete = status_of(ended, [run(FIRST_MS, Outcome.SUCCEEDED)])
    assert said(complete) == {"Ready": ("True", "Complete"), "Complete": ("True", "Complete")}
    assert "nextScheduleTime" not in complete


def test_a_single_run_makes_a_timer_complete_only_once_its_job_has_ended() -> None:
    assert said(status_of(ONCE)) == SCHEDULED
    assert said(status_of(ONCE, [run(FIRST_MS)])) == SCHEDULED
    complete = status_of(ONCE, [run(FIRST_MS, Outcome.SUCCEEDED)])
    assert said(complete) == {"Ready": ("True", "Complete"), "Complete": ("True", "Complete")}
    assert "nextScheduleTime" not in complete


def test_a_single_run_that_failed_is_complete_with_failures() -> None:
    status = status_of(ONCE, [run(FIRST_MS, Outcome.FAILED)])
    reason = ("True", "CompletedWithFailures")
    assert said(status) == {"Ready": reason, "Complete": reason}


def test_an_instant_in_the_past_is_complete_because_missed() -> None:
    status = status_of({"at": "2026-03-01T09:00:00Z"})
    assert said(status) == {"Ready": ("True", "Missed"), "Complete": ("True", "Missed")}


def test_an_instant_that_passed_its_deadline_is_complete_because_missed() -> None:
    late = timer(ONCE)
    status = status_of(ONCE, reports=[report(late, FIRST_MS)])
    assert said(status) == {"Ready": ("True", "Missed"), "Complete": ("True", "Missed")}
    assert status["runs"]["missed"] == 1


def test_a_suspended_timer_with_nothing_left_is_both_suspended_and_complete() -> None:
    status = status_of(ONCE | {"suspend": True}, [run(FIRST_MS, Outcome.SUCCEEDED)])
    assert said(status) == {
        "Ready": ("True", "Complete"),
        "Suspended": ("True", "Suspended"),
        "Complete": ("True", "Complete"),
    }


@pytest.mark.parametrize("reason", sorted(CREATE_PROBLEMS))
def test_a_refused_job_makes_a_timer_not_ready_and_a_bad_template_stalls_it(reason: Reason) -> None:
    status = status_of(EVERY, reports=[refused(FIRST_MS, reason)])
    stalled = {"Stalled": ("True", reason)} if reason is Reason.INVALID_TEMPLATE else {}
    assert said(status) == {"Ready": ("False", reason)} | stalled
    assert condition(status, "Ready")["message"] == "The Job of 2026-03-01T11:00:00Z was refused: no Jobs here"


def test_a_refusal_stays_until_a_job_is_created() -> None:
    status = status_of(EVERY, reports=[refused(FIRST_MS)])
    status = status_of(EVERY, status=status)
    assert said(status) == {"Ready": ("False", "Forbidden")}
    assert said(status_of(EVERY, [run(FIRST_MS)], status=status)) == SCHEDULED


def test_a_refusal_stays_while_occurrences_are_missed() -> None:
    status = status_of(EVERY, reports=[refused(FIRST_MS)])
    status = status_of(EVERY, reports=[report(timer(EVERY), FIRST_MS)], status=status)
    assert said(status) == {"Ready": ("False", "Forbidden")}


def test_a_refusal_does_not_outlive_an_edit() -> None:
    status = status_of(EVERY, reports=[refused(FIRST_MS)])
    assert said(status_of(EVERY | {"jobTemplate": {"spec": {}}}, status=status, generation=2)) == SCHEDULED


def test_a_refusal_under_an_older_generation_says_nothing_of_the_edited_timer() -> None:
    assert said(status_of(EVERY, reports=[refused(FIRST_MS)], generation=2)) == SCHEDULED


def test_a_refusal_that_was_mended_before_status_was_written_is_not_mentioned() -> None:
    assert said(status_of(EVERY, [run(FIRST_MS)], [refused(FIRST_MS)])) == SCHEDULED


def test_a_run_before_the_refused_one_mends_nothing() -> None:
    status = status_of(EVERY, [run(FIRST_MS)], [refused(SECOND_RUN_MS)])
    assert said(status) == {"Ready": ("False", "Forbidden")}
    assert said(status_of(EVERY, [run(FIRST_MS)], status=status)) == {"Ready": ("False", "Forbidden")}


def test_of_several_refusals_the_youngest_is_told() -> None:
    reports = [refused(FIRST_MS), refused(FIRST_MS, Reason.QUOTA_EXCEEDED)]
    assert said(status_of(EVERY, reports=reports)) == {"Ready": ("False", "QuotaExceeded")}


def test_a_bad_spec_is_told_before_a_refused_job() -> None:
    assert said(status_of({"every": "fast"}, reports=[refused(FIRST_MS)]))["Ready"] == ("False", "InvalidSpec")


def test_a_condition_says_since_when_it_holds_in_whole_seconds() -> None:
    first = status_of(EVERY, now_ms=NOW_MS + 321)
    assert condition(first, "Ready")["lastTransitionTime"] == rfc3339(NOW_MS)


def test_the_time_of_a_condition_moves_only_when_its_status_does() -> None:
    later_ms = NOW_MS + HOUR_MS
    first = status_of(EVERY)
    suspended = status_of(EVERY | {"suspend": True}, status=first, generation=2, now_ms=later_ms)
    assert condition(suspended, "Ready")["reason"] == "Suspended"
    assert condition(suspended, "Ready")["lastTransitionTime"] == rfc3339(NOW_MS)
    assert condition(suspended, "Suspended")["lastTransitionTime"] == rfc3339(later_ms)
    broken = status_of({"every": "fast"}, status=first, generation=2, now_ms=later_ms)
    assert condition(broken, "Ready")["lastTransitionTime"] == rfc3339(later_ms)


def test_all_conditions_and_the_status_say_which_generation_they_are_about() -> None:
    status = status_of(EVERY | {"suspend": True}, generation=7)
    assert status["observedGeneration"] == 7
    assert {entry["observedGeneration"] for entry in status["conditions"]} == {7}


def test_an_edit_of_the_timing_moves_what_is_handled_and_next_to_the_edit() -> None:
    before = handled(CREATED_MS, timer(EVERY))
    fields = [{"time": rfc3339(NOW_MS), "fieldsV1": {"f:spec": {}}}]
    status = status_of({"every": "30m"}, status=before, generation=2, managedFields=fields, now_ms=NOW_MS + SECOND_MS)
    assert status["handledThrough"] == rfc3339(NOW_MS)
    assert status["nextScheduleTime"] == "2026-03-01T11:30:00Z"
    assert status["timingHash"] == timer({"every": "30m"}).timing_hash


def test_what_status_remembers_is_a_fence_for_the_next_reader() -> None:
    status = status_of(EVERY, [run(FIRST_MS)])
    assert timer(EVERY, status=status).recorded.handled_through_ms == FIRST_MS
    assert ms(status["nextScheduleTime"]) == SECOND_RUN_MS
