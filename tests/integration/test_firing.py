"""Each kind of schedule fires at its nominal times: once each, not before, with the Job that the template says.

All timers of this module are created together and fire side by side; each test looks at its own.
"""

from collections.abc import Iterator

import pytest

from tests.cluster import Stack
from tests.integration.occurrences import assert_once_and_not_before, assert_steady
from tests.integration.product import Product
from tests.integration.waiting import instant_of, rfc3339, seconds_from_now, wait_until
from tests.integration.world import NO_PODS, Cluster, Timer, World, template

CROWD = 30


@pytest.fixture(scope="module")
def running(product_processes: Product) -> Product:
    """One controller and two workers for the whole module."""
    product_processes.restore()
    return product_processes


@pytest.fixture(scope="module")
def instant_ms() -> int:
    """The instant of all `at` timers. Far enough that a slow machine has created them before."""
    return seconds_from_now(15)


@pytest.fixture(scope="module")
def shared(cluster: Cluster, running: Product) -> Iterator[World]:
    """The namespace of this module."""
    with cluster.world() as world:
        world.wait_for_pods_to_be_possible()
        yield world


@pytest.fixture(scope="module", autouse=True)
def timers(shared: World, instant_ms: int) -> dict[str, Timer]:
    """One timer for each test, by name."""
    scheduled_at = {"fieldRef": {"fieldPath": "metadata.annotations['redistimer.dev/scheduled-at']"}}
    marked = template(["sh", "-c", "echo planned for $AT"])
    marked["metadata"] = {"labels": {"team": "billing"}, "annotations": {"note": "mine"}}
    marked["spec"]["template"]["metadata"] = {"labels": {"tier": "batch"}}
    marked["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "AT", "valueFrom": scheduled_at}]
    created = [
        shared.create("cron", NO_PODS, schedule="* * * * *", timeZone="Europe/Berlin"),
        shared.create("at", marked, at=rfc3339(instant_ms)),
        shared.create("after-creation", template(), afterCreation="3s"),
        shared.create("every", template(), every="2s"),
        shared.create("failing", template(["false"], backoffLimit=0), afterCreation="2s"),
        shared.create("history", template(), every="1s", successfulJobsHistoryLimit=2),
        shared.create("bad-history", template(["false"], backoffLimit=0), every="2s", failedJobsHistoryLimit=2),
        shared.create("no-history", template(), afterCreation="1s", successfulJobsHistoryLimit=0),
        *(shared.create(f"crowd-{number}", at=rfc3339(instant_ms)) for number in range(CROWD)),
    ]
    return {timer.name: timer for timer in created}


def test_an_at_timer_fires_once_at_its_instant(timers: dict[str, Timer], instant_ms: int) -> None:
    timers["at"].wait_for_runs(1)
    timers["every"].wait_for_beats(2)
    assert timers["at"].nominal() == [instant_ms]
    assert_once_and_not_before(timers["at"])


def test_an_after_creation_timer_fires_once_that_long_after_its_creation(timers: dict[str, Timer]) -> None:
    timer = timers["after-creation"]
    timer.wait_for_runs(1)
    timers["every"].wait_for_beats(2)
    assert timer.nominal() == [timer.created_ms + 3000]
    assert_once_and_not_before(timer)


def test_an_every_timer_fires_each_multiple_of_its_interval_once(timers: dict[str, Timer]) -> None:
    timers["every"].wait_for_runs(4)
    assert timers["every"].nominal()[0] == timers["every"].created_ms + 2000
    assert_steady(timers["every"], 2)


def test_timers_due_at_one_instant_fire_once_each_and_both_workers_take_part(
    timers: dict[str, Timer], running: Product, instant_ms: int
) -> None:
    crowd = [timers[f"crowd-{number}"] for number in range(CROWD)]
    for timer in crowd:
        timer.wait_for_runs(1)
    timers["every"].wait_for_beats(2)
    assert [timer.nominal() for timer in crowd] == [[instant_ms]] * CROWD
    shares = [worker.metric("redistimer_fires_total", result="created") for worker in running.workers]
    assert all(shares), f"Jobs created by each worker: {shares}"


def test_a_job_carries_its_timer_its_nominal_time_and_what_the_template_says(
    timers: dict[str, Timer], instant_ms: int
) -> None:
    timer = timers["at"]
    (job,) = wait_until(timer.jobs, bool, "the Job is there")
    metadata = job["metadata"]
    assert metadata["name"].startswith("at-")
    assert len(metadata["name"]) <= 63
    ours = {"redistimer.dev/timer": "at", "redistimer.dev/timer-uid": timer.uid}
    assert metadata["labels"].items() >= (ours | {"team": "billing"}).items()
    nominal = {"redistimer.dev/scheduled-at": rfc3339(instant_ms)}
    assert metadata["annotations"].items() >= (nominal | {"note": "mine"}).items()
    assert metadata["ownerReferences"] == [
        {
            "apiVersion": "redistimer.dev/v1alpha1",
            "kind": "RedisTimer",
            "name": "at",
            "uid": timer.uid,
            "controller": True,
            "blockOwnerDeletion": False,
        }
    ]


def test_a_pod_carries_its_timer_and_reads_its_nominal_time(
    stack: Stack, timers: dict[str, Timer], shared: World, instant_ms: int
) -> None:
    timer = timers["at"]
    (pod,) = wait_until(timer.pods, bool, "the Pod is there")
    assert pod["metadata"]["labels"]["redistimer.dev/timer"] == "at"
    assert pod["metadata"]["labels"]["tier"] == "batch"
    assert pod["metadata"]["annotations"]["redistimer.dev/scheduled-at"] == rfc3339(instant_ms)
    wait_until(
        lambda: stack.pod_output(shared.namespace, pod["metadata"]["name"]),
        lambda output: f"planned for {rfc3339(instant_ms)}\n" in output,
        "the Pod has printed its nominal time",
    )


def test_the_status_of_a_timer_with_one_instant_ends_as_complete(timers: dict[str, Timer], instant_ms: int) -> None:
    for name, nominal_ms in (("at", instant_ms), ("after-creation", timers["after-creation"].created_ms + 3000)):
        timer = timers[name]
        timer.wait_for_condition("Complete", "True", "Complete")
        status = timer.status()
        assert timer.condition("Ready")["status"] == "True"
        assert status["runs"] == {"succeeded": 1, "failed": 0, "missed": 0, "skipped": 0}
        assert instant_of(status["lastScheduleTime"]) == instant_of(status["handledThrough"]) == nominal_ms
        (job,) = timer.jobs()
        assert instant_of(status["lastSuccessfulTime"]) == instant_of(job["status"]["completionTime"])
        assert status["activeCount"] == 0
        assert "nextScheduleTime" not in status


def test_the_status_of_a_recurring_timer_follows_its_runs(timers: dict[str, Timer]) -> None:
    timer = timers["every"]
    seen = len(timer.wait_for_runs(3))
    status = wait_until(
        timer.status, lambda status: (status.get("runs") or {}).get("succeeded", 0) >= seen, "its runs are counted"
    )
    assert timer.condition("Ready")["reason"] == "Scheduled"
    assert status["scheduleSummary"] == "every 2s"
    last_ms = instant_of(status["lastScheduleTime"])
    assert last_ms in timer.nominal()
    assert instant_of(status["handledThrough"]) == last_ms
    assert instant_of(status["nextScheduleTime"]) == last_ms + 2000
    assert timer.condition("Complete") == {}


def test_a_failed_job_counts_as_a_failed_run(timers: dict[str, Timer]) -> None:
    timer = timers["failing"]
    timer.wait_for_condition("Complete", "True", "CompletedWithFailures")
    status = timer.status()
    assert status["runs"] == {"succeeded": 0, "failed": 1, "missed": 0, "skipped": 0}
    assert "lastFailedTime" in status
    assert "lastSuccessfulTime" not in status


def test_history_limits_keep_the_newest_jobs_and_remove_the_rest(timers: dict[str, Timer]) -> None:
    for name, outcome in (("history", "Complete"), ("bad-history", "Failed")):
        timer = timers[name]
        timer.wait_for_runs(5)
        timer.edit(suspend=True)
        timer.wait_for_condition("Suspended", "True", "Suspended")
        newest = sorted(timer.fired(), key=lambda fired: fired.nominal_ms)[-2:]
        jobs = wait_until(timer.jobs, lambda jobs: len(jobs) == 2, f"{name} keeps two Jobs")
        assert [job["metadata"]["uid"] for job in jobs] == [fired.uid for fired in newest]
        assert all(outcome in [one["type"] for one in job["status"]["conditions"]] for job in jobs)


def test_a_history_limit_of_zero_keeps_no_job_and_loses_no_count(timers: dict[str, Timer]) -> None:
    timer = timers["no-history"]
    timer.wait_for_runs(1)
    wait_until(timer.jobs, lambda jobs: not jobs, "its Job is removed")
    timer.wait_for_condition("Complete", "True", "Complete")
    assert timer.status()["runs"]["succeeded"] == 1


def test_a_cron_timer_fires_at_the_full_minute(timers: dict[str, Timer]) -> None:
    timer = timers["cron"]
    timer.wait_for_runs(1)
    assert timer.nominal()[0] == (timer.created_ms // 60_000 + 1) * 60_000
    assert_once_and_not_before(timer)
