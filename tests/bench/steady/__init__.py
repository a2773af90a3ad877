"""How late Jobs are when nothing is crowded: at a steady rate, and one timer on an otherwise idle cluster."""

import argparse
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any

from rich.table import Table

from tests.bench.bars import Bar, at_most, bars_tables
from tests.bench.common import flags
from tests.bench.common.facts import facts_of
from tests.bench.common.output import Document, Say, document_of, faults_told, figures_table, spread, with_spread
from tests.bench.steady.lags import FIGURES
from tests.bench.steady.measure import Run, idle, steady
from tests.cluster import Stack

SUMMARY = "lag at a steady rate of fires, and of one timer every second on an otherwise idle cluster"
DETAILS = """\
At a rate: timers that are due once each, one after the other, created and settled before. Idle: one timer with the
schedule "* * * * * *", whose Jobs are complete at once and of which the controller keeps three. Each on a stack of its
own; about 17 minutes in all.
"""
EXAMPLES = ("--rate 20 --seconds 10 --warm-up 2 --idle-seconds 10", "--only idle")

_Part = Callable[[Stack, argparse.Namespace, Say], Coroutine[Any, Any, Run]]
_PARTS: Mapping[str, _Part] = {"steady": steady, "idle": idle}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this scenario."""
    parser.add_argument("--rate", type=flags.number(1000), default=50, help="steady: fires per second (50)")
    parser.add_argument("--seconds", type=flags.number(86_400), default=120, help="steady: for so long (120)")
    parser.add_argument("--idle-seconds", type=flags.number(86_400), default=600, help="idle: for so long (600)")
    parser.add_argument("--warm-up", type=flags.number(600), default=5, help="seconds before, which do not count (5)")
    parser.add_argument("--workers", type=flags.number(64), default=2, help="how many workers (2)")
    parser.add_argument("--rounds", type=flags.number(99), default=1, help="how often each is measured, in turn (1)")
    parser.add_argument("--only", choices=[*_PARTS], help="leave out the other part")
    parser.add_argument(
        "--lead",
        type=flags.number(86_400),
        metavar="SECONDS",
        help="steady: how far ahead the first timer is due when creating begins; found by a probe where not given",
    )


async def run(options: argparse.Namespace, say: Say) -> Document:
    """Measure both parts, each on a fresh stack, round by round."""
    runs: list[Run] = []
    facts: dict[str, str] = {}
    for number in range(1, options.rounds + 1):
        for name, part in _PARTS.items():
            if options.only not in (None, name):
                continue
            where = f"{_called(options)[name]}, round {number} of {options.rounds}: "
            say(f"{where}starting a stack, one controller and {options.workers} workers (about 10 seconds) ...")
            with Stack(kubelet=False) as stack:
                stack.install()
                facts = facts or facts_of(stack)
                found = await part(stack, options, lambda text, where=where: say(where + text))
            runs.append({"name": name, "round": number, **found})
            say(f"{where}{found['samples']} Jobs, lag p50/p99 {found['lag_p50_ms']}/{found['lag_p99_ms']} ms")
    summary = summary_of(runs)
    return document_of(options, facts, runs, summary, faults_of(runs)) | {"bars": bars_of(summary)}


def summary_of(runs: Sequence[Run]) -> dict[str, dict[str, Any]]:
    """For each part the medians of its rounds."""
    summary: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys(one["name"] for one in runs):
        group = [one for one in runs if one["name"] == name]
        figures = [figure for figure in FIGURES if all(figure in one for one in group)]
        summary[name] = {figure: spread(one[figure] for one in group) for figure in figures}
        for kind in ("cpu_ms_per_fire", "core_share"):
            summary[name][kind] = {part: spread(one[kind][part] for one in group) for part in group[0][kind]}
    return summary


def bars_of(summary: Mapping[str, Mapping[str, Any]]) -> list[Bar]:
    """What an idle cluster is held to."""
    if "idle" not in summary:
        return []
    figures = (("lag_p50_ms", 10), ("lag_p99_ms", 30))
    return [at_most(f"idle: {name.replace('_', ' ')}", summary["idle"][name]["median"], most) for name, most in figures]


def faults_of(runs: Iterable[Run]) -> list[str]:
    """What was wrong."""
    words = {
        "missed": "occurrences have no Job",
        "double": "occurrences have two Jobs",
        "early": "occurrences had their Job before their time",
        "piled_up": "Jobs were left, so an idle cluster was not what was measured",
    }
    return faults_told(runs, words, lambda run: f"{run['name']}, round {run['round']}")


def tables(document: Document) -> Iterable[Table]:
    """Lags, then CPU."""
    summary = document["summary"]
    names = _called(argparse.Namespace(**document["options"]))
    lags = figures_table("lag, ms", [names[name] for name in summary])
    for figure, title in FIGURES.items():
        cells = [with_spread(part[figure], "{:.0f}") if figure in part else "-" for part in summary.values()]
        lags.add_row(title, *cells)
    yield lags
    for kind, title, form in (
        ("cpu_ms_per_fire", "CPU ms per fire", "{:.2f}"),
        ("core_share", "share of a core", "{:.3f}"),
    ):
        table = figures_table(title, [names[name] for name in summary])
        for part in next(iter(summary.values()))[kind]:
            table.add_row(part, *(with_spread(figures[kind][part], form) for figures in summary.values()))
        yield table
    yield from bars_tables(document)


def _called(options: argparse.Namespace) -> dict[str, str]:
    return {
        "steady": f"{options.rate}/s for {options.seconds} s",
        "idle": f"idle, 1/s for {options.idle_seconds} s",
    }
