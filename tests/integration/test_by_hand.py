"""Runs that somebody asks for, with nothing but an annotation."""

from tests.integration.test_changes import start_clock
from tests.integration.together import side_by_side
from tests.integration.waiting import instant_of, now_ms, rfc3339, wait_until
from tests.integration.world import NO_PODS, World, template

HOUR_MS = 3_600_000


@side_by_side
def test_a_request_is_one_run_now_that_does_not_move_the_schedule(world: World) -> None:
    clock = start_clock(world)
    timer = world.create("timer", NO_PODS, every="1h")
    next_time = timer.wait_for_status(lambda seen: "nextScheduleTime" in seen, "is written")["nextScheduleTime"]
    timer.ask_for_a_run("by-me-1")
    status = timer.wait_until_handled("by-me-1")
    (job,) = timer.jobs()
    assert job["metadata"]["annotations"]["redistimer.dev/trigger"] == "by-me-1"
    assert status["active"][0] == {
        "name": job["metadata"]["name"],
        "uid": job["metadata"]["uid"],
        "scheduledAt": job["metadata"]["creationTimestamp"],
        "trigger": "by-me-1",
    }
    assert status["nextScheduleTime"] == next_time
    assert "lastScheduleTime" not in status
    # The same request again is the same request.
    timer.ask_for_a_run("by-me-1")
    clock.wait_for_beats(3)
    assert len(timer.fired()) == 1
    timer.ask_for_a_run("by-me-2")
    timer.wait_until_handled("by-me-2")
    assert len(timer.fired()) == 2
    timer.wait_for_event("SuccessfulCreate", "by-me-2")


@side_by_side
def test_a_suspended_and_a_complete_timer_run_for_who_asks(world: World) -> None:
    suspended = world.create("suspended", every="1s", suspend=True)
    complete = world.create("complete", at=rfc3339(now_ms() - HOUR_MS))
    complete.wait_for_condition("Complete", "True", "Missed")
    for timer in (suspended, complete):
        timer.ask_for_a_run("now")
        timer.wait_until_handled("now")
        assert len(timer.fired()) == 1


@side_by_side
def test_a_request_that_is_there_from_the_beginning_is_handled(world: World) -> None:
    timer = world.create("timer", every="1h", annotations={"redistimer.dev/trigger": "at once"})
    timer.wait_until_handled("at once")
    assert len(timer.fired()) == 1


@side_by_side
def test_jobs_and_pods_know_their_timer_their_nominal_time_and_their_trigger(world: World) -> None:
    world.wait_for_pods_to_be_possible()
    timer = world.create("timer", template(["sleep", "30"]), every="1s")
    timer.ask_for_a_run("who-asks")
    timer.wait_until_handled("who-asks")
    timer.wait_for_runs(3)
    wait_until(
        lambda: [pod["metadata"]["annotations"].get("redistimer.dev/trigger") for pod in timer.pods()],
        lambda triggers: len(triggers) >= 3 and "who-asks" in triggers,
        "their Pods are there",
    )
    scheduled, triggers = set(), []
    for one in (*timer.jobs(), *timer.pods()):
        labels, annotations = one["metadata"]["labels"], one["metadata"]["annotations"]
        assert (labels["redistimer.dev/timer"], labels["redistimer.dev/timer-uid"]) == ("timer", timer.uid)
        scheduled.add(annotations["redistimer.dev/scheduled-at"])
        triggers.append(annotations.get("redistimer.dev/trigger"))
    wait_until(
        lambda: {rfc3339(nominal_ms) for nominal_ms in timer.nominal()},
        lambda nominal: scheduled <= nominal,
        "these are the nominal times of its runs",
    )
    assert triggers.count("who-asks") == 2
    assert set(triggers) == {"who-asks", None}


@side_by_side
def test_under_forbid_a_request_is_skipped_while_a_run_is_active_and_told(world: World) -> None:
    world.wait_for_pods_to_be_possible()
    timer = world.create("timer", template(["sleep", "60"]), every="1h", concurrencyPolicy="Forbid")
    timer.ask_for_a_run("first")
    timer.wait_until_handled("first")
    timer.ask_for_a_run("second")
    status = timer.wait_until_handled("second")
    assert len(timer.fired()) == 1
    assert status["runs"]["skipped"] == 1
    timer.wait_for_event("JobAlreadyActive", "second")


@side_by_side
def test_under_forbid_an_occurrence_is_skipped_while_a_run_by_hand_is_active(world: World) -> None:
    world.wait_for_pods_to_be_possible()
    clock = start_clock(world)
    timer = world.create("timer", template(["sleep", "8"]), every="10s", concurrencyPolicy="Forbid")
    first_ms = timer.created_ms + 10_000
    # Not so close that a worker holds the occurrence already: the request would wait for that.
    wait_until(now_ms, lambda now: now >= first_ms - 5_000, "it is close to the first occurrence")
    timer.ask_for_a_run("just before")
    timer.wait_for_runs(1)
    status = timer.wait_for_status(lambda seen: "lastSkippedTime" in seen, "tells of a skipped run")
    assert instant_of(status["lastSkippedTime"]) == first_ms
    clock.wait_for_beats(1)
    assert [fired.job for fired in timer.fired() if "-run-" not in fired.job] == []


@side_by_side
def test_under_replace_a_request_takes_the_place_of_what_runs(world: World) -> None:
    world.wait_for_pods_to_be_possible()
    timer = world.create("timer", template(["sleep", "60"]), every="1h", concurrencyPolicy="Replace")
    for request in ("first", "second"):
        timer.ask_for_a_run(request)
        timer.wait_until_handled(request)
    (job,) = wait_until(timer.jobs, lambda jobs: len(jobs) == 1, "one Job is left")
    assert job["metadata"]["annotations"]["redistimer.dev/trigger"] == "second"


@side_by_side
def test_runs_by_hand_are_counted_and_kept_as_the_history_limits_say(world: World) -> None:
    world.wait_for_pods_to_be_possible()
    timer = world.create("timer", template(), every="1h", successfulJobsHistoryLimit=1)
    for number in range(1, 4):
        timer.ask_for_a_run(f"run {number}")
        timer.wait_for_status(lambda seen, n=number: seen["runs"]["succeeded"] == n, f"counts {number} runs")  # type: ignore[misc]
    (job,) = wait_until(timer.jobs, lambda jobs: len(jobs) == 1, "one Job is kept")
    assert job["metadata"]["annotations"]["redistimer.dev/trigger"] == "run 3"


@side_by_side
def test_a_request_that_is_withdrawn_before_it_can_run_never_does(world: World) -> None:
    clock = start_clock(world)
    quota = {"metadata": {"name": "no-jobs"}, "spec": {"hard": {"count/jobs.batch": "0"}}}
    other = world.create("other", every="1h")
    world.add("ResourceQuota", "v1", quota)
    # It is not in force at once.
    clock.wait_for_condition("Ready", "False", "QuotaExceeded")
    other.ask_for_a_run("too much")
    other.wait_for_condition("Ready", "False", "QuotaExceeded")
    other.ask_for_a_run(None)
    other.wait_for_condition("Ready", "True", "Scheduled")
    world.remove("ResourceQuota", "v1", "no-jobs")
    clock.wait_for_beats(3)
    assert other.fired() == []
