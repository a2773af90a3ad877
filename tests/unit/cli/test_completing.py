"""What can come next on a command line, and the scripts that ask for it."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from controller.cli.app import COMMANDS
from controller.cli.cluster import Cluster, Where
from controller.cli.completing import complete
from controller.cli.completion import _SCRIPTS, run_completion
from tests.unit.cli.stub_cluster import StubCluster, timer_object


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Where]:
    """Which clusters are asked; each has these timers."""
    asked: list[Where] = []
    timers = [timer_object("report"), timer_object("cleanup"), timer_object("other", namespace="default")]

    @asynccontextmanager
    async def reach(where: Where) -> AsyncIterator[Cluster]:
        asked.append(where)
        stub = StubCluster(*(obj for obj in timers if obj["metadata"]["namespace"] == (where.namespace or "billing")))
        stub.put("/apis/batch/v1/namespaces/billing/cronjobs/nightly", {"metadata": {"name": "nightly"}})
        for name in ("billing", "default"):
            stub.put(f"/api/v1/namespaces/{name}", {"metadata": {"name": name}})
        yield replace(stub.cluster, namespace=where.namespace or "billing")

    monkeypatch.setattr("controller.cli.completing.reach", reach)
    return asked


def words(*line: str) -> list[str]:
    return [word for word, _ in complete(COMMANDS, line).words]


def test_commands_come_first_each_with_what_it_does() -> None:
    assert words("") == list(COMMANDS)
    assert complete(COMMANDS, ["tri"]).words == [("trigger", "Run a timer's Job now, by hand.")]
    assert words("nothing", "") == []


def test_names_are_asked_of_the_cluster_that_the_flags_name(asked: list[Where]) -> None:
    assert words("trigger", "") == ["report", "cleanup"]
    assert words("trigger", "re") == ["report"]
    assert words("trigger", "-n", "default", "") == ["other"]
    assert words("trigger", "--namespace=default", "--context", "far", "--kubeconfig", "file", "") == ["other"]
    assert asked[-1] == Where("default", "far", Path("file"))


def test_what_takes_cronjobs_is_offered_cronjobs() -> None:
    assert words("import", "") == ["nightly"]


def test_a_name_is_offered_once_and_where_one_is_enough_no_second() -> None:
    assert words("suspend", "report", "") == ["cleanup"]
    assert words("trigger", "report", "") == []


def test_flags_are_offered_until_they_are_given() -> None:
    assert words("trigger", "--f") == ["--force"]
    assert words("trigger", "--force", "--f") == []
    assert words("next", "-f", "a.yaml", "--f") == ["--from", "--filename"]


def test_values_are_offered_after_their_flag_and_after_an_equals_sign() -> None:
    assert words("next", "-o", "") == ["table", "json", "yaml"]
    assert words("next", "--output=j") == ["--output=json"]
    assert words("trigger", "-n", "") == ["billing", "default"]
    # As bash takes words apart.
    assert words("trigger", "--namespace", "=", "bi") == ["billing"]
    assert words("trigger", "--namespace", "=") == ["billing", "default"]
    assert words("trigger", "--id", "") == []


def test_contexts_are_those_of_the_kubeconfig(tmp_path: Path) -> None:
    context = {"cluster": "a", "user": "a"}
    config = {
        "current-context": "near",
        "contexts": [{"name": name, "context": context} for name in ("near", "far")],
        "clusters": [{"name": "a", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "a", "user": {}}],
    }
    file = tmp_path / "config"
    file.write_text(json.dumps(config))
    assert words("next", "--kubeconfig", str(file), "--context", "f") == ["far"]


def test_files_are_left_to_the_shell() -> None:
    assert complete(COMMANDS, ["next", "-f", ""]).files
    assert complete(COMMANDS, ["trigger", "--kubeconfig", ""]).files
    assert complete(COMMANDS, ["worker", "--redis-password-file", ""]).files
    assert not complete(COMMANDS, ["next", ""]).files


def test_the_flags_of_a_role_are_its_settings() -> None:
    assert words("worker", "--lease") == ["--lease-seconds"]
    assert words("controller", "--redis-p") == ["--redis-password-file"]


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in ("controller", "worker")])
def test_every_command_has_flags_that_can_be_completed(command: str, asked: list[Where]) -> None:
    assert "--help" in words(command, "-")
    assert asked == []


def test_a_cluster_that_is_out_of_reach_leaves_the_line_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    @asynccontextmanager
    async def reach(_: Where) -> AsyncIterator[Cluster]:
        await asyncio.sleep(60)
        yield StubCluster().cluster

    monkeypatch.setattr("controller.cli.completing.reach", reach)
    monkeypatch.setattr("controller.cli.completing._PATIENCE_S", 0.01)
    assert words("trigger", "") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script_that_it_understands_and_that_says_how_to_install_it(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_completion([shell]) == 0
    script = capsys.readouterr().out
    assert f"redistimer completion {shell}" in script
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True)


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (["redistimer", "tri"], "trigger"),
        (["redistimer", "next", "-o", ""], "table json yaml"),
        (["redistimer", "next", "-f", ""], ""),
    ],
    ids=str,
)
def test_bash_asks_the_command(line: list[str], expected: str, tmp_path: Path) -> None:
    program = tmp_path / "redistimer"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m controller "$@"\n')
    program.chmod(0o755)
    script = """
        source <(redistimer completion bash)
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _redistimer; echo "${COMPREPLY[*]}"
    """
    done = subprocess.run(
        ["bash", "-c", script, "bash", *line],
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == expected


def test_kubectl_gets_words_meanings_and_whether_files_are_meant() -> None:
    program = "import sys; from controller.cli.app import complete_for_kubectl; complete_for_kubectl()"

    def answer(*line: str) -> str:
        command = [sys.executable, "-c", program, *line]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert answer("tri") == "trigger\tRun a timer's Job now, by hand.\n:4\n"
    assert answer("next", "-f", "") == ":0\n"
    assert answer() == answer("")


def in_bash(folder: Path, program: str, *line: str) -> list[str]:
    """What a real bash offers for a line, in the words that it makes of that."""
    file = folder / "redistimer"
    file.write_text(program)
    file.chmod(0o755)
    run_bash = """
        source "$0"
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _redistimer; printf '%s\n' "${COMPREPLY[@]}"
    """
    script = folder / "script"
    script.write_text(_SCRIPTS["bash"])
    done = subprocess.run(
        ["bash", "-c", run_bash, str(script), *line],
        env=os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "KUBECONFIG": str(folder / "config")},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash")
@pytest.mark.parametrize(
    "line",
    [
        ["--from", "2026-11-16T00", ":", "00", ":", "00Z", "re"],
        ["--from=2026-11-16T00:00:00Z", "re"],
        ["--from", "2026-11-16T00:00:00Z", "re"],
    ],
    ids=["apart", "one flag", "whole"],
)
def test_bash_completes_after_an_instant_although_it_takes_colons_for_ends_of_words(
    line: list[str], tmp_path: Path
) -> None:
    whole = " ".join(line).replace(" : ", ":")
    echo = f'#!/bin/sh\n[ "$*" = "__complete backfill {whole}" ] && echo report\necho :4\n'
    assert in_bash(tmp_path, echo, "redistimer", "backfill", *line) == ["report"]


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash")
def test_bash_completes_what_has_colons_inside(tmp_path: Path) -> None:
    config = {
        "current-context": "arn:aws:eks:one",
        "contexts": [{"name": "arn:aws:eks:one", "context": {"cluster": "a", "user": "a"}}],
        "clusters": [{"name": "a", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "a", "user": {}}],
    }
    (tmp_path / "config").write_text(json.dumps(config))
    ours = f'#!/bin/sh\nexec "{sys.executable}" -m controller "$@"\n'
    line = ("redistimer", "next", "--context")
    assert in_bash(tmp_path, ours, *line, "ar") == ["arn:aws:eks:one"]
    assert in_bash(tmp_path, ours, *line, "arn", ":", "aw") == ["aws:eks:one"]
    assert in_bash(tmp_path, ours, *line, "arn", ":") == ["aws:eks:one"]
