"""What a scenario leaves: one JSON document, and tables that are printed from it."""

import argparse
import json
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console
from rich.table import Table

from tests.cluster.stack import CHECKOUT

DIRECTORY = CHECKOUT / "docs" / "bench"
"""Where documents and plots are kept."""

Document = dict[str, Any]
"""{"scenario", "command", "facts": {...}, "options": {...}, "runs": [{...}], "summary": {...}, "faults": [...]}.

`faults` has a sentence for each thing that was wrong with what was measured (missed, double or early occurrences), or
that could not be measured. A document without any is a success.
"""

_NOT_OPTIONS = frozenset({"scenario", "command", "json", "no_write"})


class Say(Protocol):
    """Tell the user how far it is, in one line."""

    def __call__(self, text: str, /) -> None: ...


def spread(values: Iterable[float]) -> dict[str, float]:
    """{"median", "min", "max"} of values, of which there must be one."""
    values = list(values)
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def faults_told(
    runs: Iterable[Mapping[str, Any]], words: Mapping[str, str], where: Callable[[Mapping[str, Any]], str]
) -> list[str]:
    """A sentence for each kind of fault that a run has counted: where that was, how many, and the words for it."""
    return [f"{where(run)}: {run[kind]} {said}" for run in runs for kind, said in words.items() if run.get(kind)]


def document_of(
    options: argparse.Namespace,
    facts: Mapping[str, str],
    runs: Sequence[Mapping[str, Any]],
    summary: Mapping[str, Any],
    faults: Iterable[str] = (),
) -> Document:
    """The document of a scenario that was run with these options."""
    return {
        "scenario": options.scenario,
        "command": options.command,
        "facts": dict(facts),
        "options": {name: value for name, value in vars(options).items() if name not in _NOT_OPTIONS},
        "runs": list(runs),
        "summary": dict(summary),
        "faults": list(faults),
    }


def write_document(document: Document, path: Path) -> None:
    """Write it as JSON, one line for each entry, so that two of them can be compared line by line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(as_json(document))


def read_document(path: Path) -> Document:
    """Read what `write_document` wrote; ValueError, in words for users, where a file is something else."""
    try:
        document = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from None
    if not isinstance(document, dict) or "scenario" not in document:
        raise ValueError(f"{path} is not a document of a benchmark: it names no scenario")
    return document


def as_json(document: Document) -> str:
    """The text of a document: a line for each entry, plain lists and dicts of figures on one line."""
    return _text(document, "\n") + "\n"


def figures_table(title: str, columns: Sequence[str]) -> Table:
    """A table with names on the left and figures in these columns."""
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    table.add_column(title, no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def with_spread(values: Mapping[str, float], form: str = "{:.0f}") -> str:
    """`12 (10 - 19)`: a median with the least and the greatest value, or the median alone where they are the same."""
    median, least, most = (form.format(values[name]) for name in ("median", "min", "max"))
    return median if least == most else f"{median} ({least} - {most})"


def print_document(console: Console, document: Document, tables: Iterable[Table]) -> None:
    """The tables of a document, and below them what it was measured on."""
    for table in tables:
        console.print()
        console.print(table)
    console.print()
    for name, fact in document["facts"].items():
        console.print(f"{name}: {fact}", style="dim", soft_wrap=True)
    console.print(f"command: {document['command']}", style="dim", soft_wrap=True)
    for fault in document.get("faults", ()):
        console.print(f"fault: {fault}", style="bold red", soft_wrap=True)


def _text(value: Any, line: str, top: bool = True) -> str:
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    if not inner or not (top or any(isinstance(one, dict) for one in inner)):
        return json.dumps(value, ensure_ascii=False)
    deeper = line + "  "
    texts = [_text(one, deeper, top=line == "\n") for one in inner]
    if isinstance(value, dict):
        names = [json.dumps(name, ensure_ascii=False) for name in value]
        return "{" + ",".join(f"{deeper}{name}: {text}" for name, text in zip(names, texts, strict=True)) + line + "}"
    return "[" + ",".join(deeper + text for text in texts) + line + "]"
