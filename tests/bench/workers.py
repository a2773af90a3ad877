"""How fast workers fire where the API server costs nothing: a sink answers in its place. There is no controller."""

import argparse
import asyncio
import math
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.table import Table

from controller.core.identity import ticket_of
from controller.index.connect import connect_redis
from controller.index.index import Index
from controller.index.messages import Wanted
from controller.settings import load_settings
from tests.bench.bars import Bar, at_most, bars_tables
from tests.bench.common import flags
from tests.bench.common.cluster import all_alive
from tests.bench.common.cpu import OTHERS, OURSELVES, Used, snapshot, used_between
from tests.bench.common.errors import BenchError
from tests.bench.common.facts import facts_of
from tests.bench.common.output import Document, Say, document_of, figures_table, spread, with_spread
from tests.bench.stub.objects import NAMESPACE, name_of, uid_of
from tests.bench.stub.sink import BEGIN, COUNT, SEEN
from tests.bench.stub.stand import Stand
from tests.cluster import Process
from tests.harness.product import start_role, wait_until_ready

SUMMARY = "timers due at one instant, with a sink in the API server's place: fires per second of 1, 2 and 4 workers"
DETAILS = """\
The sink knows every timer and takes every Job. The timers are in Redis; there is no controller. CPU counts from four
seconds before the instant (workers begin to prepare three seconds before it) to the last acknowledgement. About 30
seconds for each number of workers and round.
"""
EXAMPLES = ("--workers 2 --rounds 5", "--timers 500 --workers 1 --rounds 1")

_SYNC = 500
_CREATED_BEFORE_MS = 3_600_000
_SYNCED_PER_S = 4_000
_SPARE_S = 7.0
_MEASURED_FROM_S = 4.0
"""Before the instant: workers begin to prepare three seconds before it."""
_PATIENCE_S = 120.0
_POLL_S = 0.1
_FULL = 0.9
"""A part of a core, or of all cores, from which on it counts as used up."""

