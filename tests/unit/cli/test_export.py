"""`redistimer export`: CronJobs of RedisTimers, where a CronJob can do the same."""

import copy
from pathlib import Path

import pytest
import yaml

from controller.cli.convert.exporting import run_export
from controller.core.nesting import DEEPEST
from controller.kube.errors import ApiError
from tests.unit.cli.converting_cluster import Call, ConvertingCluster, caller, manifest


@pytest.fixture
def api() -> ConvertingCluster:
    return ConvertingCluster()


@pytest.fixture
def call(api: ConvertingCluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    return caller(run_export, api, monkeypatch, capsys)


def test_a_timer_of_the_cluster_becomes_a_cron_job(api: ConvertingCluster, call: Call) -> None:
    api.hold(manifest("RedisTimer"), manifest("CronJob", "other"))
    printed = call()
    assert printed.code == 0
    assert printed.manifests == [manifest("CronJob")]
    assert printed.err.splitlines() == [
        "Nothing is applied yet. A RedisTimer and its CronJob both run until the RedisTimer is suspended or deleted.",
        "To move without running twice, between two runs:",
        "  1. keep this in a file: once a RedisTimer is suspended, so is what is made of it",
        "  2. redistimer suspend report -n billing",
        "  3. kubectl delete cronjob report -n billing --ignore-not-found",
        "  4. kubectl apply -f FILE",
        "  5. kubectl delete redistimer report -n billing   when its Jobs are done: they go with it",
    ]


@pytest.mark.parametrize("output", ["yaml", "json"])
def test_what_is_nested_deeper_than_a_job_can_be_is_left_out(api: ConvertingCluster, call: Call, output: str) -> None:
    deep: object = "x"
    for _ in range(200):
        deep = [deep]
    timer = copy.deepcopy(manifest("RedisTimer"))
    timer["spec"]["jobTemplate"]["spec"]["unknown"] = {"deep": deep, "near": 1}
    api.hold(timer)
    printed = call("-o", output)
    assert printed.code == 0
    (shown,) = printed.manifests if output == "yaml" else printed.manifests[0]["items"]
    unknown = shown["spec"]["jobTemplate"]["spec"]["unknown"]
    assert unknown["near"] == 1
    assert str(unknown["deep"]).count("[") < DEEPEST


def test_a_timer_that_was_suspended_already_is_only_to_be_applied_and_deleted(
    api: ConvertingCluster, call: Call
) -> None:
    api.hold(manifest("RedisTimer", spec={"suspend": True}))
    assert call().err.splitlines()[-4:] == [
        "Nothing is applied yet.",
        "To move without running twice, between two runs:",
        "  1. kubectl apply -f FILE",
        "  2. kubectl delete redistimer report -n billing   when its Jobs are done: they go with it",
    ]


def test_what_a_cron_job_cannot_do_is_refused_and_the_others_are_printed(api: ConvertingCluster, call: Call) -> None:
    api.hold(
        manifest("RedisTimer", "a", spec={"jitter": "5m", "schedule": "*/10 * * * * *"}), manifest("RedisTimer", "b")
    )
    printed = call("-A")
    assert printed.code == 1
    assert printed.manifests == [manifest("CronJob", "b")]
    title, jitter, seconds, summary = printed.err.splitlines()[:4]
    assert title == "billing/a"
    assert jitter == "  error: spec.jitter '5m': a CronJob does not delay its runs"
    assert seconds.startswith("  error: spec.schedule '*/10 * * * * *': a CronJob has no field for seconds: ")
    assert summary == "1 of 2 RedisTimers cannot become CronJobs"


def test_a_spread_time_of_a_file_goes_by_the_namespace_of_the_flag(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(yaml.safe_dump(manifest("RedisTimer", "a", None, spec={"schedule": "H H * * *"})))
    schedules = [
        call("-f", str(file), *flags).manifests[0]["spec"]["schedule"]
        for flags in ([], ["-n", "default"], ["-n", "one"], ["-n", "two"], ["-n", "three"])
    ]
    assert schedules[0] == schedules[1]
    assert len(set(schedules)) > 2


def test_a_cluster_without_timers_says_how_to_get_them(api: ConvertingCluster, call: Call) -> None:
    unknown = ApiError(404, "NotFound", "the server could not find the requested resource")
    api.fail("GET", "/apis/redistimer.dev/v1alpha1/namespaces/billing/redistimers", unknown)
    printed = call()
    assert printed.code == 1
    assert printed.err.startswith("error: this cluster has no RedisTimers: install their definition")


def test_a_cron_job_is_made_suspended_on_request(api: ConvertingCluster, call: Call) -> None:
    api.hold(manifest("RedisTimer"))
    assert call("--suspend").manifests == [manifest("CronJob", spec={"suspend": True})]


def test_a_name_that_is_not_there_is_told_as_by_the_other_commands(api: ConvertingCluster, call: Call) -> None:
    api.hold(manifest("RedisTimer", "report"))
    printed = call("reprot", "redistimer.redistimer.dev/report")
    assert printed.code == 1
    assert printed.manifests == [manifest("CronJob", "report")]
    assert printed.err.startswith("error: there is no RedisTimer reprot in namespace billing: did you mean report?\n")
    assert "cannot become" not in printed.err


def test_a_name_in_a_cluster_without_timers_says_how_to_get_them(api: ConvertingCluster, call: Call) -> None:
    unknown = ApiError(404, "", "404 page not found")
    api.fail("GET", "/apis/redistimer.dev/v1alpha1/namespaces/billing/redistimers/report", unknown)
    printed = call("report")
    assert (printed.code, printed.out) == (1, "")
    assert printed.err.startswith("error: this cluster has no RedisTimers: install their definition")


def test_what_is_in_the_way_is_shown_as_in_a_manifest(api: ConvertingCluster, call: Call) -> None:
    api.hold(manifest("RedisTimer", spec={"exclude": [{"date": "2026-12-25"}]}))
    assert '  error: spec.exclude [{"date": "2026-12-25"}]: a CronJob leaves out no days\n' in call("report").err
