"""Which finished Jobs are removed."""

import pytest

from controller.core.history import surplus_runs
from controller.core.job import Outcome
from tests.unit.core.objects import run, timer

RUNS = [run(n, Outcome.SUCCEEDED if n % 2 else Outcome.FAILED) for n in range(1, 9)]


def surplus(succeeded: int, failed: int) -> list[int]:
    limits = {"successfulJobsHistoryLimit": succeeded, "failedJobsHistoryLimit": failed}
    return [one.occurrence_ms for one in surplus_runs(timer({"every": "1h", **limits}), RUNS)]


@pytest.mark.parametrize(
    ("succeeded", "failed", "removed"),
    [
        (4, 4, []),
        (3, 4, [1]),
        (4, 3, [2]),
        (1, 2, [1, 3, 5, 2, 4]),
        (0, 4, [1, 3, 5, 7]),
        (0, 0, [1, 3, 5, 7, 2, 4, 6, 8]),
        (100, 100, []),
    ],
)
def test_the_youngest_of_each_outcome_stay(succeeded: int, failed: int, removed: list[int]) -> None:
    assert surplus(succeeded, failed) == removed


def test_the_limits_are_those_of_a_cron_job_by_default() -> None:
    removed = surplus_runs(timer({"every": "1h"}), RUNS)
    assert [one.occurrence_ms for one in removed] == [1, 2, 4, 6]


def test_the_order_in_which_runs_are_known_does_not_matter() -> None:
    assert surplus_runs(timer({"every": "1h"}), RUNS[::-1]) == surplus_runs(timer({"every": "1h"}), RUNS)


def test_what_runs_still_or_is_gone_already_is_not_removed_and_takes_no_place() -> None:
    limited = timer({"every": "1h", "successfulJobsHistoryLimit": 1})
    kept = run(1, Outcome.SUCCEEDED)
    others = [run(2), run(3, Outcome.SUCCEEDED, gone=True)]
    assert surplus_runs(limited, [kept, *others]) == []
