"""Which Jobs it creates, in which order, how many at a time, and what becomes of failures."""

import pytest

from controller.kube import paths
from tests.unit.cli.backfill.running import FROM, IN_ORDER, TIMES, backfill, before, name_of
from tests.unit.cli.backfill.world import FAILS, IS_REMOVED, JOBS, BackfillWorld
from tests.unit.core.objects import UID

# What it creates


def test_each_nominal_time_gets_its_job_oldest_first(world: BackfillWorld) -> None:
    result = backfill("--yes")
    assert result.exit_code == IN_ORDER, result.output
    assert world.created == TIMES
    assert [request.body["metadata"]["name"] for request in world.made("POST")[1:]] == [name_of(one) for one in TIMES]
    assert result.stdout.splitlines()[-1] == "4 Jobs created: 4 succeeded, 0 failed"


def test_the_jobs_are_marked_as_backfilled_and_belong_to_the_timer(world: BackfillWorld) -> None:
    backfill("--yes")
    job = world.made("POST")[-1].body
    assert job["metadata"]["annotations"]["redistimer.dev/trigger"] == "backfill"
    assert job["metadata"]["annotations"]["redistimer.dev/scheduled-at"] == "2026-02-04T06:00:00.000Z"
    assert [owner["uid"] for owner in job["metadata"]["ownerReferences"]] == [UID]


@pytest.mark.parametrize(("flags", "most"), [((), 1), (("--max-concurrent", "3"), 3), (("--max-concurrent", "9"), 4)])
def test_only_so_many_are_unfinished_at_a_time(world: BackfillWorld, flags: tuple[str, ...], most: int) -> None:
    backfill("--yes", *flags)
    assert world.created == TIMES
    assert world.most_active == most


def test_the_schedule_s_own_jobs_take_no_room_and_one_that_is_there_is_found(world: BackfillWorld) -> None:
    backfill("--yes", span=("--from", FROM, "--to", TIMES[1]))
    for path in [path for path in world.objects if path.startswith(JOBS)]:
        job = world.objects[path]
        del job["metadata"]["annotations"]["redistimer.dev/trigger"], job["status"]
    result = backfill("--yes")
    assert result.exit_code == IN_ORDER, result.output
    assert "jobs      2 to create, one after the other; 2 times with a Job already" in result.stdout
    assert f"found     {TIMES[0]}  {name_of(TIMES[0])}" in result.stdout
    assert result.stdout.splitlines()[-1] == "2 Jobs created, 2 found that existed: 2 succeeded, 0 failed"


def test_a_job_that_goes_between_the_attempt_to_create_it_and_a_look_at_it_is_created(world: BackfillWorld) -> None:
    backfill("--yes", span=("--from", FROM, "--to", TIMES[0]))
    before(world, "GET", paths.job("default", name_of(TIMES[0])), 1, world.remove_jobs)
    result = backfill("--yes")
    assert world.created[-4:] == TIMES
    assert result.stdout.splitlines()[-1] == "4 Jobs created: 4 succeeded, 0 failed"


def test_a_job_of_somebody_else_with_that_name_is_an_error_that_names_it(world: BackfillWorld) -> None:
    name = name_of(TIMES[2])
    world.put(f"{JOBS}/{name}", {"metadata": {"name": name, "namespace": "default", "uid": "x"}})
    result = backfill("--yes")
    assert result.exit_code == 1
    assert f"error: the Job {name} exists and does not belong to this timer" in result.stderr
    assert "stopped: 2 nominal times left, after 2026-02-02T06:00:00Z; no Job is active" in result.stderr
    del world.objects[f"{JOBS}/{name}"]
    assert backfill("--yes").exit_code == IN_ORDER
    assert world.created == [*TIMES[:3], *TIMES[2:]]


# Failures


def test_a_failure_does_not_stop_the_others_and_is_told_at_the_end(world: BackfillWorld) -> None:
    world.ends = {TIMES[1]: FAILS}
    result = backfill("--yes")
    assert result.exit_code == 1
    assert world.created == TIMES
    assert f"failed    {TIMES[1]}  {name_of(TIMES[1])}  BackoffLimitExceeded: tried too often" in result.stdout
    assert result.stdout.splitlines()[-2:] == [
        "4 Jobs created: 3 succeeded, 1 failed",
        f"failed: {name_of(TIMES[1])}",
    ]


def test_a_failure_stops_the_others_where_that_is_asked_for(world: BackfillWorld) -> None:
    world.ends = {TIMES[1]: FAILS}
    result = backfill("--yes", "--stop-on-failure")
    assert result.exit_code == 1
    assert world.created == TIMES[:2]
    assert "error: a Job has failed, and --stop-on-failure is given" in result.stderr
    assert "stopped: 2 nominal times left, after 2026-02-02T06:00:00Z" in result.stderr
    assert backfill("--yes", "--stop-on-failure").exit_code == IN_ORDER
    assert world.created == TIMES


def test_a_failure_of_the_last_job_leaves_nothing_to_stop(world: BackfillWorld) -> None:
    world.ends = {TIMES[3]: FAILS}
    result = backfill("--yes", "--stop-on-failure")
    assert (result.exit_code, result.stderr) == (1, "")


def test_many_failures_are_counted_and_some_of_them_named(world: BackfillWorld) -> None:
    span = ("--from", FROM, "--to", "2026-02-09T00:00:00Z")
    world.ends = {f"2026-02-{day:02}T06:00:00Z": FAILS for day in range(1, 29)}
    lines = backfill("--yes", span=span).stdout.splitlines()
    assert lines[-2] == "8 Jobs created: 0 succeeded, 8 failed"
    assert lines[-1].startswith(f"failed: {name_of(TIMES[0])}, ")
    assert lines[-1].endswith(" and 3 more")


def test_a_job_that_is_gone_after_it_was_active_is_removed_and_not_lost(world: BackfillWorld) -> None:
    world.ends = {TIMES[1]: IS_REMOVED}
    result = backfill("--yes")
    assert result.exit_code == IN_ORDER
    assert f"removed   {TIMES[1]}  {name_of(TIMES[1])}" in result.stdout
    assert "4 Jobs created: 3 succeeded, 0 failed, 1 removed" in result.stdout


def test_jobs_that_the_history_limits_remove_have_ended_as_they_did(world: BackfillWorld) -> None:
    world.keep = 0
    world.ends = {TIMES[2]: FAILS}
    result = backfill("--yes", "--max-concurrent", "4")
    assert world.jobs == []
    assert "4 Jobs created: 3 succeeded, 1 failed\n" in result.stdout
