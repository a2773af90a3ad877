"""Whether timers that wait cost those that are due anything: the same load beside more and more of them."""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.table import Table

from tests.bench.bars import Bar, at_most, bars_tables
from tests.bench.common import flags
from tests.bench.common.cluster import connected
from tests.bench.common.facts import facts_of
from tests.bench.common.output import Document, Say, document_of, faults_told, figures_table, spread, with_spread
from tests.bench.scale.measure import Run, beside, started_workers
from tests.cluster import Stack

SUMMARY = "lag, claim cost and memory of Redis with 10 thousand, 100 thousand and a million timers waiting"
DETAILS = """\
The waiting timers are in Redis only; those that are due are RedisTimers of the API server as well. Workers run, and no
controller. Claims are timed by Redis itself while workers stand still. About 10 minutes a round.
"""
EXAMPLES = ("--rounds 1", "--timers 1000,5000 --due 50 --rate 10 --idle 2")

_FORMS = {
    "lag_p50_ms": ("lag p50, ms", "{:.0f}"),
    "lag_p99_ms": ("lag p99, ms", "{:.0f}"),
    "lag_max_ms": ("lag max, ms", "{:.0f}"),
    "answered_p50_ms": ("to the workers' answer p50, ms", "{:.0f}"),
    "answered_p99_ms": ("to the workers' answer p99, ms", "{:.0f}"),
    "claim_none_us": ("a claim in Redis that finds nothing due, us", "{:.0f}"),
    "claim_one_us": ("a claim in Redis of one timer, us", "{:.0f}"),
    "script_us": ("all scripts while timers are due, us on average", "{:.0f}"),
    "bytes_per_timer": ("Redis memory for each timer, bytes", "{:.0f}"),
    "idle_worker_share": ("idle: of a core, each worker", "{:.4f}"),
    "idle_redis_share": ("idle: of a core, Redis", "{:.4f}"),
    "due_worker_ms": ("CPU ms of workers for each fire", "{:.2f}"),
    "due_redis_ms": ("CPU ms of Redis for each fire", "{:.3f}"),
    "others_percent": ("of the machine, anything else here, %", "{:.0f}"),
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this scenario."""
    parser.add_argument(
        "--timers",
        type=flags.numbers(20_000_000),
        default=[10_000, 100_000, 1_000_000],
        help="how many wait in Redis (10000,100000,1000000)",
    )
    parser.add_argument("--rate", type=flags.number(1000), default=20, help="due per second beside them (20)")
    parser.add_argument("--due", type=flags.number(1_000_000), default=1200, help="how many are due in all (1200)")
    parser.add_argument("--idle", type=flags.number(3600), default=30, help="seconds with nothing due, before (30)")
    parser.add_argument("--workers", type=flags.number(64), default=2, help="how many workers (2)")
    parser.add_argument("--rounds", type=flags.number(99), default=3, help="how often each is measured, in turn (3)")


async def run(options: argparse.Namespace, say: Say) -> Document:
    """Measure each size, round by round, on one stack.

    There is no controller: the waiting timers are in Redis only, and it would sweep them.
    """
    runs: list[Run] = []
    say(f"starting a stack and {options.workers} workers (about 10 seconds) ...")
    with Stack(kubelet=False) as stack:
        stack.install()
        facts = facts_of(stack)
        async with connected(stack) as (api, index):
            workers = await started_workers(stack, index, options.workers)
            for number in range(1, options.rounds + 1):
                for timers in options.timers:
                    where = f"round {number} of {options.rounds}, {timers:,} waiting: "

                    def tell(text: str, where: str = where) -> None:
                        say(where + text)

                    found = await beside(timers, options, stack, api, index, workers, tell)
                    runs.append({"timers": timers, "round": number, **found})
                    tell(f"lag p50/p99 {found['lag_p50_ms']}/{found['lag_p99_ms']} ms")
    summary = summary_of(runs)
    return document_of(options, facts, runs, summary, faults_of(runs)) | {"bars": bars_of(summary)}


def summary_of(runs: Sequence[Run]) -> dict[str, dict[str, Any]]:
    """For each number of waiting timers the medians of its rounds."""
    sizes = dict.fromkeys(one["timers"] for one in runs)
    groups = {str(size): [one for one in runs if one["timers"] == size] for size in sizes}
    return {
        size: {figure: spread(one[figure] for one in group) for figure in _FORMS if all(figure in one for one in group)}
        for size, group in groups.items()
    }


def bars_of(summary: Mapping[str, Mapping[str, Any]]) -> list[Bar]:
    """Lag at the most timers against that at the fewest, memory, and what an idle worker costs."""
    fewest, most = min(summary, key=int), max(summary, key=int)
    last = summary[most]
    bars = [
        at_most(f"memory of Redis for each timer at {int(most):,}, bytes", last["bytes_per_timer"]["median"], 300),
        at_most(f"of a core, an idle worker at {int(most):,} timers", last["idle_worker_share"]["median"], 0.01),
    ]
    if fewest != most:
        ratio = last["lag_p99_ms"]["median"] / max(summary[fewest]["lag_p99_ms"]["median"], 1)
        bars.insert(0, at_most(f"lag p99 at {int(most):,} timers, times that at {int(fewest):,}", ratio, 1.5))
    return bars


def faults_of(runs: Iterable[Run]) -> list[str]:
    """What was wrong."""
    words = {
        "missed": "timers have no Job",
        "double": "timers have two Jobs",
        "early": "timers had their Job before their time",
    }
    return faults_told(runs, words, lambda run: f"{run['timers']} waiting, round {run['round']}")


def tables(document: Document) -> Iterable[Table]:
    """A column for each number of waiting timers."""
    summary = document["summary"]
    table = figures_table(
        f"{document['options']['rate']} due per second", [f"{int(size):,} waiting" for size in summary]
    )
    for figure, (title, form) in _FORMS.items():
        cells = [with_spread(part[figure], form) if figure in part else "-" for part in summary.values()]
        table.add_row(title, *cells)
    yield table
    yield from bars_tables(document)
