"""What `doctor` makes of a list of timers."""

from typing import Any

import pytest

from controller.cli.doctor.findings import Finding, Level
from controller.cli.doctor.timers import Census, judge_timers
from tests.unit.cli.patient import well
from tests.unit.cli.stub_cluster import ready, timer_object
from tests.unit.core.objects import ms, spec_written_at

NOW = "2026-11-25T10:00:00Z"
LATE = {"nextScheduleTime": "2026-11-25T09:50:00Z"}
"""Ten minutes ago."""


def census(*timers: dict[str, Any], everywhere: bool = True) -> Census:
    taken = Census(ms(NOW), everywhere)
    taken.take_all(timers)
    return taken


def judged(*timers: dict[str, Any], led: bool = True) -> list[Finding]:
    return judge_timers(census(*timers), led)


def test_timers_that_are_well_are_counted() -> None:
    (finding,) = judged(well("a"), well("b", spec={"suspend": True}), timer_object("young", creationTimestamp=NOW))
    assert finding == Finding("timers", Level.OK, "3 timers in all namespaces, 1 of them suspended; none is in trouble")


def test_one_that_the_controller_has_not_looked_at_for_a_minute_is_a_problem() -> None:
    (finding,) = judged(timer_object("old"), well("edited", generation=2), well("fine"))
    assert finding.level is Level.PROBLEM
    assert finding.found == "2 timers without a status for what is in the spec now: billing/old, billing/edited"


def test_a_minute_is_what_the_controller_has_after_an_edit() -> None:
    edited = well("edited", generation=2, managedFields=spec_written_at("2026-11-25T09:59:30Z"))
    assert judged(edited)[0].level is Level.OK


def test_one_that_should_have_run_is_a_problem_of_workers() -> None:
    (finding,) = judged(well("late", status=LATE), well("next", status={"nextScheduleTime": "2026-11-26T06:30:00Z"}))
    assert finding.level is Level.PROBLEM
    assert finding.found == "1 timer should have run by now, one of them 10m ago: billing/late"


@pytest.mark.parametrize(
    "timer",
    [
        well("within-a-minute", status={"nextScheduleTime": "2026-11-25T09:59:30Z"}),
        well("suspended", status=LATE, spec={"suspend": True}),
        well("waits", status=LATE | {"activeCount": 1}, spec={"concurrencyPolicy": "Forbid", "missedRunPolicy": "All"}),
        well("jitter", status=LATE, spec={"schedule": "50 9 * * *", "jitter": "24h"}),
        well("being-deleted", status=LATE, deletionTimestamp=NOW),
    ],
    ids=lambda timer: str(timer["metadata"]["name"]),
)
def test_others_have_a_reason_to_be_late(timer: dict[str, Any]) -> None:
    assert judged(timer)[0].level is Level.OK


def test_one_whose_job_is_refused_is_told_by_that_reason_alone() -> None:
    refused = well("refused", status=LATE | {"conditions": [ready("False", "QuotaExceeded", "no room")]})
    (finding,) = judged(refused)
    assert (finding.level, finding.found) == (Level.WARNING, "1 not ready for reason QuotaExceeded: billing/refused")
    assert finding.advice == "billing/refused: no room"


def test_the_most_common_reasons_are_told_and_the_others_counted() -> None:
    timers = [
        well(f"{reason}-{number}", status={"conditions": [ready("False", f"Reason{reason}", "x" * 1_000)]})
        for reason in range(7)
        for number in range(7 - reason)
    ]
    findings = judged(*timers)
    assert [finding.found.partition(":")[0] for finding in findings] == [
        *(f"{7 - reason} not ready for reason Reason{reason}" for reason in range(5)),
        "others are not ready for 2 more reasons",
    ]
    assert len(findings[0].advice) < 300


def test_one_that_stopped_after_too_many_failures_is_told() -> None:
    held = {"type": "Suspended", "status": "True", "reason": "TooManyFailures", "message": "3 runs failed"}
    (finding,) = judged(well("failing", status={"conditions": [ready(), held | {"observedGeneration": 1}]}))
    assert finding.level is Level.WARNING
    assert finding.found == "1 stopped after too many failures in a row: billing/failing"


def test_one_that_cannot_be_read_keeps_nobody_from_looking_at_the_others() -> None:
    assert census({"metadata": {}}, well("a")).count == 1


def test_what_to_run_is_called_as_this_command_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/usr/local/bin/kubectl-redistimer"])
    held = {"type": "Suspended", "status": "True", "reason": "TooManyFailures", "message": "3 runs failed"}
    (finding,) = judged(well("failing", status={"conditions": [ready(), held]}))
    assert "(kubectl redistimer trigger)" in finding.advice
