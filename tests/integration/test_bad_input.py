"""What cannot run says so, in a condition and an Event that a user can act on, delays nobody, and runs once mended."""

import signal

from controller.core.identity import job_name
from tests.cluster import Stack
from tests.integration.occurrences import assert_once_and_not_before, assert_steady
from tests.integration.product import Product
from tests.integration.together import side_by_side
from tests.integration.waiting import now_ms, rfc3339, seconds_from_now, wait_until
from tests.integration.world import NO_PODS, Timer, World, template

NO_JOBS = {"metadata": {"name": "no-jobs"}, "spec": {"hard": {"count/jobs.batch": "0"}}}


def assert_not_ready(timer: Timer, reason: str, *words: str, stalled: bool) -> None:
    """Ready is False with this reason, condition and Event say these words, and Stalled is as it should be."""
    ready = timer.wait_for_condition("Ready", "False", reason)
    for word in words:
        assert word in ready["message"], f"{word!r} is not in {ready['message']!r}"
    assert timer.condition("Stalled").get("status", "False") == str(stalled)
    if stalled:
        assert timer.condition("Stalled")["message"] == ready["message"]
    told = wait_until(
        lambda: [event for event in timer.events() if event["reason"] == reason], bool, f"an Event says {reason}"
    )
    assert told[0]["type"] == "Warning"
    for word in words:
        assert word in told[0]["message"]


def assert_runs_again(timer: Timer) -> None:
    """It is ready and fires."""
    timer.wait_for_beats(2)
    timer.wait_for_condition("Ready", "True", "Scheduled")
    assert timer.condition("Stalled") == {}
    assert_once_and_not_before(timer)


@side_by_side
def test_a_cron_expression_that_means_nothing_says_so_and_runs_once_it_is_corrected(world: World) -> None:
    healthy = world.create("healthy", every="1s")
    wrong = {
        "minute": world.create("minute", schedule="61 * * * *"),
        "weekday": world.create("weekday", schedule="0 0 * * 9"),
        "backwards": world.create("backwards", schedule="5-2 * * * *"),
        "second": world.create("second", schedules=[{"cron": "@daily"}, {"cron": "60 * * * * *"}]),
        "excluded": world.create("excluded", every="1h", exclude=[{"cron": "* 24 * * *"}]),
    }
    words = {
        "minute": ("'61 * * * *'", "minute (0-59)"),
        "weekday": ("'0 0 * * 9'", "day-of-week (0-6 or SUN-SAT)"),
        "backwards": ("'5-2 * * * *'", "ends before it begins", 'e.g. "*/5 * * * *"'),
        "second": ("spec.schedules[1].cron '60 * * * * *'", "second (0-59)"),
        "excluded": ("spec.exclude[0].cron '* 24 * * *'", "hour (0-23)"),
    }
    for name, timer in wrong.items():
        assert_not_ready(timer, "InvalidSchedule", *words[name], stalled=True)
        assert "nextScheduleTime" not in timer.status()
    corrected_ms = now_ms()
    for timer in wrong.values():
        timer.edit(schedule=None, schedules=None, exclude=None, every="1s")
    for timer in wrong.values():
        assert_runs_again(timer)
        assert min(timer.nominal()) > corrected_ms // 1000 * 1000
    assert_steady(healthy, 1)


@side_by_side
def test_a_template_that_the_api_server_refuses_says_why_and_runs_once_it_is_corrected(world: World) -> None:
    healthy = world.create("healthy", every="1s")
    bad = template(parallelism=0)
    bad["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "A=B", "value": "1"}]
    once = world.create("once", bad, afterCreation="1s")
    often = world.create("often", bad, every="2s")
    for timer in (once, often):
        assert_not_ready(timer, "InvalidTemplate", "spec.template.spec.containers[0].env[0].name", "A=B", stalled=True)
    assert once.fired() == often.fired() == []
    for timer in (once, often):
        timer.edit(jobTemplate=NO_PODS)
    once.wait_for_runs(1)
    assert_runs_again(often)
    assert once.nominal() == [once.created_ms + 1000], "an edit of the template loses no run"
    once.wait_for_condition("Ready", "True", "Scheduled")
    assert_steady(healthy, 1)


@side_by_side
def test_a_quota_holds_runs_back_visibly_until_it_is_lifted(world: World) -> None:
    world.add("ResourceQuota", "v1", NO_JOBS)
    quotas = world.cluster.resource("ResourceQuota")
    wait_until(
        lambda: quotas.get(namespace=world.namespace, name="no-jobs").to_dict().get("status"), bool, "the quota counts"
    )
    once = world.create("once", afterCreation="1s")
    often = world.create("often", every="2s")
    for timer in (once, often):
        assert_not_ready(timer, "QuotaExceeded", "exceeded quota: no-jobs", stalled=False)
    assert once.fired() == often.fired() == []
    world.remove("ResourceQuota", "v1", "no-jobs")
    once.wait_for_runs(1)
    assert_runs_again(often)
    assert once.nominal() == [once.created_ms + 1000]
    once.wait_for_condition("Ready", "True", "Scheduled")


@side_by_side
def test_a_job_name_that_somebody_else_has_taken_is_reported_and_left_alone(world: World) -> None:
    instant_ms = seconds_from_now(4)
    timer = world.create("timer", at=rfc3339(instant_ms))
    name = job_name("timer", timer.uid, instant_ms)
    foreign = world.add("Job", "batch/v1", {"metadata": {"name": name}} | NO_PODS)
    assert_not_ready(timer, "JobNameTaken", name, "does not own", stalled=False)
    assert timer.fired() == []
    world.cluster.resource("Job", "batch/v1").delete(
        namespace=world.namespace, name=name, body={"propagationPolicy": "Background"}
    )
    (fired,) = timer.wait_for_runs(1)
    assert fired.nominal_ms == instant_ms
    assert fired.uid != foreign["metadata"]["uid"]
    timer.wait_for_condition("Ready", "True", "Scheduled")


def test_a_namespace_that_is_being_deleted_is_reported_and_delays_nobody_else(
    stack: Stack, product: Product, world: World
) -> None:
    """Its content stays for as long as the controller manager, which would remove it, is paused."""
    healthy = world.create("healthy", every="1s")
    with world.cluster.world() as doomed:
        timer = doomed.create("timer", every="2s")
        timer.wait_for_runs(1)
        stack.controller_manager.send_signal(signal.SIGSTOP)
        try:
            world.cluster.resource("Namespace").delete(name=doomed.namespace)
            ready = timer.wait_for_condition("Ready", "False", "NamespaceTerminating")
            assert "because it is being terminated" in ready["message"]
            assert timer.condition("Stalled") == {}
            healthy.wait_for_beats(3)
        finally:
            stack.controller_manager.send_signal(signal.SIGCONT)
    assert_steady(healthy, 1)
    wait_until(
        lambda: world.cluster.redis.hexists("{rt2:default:0}:tickets", timer.ticket),
        lambda known: not known,
        "the timer is gone from the index with its namespace",
    )
