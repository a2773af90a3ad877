"""`redistimer import`: which CronJobs it reads, what it prints where, and how it ends."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from controller.cli.convert.importing import run_import
from controller.kube.errors import ApiError
from tests.unit.cli.converting_cluster import Call, ConvertingCluster, Object, Printed, caller, manifest


@pytest.fixture
def api() -> ConvertingCluster:
    return ConvertingCluster()


@pytest.fixture
def call(
    api: ConvertingCluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Call:
    monkeypatch.chdir(tmp_path)
    return caller(run_import, api, monkeypatch, capsys)


def names(printed: Printed) -> list[str]:
    return [f"{one['metadata'].get('namespace')}/{one['metadata']['name']}" for one in printed.manifests]


def write(name: str, *documents: Object) -> str:
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_text(yaml.safe_dump_all(documents))
    return name


# From the cluster.


def test_without_names_all_of_the_namespace_are_converted(api: ConvertingCluster, call: Call) -> None:
    api.hold(manifest("CronJob", "a"), manifest("CronJob", "b"), manifest("RedisTimer", "c"))
    printed = call()
    assert printed.code == 0
    assert printed.manifests == [manifest("RedisTimer", "a"), manifest("RedisTimer", "b")]
    assert api.requests[0].path == "/apis/batch/v1/namespaces/billing/cronjobs"


def test_all_namespaces_and_labels_are_the_api_servers_to_choose_by(api: ConvertingCluster, call: Call) -> None:
    api.hold(manifest("CronJob", "a"), manifest("CronJob", "a", "other"))
    assert names(call("-A", "-l", "team=billing")) == ["billing/a", "other/a"]
    assert (api.requests[0].path, api.requests[0].parameters) == (
        "/apis/batch/v1/cronjobs",
        {"labelSelector": "team=billing"},
    )


def test_named_ones_are_converted_in_the_order_in_which_they_are_named(api: ConvertingCluster, call: Call) -> None:
    api.hold(manifest("CronJob", "a", "team"), manifest("CronJob", "b", "team"), manifest("CronJob", "c", "team"))
    assert names(call("c", "a", "-n", "team")) == ["team/c", "team/a"]


def test_a_name_that_is_not_there_is_an_error_and_the_others_are_printed(api: ConvertingCluster, call: Call) -> None:
    api.hold(manifest("CronJob", "report"))
    printed = call("repotr", "report")
    assert printed.code == 1
    assert names(printed) == ["billing/report"]
    assert printed.err.startswith("error: there is no CronJob repotr in namespace billing: did you mean report?\n")
    assert "cannot become" not in printed.err


def test_who_may_not_list_is_told_all_the_same(api: ConvertingCluster, call: Call) -> None:
    api.fail("GET", "/apis/batch/v1/namespaces/billing/cronjobs", ApiError(403, "Forbidden", "no"))
    assert call("report") == Printed(
        1,
        "",
        "error: there is no CronJob report in namespace billing: kubectl get cronjobs -n billing lists those there\n",
    )


@pytest.mark.parametrize(
    "name", ["cj/report", "cronjob/report", "cronjobs/report", "cronjob.batch/report", "cronjobs.v1.batch/report"]
)
def test_a_name_may_be_given_as_kubectl_prints_it(name: str, api: ConvertingCluster, call: Call) -> None:
    api.hold(manifest("CronJob", "report"))
    assert names(call(name)) == ["billing/report"]


@pytest.mark.parametrize("name", ["redistimer/report", "cronjob.example.com/report", "cronjob/", "a/cronjob/report"])
def test_a_name_of_another_kind_is_a_usage_error(name: str, call: Call) -> None:
    printed = call(name)
    assert printed.code == 2
    assert f"{name!r} names no CronJob: write its name alone, or as in cronjob/report or cronjob.batch/" in printed.err


def test_what_the_api_server_refuses_is_one_line(api: ConvertingCluster, call: Call) -> None:
    api.fail("GET", "/apis/batch/v1/cronjobs", ApiError(403, "Forbidden", "you cannot list cronjobs"))
    assert call("-A") == Printed(1, "", "error: not allowed: you cannot list cronjobs\n")


@pytest.mark.parametrize(
    ("flags", "where"),
    [([], "in namespace billing"), (["-A"], "in any namespace"), (["-l", "a=b"], "in namespace billing with these")],
)
def test_nothing_to_convert_is_an_error(call: Call, flags: list[str], where: str) -> None:
    printed = call(*flags)
    assert (printed.code, printed.out) == (1, "")
    assert printed.err.startswith(f"error: there is no CronJob {where}")


# From files.


def test_files_folders_and_pipes_are_read_without_a_cluster(
    api: ConvertingCluster, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("one.yaml", manifest("CronJob", "a"), manifest("CronJob", "b"))
    write("folder/two.yml", manifest("CronJob", "c"))
    Path("folder/three.json").write_text(json.dumps({"kind": "List", "items": [manifest("CronJob", "d")]}))
    Path("folder/notes.txt").write_text("not read")
    piped = yaml.safe_dump(manifest("CronJob", "e")).encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(piped)))
    printed = call("-f", "one.yaml", "-f", "folder", "-f", "-")
    assert printed.code == 0
    assert names(printed) == ["billing/a", "billing/b", "billing/d", "billing/c", "billing/e"]
    assert api.requests == []


def test_a_namespace_is_added_only_where_the_file_names_none(call: Call) -> None:
    file = write("a.yaml", manifest("CronJob", "a", None), manifest("CronJob", "b", "other"))
    assert names(call("-f", file)) == ["None/a", "other/b"]
    assert names(call("-f", file, "-n", "team")) == ["team/a", "other/b"]


def test_whatever_else_is_in_a_file_is_passed_over(call: Call) -> None:
    other = manifest("CronJob", "x") | {"apiVersion": "example.com/v1"}
    file = write("a.yaml", {"kind": "ConfigMap", "metadata": {"name": "c"}}, other, {}, manifest("CronJob"))
    printed = call("-f", file)
    assert printed.code == 0
    assert names(printed) == ["billing/report"]
    assert printed.err.splitlines()[:3] == [
        "passed over: ConfigMap/c is no CronJob",
        "passed over: CronJob/x is no CronJob",
        "passed over: a document without kind is no CronJob",
    ]


@pytest.mark.parametrize("api_version", ["batch/v1", "batch/v1beta1", None])
def test_an_old_version_or_none_is_good_enough(call: Call, api_version: str | None) -> None:
    file = write("a.yaml", manifest("CronJob") | {"apiVersion": api_version})
    assert names(call("-f", file)) == ["billing/report"]


def test_what_cannot_be_read_or_converted_keeps_nobody_else_from_it(call: Call) -> None:
    Path("a.yaml").write_text("a: [\n---\n- 1\n---\n" + yaml.safe_dump(manifest("CronJob")))
    bad = manifest("CronJob", "bad", spec={"timezone": "UTC"})
    file = write("b.yaml", bad, manifest("CronJob", ""))
    printed = call("-f", "a.yaml", "-f", file)
    assert printed.code == 1
    assert names(printed) == ["billing/report"]
    assert "a.yaml\n  error: not YAML in line " in printed.err
    assert "a.yaml\n  error: a document is a list: a manifest has apiVersion" in printed.err
    assert "billing/bad\n  error: spec.timezone is not a field of a CronJob: did you mean timeZone?" in printed.err
    assert "CronJob without a name\n  error: metadata.name is missing: give it one" in printed.err
    assert "\n4 of 5 CronJobs cannot become RedisTimers\n" in printed.err


def test_a_file_that_is_not_there_ends_the_command(call: Call) -> None:
    assert call("-f", "nowhere.yaml") == Printed(
        2, "", "error: nowhere.yaml cannot be read: No such file or directory\n"
    )


# What is printed.


def test_manifests_alone_are_on_stdout_and_all_that_is_to_say_on_stderr(call: Call) -> None:
    file = write("a.yaml", manifest("CronJob", spec={"concurrencyPolicy": "Forbid"}))
    printed = call("-f", file)
    assert printed.manifests == [manifest("RedisTimer", spec={"concurrencyPolicy": "Forbid"})]
    lines = printed.err.splitlines()
    assert lines[0] == "billing/report"
    assert lines[1].startswith("  note: concurrencyPolicy Forbid: what is due while a Job is active, a CronJob starts")
    assert lines[2:] == [
        "Nothing is applied yet. A CronJob and its RedisTimer both run until the CronJob is suspended or deleted.",
        "To move without running twice, between two runs:",
        "  1. pipe the same with --suspend into kubectl apply -f -",
        """  2. kubectl patch cronjob report -n billing -p '{"spec":{"suspend":true}}'""",
        "  3. redistimer resume report -n billing",
        "  4. kubectl delete cronjob report -n billing   when its Jobs are done: they go with it",
    ]


def test_json_is_one_list_that_kubectl_applies(api: ConvertingCluster, call: Call) -> None:
    api.hold(manifest("CronJob", "a"))
    listed = json.loads(call("-o", "json").out)
    assert listed == {"apiVersion": "v1", "kind": "List", "items": [manifest("RedisTimer", "a")]}


def test_timers_that_are_suspended_need_only_be_applied(api: ConvertingCluster, call: Call) -> None:
    api.hold(manifest("CronJob", "a"), manifest("CronJob", "b"))
    printed = call("--suspend")
    assert [one["spec"]["suspend"] for one in printed.manifests] == [True, True]
    assert "  1. pipe this into kubectl apply -f -\n" in printed.err
    assert "  3. redistimer resume NAME -n billing\n" in printed.err


def test_a_cron_job_that_was_suspended_already_is_not_to_be_resumed(api: ConvertingCluster, call: Call) -> None:
    api.hold(manifest("CronJob", "report", spec={"suspend": True}))
    assert call().err.splitlines()[:2] == [
        "billing/report",
        "  note: was suspended already: do not resume its RedisTimer unless you want it to run",
    ]
    assert call().err.splitlines()[-4:] == [
        "Nothing is applied yet.",
        "To move without running twice, between two runs:",
        "  1. pipe this into kubectl apply -f -",
        "  2. kubectl delete cronjob report -n billing   when its Jobs are done: they go with it",
    ]


def test_of_several_those_that_were_suspended_before_are_named(api: ConvertingCluster, call: Call) -> None:
    api.hold(manifest("CronJob", "a"), *(manifest("CronJob", name, spec={"suspend": True}) for name in ("b", "c")))
    resume = "  3. redistimer resume NAME -n billing   but not those that were suspended before: billing/b, billing/c\n"
    assert resume in call("--suspend").err
    assert resume in call().err


def test_of_several_namespaces_the_hint_keeps_that_there_is_one_to_give(api: ConvertingCluster, call: Call) -> None:
    api.hold(manifest("CronJob", "a"), manifest("CronJob", "b", "other"))
    assert "  3. redistimer resume NAME -n NAMESPACE\n" in call("-A").err


def test_the_help_says_which_time_zone_is_meant(call: Call) -> None:
    help_text = " ".join(call("--help").out.split())
    assert (
        "time zone for CronJobs without timeZone (default: UTC); give the one your kube-controller-manager uses"
        in help_text
    )


def test_a_zone_is_written_into_timers_whose_cron_job_has_none(api: ConvertingCluster, call: Call) -> None:
    api.hold(manifest("CronJob", "a", spec={"timeZone": None}))
    printed = call("--time-zone", "Asia/Tokyo")
    assert printed.manifests[0]["spec"]["timeZone"] == "Asia/Tokyo"
    assert "timeZone is not set" not in printed.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-A", "report"], "-A is accepted only where neither names nor files are given"),
        (["-l", "a=b", "-f", "x"], "-l is accepted only where neither names nor files are given"),
        (["report", "-f", "x"], "either names of the cluster or files are accepted, not both"),
        (["--time-zone", "Mars/Phobos"], "'Mars/Phobos' is not a time zone of the IANA database"),
    ],
)
def test_flags_that_do_not_go_together_are_a_usage_error(call: Call, arguments: list[str], words: str) -> None:
    printed = call(*arguments)
    assert printed.code == 2
    assert words in printed.err
    assert printed.err.count("\n") == 1


# What is in quotes.

TEXTS = (
    *("*/5 * * * *", "1e3", "12e4567", "y", "No", "0o17", "0x1f", "1_000", "1:30", "~", "", " a", "a ", "a: b", "a:"),
    *("-", "--", ".5", "null", "@daily", "%d", "é", "'", '"', "a\nb", "a\nb\n", "a \nb", "\ta", "a\tb", "2027-01-01"),
    *("#", "="),
)


@pytest.mark.parametrize(
    "text",
    TEXTS,
)
def test_texts_stay_texts_for_whoever_reads_them(call: Call, text: str) -> None:
    container: dict[str, Any] = {"name": "a", "image": "b", "args": [text], "env": [{"name": "A", "value": text}]}
    spec = {"jobTemplate": {"spec": {"template": {"spec": {"containers": [container]}}}}}
    Path("a.json").write_text(json.dumps(manifest("CronJob", spec=spec)))
    printed = call("-f", "a.json")
    written = printed.manifests[0]["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]
    assert written == container
    assert f"value: {text}\n" not in printed.out


def test_scripts_stay_readable_and_what_is_surely_a_text_has_no_quotes(call: Call) -> None:
    container = {"name": "main", "image": "busybox:1.37", "command": ["sh", "-c", "set -e\necho hello\n"]}
    spec = {"jobTemplate": {"spec": {"template": {"spec": {"containers": [container]}}}}}
    printed = call("-f", write("a.yaml", manifest("CronJob", spec=spec)))
    assert "image: busybox:1.37\n" in printed.out
    assert "- sh\n" in printed.out
    assert "- -c\n" in printed.out
    assert "|\n                  set -e\n                  echo hello\n" in printed.out
