"""The commands for people, on a real API server with controller and workers: what they do, print and end with."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.cluster import Stack
from tests.cluster.stack import CHECKOUT
from tests.integration.product import Product
from tests.integration.waiting import now_ms, wait_until
from tests.integration.world import World, template

Done = subprocess.CompletedProcess[str]
Command = Callable[..., Done]

HOUR_MS = 3_600_000


@pytest.fixture
def command(stack: Stack, world: World) -> Command:
    """Runs `redistimer` as somebody who works in the test's namespace."""

    def run(*arguments: str, kubeconfig: Path = stack.kubeconfig, program: tuple[str, ...] = ()) -> Done:
        environ = {key: value for key, value in os.environ.items() if not key.startswith("REDISTIMER_")}
        environ |= {"PYTHONPATH": str(CHECKOUT), "KUBECONFIG": str(kubeconfig), "COLUMNS": "120"}
        line = program or (sys.executable, "-m", "controller")
        return subprocess.run(
            [*line, *arguments], env=environ, capture_output=True, text=True, timeout=120, check=False
        )

    return run


def printed(done: Done, code: int = 0) -> list[str]:
    """The lines that a command printed, which ended so."""
    assert done.returncode == code, done.stderr or done.stdout
    return done.stdout.splitlines()


def error(done: Done, code: int = 1) -> str:
    """The one line that a command ended with in place of an answer."""
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr.removeprefix("error: ").rstrip("\n")


@pytest.fixture
def here(world: World) -> tuple[str, str]:
    """The flags that say where."""
    return ("--namespace", world.namespace)


# next


def test_the_timeline_of_a_cluster_is_what_its_timers_will_fire(
    product: Product, world: World, command: Command, here: tuple[str, str]
) -> None:
    hourly = world.create("hourly", every="1h")
    world.create("paused", every="1h", suspend=True)
    world.create("soon", afterCreation="30m")
    name = f"{world.namespace}/"
    title, *rows = printed(command("next", "-n", "3", *here))
    assert title.split() == ["LOCAL", "TIME", "UTC", "IN", "TIMER", "SCHEDULE"]
    assert [row.split()[6] for row in rows[:3]] == [f"{name}soon", f"{name}hourly", f"{name}hourly"]
    assert rows[-1].split() == [f"{name}paused", "Suspended", "spec.suspend", "is", "true."]
    status = hourly.wait_for_status(lambda seen: "nextScheduleTime" in seen, "says what is next")
    lines = [json.loads(line) for line in printed(command("next", "-o", "json", "-n", "2", *here))]
    assert [line["name"] for line in lines] == ["soon", "hourly", "paused"]
    assert lines[1]["next"] == [status["nextScheduleTime"]]
    everywhere = yaml.safe_load(command("next", "-A", "-o", "yaml", "-n", "1000").stdout)
    assert {"soon", "hourly", "paused"} <= {line["name"] for line in everywhere if line["namespace"] == world.namespace}


def test_one_timer_by_name_goes_on_after_what_it_has_fired(
    product: Product, world: World, command: Command, here: tuple[str, str]
) -> None:
    timer = world.create("report", every="1s")
    timer.wait_for_runs(1)
    timer.edit(every="1h")
    status = timer.wait_for_status(
        lambda seen: seen["observedGeneration"] == 2 and "nextScheduleTime" in seen, "says what is next"
    )
    (line,) = printed(command("next", "report", "-o", "json", "-n", "1", *here))
    assert json.loads(line)["next"] == [status["nextScheduleTime"]]
    lines = printed(command("next", "report", "-n", "2", *here))
    assert lines[0] == f"{world.namespace}/report  every 1h"
    assert len(lines) == 5


# trigger


def test_a_run_by_hand_creates_the_job_that_is_named(
    product: Product, world: World, command: Command, here: tuple[str, str]
) -> None:
    timer = world.create("report", every="1h", suspend=True)
    (line,) = printed(command("trigger", "report", *here))
    (job,) = timer.jobs()
    assert line == f"report: Job {job['metadata']['name']} was created"
    (line,) = printed(command("trigger", "report", "-o", "name", *here))
    names = {f"job.batch/{one['metadata']['name']}" for one in timer.jobs()}
    assert line in names
    assert len(names) == 2


def test_an_id_runs_once_however_often_it_is_asked_for(
    product: Product, world: World, command: Command, here: tuple[str, str]
) -> None:
    timer = world.create("report", every="1h")
    told = json.loads(command("trigger", "report", "--id", "release 1.4", "-o", "json", *here).stdout)
    (job,) = timer.jobs()
    assert told == {
        "namespace": world.namespace,
        "timer": "report",
        "request": "release 1.4",
        "job": job["metadata"]["name"],
        "outcome": "created",
    }
    (line,) = printed(command("trigger", "report", "--id", "release 1.4", *here))
    assert line == f"report: request release 1.4 was handled before, by Job {job['metadata']['name']}"
    printed(command("trigger", "report", "--id", "release 1.5", *here))
    (line,) = printed(command("trigger", "report", "--id", "release 1.4", *here))
    assert line.startswith("report: request release 1.4 was handled before")
    assert len(timer.fired()) == 2


