"""How commands of documents are run, and which are not."""

from pathlib import Path

import pytest

from tests.docs.commands import Command, commands_of
from tests.docs.markdown import blocks_of, documents
from tests.docs.running import EXCUSED, excuse_of, faults_of, run_block

ENVIRON = {"PATH": "/usr/bin:/bin"}


@pytest.mark.parametrize("pattern", [pattern for pattern, _ in EXCUSED])
def test_no_excuse_is_kept_that_no_command_needs(pattern: str) -> None:
    commands = [command for doc in documents() for block in blocks_of(doc) for command in commands_of(block)]
    assert dict(EXCUSED)[pattern] in {excuse_of(command) for command in commands}


def test_a_command_that_fails_is_told_with_what_it_printed(tmp_path: Path) -> None:
    block = [Command("echo one"), Command("ls /nowhere"), Command("echo never")]
    one, other = run_block(block, tmp_path, ENVIRON)
    assert [*faults_of(one)] == []
    (fault,) = faults_of(other)
    assert fault.startswith("'ls /nowhere' ended with 2:\nls: ")


def test_commands_of_a_block_share_their_variables_and_may_end_the_shell(tmp_path: Path) -> None:
    block = [Command("export A=b"), Command("echo $A", ("b",)), Command("exit 3")]
    ran = run_block(block, tmp_path, ENVIRON)
    assert [(one.code, one.printed) for one in ran] == [(0, ""), (0, "b\n"), (3, "")]


def test_an_error_that_is_shown_has_to_come(tmp_path: Path) -> None:
    block = [Command("echo error: no; false", ("error: no",)), Command("echo fine", ("error: no",))]
    right, wrong = run_block(block, tmp_path, ENVIRON)
    assert [*faults_of(right)] == []
    assert [*faults_of(wrong)] == ["'echo fine' ended with 0:\nfine\n"]


def test_output_that_is_not_as_shown_is_told(tmp_path: Path) -> None:
    (ran,) = run_block([Command("echo two words", ("two worlds",))], tmp_path, ENVIRON)
    assert [*faults_of(ran)] == ["'echo two words' is shown with\ntwo worlds\nbut printed\ntwo words\n"]


@pytest.mark.parametrize(("target", "exists"), [("demo FOR=300   # longer", True), ("demonstration", False)])
def test_targets_of_make_are_looked_up_only(target: str, exists: bool, tmp_path: Path) -> None:
    (ran,) = run_block([Command(f"make {target}")], tmp_path, ENVIRON)
    assert (ran.code == 0) is exists


@pytest.mark.parametrize(
    ("module", "exists"), [("tests.bench burst --help", True), ("tests.bench.schedules", True), ("tests.no", False)]
)
def test_modules_are_looked_up_only(module: str, exists: bool, tmp_path: Path) -> None:
    (ran,) = run_block([Command(f".venv/bin/python -m {module}")], tmp_path, ENVIRON)
    assert (ran.code == 0) is exists
