"""The command: which exit code and which words an end of a role comes to."""

import asyncio
import gc
import logging
from collections.abc import Callable, Iterator

import pytest
import uvloop
from typer.testing import CliRunner, Result

from controller.cli.app import app
from controller.kube.errors import ApiError, LeadershipLostError
from controller.settings import Settings, SettingsError

Ends = Callable[[Exception | None], list[Settings]]

ROLES = {"controller": "controller.reconcile.main.run_controller", "worker": "controller.worker.main.run_worker"}


@pytest.fixture(autouse=True)
def _undisturbed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave logging and the garbage collector as they were found."""
    monkeypatch.setattr("controller.cli.roles.set_up_logs", lambda form, level: None)
    level, thresholds = logging.getLogger().level, gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)
    logging.getLogger().setLevel(level)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def ends_with(monkeypatch: pytest.MonkeyPatch) -> Ends:
    """Makes roles end in this way; the settings that they were started with."""

    def ends_with(error: Exception | None) -> list[Settings]:
        started: list[Settings] = []

        async def role(settings: Settings) -> None:
            started.append(settings)
            if error is not None:
                raise error

        for name in ROLES.values():
            monkeypatch.setattr(name, role)
        return started

    return ends_with


@pytest.mark.parametrize("role", ROLES)
def test_a_role_gets_its_flags_and_ends_well(role: str, ends_with: Ends) -> None:
    started = ends_with(None)
    result = run(role, "--lease-seconds", "20", "--identity", "me")
    assert (result.exit_code, result.output) == (0, "")
    assert [(settings.lease_seconds, settings.identity) for settings in started] == [(20, "me")]


@pytest.mark.parametrize("role", ROLES)
def test_a_role_runs_on_uvloop(role: str, monkeypatch: pytest.MonkeyPatch) -> None:
    loops: list[object] = []

    async def noting(settings: Settings) -> None:
        loops.append(asyncio.get_running_loop())

    monkeypatch.setattr(ROLES[role], noting)
    run(role)
    assert [type(loop) for loop in loops] == [uvloop.Loop]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (SettingsError("no credentials"), 2, "error: no credentials\n"),
        (ApiError(403, "Forbidden", "no rights"), 1, "403 Forbidden: no rights\n"),
        (LeadershipLostError(), 3, "leadership is lost"),
    ],
)
def test_an_end_for_people_is_one_line_and_a_code(
    role: str, error: Exception, code: int, words: str, ends_with: Ends
) -> None:
    ends_with(error)
    result = run(role)
    assert result.exit_code == code
    assert words in result.stderr
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


@pytest.mark.parametrize("role", ROLES)
def test_a_wrong_setting_starts_nothing(role: str, ends_with: Ends) -> None:
    started = ends_with(None)
    result = run(role, "--http-port", "http")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: --http-port (or REDISTIMER_HTTP_PORT): ")
    assert started == []


def test_a_fault_of_ours_is_not_dressed_up(ends_with: Ends) -> None:
    ends_with(RuntimeError("a fault of ours"))
    assert isinstance(run("worker").exception, RuntimeError)


def test_without_a_command_the_commands_are_shown() -> None:
    result = run()
    assert "controller" in result.output
    assert "worker" in result.output


@pytest.mark.parametrize("role", ROLES)
def test_help_shows_the_settings_of_a_role(role: str) -> None:
    result = run(role, "--help")
    assert result.exit_code == 0
    assert "--redis-url" in result.output


def test_help_says_that_each_flag_is_an_environment_variable_as_well() -> None:
    words = " ".join(run("worker", "--help").output.split())
    assert (
        "Each flag is an environment variable as well: --lease-seconds is REDISTIMER_LEASE_SECONDS, --redis-url is "
        "REDIS_URL, --kubeconfig is KUBECONFIG."
    ) in words