def test_a_run_by_hand_that_is_skipped_says_so(
    product: Product, world: World, command: Command, here: tuple[str, str]
) -> None:
    world.wait_for_pods_to_be_possible()
    world.create("report", template(["sleep", "60"]), every="1h", concurrencyPolicy="Forbid")
    (line,) = printed(command("trigger", "report", "-o", "name", *here))
    message = error(command("trigger", "report", *here))
    assert message.startswith("report was skipped: concurrencyPolicy is Forbid, and an earlier Job is active: ")
    assert message.endswith(line.removeprefix("job.batch/"))


def test_a_run_by_hand_whose_job_is_refused_says_why(
    product: Product, world: World, command: Command, here: tuple[str, str]
) -> None:
    world.add("ResourceQuota", "v1", {"metadata": {"name": "none"}, "spec": {"hard": {"count/jobs.batch": "0"}}})
    world.create("report", every="1h")
    quota = world.cluster.resource("ResourceQuota")
    wait_until(
        lambda: quota.get(namespace=world.namespace, name="none").to_dict().get("status") or {},
        lambda status: "count/jobs.batch" in (status.get("used") or {}),
        "the quota is in force",
    )
    message = error(command("trigger", "report", *here))
    assert message.startswith(
        "the Job of report was refused, and is tried again every ten seconds until it can be created: QuotaExceeded: "
    )
    assert message.endswith(
        f"kubectl annotate redistimer report -n {world.namespace} redistimer.dev/trigger- withdraws the request"
    )
    # Until somebody makes room, it is told wherever one looks.
    assert "QuotaExceeded" in "\n".join(printed(command("next", *here), 1))
    assert json.loads(printed(command("next", "rt/report", "-o", "json", *here), 1)[0])["reason"] == "QuotaExceeded"
    assert "which nobody has handled yet" in error(command("trigger", "report", *here))
    world.remove("ResourceQuota", "v1", "none")


def test_without_waiting_the_job_to_come_is_named(
    product: Product, world: World, command: Command, here: tuple[str, str]
) -> None:
    timer = world.create("report", every="1h")
    (line,) = printed(command("trigger", "report", "--no-wait", "-o", "name", *here))
    timer.wait_for_runs(1)
    assert [f"job.batch/{job['metadata']['name']}" for job in timer.jobs()] == [line]


# suspend and resume


def test_timers_are_suspended_and_resumed_and_nothing_is_made_up_for(
    product: Product, world: World, command: Command, here: tuple[str, str]
) -> None:
    timers = {name: world.create(name, every="1s") for name in ("one", "two")}
    for timer in timers.values():
        timer.wait_for_runs(1)
    assert printed(command("suspend", "one", *here)) == ["one: suspended"]
    assert printed(command("suspend", "--all", *here)) == ["one: already suspended", "two: suspended"]
    for timer in timers.values():
        timer.wait_for_condition("Suspended", "True", "Suspended")
    count = len(timers["one"].fired())
    resumed_ms = now_ms()
    first, second = printed(command("resume", "one", "two", *here))
    assert first.startswith("one: resumed, next at ")
    assert second.startswith("two: resumed, next at ")
    timers["one"].wait_for_runs(count + 2)
    # Whole seconds: an edit counts from the beginning of its second.
    assert all(nominal_ms > resumed_ms - 1000 for nominal_ms in timers["one"].nominal()[count:])
    assert printed(command("resume", "one", *here)) == ["one: not suspended"]


def test_programs_are_told_what_was_resumed_and_people_when_it_fires_with_jitter(
    product: Product, world: World, command: Command, here: tuple[str, str]
) -> None:
    timer = world.create("report", schedule="0 * * * *", jitter="30m", timeZone="Asia/Tokyo", suspend=True)
    timer.wait_for_condition("Suspended", "True", "Suspended")
    (line,) = printed(command("resume", "redistimer.redistimer.dev/report", *here))
    assert line.endswith(" of jitter")
    (told,) = json.loads(command("resume", "report", "-o", "json", *here).stdout)
    assert told == {
        "namespace": world.namespace,
        "name": "report",
        "changed": False,
        "nextScheduleTime": timer.wait_for_status(lambda seen: "nextScheduleTime" in seen, "says")["nextScheduleTime"],
    }
    (fires,) = [json.loads(line) for line in printed(command("next", "-n", "1", "-o", "json", *here))]
    assert fires["next"] == [told["nextScheduleTime"]]
    shown = printed(command("next", "report", "-n", "1", *here))[2]
    assert shown.split()[1:4] == line.split()[5:8]
    assert shown.split("  ")[2].startswith(fires["firesAt"][0][:19])


