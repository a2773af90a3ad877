"""guarantee: Strict on a real API server: what was half done is finished, and what comes too late never runs."""

import pytest

from tests.integration.gate import Gate
from tests.integration.occurrences import assert_once_and_not_before
from tests.integration.product import Member, Product, others
from tests.integration.waiting import rfc3339, seconds_from_now, wait_until
from tests.integration.world import NO_PODS, Object, Timer, World, template

UNCOMMITTED = "redistimer.dev/uncommitted"


def is_held(job: Object) -> bool:
    """Whether a Job may not run."""
    return bool(job["spec"].get("suspend")) and UNCOMMITTED in job["metadata"]["annotations"]


def started(timer: Timer) -> list[Object]:
    """Its Jobs that run or ran."""
    return [job for job in timer.jobs() if not is_held(job)]


def test_a_job_is_committed_and_then_runs_to_its_end(product: Product, world: World) -> None:
    world.wait_for_pods_to_be_possible()
    timer = world.create("timer", template(["true"]), every="2s", guarantee="Strict")
    wait_until(lambda: timer.counted("succeeded"), lambda seen: seen >= 2, "two runs succeed")
    status = timer.status()
    assert status["committedRun"]["jobUid"] in {fired.uid for fired in timer.fired()}
    assert_once_and_not_before(timer)
    wait_until(lambda: (len(timer.pods()), len(started(timer))), lambda seen: seen[0] == seen[1], "each has its Pod")
    assert status["runs"]["missed"] == 0


def test_a_job_that_reaches_the_api_server_after_another_has_run_and_gone_never_runs(
    product: Product, world: World, guarded: tuple[Member, Gate]
) -> None:
    """The one double that guarantee Standard admits."""
    late, the_gate = guarded
    the_gate.hold_next_job("request")
    instant_ms = seconds_from_now(3)
    once = world.create("once", at=rfc3339(instant_ms), guarantee="Strict")
    the_gate.wait_until_held()
    late.pause()
    for worker in others(product, late):
        worker.go_on()
    (first,) = once.wait_for_runs(1)
    wait_until(lambda: started(once), bool, "the first Job is started")
    world.remove("Job", "batch/v1", first.job)
    wait_until(once.jobs, lambda jobs: not jobs, "the first Job is gone")
    the_gate.release()
    late.go_on()
    _, second = once.wait_for_runs(2)
    wait_until(once.jobs, lambda jobs: not jobs, "the late Job is deleted")
    assert second.job == first.job
    assert once.status()["committedRun"]["jobUid"] == first.uid


def test_what_a_killed_worker_has_created_and_not_committed_is_committed_and_started(
    product: Product, world: World, guarded: tuple[Member, Gate]
) -> None:
    victim, the_gate = guarded
    timer = world.create("timer", at=rfc3339(seconds_from_now(3)), guarantee="Strict")
    the_gate.hold_next_job("answer")
    the_gate.wait_until_held()
    (job,) = wait_until(timer.jobs, bool, "the Job is there")
    assert is_held(job)
    victim.kill()
    for worker in others(product, victim):
        worker.go_on()
    (job,) = wait_until(lambda: started(timer), bool, "the Job is started")
    (fired,) = timer.fired()
    assert fired.uid == job["metadata"]["uid"] == timer.status()["committedRun"]["jobUid"]


@pytest.mark.parametrize("with_redis", [True, False], ids=["redis", "no redis"])
def test_what_a_killed_worker_has_committed_and_not_started_is_started(
    product: Product, world: World, guarded: tuple[Member, Gate], with_redis: bool
) -> None:
    victim, the_gate = guarded
    timer = world.create("timer", at=rfc3339(seconds_from_now(3)), guarantee="Strict")
    the_gate.hold_next("answer", "PATCH", "/status")
    the_gate.wait_until_held()
    (job,) = timer.jobs()
    assert is_held(job)
    assert timer.status()["committedRun"]["jobUid"] == job["metadata"]["uid"]
    victim.kill()
    if not with_redis:
        world.cluster.redis.flushall()
    for worker in others(product, victim):
        worker.go_on()
    (now,) = wait_until(lambda: started(timer), bool, "the Job is started")
    assert now["metadata"]["uid"] == job["metadata"]["uid"]
    wait_until(timer.status, lambda seen: seen["committedRun"].get("started"), "status knows")
    assert len(timer.fired()) == 1


def test_a_run_by_hand_is_committed_as_well(product: Product, world: World) -> None:
    timer = world.create("timer", NO_PODS, every="1h", guarantee="Strict")
    timer.ask_for_a_run("now")
    status = timer.wait_until_handled("now")
    (job,) = wait_until(lambda: started(timer), bool, "the Job is started")
    assert status["committedRequest"]["jobUid"] == job["metadata"]["uid"]


def test_the_uid_in_a_patch_is_a_condition(product: Product, world: World) -> None:
    """What it counts on, so that it starts the committed Job and no other of its name."""
    timer = world.create("timer", NO_PODS, every="1s", guarantee="Strict")
    timer.wait_for_runs(1)
    (job, *_) = timer.jobs()
    patch = '{"metadata": {"uid": "another"}, "spec": {"suspend": true}}'
    arguments = ("patch", "job", job["metadata"]["name"], "-n", world.namespace, "--type=merge", "-p", patch)
    refused = world.cluster.stack.kubectl(*arguments, check=False)
    assert refused.returncode != 0
    assert "metadata.uid" in refused.stderr
