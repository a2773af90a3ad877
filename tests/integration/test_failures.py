"""What failed, how often in a row, and when a timer gives up; and how a timer's record outlives its Jobs."""

from tests.integration.test_changes import start_clock
from tests.integration.together import side_by_side
from tests.integration.waiting import now_ms, wait_until
from tests.integration.world import World, template

# Fails on schedule, and succeeds for somebody who asks.
ONLY_BY_HAND = template(["sh", "-c", 'test -n "$TRIGGER"'], backoffLimit=0)
ONLY_BY_HAND["spec"]["template"]["spec"]["containers"][0]["env"] = [
    {"name": "TRIGGER", "valueFrom": {"fieldRef": {"fieldPath": "metadata.annotations['redistimer.dev/trigger']"}}}
]
FAILING = template(["false"], backoffLimit=0)


@side_by_side
def test_a_failed_run_leaves_its_reason_and_the_name_of_its_job_in_status(world: World) -> None:
    world.wait_for_pods_to_be_possible()
    timer = world.create("timer", FAILING, afterCreation="1s")
    status = timer.wait_for_status(lambda seen: "lastFailure" in seen, "tells of a failure")
    (job,) = timer.jobs()
    assert status["lastFailure"]["jobName"] == job["metadata"]["name"]
    assert status["lastFailure"]["reason"] == "BackoffLimitExceeded"
    assert status["consecutiveFailures"] == 1
    timer.wait_for_condition("Complete", "True", "CompletedWithFailures")
    timer.wait_for_event("SawCompletedJob", "BackoffLimitExceeded")


@side_by_side
def test_after_too_many_failures_in_a_row_nothing_fires_until_an_edit_and_nothing_is_made_up_for(world: World) -> None:
    world.wait_for_pods_to_be_possible()
    clock = start_clock(world)
    timer = world.create("timer", FAILING, every="1s", maxConsecutiveFailures=2)
    timer.wait_for_condition("Suspended", "True", "TooManyFailures")
    status = timer.status()
    assert status["consecutiveFailures"] >= 2
    assert "nextScheduleTime" not in status
    assert timer.condition("Ready")["status"] == "True"
    assert timer.read()["spec"]["suspend"] is False
    timer.wait_for_event("TooManyFailures")
    # What a worker held at that moment may still have run.
    clock.wait_for_beats(4)
    stopped = timer.nominal()
    clock.wait_for_beats(3)
    assert timer.nominal() == stopped
    edited_ms = now_ms() // 1000 * 1000
    timer.edit(jobTemplate=template())
    timer.wait_for_runs(len(stopped) + 3)
    again = timer.nominal()[len(stopped) :]
    assert min(again) > edited_ms
    timer.wait_for_status(lambda seen: seen["consecutiveFailures"] == 0, "knows of no failure in a row")
    assert timer.condition("Suspended") == {}


@side_by_side
def test_a_run_by_hand_that_succeeds_starts_a_stopped_timer_again(world: World) -> None:
    world.wait_for_pods_to_be_possible()
    clock = start_clock(world)
    timer = world.create("timer", ONLY_BY_HAND, every="2s", maxConsecutiveFailures=1)
    timer.wait_for_condition("Suspended", "True", "TooManyFailures")
    clock.wait_for_beats(5)
    stopped = timer.nominal()
    asked_ms = now_ms()
    timer.ask_for_a_run("mended")
    timer.wait_until_handled("mended")
    wait_until(timer.fired, lambda seen: len(seen) >= len(stopped) + 2, "it fires on schedule again")
    later = [fired for fired in timer.fired()[len(stopped) :] if "-run-" not in fired.job]
    assert all(fired.nominal_ms > asked_ms for fired in later)
    timer.wait_for_condition("Suspended", "True", "TooManyFailures")


@side_by_side
def test_runs_are_counted_whose_jobs_are_removed_as_soon_as_they_end(world: World) -> None:
    world.wait_for_pods_to_be_possible()
    timer = world.create("timer", template(ttlSecondsAfterFinished=0), every="1s")
    timer.wait_for_runs(4)
    timer.edit(suspend=True)
    wait_until(timer.jobs, lambda jobs: not jobs, "all its Jobs are removed")
    fired = timer.fired()
    timer.wait_for_status(lambda seen: seen["runs"]["succeeded"] == len(fired), "counts all of them")


@side_by_side
def test_a_complete_timer_is_deleted_when_its_time_is_over_and_its_jobs_with_it(world: World) -> None:
    world.wait_for_pods_to_be_possible()
    clock = start_clock(world)
    spec = {"afterCreation": "1s", "jobTemplate": template()}
    timer = world.create("timer", ttlSecondsAfterComplete=2, **spec)
    kept = world.create("kept", ttlSecondsAfterComplete=3600, **spec)
    forever = world.create("forever", **spec)
    for one in (kept, forever):
        one.wait_for_condition("Complete", "True", "Complete")
    wait_until(timer.exists, lambda exists: not exists, "the timer is deleted")
    wait_until(timer.jobs, lambda jobs: not jobs, "its Job is collected")
    assert len(timer.fired()) == 1
    clock.wait_for_beats(3)
    assert kept.exists()
    assert forever.exists()
