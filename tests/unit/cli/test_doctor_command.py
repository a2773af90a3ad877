"""`redistimer doctor` as a command: its flags, what it prints, and how it ends."""

import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

import pytest
import yaml

from controller.cli.cluster import Cluster, Where
from controller.cli.doctor.command import run_doctor
from controller.cli.doctor.findings import Finding, Level, as_table
from controller.settings import Settings
from tests.unit.kube.stub_api import StubApi

WELL = Finding("leader", Level.OK, "controller-1")
ILL = Finding("index", Level.PROBLEM, "lost", "rebuild it")
ODD = Finding("timers", Level.WARNING, "1 not ready", "edit it")

Asked = dict[str, Any]


@pytest.fixture
def finding(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Asked]:
    """Makes these the findings of every examination; holds what it was asked for."""
    for name in list(os.environ):
        if name.startswith("REDISTIMER_") or name in ("REDIS_URL", "NO_COLOR"):
            monkeypatch.delenv(name)

    def finding(*findings: Finding) -> Asked:
        asked: Asked = {}

        class Examination:
            def __init__(self, _: Cluster, redis: Any, settings: Settings, *more: Any) -> None:
                asked.update(settings=settings, more=more, redis=redis.connection_pool.connection_kwargs)

            async def __aenter__(self) -> "Examination":
                return self

            async def __aexit__(self, *_: object) -> None:
                pass

            async def findings(self) -> list[Finding]:
                return list(findings)

        @asynccontextmanager
        async def reach(where: Where) -> AsyncIterator[Cluster]:
            asked["where"] = where
            yield Cluster(StubApi(), "default")  # type: ignore[arg-type]

        monkeypatch.setattr("controller.cli.doctor.examination.Examination", Examination)
        monkeypatch.setattr("controller.cli.doctor.command.reach", reach)
        return asked

    return finding


def test_people_get_a_line_for_each_finding_and_beneath_it_what_to_do(
    finding: Callable[..., Asked], capsys: pytest.CaptureFixture[str]
) -> None:
    finding(WELL, ILL, ODD)
    assert run_doctor([]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"redistimer {version('redistimer')}",
        "ok       leader  controller-1",
        "problem  index   lost",
        "                 > rebuild it",
        "warning  timers  1 not ready",
        "                 > edit it",
        "",
        "1 problem, 1 warning",
    ]


def test_warnings_alone_are_no_reason_to_fail(
    finding: Callable[..., Asked], capsys: pytest.CaptureFixture[str]
) -> None:
    finding(WELL, ODD, ODD)
    assert run_doctor([]) == 0
    assert capsys.readouterr().out.endswith("\n2 warnings\n")


def test_where_nothing_is_wrong_it_says_what_cannot_be_seen_from_outside(
    finding: Callable[..., Asked], capsys: pytest.CaptureFixture[str]
) -> None:
    finding(WELL)
    assert run_doctor([]) == 0
    assert "nothing is wrong, as far as can be seen from outside" in capsys.readouterr().out


@pytest.mark.parametrize(("output", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_programs_get_the_same(
    finding: Callable[..., Asked], capsys: pytest.CaptureFixture[str], output: str, read: Callable[[str], Any]
) -> None:
    finding(WELL, ILL)
    assert run_doctor(["-o", output]) == 1
    assert read(capsys.readouterr().out) == {
        "version": version("redistimer"),
        "healthy": False,
        "findings": [
            {"check": "leader", "level": "ok", "found": "controller-1"},
            {"check": "index", "level": "problem", "found": "lost", "advice": "rebuild it"},
        ],
    }


def test_levels_are_coloured_and_lines_wrapped_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    coloured = as_table([Finding("index", Level.PROBLEM, "word " * 30)])
    assert "\x1b[31m" in coloured
    assert max(len(line) for line in coloured.splitlines()[1:]) <= 80


def test_what_comes_from_elsewhere_moves_no_cursor() -> None:
    assert "\x1b[2J" not in as_table([Finding("timers", Level.OK, "a\x1b[2Jb")])


def test_flags_are_those_of_the_roles(finding: Callable[..., Asked]) -> None:
    asked = finding(WELL)
    flags = ["--redis-url", "redis://r:1/2", "--installation", "green", "--system-namespace", "timers", "-n", "billing"]
    assert run_doctor([*flags, "--timeout", "7s", "--context", "prod"]) == 0
    settings = asked["settings"]
    assert (settings.installation, settings.namespace) == ("green", "timers")
    assert (asked["redis"]["host"], asked["redis"]["port"], asked["redis"]["db"]) == ("r", 1, 2)
    assert asked["more"] == ("billing", False, 7)
    assert asked["where"] == Where("billing", "prod", None)


def test_a_redis_is_a_guess_only_where_nobody_names_one(
    finding: Callable[..., Asked], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = finding(WELL)
    run_doctor([])
    assert asked["more"] == (None, True, 30)
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:6379/0")
    run_doctor([])
    assert asked["more"] == (None, False, 30)


def test_a_wrong_setting_is_one_line_without_the_password(
    finding: Callable[..., Asked], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    finding(WELL)
    monkeypatch.setenv("REDIS_URL", "http://:correct-horse@host")
    assert run_doctor([]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: --redis-url (or REDIS_URL): is no URL of a Redis")
    assert "correct-horse" not in printed.err
    assert printed.err.count("\n") == 1
