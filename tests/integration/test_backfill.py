"""`redistimer backfill` as a process, with no more rights than its help names, beside a controller and workers."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from controller.core.identity import job_name
from tests.cluster.stack import CHECKOUT
from tests.integration.occurrences import assert_once_and_not_before
from tests.integration.waiting import instant_of, now_ms, rfc3339, wait_until
from tests.integration.world import NO_PODS, Timer, World, template

pytestmark = pytest.mark.usefixtures("product")

DAY_MS = 86_400_000
FIRST_MS = instant_of("2026-02-01T06:00:00Z")
EVERY_MORNING = {"schedule": "0 6 * * *", "suspend": True}
"""Suspended, so that only backfills create Jobs, whatever the clock shows."""

PATIENCE_S = 120

NEEDED = ("create", "get", "list", "watch")
"""The rights on Jobs that the help names."""


class Person:
    """Somebody who may do in a namespace what a backfill needs, and nothing else."""

    def __init__(self, world: World, on_jobs: Sequence[str] = NEEDED) -> None:
        stack, namespace = world.cluster.stack, world.namespace
        world.add("ServiceAccount", "v1", {"metadata": {"name": "person"}})
        rbac = "rbac.authorization.k8s.io"
        rules = [
            {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": list(on_jobs)},
            {"apiGroups": ["redistimer.dev"], "resources": ["redistimers"], "verbs": ["get", "patch"]},
        ]
        world.add("Role", f"{rbac}/v1", {"metadata": {"name": "backfill"}, "rules": rules})
        binding = {
            "metadata": {"name": "backfill"},
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "backfill"},
            "subjects": [{"kind": "ServiceAccount", "name": "person", "namespace": namespace}],
        }
        world.add("RoleBinding", f"{rbac}/v1", binding)
        kubeconfig = stack.kubeconfig_for(namespace, "person")
        self._environment = stack.environment() | {"KUBECONFIG": str(kubeconfig), "PYTHONPATH": str(CHECKOUT)}

    def run(self, timer: Timer, days: int, *flags: str) -> subprocess.CompletedProcess[str]:
        """Backfill so many mornings, and wait for the end."""
        return subprocess.run(
            self._command(timer, days, *flags),
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            stdin=subprocess.DEVNULL,
        )

    @contextmanager
    def running(self, timer: Timer, days: int, *flags: str) -> Iterator["subprocess.Popen[str]"]:
        """The same, as long as the block lasts."""
        with subprocess.Popen(
            self._command(timer, days, *flags),
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def on_a_terminal(self, timer: Timer, days: int, typed: str, *flags: str) -> tuple[int, str]:
        """The same on a terminal, with an answer to its question; exit code, and all that was shown."""
        ours, theirs = pty.openpty()
        with subprocess.Popen(
            self._command(timer, days, *flags),
            env=self._environment | {"TERM": "xterm", "COLUMNS": "200"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        ) as process:
            os.close(theirs)
            shown = ""
            while True:
                try:
                    piece = os.read(ours, 65536).decode()
                except OSError:
                    break
                shown += piece
                if typed and "[y/N] " in shown:
                    os.write(ours, typed.encode())
                    typed = ""
        os.close(ours)
        return process.returncode, shown

    def _command(self, timer: Timer, days: int, *flags: str) -> list[str]:
        span = flags if "--from" in flags else ("--from", morning(0, -1), "--to", morning(days - 1), *flags)
        return [sys.executable, "-m", "controller", "backfill", timer.name, *span]


@pytest.fixture
def person(world: World) -> Person:
    """Somebody with the rights that the help names."""
    return Person(world)


def mornings(days: int) -> list[int]:
    """The nominal times of so many days."""
    return [FIRST_MS + day * DAY_MS for day in range(days)]


def morning(day: int, beside_ms: int = 0) -> str:
    return rfc3339(FIRST_MS + day * DAY_MS + beside_ms)


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    assert done.stdout, done.stderr
    return done.stdout.splitlines()[-1]


def record_of(timer: Timer) -> dict[str, str]:
    return dict(json.loads(timer.read()["metadata"]["annotations"]["redistimer.dev/backfill"]))


def test_each_time_gets_its_job_in_order_and_under_the_name_of_the_schedule(world: World, person: Person) -> None:
    world.wait_for_pods_to_be_possible()
    timer = world.create("mornings", template(), successfulJobsHistoryLimit=2, **EVERY_MORNING)
    done = person.run(timer, 5, "--yes")
    assert (done.returncode, done.stderr, last_line(done)) == (0, "", "5 Jobs created: 5 succeeded, 0 failed")
    assert timer.nominal() == mornings(5)
    assert [fired.job for fired in timer.fired()] == [job_name("mornings", timer.uid, one) for one in mornings(5)]
    assert [line.split()[0] for line in done.stdout.splitlines()[5:-1]] == ["created", "succeeded"] * 5
    left = wait_until(timer.jobs, lambda jobs: len(jobs) == 2, "the history limit has removed all but two")
    for job in left:
        assert job["metadata"]["annotations"]["redistimer.dev/trigger"] == "backfill"
    again = person.run(timer, 5, "--yes")
    assert (again.returncode, len(timer.fired())) == (0, 5)
    assert last_line(again) == "  jobs      nothing is left to create: --again starts over"


def test_a_kill_in_the_middle_costs_no_time_its_job_and_none_runs_twice(world: World, person: Person) -> None:
    world.wait_for_pods_to_be_possible()
    timer = world.create("killed", template(), successfulJobsHistoryLimit=100, **EVERY_MORNING)
    with person.running(timer, 12, "--yes", "--max-concurrent", "3") as process:
        timer.wait_for_runs(4)
        process.kill()
        process.wait(PATIENCE_S)
    done = person.run(timer, 12, "--yes", "--max-concurrent", "3", "-o", "json")
    assert done.returncode == 0, done.stderr
    assert timer.nominal() == mornings(12)
    told = json.loads(done.stdout)
    assert told["plan"]["times"] == 12
    assert told["plan"]["left"] < 12
    assert told["result"]["left"] == 0
    assert record_of(timer)["through"] == record_of(timer)["to"]


def test_it_goes_on_after_ctrl_c_though_the_jobs_were_removed_meanwhile(world: World, person: Person) -> None:
    """These Jobs never end by themselves, so it is known where it waits."""
    timer = world.create("removed", NO_PODS, **EVERY_MORNING)
    with person.running(timer, 6, "--yes", "--max-concurrent", "2") as process:
        timer.wait_for_runs(2)
        wait_until(lambda: record_of(timer)["through"], lambda seen: seen == "2026-02-02T06:00:00Z", "it is on record")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert out.splitlines()[-1] == "2 Jobs created: 0 succeeded, 0 failed, 2 not finished"
    assert err == (
        "interrupted: 4 nominal times left, after 2026-02-02T06:00:00Z; 2 Jobs not finished. "
        "The same command goes on there\n"
    )
    remove_jobs(world, timer)
    with person.running(timer, 6, "--yes", "--max-concurrent", "2") as process:
        timer.wait_for_runs(4)
        remove_jobs(world, timer)
        timer.wait_for_runs(6)
        remove_jobs(world, timer)
        out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, err) == (0, "")
    assert "4 Jobs created: 0 succeeded, 0 failed, 4 removed" in out
    assert timer.nominal() == mornings(6)


def test_a_job_of_somebody_else_under_such_a_name_is_left_alone_and_named(world: World, person: Person) -> None:
    world.wait_for_pods_to_be_possible()
    timer = world.create("taken", template(), **EVERY_MORNING)
    name = job_name("taken", timer.uid, mornings(3)[1])
    world.add("Job", "batch/v1", {"metadata": {"name": name}} | NO_PODS)
    done = person.run(timer, 3, "--yes")
    assert done.returncode == 1
    assert f"error: the Job {name} exists and does not belong to this timer" in done.stderr
    assert timer.nominal() == mornings(1)
    world.remove("Job", "batch/v1", name)
    assert person.run(timer, 3, "--yes").returncode == 0
    assert timer.nominal() == mornings(3)


def test_failures_are_known_though_their_jobs_are_removed_at_once(world: World, person: Person) -> None:
    world.wait_for_pods_to_be_possible()
    failing = template(["false"], backoffLimit=0, ttlSecondsAfterFinished=0)
    timer = world.create("failing", failing, failedJobsHistoryLimit=0, **EVERY_MORNING)
    done = person.run(timer, 4, "--yes", "--max-concurrent", "4")
    assert done.returncode == 1
    assert "4 Jobs created: 0 succeeded, 4 failed\n" in done.stdout
    assert "BackoffLimitExceeded: Job has reached the specified backoff limit" in done.stdout


def test_whoever_begins_last_goes_on_and_no_time_runs_twice(world: World, person: Person) -> None:
    timer = world.create("two", NO_PODS, **EVERY_MORNING)
    with person.running(timer, 6, "--yes", "--max-concurrent", "2") as first:
        timer.wait_for_runs(2)
        with person.running(timer, 6, "--yes", "--max-concurrent", "4") as second:
            timer.wait_for_runs(4)
            # Now there is room for the first one, too.
            remove_jobs(world, timer)
            _, err = first.communicate(timeout=PATIENCE_S)
            assert (first.returncode, "somebody has begun a backfill of this timer meanwhile" in err) == (1, True)
            timer.wait_for_runs(6)
            remove_jobs(world, timer)
            second.communicate(timeout=PATIENCE_S)
            assert second.returncode == 0
    assert timer.nominal() == mornings(6)


def test_a_timer_that_is_deleted_in_the_middle_stops_it(world: World, person: Person) -> None:
    timer = world.create("deleted", NO_PODS, **EVERY_MORNING)
    with person.running(timer, 6, "--yes", "--max-concurrent", "2") as process:
        timer.wait_for_runs(2)
        timer.delete()
        _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert err == f"error: the timer {timer.namespace}/deleted was deleted meanwhile, and its Jobs go with it\n"
    assert timer.nominal() == mornings(2)


def test_the_schedule_runs_on_beside_it_and_no_time_has_two_jobs(world: World, person: Person) -> None:
    begin_ms = now_ms() // 1000 * 1000 - 40_000
    timer = world.create("beside", NO_PODS, every="1s", startTime=rfc3339(begin_ms))
    timer.wait_for_runs(3)
    until_ms = now_ms()
    span = ("--from", rfc3339(begin_ms - 1), "--to", rfc3339(until_ms))
    with person.running(timer, 0, *span, "--yes", "--max-concurrent", "1000", "-o", "json") as process:
        expected = set(range(begin_ms, until_ms + 1, 1000))
        wait_until(lambda: expected - set(timer.nominal()), lambda left: not left, "every second has its Job")
        timer.wait_for_beats(2)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert_once_and_not_before(timer)


def test_a_template_with_a_field_that_does_not_exist_is_told_before_anything_is_created(
    world: World, person: Person
) -> None:
    timer = world.create("typo", template(backofLimit=1), **EVERY_MORNING)
    done = person.run(timer, 2, "--yes")
    assert done.returncode == 1
    assert 'unknown field "spec.backofLimit"' in done.stderr
    assert timer.fired() == []


def test_a_terminal_is_asked_and_shown_how_far_it_is(world: World, person: Person) -> None:
    world.wait_for_pods_to_be_possible()
    timer = world.create("asked", template(), **EVERY_MORNING)
    code, shown = person.on_a_terminal(timer, 3, "n\n")
    assert code == 1
    assert "Create 3 Jobs? [y/N] " in shown
    assert shown.splitlines()[-1] == "error: nothing was created"
    code, shown = person.on_a_terminal(timer, 3, "y\n")
    assert code == 0, shown
    assert "0/3" in shown
    assert "3/3" in shown
    assert "3 Jobs created: 3 succeeded, 0 failed" in shown
    assert timer.nominal() == mornings(3)


def test_who_may_not_create_jobs_is_told_so(world: World) -> None:
    timer = world.create("rights", NO_PODS, **EVERY_MORNING)
    done = Person(world, on_jobs=("get", "list", "watch")).run(timer, 2, "--yes")
    assert (done.returncode, done.stdout, timer.fired()) == (1, "", [])
    assert done.stderr.startswith("error: not allowed: jobs.batch is forbidden")
    assert done.stderr.count("\n") == 1


def test_a_quota_that_leaves_no_room_is_told_after_the_plan(world: World) -> None:
    world.add("ResourceQuota", "v1", {"metadata": {"name": "none"}, "spec": {"hard": {"count/jobs.batch": "0"}}})
    quota = world.cluster.resource("ResourceQuota")
    wait_until(
        lambda: quota.get(namespace=world.namespace, name="none").to_dict().get("status") or {},
        lambda status: "count/jobs.batch" in (status.get("used") or {}),
        "the quota is in force",
    )
    timer = world.create("full", NO_PODS, **EVERY_MORNING)
    done = Person(world).run(timer, 2, "--yes")
    assert (done.returncode, timer.fired()) == (1, [])
    assert "jobs      2 to create" in done.stdout
    assert done.stderr.startswith("error: refused for now: jobs.batch ")
    world.remove("ResourceQuota", "v1", "none")


def remove_jobs(world: World, timer: Timer) -> None:
    """Delete all Jobs of a timer, as somebody who tidies up."""
    selector = f"redistimer.dev/timer-uid={timer.uid}"
    world.cluster.resource("Job", "batch/v1").delete(namespace=world.namespace, label_selector=selector)
