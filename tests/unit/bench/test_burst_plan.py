"""Which runs there are and in which order, and when CronJobs are due."""

import pytest

from controller.core.instants import parse_rfc3339, rfc3339
from tests.bench.burst.arms import ARMS, next_minute_ms, plan
from tests.bench.common.timers import minute_schedule

PAIRED = [ARMS["ours-2"], ARMS["posts"], ARMS["cronjob"]]


def names(sizes: list[int], pairs: int, *more: str) -> list[tuple[int, int, str]]:
    """What is run, in order."""
    arms = [*PAIRED, *(ARMS[name] for name in more)]
    return [(step.timers, step.round, step.arm.name) for step in plan(arms, sizes, pairs)]


def test_every_other_round_goes_backwards() -> None:
    assert names([50], 3) == [
        *((50, 1, name) for name in ("ours-2", "posts", "cronjob")),
        *((50, 2, name) for name in ("cronjob", "posts", "ours-2")),
        *((50, 3, name) for name in ("ours-2", "posts", "cronjob")),
    ]


def test_each_size_has_all_rounds() -> None:
    assert names([50, 100], 2) == names([50], 2) + names([100], 2)


def test_the_default_limits_are_measured_once_at_the_first_size() -> None:
    found = names([50, 100], 2, "cronjob-default")

    assert found.count((50, 1, "cronjob-default")) == 1
    assert [step for step in found if step[2] == "cronjob-default"] == [(50, 1, "cronjob-default")]


def test_an_arm_that_runs_once_needs_no_others() -> None:
    assert [step.arm.name for step in plan([ARMS["cronjob-default"]], [50], 7)] == ["cronjob-default"]


def test_all_arms_but_the_default_one_have_the_same_control_plane() -> None:
    flags = {arm.name: arm.flags for arm in ARMS.values()}
    default = flags.pop("cronjob-default")

    assert len(set(flags.values())) == 1
    names_of = {flag.partition("=")[0] for flag in default}
    assert names_of == {flag.partition("=")[0] for flag in flags["cronjob"]}
    job_syncs = {flag for arm in ARMS.values() for flag in arm.flags if flag.startswith("--concurrent-job-syncs")}
    assert len(job_syncs) == 1


@pytest.mark.parametrize(
    ("not_before", "minute"),
    [
        ("2026-11-30T10:00:00Z", "2026-11-30T10:00:00Z"),
        ("2026-11-30T10:00:00.001Z", "2026-11-30T10:01:00Z"),
        ("2026-12-31T23:59:01Z", "2027-01-01T00:00:00Z"),
    ],
)
def test_cronjobs_are_due_at_the_first_full_minute_that_leaves_enough_time(not_before: str, minute: str) -> None:
    assert rfc3339(next_minute_ms(parse_rfc3339(not_before))) == minute


def test_their_schedule_names_that_minute_of_that_day_alone() -> None:
    assert minute_schedule(parse_rfc3339("2026-11-30T10:07:00Z")) == "7 10 30 11 *"
