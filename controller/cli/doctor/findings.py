"""What `doctor` finds, and how it is told."""

import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import typer

from controller.cli.columns import printable
from controller.core.findings import Finding, Level

__all__ = ["Finding", "Level", "as_data", "as_table", "is_healthy"]

_COLOURS = {Level.OK: "green", Level.WARNING: "yellow", Level.PROBLEM: "red"}
_NARROWEST = 60
_NOTHING = "nothing is wrong, as far as can be seen from outside; whether a process is ready, its own /readyz says"


def as_data(findings: Sequence[Finding]) -> dict[str, Any]:
    """For programs."""
    told = [
        {"check": finding.check, "level": str(finding.level), "found": finding.found}
        | ({"advice": finding.advice} if finding.advice else {})
        for finding in findings
    ]
    return {"healthy": is_healthy(findings), "findings": told}


def is_healthy(findings: Iterable[Finding]) -> bool:
    """Whether nothing found is a problem."""
    return all(finding.level is not Level.PROBLEM for finding in findings)


def as_table(findings: Sequence[Finding]) -> str:
    """For people: a line for each, with what to do beneath it, and a summary."""
    width = max((len(finding.check) for finding in findings), default=0)
    lines = [line for finding in findings for line in _lines(finding, width)]
    return "\n".join([*lines, "", _summary(findings)])


def _lines(finding: Finding, width: int) -> Iterator[str]:
    level = typer.style(f"{finding.level:7}", fg=_COLOURS[finding.level], bold=finding.level is not Level.OK or None)
    indent = " " * (7 + 2 + width + 2)
    for number, text in enumerate(_wrapped(printable(finding.found), len(indent))):
        yield f"{level}  {finding.check:{width}}  {text}" if number == 0 else indent + text
    for number, text in enumerate(_wrapped(printable(finding.advice), len(indent) + 2)):
        yield f"{indent}{'> ' if number == 0 else '  '}{text}"


def _wrapped(text: str, indent: int) -> list[str]:
    """Lines as long as the terminal has room for; in a pipe, one."""
    if not sys.stdout.isatty():
        return [text] if text else []
    room = max(shutil.get_terminal_size().columns - indent, _NARROWEST)
    return textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False)


def _summary(findings: Sequence[Finding]) -> str:
    numbers = [
        _counted(sum(finding.level is level for finding in findings), level) for level in (Level.PROBLEM, Level.WARNING)
    ]
    return ", ".join(filter(None, numbers)) or _NOTHING


def _counted(number: int, level: Level) -> str:
    return f"{number} {level}{'s' if number != 1 else ''}" if number else ""
