"""`redistimer suspend` and `redistimer resume`: what they change, and what they say about it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from controller.cli.cluster import Cluster, Where
from controller.cli.suspend import run_resume, run_suspend
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


@pytest.mark.parametrize("command", [run_suspend, run_resume])
def test_the_help_says_that_nothing_is_made_up_for(
    command: Callable[[list[str]], int], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        command(["--help"])
    assert ended.value.code == 0
    assert "made up for" in capsys.readouterr().out
