"""Why a run failed: read from its Job, and told in status."""

from typing import Any

import pytest

from controller.core.instants import rfc3339
from controller.core.job import Failure, Outcome, job_manifest, parse_run
from controller.core.status import status_patch
from tests.unit.core.life import Life, by_hand, nth
from tests.unit.core.objects import MINUTE_MS, run, timer

FAILED = Outcome.FAILED
DEADLINE = Failure("DeadlineExceeded", "Job was active longer than specified deadline")
BACKOFF = Failure("BackoffLimitExceeded", "Job has reached the specified backoff limit")


def job(*conditions: dict[str, Any]) -> dict[str, Any]:
    made = job_manifest(timer({"every": "1h"}), nth(1))
    made["metadata"]["uid"] = "job-uid"
    return {**made, "status": {"conditions": list(conditions)}}


def failure_of(*conditions: dict[str, Any]) -> Failure | None:
    read = parse_run(job(*conditions))
    assert read is not None
    return read.failure


def test_a_failure_is_what_the_condition_of_the_job_says() -> None:
    said = {"type": "Failed", "status": "True", "reason": DEADLINE.reason, "message": DEADLINE.message}
    assert failure_of(said) == DEADLINE


def test_a_condition_need_not_say_why() -> None:
    assert failure_of({"type": "Failed", "status": "True"}) == Failure("", "")


def test_a_failure_can_be_as_wordy_as_it_likes() -> None:
    found = failure_of({"type": "Failed", "status": "True", "reason": "A", "message": "x" * 10_000})
    assert found == Failure("A", "x" * 500)


@pytest.mark.parametrize(
    "conditions",
    [
        [],
        [{"type": "Complete", "status": "True"}],
        [{"type": "Failed", "status": "False", "reason": "A"}],
        [{"type": "FailureTarget", "status": "True", "reason": "A"}],
    ],
)
def test_what_has_not_failed_has_no_failure(conditions: list[dict[str, Any]]) -> None:
    assert failure_of(*conditions) is None


def test_the_last_failure_names_the_job_and_says_why() -> None:
    life = Life()
    status = life.write([run(nth(1), FAILED, failure=DEADLINE)])
    assert status["lastFailure"] == {
        "jobName": run(nth(1)).name,
        "reason": DEADLINE.reason,
        "message": DEADLINE.message,
    }


def test_a_failure_that_says_nothing_of_itself_leaves_nothing_of_the_one_before() -> None:
    """A merge patch keeps what it does not name."""
    life = Life()
    before = dict(life.write([run(nth(1), FAILED, failure=DEADLINE)]))
    after = life.write([run(nth(2), FAILED)])
    expected = {"jobName": run(nth(2)).name, "reason": "", "message": ""}
    assert after["lastFailure"] == status_patch(before, after)["lastFailure"] == expected


def test_of_several_failures_the_one_that_ended_last_is_told() -> None:
    early = run(nth(2), FAILED, failure=DEADLINE, finished_ms=nth(3))
    late = run(nth(1), FAILED, failure=BACKOFF, finished_ms=nth(3) + MINUTE_MS)
    assert Life().write([early, late])["lastFailure"]["reason"] == BACKOFF.reason


def test_the_last_failure_stays_whatever_succeeds_after_it_and_through_an_edit() -> None:
    life = Life()
    told = life.write([run(nth(1), FAILED, failure=DEADLINE)])["lastFailure"]
    assert life.write([run(nth(2), Outcome.SUCCEEDED)])["lastFailure"] == told
    life.edit({"jobTemplate": {"spec": {}}})
    assert life.write()["lastFailure"] == told


def test_the_failure_of_a_run_by_hand_is_told_like_any_other() -> None:
    life = Life()
    life.request = "x"
    failed = by_hand("x", FAILED, failure=BACKOFF)
    status = life.write([failed])
    assert status["lastFailure"]["jobName"] == failed.name
    assert status["lastFailedTime"] == rfc3339(nth(4) + MINUTE_MS)


def test_a_timer_that_never_failed_has_no_last_failure() -> None:
    assert "lastFailure" not in Life().write([run(nth(1), Outcome.SUCCEEDED)])
