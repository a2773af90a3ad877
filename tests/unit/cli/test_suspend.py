"""`redistimer suspend` and `redistimer resume`: what they change, and what they say about it."""

import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import yaml

from controller.cli.cluster import Cluster, Where
from controller.cli.suspend import run_resume, run_suspend
from controller.cli.times import clock, span
from controller.core.instants import parse_rfc3339
from controller.core.timing import read_timing
from controller.kube import paths
from controller.kube.errors import ApiError
from tests.unit.cli.stub_cluster import StubCluster, ready, timer_object
from tests.unit.kube.stub_api import Request

Reached = Callable[[StubCluster], StubCluster]


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> Reached:
    """Makes this the cluster that commands reach."""

    def reached(stub: StubCluster) -> StubCluster:
        @asynccontextmanager
        async def reach(_: Where) -> AsyncIterator[Cluster]:
            yield stub.cluster

        monkeypatch.setattr("controller.cli.suspend.reach", reach)
        monkeypatch.setattr("controller.cli.suspend._POLL_S", 0)
        monkeypatch.setattr("controller.cli.suspend._TOLD_WITHIN_S", 0.05)
        return stub

    return reached


def suspended(name: str, **parts: Any) -> dict[str, Any]:
    return timer_object(name, spec={"suspend": True}, **parts)


def test_each_timer_is_suspended_and_what_changed_is_said(reached: Reached, capsys: pytest.CaptureFixture[str]) -> None:
    stub = reached(StubCluster(timer_object("report"), suspended("cleanup"), timer_object("other")))
    assert run_suspend(["report", "cleanup", "report"]) == 0
    assert capsys.readouterr().out == "report: suspended\ncleanup: already suspended\n"
    assert [stub.timer(name)["spec"]["suspend"] for name in ("report", "cleanup", "other")] == [True, True, False]
    assert [request.body for request in stub.made("PATCH")] == [{"spec": {"suspend": True}}]


def test_a_timer_that_is_not_there_keeps_nobody_from_the_others(
    reached: Reached, capsys: pytest.CaptureFixture[str]
) -> None:
    reached(StubCluster(timer_object("report")))
    assert run_suspend(["repotr", "report"]) == 1
    printed = capsys.readouterr()
    assert printed.out == "report: suspended\n"
    assert printed.err == "error: there is no RedisTimer repotr in namespace billing: did you mean report?\n"


def test_all_of_a_namespace_are_changed_only_where_somebody_asks_for_all(
    reached: Reached, capsys: pytest.CaptureFixture[str]
) -> None:
    stub = reached(StubCluster(*(timer_object(f"timer-{number}") for number in range(20))))
    with pytest.raises(SystemExit) as ended:
        run_suspend([])
    assert ended.value.code == 2
    assert "say which: names, or -l SELECTOR, or --all" in capsys.readouterr().err
    assert stub.requests == []
    assert run_suspend(["--all"]) == 0
    assert capsys.readouterr().out.splitlines() == [f"timer-{number}: suspended" for number in range(20)]


def test_a_selector_is_passed_on(reached: Reached) -> None:
    stub = reached(StubCluster(timer_object("report")))
    assert run_suspend(["-l", "team=billing"]) == 0
    assert stub.made("GET")[0].parameters == {"labelSelector": "team=billing"}