_Run = dict[str, Any]


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this scenario."""
    parser.add_argument("--timers", type=flags.number(1_000_000), default=10_000, help="due at one instant (10000)")
    parser.add_argument("--workers", type=flags.numbers(64), default=[1, 2, 4], help="how many workers (1,2,4)")
    parser.add_argument("--rounds", type=flags.number(99), default=3, help="how often each is measured, in turn (3)")
    parser.add_argument("--plain", action="store_true", help="HTTP instead of HTTPS between workers and sink")


async def run(options: argparse.Namespace, say: Say) -> Document:
    """Measure each number of workers, round by round."""
    runs: list[_Run] = []
    facts: dict[str, str] = {}
    for number in range(1, options.rounds + 1):
        for workers in options.workers:
            with Stand(["sink"], tls=not options.plain) as stand:
                facts = facts or facts_of(redis_url=stand.redis_url)
                found = await _measured(stand, options.timers, workers)
            runs.append({"workers": workers, "round": number, **found})
            say(
                f"round {number} of {options.rounds}, {_called(str(workers))}, {found['fires_per_s']:.0f} fires/s, "
                f"limited by {found['limit']}"
            )
    summary = summary_of(runs)
    return document_of(options, facts, runs, summary, faults_of(runs)) | {"bars": bars_of(summary)}


def summary_of(runs: Sequence[_Run]) -> dict[str, dict[str, Any]]:
    """For each number of workers the medians of its rounds."""
    summary = {}
    for workers in dict.fromkeys(one["workers"] for one in runs):
        group = [one for one in runs if one["workers"] == workers]
        figures = (
            "fires_per_s",
            "first_ms",
            "last_ms",
            "busy_cores",
            "worker_share",
            "sink_ceiling_per_s",
            "repeated",
            "others_percent",
        )
        summary[str(workers)] = {figure: spread(one[figure] for one in group) for figure in figures} | {
            "cpu_ms_per_fire": {
                part: spread(one["cpu_ms_per_fire"][part] for one in group) for part in group[0]["cpu_ms_per_fire"]
            },
            "limit": ", ".join(dict.fromkeys(one["limit"] for one in group)),
        }
    return summary


def bars_of(summary: Mapping[str, Mapping[str, Any]]) -> list[Bar]:
    """What a fire costs the workers."""
    return [
        at_most(f"CPU ms of workers for each fire, {_called(workers)}", of["cpu_ms_per_fire"]["workers"]["median"], 1.5)
        for workers, of in summary.items()
    ]


def faults_of(runs: Iterable[_Run]) -> list[str]:
    """What was wrong."""
    words = {"missed": "were missed", "early": "were created before their time"}
    return [
        f"{one[kind]} Jobs {said} with {_called(str(one['workers']))} in round {one['round']}"
        for one in runs
        for kind, said in words.items()
        if one[kind]
    ]


def tables(document: Document) -> Iterable[Table]:
    """Throughput, then CPU by part, by number of workers."""
    summary = document["summary"]
    columns = [_called(workers) for workers in summary]
    table = figures_table(f"{document['options']['timers']} timers due at one instant", columns)
    for title, figure, form in (
        ("fires per second", "fires_per_s", "{:,.0f}"),
        ("first Job after the instant, ms", "first_ms", "{:,.0f}"),
        ("last Job after the instant, ms", "last_ms", "{:,.0f}"),
        ("cores busy from the instant to the last Job", "busy_cores", "{:.2f}"),
        ("of a core, each worker meanwhile", "worker_share", "{:.2f}"),
        ("the sink's own limit, fires per second", "sink_ceiling_per_s", "{:,.0f}"),
        ("creations repeated, and refused as known", "repeated", "{:,.0f}"),
        ("of the machine, anything else here, %", "others_percent", "{:.0f}"),
    ):
        table.add_row(title, *(with_spread(figures[figure], form) for figures in summary.values()))
    table.add_row("limited by", *(figures["limit"] for figures in summary.values()))
    yield table
    parts = figures_table("CPU ms per fire", columns)
    for part in next(iter(summary.values()))["cpu_ms_per_fire"]:
        parts.add_row(part, *(with_spread(figures["cpu_ms_per_fire"][part], "{:.2f}") for figures in summary.values()))
    yield parts
    yield from bars_tables(document)


def _called(workers: str) -> str:
    return f"{workers} worker{'s' if workers != '1' else ''}"


def figures_of(
    timers: int, workers: int, instant_ms: int, seen: Mapping[str, Any], used: Used, used_all: Used, cores: int
) -> _Run:
    """One run: `seen` by the sink, CPU `used` from the instant to the last Job, `used_all` with what lay around it."""
    if not seen["jobs"]:
        raise BenchError("no Job came to the sink: see the logs of the workers")
    lasted_s = max(seen["last_ms"] - instant_ms, 1) / 1000
    parts = _parts(used_all)
    shares = {name: seconds / used.took_s for name, seconds in used.processes.items()}
    worker_shares = [share for name, share in shares.items() if name.startswith("worker-")]
    return {
        "timers": timers,
        "fires_per_s": seen["jobs"] / lasted_s,
        "first_ms": seen["first_ms"] - instant_ms,
        "last_ms": seen["last_ms"] - instant_ms,
        "missed": timers - seen["jobs"],
        "repeated": seen["repeated"],
        "early": seen["early"],
        "gets": seen["gets"],
        "busy_cores": used.busy_cores,
        "worker_share": sum(worker_shares) / workers,
        "shares": shares,
        "others_percent": used.others_share(cores) * 100,
        "limit": limit_of(used.busy_cores, shares, cores),
        "cpu_ms_per_fire": {part: seconds * 1000 / timers for part, seconds in parts.items()},
        "sink_ceiling_per_s": timers / max(parts["sink"], 0.001),
    }


def limit_of(busy_cores: float, shares: Mapping[str, float], cores: int) -> str:
    """What kept it from being faster. `shares` are parts of a core, by process."""
    fullest = max(shares, key=lambda name: shares[name])
    if shares[fullest] >= _FULL:
        return f"CPU of {'a worker' if fullest.startswith('worker-') else fullest}"
    if busy_cores >= _FULL * cores:
        return f"CPU, all {cores} cores"
    return "waiting"


def _parts(used: Used) -> dict[str, float]:
    """CPU seconds: of workers together, of everything else by itself."""
    workers = sum(seconds for name, seconds in used.processes.items() if name.startswith("worker-"))
    rest = {name: seconds for name, seconds in used.processes.items() if not name.startswith("worker-")}
    return {"workers": workers, **rest, OTHERS: used.others}


async def _measured(stand: Stand, timers: int, workers: int) -> _Run:
    settings = load_settings(["--redis-url", stand.redis_url], "bench")
    redis = connect_redis(settings)
    async with redis:
        index = Index(redis, settings.installation)
        assert await index.finish_rebuild("bench", await index.begin_rebuild("bench"))
        processes = [start_role(stand, f"worker-{number}", "worker") for number in range(1, workers + 1)]
        for process in processes:
            await wait_until_ready(process, lambda _: None)
        instant_ms = math.ceil(time.time() + _SPARE_S + timers / _SYNCED_PER_S) * 1000
        await stand.ask(BEGIN, instant_ms=instant_ms)
        await _fill(index, timers, instant_ms)
        return await _fired(stand, index, processes, timers, instant_ms)


async def _fired(stand: Stand, index: Index, processes: Sequence[Process], timers: int, instant_ms: int) -> _Run:
    assert stand.redis.process is not None
    pids = {process.name: process.pid for process in processes}
    pids |= {"redis": stand.redis.process.pid, "sink": stand.stub.pid, OURSELVES: os.getpid()}
    left_s = instant_ms / 1000 - time.time() - _MEASURED_FROM_S
    if left_s < 0:
        raise BenchError("the timers were not in Redis in time: this machine is busy or slow, take fewer with --timers")
    await asyncio.sleep(left_s)
    before = snapshot(pids)
    await asyncio.sleep(instant_ms / 1000 - time.time())
    at_instant = snapshot(pids)
    deadline = time.monotonic() + _PATIENCE_S
    while (await stand.ask(COUNT))["jobs"] < timers and time.monotonic() < deadline:
        all_alive(processes)
        await asyncio.sleep(_POLL_S)
    at_last = snapshot(pids)
    while time.monotonic() < deadline and (await index.inspect()).leased:
        all_alive(processes)
        await asyncio.sleep(_POLL_S)
    after = snapshot(pids)
    used, used_all = used_between(at_instant, at_last), used_between(before, after)
    seen = await stand.ask(SEEN)
    return figures_of(timers, len(processes), instant_ms, seen, used, used_all, os.cpu_count() or 1)


async def _fill(index: Index, timers: int, instant_ms: int) -> None:
    mark_ms = instant_ms - _CREATED_BEFORE_MS
    for start in range(0, timers, _SYNC):
        await index.sync(
            Wanted(ticket_of(uid_of(number)), 1, mark_ms, instant_ms, NAMESPACE, name_of(number))
            for number in range(start, min(start + _SYNC, timers))
        )
