"""Blocks with commands: which commands they have, and what is shown as their output."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from tests.docs.markdown import Block

SHELLS = ("", "sh", "bash", "console")
"""Languages of blocks that have commands."""
OTHERS = ("yaml", "text", "diff", "json", "lua", "promql")
"""Languages of blocks that have none."""

_PROGRAMS = {
    *("kubectl", "redistimer", "helm", "make", "docker", "pip", "export", "sed", "source", "xargs", "cd", "git"),
    *("curl", "redis-cli", "for", "python", ".venv/bin/python", "until", "{"),
}  # fmt: skip
_PROMPT = "$ "
_REDIS = re.compile(r"^(ACL|CONFIG) ")
_HERE_DOCUMENT = re.compile(r"<<-?\s*'?\"?(\w+)'?\"?")
_ASSIGNMENT = re.compile(r"^\w+=\S*\s+")


@dataclass(frozen=True, slots=True)
class Command:
    """One command, as bash or redis-cli would be given it, and the lines that are shown below it."""

    text: str
    shown: tuple[str, ...] = ()
    is_redis: bool = False

    @property
    def should_fail(self) -> bool:
        """Whether an error is what is shown."""
        return bool(self.shown) and self.shown[0].lower().startswith("error")


class UnknownBlockError(Exception):
    """A block of which nobody knows what it is."""


def commands_of(block: Block) -> list[Command]:
    """The commands of a block; none where its language has none. Raises UnknownBlockError."""
    if block.language in OTHERS:
        return []
    if block.language not in SHELLS:
        known = ", ".join((*SHELLS[1:], *OTHERS))
        raise UnknownBlockError(f"{block.where}: {block.language!r} is no language that is known here: {known}")
    lines = block.text.splitlines()
    if any(line.startswith(_PROMPT) for line in lines):
        return list(_with_output(lines))
    commands = [Command(text, is_redis=bool(_REDIS.match(text))) for text in _without_output(lines)]
    for command in commands:
        if not command.is_redis and _program(command.text) not in _PROGRAMS:
            raise UnknownBlockError(
                f"{block.where}: {command.text!r} begins with no program that is known here. Where it is output, write "
                "the command in front, behind '$ ', or call the block ```text"
            )
    return commands


def _program(text: str) -> str:
    while match := _ASSIGNMENT.match(text):
        text = text[match.end() :]
    return text.split(maxsplit=1)[0]


def _with_output(lines: list[str]) -> Iterator[Command]:
    """Commands behind a prompt; all other lines are output."""
    rest = list(lines)
    while rest:
        if not rest[0].startswith(_PROMPT):
            raise UnknownBlockError(f"output without a command: {rest[0]!r}")
        rest[0] = rest[0].removeprefix(_PROMPT)
        text = _take(rest)
        shown = []
        while rest and not rest[0].startswith(_PROMPT):
            shown.append(rest.pop(0))
        while shown and not shown[-1]:
            shown.pop()
        yield Command(text, tuple(shown))


def _without_output(lines: list[str]) -> Iterator[str]:
    rest = list(lines)
    while rest:
        if not rest[0].strip() or rest[0].startswith("#"):
            rest.pop(0)
        else:
            yield _take(rest)


def _take(rest: list[str]) -> str:
    """Take one command off the lines, which may go over several of them."""
    text = rest.pop(0)
    if match := _HERE_DOCUMENT.search(text):
        while rest:
            line = rest.pop(0)
            text += f"\n{line}"
            if line.strip() == match[1]:
                break
        return text
    if text.startswith(("for ", "until ")) and "done" not in text:
        while rest:
            line = rest.pop(0)
            text += f"\n{line}"
            if line.startswith("done"):
                break
        return text
    while rest and (text.endswith(("\\", "|", "&&")) or _is_open(text)):
        text += f"\n{rest.pop(0)}"
    return text


def _is_open(text: str) -> bool:
    """Whether a quotation has not ended."""
    try:
        shlex.split(text, comments=True)
    except ValueError:
        return True
    return False
