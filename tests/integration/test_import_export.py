"""`redistimer import` and `export` against a real API server: what they print is what kubectl applies."""

import json
from typing import Any

import pytest
import yaml

from tests.cluster import Stack
from tests.integration.doctoring import run_command
from tests.integration.product import Product
from tests.integration.world import World, template

Object = dict[str, Any]

TRICKY = ["sh", "-c", 'set -e\necho "it is $(date)"\n', "1e3", "12e4567", "y", "0o17", "no", "*", "a: b", ""]
CRON_JOB: Object = {
    "schedule": "30 2 * * *",
    "timeZone": "Europe/Berlin",
    "startingDeadlineSeconds": 600,
    "concurrencyPolicy": "Forbid",
    "failedJobsHistoryLimit": 0,
    "jobTemplate": {
        "metadata": {"labels": {"version": "12e4567"}},
        **template(TRICKY, backoffLimit=2, ttlSecondsAfterFinished=60),
    },
}

CAN_BE_CRON_JOBS: dict[str, Object] = {
    "plain": {"schedule": "*/5 8-18 * * MON-FRI"},
    "macro": {"schedule": "@daily", "timeZone": "Asia/Tokyo"},
    "spread": {"schedule": "H H(0-5) H * H/2,0"},
    "second-zero": {"schedule": "0 30 6 ? * *"},
    "one-of-several": {"schedules": [{"cron": "0 9 * * *", "timeZone": "America/New_York"}]},
    "latest": {"schedule": "0 0 31 2 *", "missedRunPolicy": "Latest", "ttlSecondsAfterComplete": 60, "exclude": []},
}


def parsed(text: str) -> list[Object]:
    return list(yaml.safe_load_all(text))


def add_cron_job(world: World, name: str, **spec: Any) -> Object:
    return world.add("CronJob", "batch/v1", {"metadata": {"name": name, "labels": {"a": "b"}}, "spec": CRON_JOB | spec})


def test_a_cron_job_of_the_cluster_becomes_a_timer_that_is_the_same(world: World, stack: Stack) -> None:
    add_cron_job(world, "nightly", suspend=True)
    printed = run_command(stack, "import", "nightly", "-n", world.namespace)
    assert printed.returncode == 0, printed.stderr
    (timer,) = parsed(printed.stdout)
    assert timer["metadata"] == {"name": "nightly", "namespace": world.namespace, "labels": {"a": "b"}}
    stack.kubectl("apply", "--validate=strict", "-f", "-", input=printed.stdout)
    stored = world.timers.get(namespace=world.namespace, name="nightly").to_dict()["spec"]
    before = world.cluster.resource("CronJob", "batch/v1").get(namespace=world.namespace, name="nightly").to_dict()
    assert {name: stored[name] for name in before["spec"] if name != "jobTemplate"} == {
        name: value for name, value in before["spec"].items() if name != "jobTemplate"
    }
    assert stored["jobTemplate"]["metadata"] == {"labels": {"version": "12e4567"}}
    pods = stored["jobTemplate"]["spec"]["template"]["spec"]
    assert pods["containers"] == before["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert pods["containers"][0]["command"] == TRICKY


def test_an_imported_timer_waits_until_it_is_resumed(world: World, product: Product, stack: Stack) -> None:
    add_cron_job(world, "minutely", schedule="* * * * *", suspend=True)
    printed = run_command(stack, "import", "--suspend", "-n", world.namespace, "-o", "json")
    listed = json.loads(printed.stdout)
    assert (listed["kind"], len(listed["items"])) == ("List", 1)
    # It was suspended before, so nobody is told to resume it.
    assert "was suspended already: do not resume its RedisTimer unless you want it to run" in printed.stderr
    assert "redistimer resume" not in printed.stderr
    stack.kubectl("apply", "-f", "-", input=printed.stdout)
    stack.kubectl("wait", "--for=condition=Suspended", "redistimer/minutely", "-n", world.namespace, "--timeout=60s")


def test_labels_and_namespaces_choose_what_is_imported(world: World, stack: Stack) -> None:
    add_cron_job(world, "one")
    add_cron_job(world, "two")
    chosen = run_command(stack, "import", "-A", "-l", "a=b", "-o", "json")
    names = [
        item["metadata"]["name"]
        for item in json.loads(chosen.stdout)["items"]
        if item["metadata"]["namespace"] == world.namespace
    ]
    assert names == ["one", "two"]
    none = run_command(stack, "import", "-n", world.namespace, "-l", "a=c")
    assert (none.returncode, none.stdout) == (1, "")
    assert none.stderr == f"error: there is no CronJob in namespace {world.namespace} with these labels\n"


def test_what_is_exported_is_a_cron_job_for_the_api_server(world: World, stack: Stack) -> None:
    for name, spec in CAN_BE_CRON_JOBS.items():
        world.create(name, suspend=True, **spec)
    printed = run_command(stack, "export", "-n", world.namespace)
    assert printed.returncode == 0, printed.stderr
    assert len(parsed(printed.stdout)) == len(CAN_BE_CRON_JOBS)
    applied = stack.kubectl("apply", "--validate=strict", "-f", "-", input=printed.stdout).stdout
    assert applied.count("created") == len(CAN_BE_CRON_JOBS)
    # And back again, from what the API server has made of them.
    back = run_command(stack, "import", "-n", world.namespace)
    assert back.returncode == 0, back.stderr
    assert {one["metadata"]["name"] for one in parsed(back.stdout)} == set(CAN_BE_CRON_JOBS)


def test_what_cannot_be_a_cron_job_is_left_out_with_its_reason(world: World, stack: Stack) -> None:
    world.create("quick", suspend=True, every="10s", jitter="5s")
    world.create("plain", suspend=True, schedule="@daily")
    printed = run_command(stack, "export", "-n", world.namespace)
    assert printed.returncode == 1
    assert [one["metadata"]["name"] for one in parsed(printed.stdout)] == ["plain"]
    assert f"{world.namespace}/quick\n  error: spec.every '10s': " in printed.stderr
    assert "  error: spec.jitter '5s': a CronJob does not delay its runs\n" in printed.stderr


@pytest.mark.parametrize("command", ["import", "export"])
def test_a_name_that_is_not_there_is_an_error_with_a_guess(world: World, stack: Stack, command: str) -> None:
    add_cron_job(world, "nightly", suspend=True)
    world.create("nightly", suspend=True, schedule="@daily")
    missing = run_command(stack, command, "nigthly", "-n", world.namespace)
    assert (missing.returncode, missing.stdout) == (1, "")
    kind = "CronJob" if command == "import" else "RedisTimer"
    assert missing.stderr == (
        f"error: there is no {kind} nigthly in namespace {world.namespace}: did you mean nightly?\n"
    )
