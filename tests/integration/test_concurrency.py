"""What becomes of a run that is due while an earlier one is active, as the API server saw it."""

import itertools
from typing import Any

from tests.integration.occurrences import assert_on_grid, assert_once_and_not_before, assert_steady
from tests.integration.together import side_by_side
from tests.integration.waiting import instant_of, wait_until
from tests.integration.world import Timer, World, template

KEEP_ALL: dict[str, Any] = {"successfulJobsHistoryLimit": 1000, "failedJobsHistoryLimit": 1000}


def slow(seconds: float) -> dict[str, Any]:
    return template(["sleep", str(seconds)])


def ends_s(timer: Timer) -> dict[str, int]:
    """When each finished Job ended, in seconds since the epoch, by UID."""
    done = [job for job in timer.jobs() if "completionTime" in (job.get("status") or {})]
    return {job["metadata"]["uid"]: instant_of(job["status"]["completionTime"]) // 1000 for job in done}


@side_by_side
def test_with_allow_runs_overlap(world: World) -> None:
    timer = world.create("timer", slow(60), every="1s")
    timer.wait_for_status(lambda seen: seen.get("activeCount", 0) >= 3, "shows three active Jobs")
    assert_steady(timer, 1)


@side_by_side
def test_with_forbid_no_two_runs_are_active_and_what_is_skipped_is_counted_and_never_made_up_for(world: World) -> None:
    world.wait_for_pods_to_be_possible()
    timer = world.create("timer", slow(2.5), every="1s", concurrencyPolicy="Forbid", **KEEP_ALL)
    timer.wait_for_runs(4)
    status = timer.wait_for_status(lambda seen: seen["runs"]["skipped"] >= 6, "has counted six skipped runs")
    ended_s = ends_s(timer)
    fired = timer.fired()
    assert_once_and_not_before(timer)
    assert_on_grid(timer, 1)
    for earlier, later in itertools.pairwise(fired):
        assert ended_s[earlier.uid] <= later.born_s, "a run began before the one before had ended"
        # A skipped run that started once it could would carry a nominal time from before that.
        assert later.nominal_ms // 1000 >= ended_s[earlier.uid]
    assert instant_of(status["lastSkippedTime"]) not in timer.nominal()
    # Between the first run and the last skip, each occurrence was either fired or skipped (or missed, on a machine
    # that stood still).
    status = timer.status()
    last_ms = max(instant_of(status["lastSkippedTime"]), instant_of(status["lastScheduleTime"]))
    due = (last_ms - timer.created_ms) // 1000
    runs = status["runs"]
    seen = sum(nominal_ms <= last_ms for nominal_ms in timer.nominal())
    assert seen + runs["skipped"] + runs["missed"] == due
    event = timer.wait_for_event("JobAlreadyActive")
    assert event["type"] == "Warning"
    assert timer.condition("Ready")["status"] == "True"


@side_by_side
def test_with_replace_the_earlier_run_is_deleted_and_the_later_one_runs(world: World) -> None:
    world.wait_for_pods_to_be_possible()
    timer = world.create("timer", slow(60), every="2s", concurrencyPolicy="Replace")
    timer.wait_for_runs(4)
    assert_steady(timer, 2)
    # The one before may be on its way out.
    kept = wait_until(timer.jobs, lambda jobs: len(jobs) == 1, "one Job is left")
    assert kept[0]["metadata"]["uid"] in {fired.uid for fired in timer.fired()[-2:]}
    replaced = timer.wait_for_event("SuccessfulDelete")
    assert "replaced by" in replaced["message"]
    status = timer.status()
    assert status["activeCount"] <= 2
    assert status["runs"] == {"succeeded": 0, "failed": 0, "missed": 0, "skipped": 0}
    timer.edit(suspend=True)
    jobs = wait_until(timer.jobs, lambda jobs: len(jobs) == 1, "one Job is left")
    pods = wait_until(timer.pods, lambda pods: len(pods) == 1, "the Pods of the others are gone")
    assert pods[0]["metadata"]["ownerReferences"][0]["uid"] == jobs[0]["metadata"]["uid"]


@side_by_side
def test_with_forbid_and_replace_quick_runs_miss_nothing(world: World) -> None:
    world.wait_for_pods_to_be_possible()
    for policy in ("Forbid", "Replace"):
        world.create(policy.lower(), template(), every="3s", concurrencyPolicy=policy)
    for name in ("forbid", "replace"):
        timer = Timer(world, world.timers.get(namespace=world.namespace, name=name).to_dict())
        timer.wait_for_runs(3)
        assert_steady(timer, 3)
        status = timer.wait_for_status(lambda seen: seen["runs"]["succeeded"] >= 2, "has counted two runs")
        assert status["runs"]["skipped"] == 0


@side_by_side
def test_a_run_that_is_active_when_forbid_is_chosen_holds_back_the_next(world: World) -> None:
    world.wait_for_pods_to_be_possible()
    timer = world.create("timer", slow(4), every="1s", **KEEP_ALL)
    timer.wait_for_status(lambda seen: seen.get("activeCount", 0) >= 2, "shows two active Jobs")
    timer.edit(concurrencyPolicy="Forbid")
    timer.wait_for_status(lambda seen: seen["runs"]["skipped"] >= 2, "has counted skipped runs")
    before = timer.wait_for_runs(1)
    after = timer.wait_for_runs(len(before) + 1)
    ended_s = ends_s(timer)
    assert all(ended_s[one.uid] <= after[-1].born_s for one in before)