def test_a_label_chooses_timers(product: Product, world: World, command: Command, here: tuple[str, str]) -> None:
    spec = {"every": "1h", "jobTemplate": template()}
    for name, team in (("one", "a"), ("two", "b")):
        metadata = {"name": name, "labels": {"team": team}}
        world.add("RedisTimer", "redistimer.dev/v1alpha1", {"metadata": metadata, "spec": spec})
    assert printed(command("suspend", "-l", "team=b", *here)) == ["two: suspended"]
    assert error(command("suspend", "-l", "team=c", *here)) == (
        f"no RedisTimer in namespace {world.namespace} matches team=c"
    )


def test_a_timer_that_stopped_after_too_many_failures_starts_again(
    product: Product, world: World, command: Command, here: tuple[str, str]
) -> None:
    world.wait_for_pods_to_be_possible()
    timer = world.create("failing", template(["false"], backoffLimit=0), every="1s", maxConsecutiveFailures=1)
    timer.wait_for_condition("Suspended", "True", "TooManyFailures")
    assert "TooManyFailures" in command("next", "failing", *here).stdout
    count = len(timer.fired())
    (line,) = printed(command("resume", "failing", *here))
    assert line.startswith("failing: started again after too many failures")
    timer.wait_for_runs(count + 1)


# what can be wrong

EVERY = [("next",), ("trigger",), ("suspend",), ("resume",)]


@pytest.mark.parametrize("arguments", EVERY, ids=str)
def test_a_timer_that_is_not_there_is_named_with_one_that_may_be_meant(
    arguments: tuple[str, ...], world: World, command: Command, here: tuple[str, str]
) -> None:
    world.create("report", every="1h")
    assert error(command(*arguments, "reprot", *here)) == (
        f"there is no RedisTimer reprot in namespace {world.namespace}: did you mean report?"
    )


@pytest.mark.parametrize("arguments", EVERY, ids=str)
def test_who_has_no_rights_is_told_which_are_missing(
    arguments: tuple[str, ...], stack: Stack, world: World, command: Command, here: tuple[str, str]
) -> None:
    world.create("report", every="1h")
    world.add("ServiceAccount", "v1", {"metadata": {"name": "nobody"}})
    kubeconfig = stack.kubeconfig_for(world.namespace, "nobody")
    message = error(command(*arguments, "report", *here, kubeconfig=kubeconfig))
    assert message.startswith("not allowed: redistimers.redistimer.dev ")
    assert f'User "system:serviceaccount:{world.namespace}:nobody" cannot get resource' in message


@pytest.mark.parametrize("arguments", EVERY, ids=str)
def test_a_cluster_that_is_not_there_is_told_with_its_address(
    arguments: tuple[str, ...], stack: Stack, command: Command, tmp_path: Path
) -> None:
    config = yaml.safe_load(stack.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    (tmp_path / "config").write_text(json.dumps(config))
    message = error(command(*arguments, "report", kubeconfig=tmp_path / "config"))
    assert message.startswith("the API server https://127.0.0.1:1 cannot be reached: ")
    assert error(command(*arguments, "report", kubeconfig=tmp_path / "none"), 2) == (
        f"KUBECONFIG: {tmp_path / 'none'} cannot be read: name a kubeconfig that exists"
    )


# a plugin of kubectl


def test_kubectl_runs_it_as_a_plugin_and_completes_it(stack: Stack, world: World, command: Command) -> None:
    world.create("report", every="1h")
    environ = stack.environment()
    environ["PATH"] = f"{Path(sys.executable).parent}:{environ['PATH']}"

    def kubectl(*arguments: str) -> Done:
        return subprocess.run(["kubectl", *arguments], env=environ, capture_output=True, text=True, check=False)

    (line,) = printed(kubectl("redistimer", "next", "report", "-o", "json", "-n", "1", "--namespace", world.namespace))
    assert json.loads(line)["name"] == "report"
    assert error(kubectl("redistimer", "suspend"), 2).endswith("(kubectl redistimer suspend --help)")
    completed = kubectl("__complete", "redistimer", "trigger", "-n", world.namespace, "re")
    assert completed.stdout.splitlines()[:2] == ["report", ":4"]


def test_a_reader_that_goes_away_ends_it_quietly(world: World, command: Command, here: tuple[str, str]) -> None:
    for number in range(20):
        world.create(f"timer-{number}", every="1h")
    shell = '"$0" -m controller next -n 5000 --namespace "$1" -o json | head -n 1; echo "${PIPESTATUS[0]}"'
    done = command(program=("bash", "-c", shell, sys.executable, world.namespace))
    line, code = done.stdout.splitlines()
    assert json.loads(line)["namespace"] == world.namespace
    assert code in ("0", str(128 + signal.SIGPIPE))
    assert done.stderr == ""
