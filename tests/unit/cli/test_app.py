"""The commands: that each is there, and what they are called by."""

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

from controller.cli import cluster
from controller.cli.app import COMMANDS, app
from controller.cli.flags import parser_of

OURS = [name for name in COMMANDS if name not in ("controller", "worker")]


def called(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it as a program of this name."""
    code = f"import sys; sys.argv[0] = {program!r}; from controller.cli.app import main; main()"
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)


def test_the_help_lists_every_command_in_a_line() -> None:
    lines = CliRunner().invoke(app, ["--help"]).output.splitlines()
    listed = [line.split()[0] for line in lines[lines.index("Commands:") + 1 :]]
    assert listed == list(COMMANDS)


@pytest.mark.parametrize("command", OURS)
def test_the_help_of_a_command_shows_examples_and_ends_well(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert f"usage: redistimer {command}" in result.output
    assert f"redistimer {command} " in result.output.partition("options:")[2]


def test_as_a_plugin_of_kubectl_it_says_so() -> None:
    done = called("/usr/local/bin/kubectl-redistimer", "trigger", "--help")
    assert done.stdout.startswith("usage: kubectl redistimer trigger ")
    assert "  kubectl redistimer trigger report  " in done.stdout
    assert " redistimer trigger" not in done.stdout.replace("kubectl redistimer", "")
    done = called("kubectl-redistimer", "suspend")
    assert done.stderr == "error: say which: names, or -l SELECTOR, or --all (kubectl redistimer suspend --help)\n"
    assert called("kubectl-redistimer", "--help").stdout.startswith("Usage: kubectl redistimer ")


def test_an_unknown_command_ends_with_two() -> None:
    done = called("redistimer", "triger")
    assert done.returncode == 2
    assert "Did you mean 'trigger'?" in done.stderr


def test_asking_for_the_parser_of_a_command_runs_nothing(tmp_path: Path) -> None:
    assert parser_of(lambda _: 0) is None
    parser = parser_of(COMMANDS["trigger"])
    assert parser is not None
    assert parser.prog.endswith("trigger")


def test_the_help_says_how_to_go_on_and_cuts_nothing() -> None:
    output = CliRunner().invoke(app, ["--help"]).output
    assert "redistimer COMMAND --help tells what a command does" in output
    assert "..." not in output.replace("[ARGS]...", "")


def test_the_version_is_that_of_the_installation() -> None:
    done = called("redistimer", "--version")
    assert (done.returncode, done.stdout) == (0, f"redistimer {version('redistimer')}\n")


@pytest.mark.parametrize("command", ["trigger", "suspend", "resume", "next", "backfill", "export"])
def test_what_names_another_kind_is_a_wrong_command_line(command: str) -> None:
    result = CliRunner().invoke(app, [command, "job.batch/report"])
    assert result.exit_code == 2
    assert result.stderr == (
        "error: argument NAME: 'job.batch/report' names no RedisTimer: write its name alone, or as in "
        f"redistimer/report or redistimer.redistimer.dev/report (redistimer {command} --help)\n"
    )


def test_errors_are_told_in_one_place_and_exit_codes_are_defined_there() -> None:
    folder = Path(cluster.__file__).parent
    words = {path: path.read_text() for path in folder.rglob("*.py")}
    assert [path.name for path, text in words.items() if re.search("^EXIT_", text, re.MULTILINE)] == ["cluster.py"]
    # argparse has a way of its own to end, and a report is no error of the command.
    assert {path.name for path, text in words.items() if '"error: {' in text} == {"cluster.py", "flags.py"}
