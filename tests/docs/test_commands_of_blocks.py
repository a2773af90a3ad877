"""How commands are found in blocks."""

import pytest

from tests.docs.commands import Command, UnknownBlockError, commands_of
from tests.docs.markdown import Block


def found(text: str, language: str = "") -> list[Command]:
    return commands_of(Block("a.md", 1, language, text))


def test_without_a_prompt_each_line_is_a_command_and_comments_are_none() -> None:
    assert found("# first\nkubectl get rt\n\nredistimer next   # all\n") == [
        Command("kubectl get rt"),
        Command("redistimer next   # all"),
    ]


def test_behind_a_prompt_is_a_command_and_below_it_its_output() -> None:
    assert found("$ kubectl get rt\nNAME\na\n\n$ redistimer next\n") == [
        Command("kubectl get rt", ("NAME", "a")),
        Command("redistimer next"),
    ]


def test_a_command_can_go_over_several_lines() -> None:
    assert [command.text for command in found("kubectl get \\\n  rt\nkubectl patch rt a -p '{\n}'\nmake test\n")] == [
        "kubectl get \\\n  rt",
        "kubectl patch rt a -p '{\n}'",
        "make test",
    ]
    assert [command.text for command in found("kubectl apply -f - <<'END'\na: b\nEND\nmake test\n")] == [
        "kubectl apply -f - <<'END'\na: b\nEND",
        "make test",
    ]


def test_a_loop_is_one_command() -> None:
    loop = "for a in b; do\n  redistimer suspend $a\ndone"
    assert [command.text for command in found(f"{loop}\nmake test\n")] == [loop, "make test"]


def test_variables_may_stand_in_front() -> None:
    assert [command.text for command in found("A=b C= redistimer doctor\n")] == ["A=b C= redistimer doctor"]


def test_commands_for_redis_are_known_as_such() -> None:
    assert found("ACL SETUSER a on\n") == [Command("ACL SETUSER a on", is_redis=True)]


def test_an_error_that_is_shown_is_expected() -> None:
    assert found("$ kubectl get x\nError from server: no\n")[0].should_fail
    assert not found("$ kubectl get x\nNAME\n")[0].should_fail


def test_other_languages_have_no_commands() -> None:
    assert found("a: b\n", "yaml") == []


@pytest.mark.parametrize(
    ("text", "language", "message"),
    [
        ("NAME   AGE\n", "", "a.md:1: 'NAME   AGE' begins with no program that is known here"),
        ("main() {}\n", "c", "a.md:1: 'c' is no language that is known here"),
        ("NAME\n$ kubectl get rt\n", "", "output without a command: 'NAME'"),
    ],
)
def test_what_nobody_knows_is_refused(text: str, language: str, message: str) -> None:
    with pytest.raises(UnknownBlockError) as caught:
        found(text, language)
    assert str(caught.value).startswith(message)
