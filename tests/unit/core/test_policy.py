"""What a spec says about runs that meet others, come late, or fail."""

from typing import Any

import pytest

from controller.core.policy import ON_TIME_MS, Concurrency, MissedRuns, Policy, read_policy
from controller.core.problems import SpecError
from controller.core.reasons import Reason
from tests.unit.core.objects import timer


def test_a_spec_that_says_nothing_has_the_policies_of_a_cron_job() -> None:
    policy = read_policy({})
    assert policy == Policy()
    assert (policy.concurrency, policy.missed_runs) == (Concurrency.ALLOW, MissedRuns.LATEST)
    assert (policy.successful_history, policy.failed_history) == (3, 1)
    assert (policy.deadline_ms, policy.max_failures, policy.complete_ttl_ms) == (None, None, None)
    assert policy.missed_limit == 100


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("concurrencyPolicy", "Allow", Policy(concurrency=Concurrency.ALLOW)),
        ("concurrencyPolicy", "Forbid", Policy(concurrency=Concurrency.FORBID)),
        ("concurrencyPolicy", "Replace", Policy(concurrency=Concurrency.REPLACE)),
        ("missedRunPolicy", "Latest", Policy(missed_runs=MissedRuns.LATEST)),
        ("missedRunPolicy", "Skip", Policy(missed_runs=MissedRuns.SKIP)),
        ("missedRunPolicy", "All", Policy(missed_runs=MissedRuns.ALL)),
        ("missedRunLimit", 1, Policy(missed_limit=1)),
        ("missedRunLimit", 10_000, Policy(missed_limit=10_000)),
        ("startingDeadlineSeconds", 0, Policy(deadline_ms=0)),
        ("startingDeadlineSeconds", 90, Policy(deadline_ms=90_000)),
        ("maxConsecutiveFailures", 1, Policy(max_failures=1)),
        ("successfulJobsHistoryLimit", 0, Policy(successful_history=0)),
        ("failedJobsHistoryLimit", 0, Policy(failed_history=0)),
        ("ttlSecondsAfterComplete", 0, Policy(complete_ttl_ms=0)),
        ("ttlSecondsAfterComplete", 2**31 - 1, Policy(complete_ttl_ms=(2**31 - 1) * 1000)),
    ],
)
def test_each_field_is_read_and_says_nothing_of_the_others(field: str, value: Any, expected: Policy) -> None:
    assert read_policy({field: value}) == expected


FIELDS = (
    "concurrencyPolicy",
    "missedRunPolicy",
    "missedRunLimit",
    "startingDeadlineSeconds",
    "maxConsecutiveFailures",
    "successfulJobsHistoryLimit",
    "failedJobsHistoryLimit",
    "ttlSecondsAfterComplete",
)


@pytest.mark.parametrize("field", FIELDS)
def test_what_is_null_is_as_good_as_not_there(field: str) -> None:
    assert read_policy({field: None}) == Policy()


@pytest.mark.parametrize("value", ["", "forbid", "FORBID", "Forbid ", "Never", 1, True, ["Forbid"], {"a": 1}])
def test_a_concurrency_policy_that_there_is_not_is_answered_with_those_there_are(value: Any) -> None:
    with pytest.raises(SpecError) as caught:
        read_policy({"concurrencyPolicy": value})
    assert caught.value.reason is Reason.INVALID_SPEC
    assert caught.value.message == (
        f"spec.concurrencyPolicy {value!r} is not accepted: choose from Allow, Forbid, Replace"
    )


@pytest.mark.parametrize("value", ["", "latest", "Some", 0])
def test_a_missed_run_policy_that_there_is_not_is_answered_with_those_there_are(value: Any) -> None:
    with pytest.raises(SpecError, match=r"^spec\.missedRunPolicy .* choose from Latest, Skip, All$"):
        read_policy({"missedRunPolicy": value})


def test_a_value_that_is_too_long_to_be_shown_is_cut() -> None:
    with pytest.raises(SpecError) as caught:
        read_policy({"concurrencyPolicy": "x" * 10_000})
    assert len(caught.value.message) < 200


def test_a_bad_policy_is_a_problem_of_the_timer_and_leaves_it_without_times() -> None:
    bad = timer({"every": "1h", "concurrencyPolicy": "Sometimes"})
    assert bad.problem is not None
    assert bad.problem.reason is Reason.INVALID_SPEC
    assert bad.timing is None
    assert bad.policy == Policy()


@pytest.mark.parametrize(
    ("missed_runs", "deadline_ms", "latest_start_ms"),
    [
        (MissedRuns.LATEST, None, None),
        (MissedRuns.ALL, None, None),
        (MissedRuns.SKIP, None, ON_TIME_MS),
        (MissedRuns.LATEST, 5_000, 5_000),
        (MissedRuns.ALL, 5_000, 5_000),
        (MissedRuns.SKIP, 5_000, 5_000),
        (MissedRuns.SKIP, 7_200_000, 7_200_000),
        (MissedRuns.SKIP, 0, 0),
    ],
)
def test_how_late_a_run_may_start_is_what_the_deadline_says_and_with_skip_a_minute_where_there_is_none(
    missed_runs: MissedRuns, deadline_ms: int | None, latest_start_ms: int | None
) -> None:
    policy = Policy(missed_runs=missed_runs, deadline_ms=deadline_ms)
    assert policy.latest_start_ms == latest_start_ms


def test_all_beside_replace_is_refused_as_each_made_up_run_would_replace_the_one_before() -> None:
    with pytest.raises(SpecError, match="beside concurrencyPolicy Replace"):
        read_policy({"missedRunPolicy": "All", "concurrencyPolicy": "Replace"})