@pytest.mark.parametrize("arguments", [["report", "--all"], ["report", "-l", "a=b"], ["--all", "-l", "a=b"]], ids=str)
def test_one_way_of_choosing_is_enough(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run_resume(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("error: say which: ")


def test_where_there_is_none_that_is_an_error(reached: Reached, capsys: pytest.CaptureFixture[str]) -> None:
    reached(StubCluster())
    assert run_resume(["--all"]) == 1
    assert run_resume(["-l", "a=b"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "error: no RedisTimer in namespace billing",
        "error: no RedisTimer in namespace billing matches a=b",
    ]


def observed(stub: StubCluster, **status: Any) -> None:
    """Let a controller write this status as soon as the timer is looked at after its edit."""

    async def before(request: Request) -> None:
        generation = stub.timer()["metadata"]["generation"]
        if generation > 1 and request.method == "GET":
            stub.set_status(observedGeneration=generation, **status)

    stub.before = before


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({"nextScheduleTime": "2099-11-26T05:30:00Z"}, "resumed, next at Thu 2099-11-26 05:30:00 +00:00 (in "),
        ({"conditions": [ready(reason="Complete")]}, "resumed, and has no time left at which it could fire\n"),
        (
            {"conditions": [ready("False", "InvalidSchedule", "spec.schedule '61' is no cron")]},
            "resumed, but does not fire: spec.schedule '61' is no cron\n",
        ),
    ],
    ids=["next", "complete", "invalid"],
)
def test_a_timer_is_resumed_and_when_it_fires_next_is_said(
    status: dict[str, Any],
    words: str,
    reached: Reached,
    capsys: pytest.CaptureFixture[str],
    in_utc: None,
) -> None:
    stub = reached(StubCluster(suspended("report", status={"observedGeneration": 1})))
    observed(stub, **status)
    assert run_resume(["report"]) == 0
    assert f"report: {words}" in capsys.readouterr().out
    assert stub.timer()["spec"]["suspend"] is False


def test_a_controller_that_says_nothing_is_not_waited_for_long(
    reached: Reached, capsys: pytest.CaptureFixture[str]
) -> None:
    reached(StubCluster(suspended("report"), timer_object("other")))
    assert run_resume(["report", "other"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "report: resumed; redistimer next report says when it fires: no controller has, yet",
        "other: not suspended",
    ]


def test_a_timer_that_stopped_after_too_many_failures_is_started_by_an_edit_that_changes_nothing(
    reached: Reached, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped = ready(type="Suspended", reason="TooManyFailures")
    stub = reached(StubCluster(timer_object(status={"conditions": [stopped]})))
    observed(stub, nextScheduleTime="2099-11-26T05:30:00Z")
    assert run_resume(["report"]) == 0
    assert capsys.readouterr().out.startswith("report: started again after too many failures, next at ")
    assert stub.timer()["metadata"]["generation"] == 3
    assert stub.timer()["spec"]["suspend"] is False


def test_when_a_timer_with_jitter_fires_is_said_as_next_says_it(
    reached: Reached, capsys: pytest.CaptureFixture[str], in_utc: None
) -> None:
    spec = {"suspend": True, "jitter": "5m", "timeZone": "Asia/Tokyo"}
    timer = timer_object(spec=spec, status={"observedGeneration": 1})
    stub = reached(StubCluster(timer))
    nominal = "2099-11-25T21:30:00Z"
    observed(stub, nextScheduleTime=nominal)
    due_ms = read_timing(timer["spec"], 0, "billing/report").due_ms(parse_rfc3339(nominal))
    assert run_resume(["report"]) == 0
    assert re.fullmatch(
        rf"report: resumed, next at {re.escape(clock(due_ms // 1000 * 1000, 9 * 3_600_000))} "
        rf"\(in [0-9dh]+\), {span(due_ms - parse_rfc3339(nominal))} of jitter\n",
        capsys.readouterr().out,
    )


@pytest.mark.parametrize(("output", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_programs_are_told_what_changed(
    output: str, read: Callable[[str], Any], reached: Reached, capsys: pytest.CaptureFixture[str]
) -> None:
    stub = reached(StubCluster(timer_object("report"), suspended("cleanup")))
    assert run_suspend(["report", "cleanup", "-o", output]) == 0
    assert read(capsys.readouterr().out) == [
        {"namespace": "billing", "name": "report", "changed": True},
        {"namespace": "billing", "name": "cleanup", "changed": False},
    ]
    observed(stub, nextScheduleTime="2099-11-26T05:30:00Z")
    assert run_resume(["report", "nope", "-o", output]) == 1
    printed = capsys.readouterr()
    assert read(printed.out) == [
        {"namespace": "billing", "name": "report", "changed": True, "nextScheduleTime": "2099-11-26T05:30:00Z"}
    ]
    assert printed.err.startswith("error: there is no RedisTimer nope ")


def test_programs_are_told_what_was_changed_before_something_went_wrong(
    reached: Reached, capsys: pytest.CaptureFixture[str]
) -> None:
    stub = reached(StubCluster(*(timer_object(f"timer-{number}") for number in range(9))))
    stub.fail("PATCH", paths.timer("billing", "timer-8"), ApiError(403, "Forbidden", "no"))
    assert run_suspend(["--all", "-o", "json"]) == 1
    printed = capsys.readouterr()
    assert [one["name"] for one in json.loads(printed.out)] == [f"timer-{number}" for number in range(8)]
    assert printed.err == "error: not allowed: no\n"


def test_a_name_may_be_given_as_kubectl_prints_it(reached: Reached, capsys: pytest.CaptureFixture[str]) -> None:
    reached(StubCluster(timer_object()))
    assert run_suspend(["redistimer.redistimer.dev/report", "rt/report"]) == 0
    assert capsys.readouterr().out == "report: suspended\n"


@pytest.mark.parametrize("command", [run_suspend, run_resume])
def test_the_help_says_who_else_has_to_know(
    command: Callable[[list[str]], int], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        command(["--help"])
    told = capsys.readouterr().out
    assert "If a GitOps tool applies this timer, change suspend in its repository: the next sync undoes this.\n" in told
    assert ("The same holds for edits made while it is suspended." in told) is (command is run_resume)


@pytest.mark.parametrize("command", [run_suspend, run_resume])
def test_the_help_says_that_nothing_is_made_up_for(
    command: Callable[[list[str]], int], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        command(["--help"])
    assert ended.value.code == 0
    assert "made up for" in capsys.readouterr().out
