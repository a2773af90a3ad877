"""How fast timers come into the index: one by one while they are applied, and all of them in a rebuild."""

import argparse
import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.table import Table

from controller.index.index import Index
from controller.kube.api import ApiServer
from tests.bench.bars import Bar, at_most, bars_tables
from tests.bench.common import flags
from tests.bench.common.arrivals import watching
from tests.bench.common.cluster import PREPARED_FASTER, connected, started
from tests.bench.common.errors import BenchError
from tests.bench.common.facts import facts_of
from tests.bench.common.output import Document, Say, document_of, figures_table, spread, with_spread
from tests.bench.common.timers import create_many
from tests.bench.ingest.live import TIMERS, Run, applied, created, daily
from tests.bench.ingest.rebuild import rebuilt
from tests.bench.steady.settled import Settled
from tests.bench.stub.stand import Stand
from tests.cluster import Stack
from tests.harness.product import start_role, wait_until_ready

SUMMARY = "from applied to indexed, and rebuilds of 10 thousand real timers and of 100 thousand listed by a stub"
DETAILS = """\
live: timers created through the API, and by kubectl from a file, while a controller runs. real: a fresh controller and
an empty Redis, with these and more objects on the API server. listed: the same with a stub in the API server's place,
which answers lists and watches from memory. Both rebuild twice. About 10 minutes a round.
"""
EXAMPLES = ("--only listed --rounds 3", "--live 100 --applied 20 --real 200 --listed 2000 --again-after 5")

_PARTS = ("live", "real", "listed")
_SETTLED_S = 1800.0
_LIVE = {
    "per_second": ("timers per second, until the last is in the index", "{:.0f}"),
    "asked_to_indexed_p50_ms": ("from the request to the index p50, ms", "{:.0f}"),
    "asked_to_indexed_p99_ms": ("from the request to the index p99, ms", "{:.0f}"),
    "asked_to_indexed_max_ms": ("from the request to the index max, ms", "{:.0f}"),
    "answered_to_indexed_p50_ms": ("from the answer to the index p50, ms", "{:.0f}"),
    "answered_to_indexed_p99_ms": ("from the answer to the index p99, ms", "{:.0f}"),
    "settled_per_second": ("timers per second, until the last status is written", "{:.0f}"),
    "peak_rss_mb": ("peak RSS of the controller, MB", "{:.0f}"),
    "kubectl_s": ("kubectl apply -f, s", "{:.1f}"),
    "applied_indexed_s": ("the same until the last is in the index, s", "{:.1f}"),
}
_REBUILD = {
    "rebuild_s": ("from leading to rebuilt, s", "{:.1f}"),
    "rebuild_cpu_s": ("CPU of the controller meanwhile, s", "{:.1f}"),
    "rebuild_server_cpu_s": ("CPU of the API server or stub meanwhile, s", "{:.1f}"),
    "rebuild_redis_cpu_s": ("CPU of Redis meanwhile, s", "{:.1f}"),
    "rebuild_others_percent": ("of the machine, anything else here, %", "{:.0f}"),
    "rebuild_block_ms": ("longest time without an answer to /healthz, ms", "{:.0f}"),
    "rebuild_rss_mb": ("peak RSS until then, MB", "{:.0f}"),
    "between_cpu_s": ("CPU of the controller until the next rebuild, s", "{:.1f}"),
    "again_s": ("the next rebuild, with nothing changed, s", "{:.1f}"),
    "again_cpu_s": ("CPU of the controller meanwhile, s", "{:.1f}"),
    "again_block_ms": ("longest time without an answer to /healthz, ms", "{:.0f}"),
    "peak_rss_mb": ("peak RSS after both, MB", "{:.0f}"),
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this scenario."""
    most = 10_000_000
    parser.add_argument("--live", type=flags.number(most), default=1000, help="created by the API, 16 at once (1000)")
    parser.add_argument("--applied", type=flags.number(most), default=100, help="applied by kubectl in a file (100)")
    parser.add_argument("--real", type=flags.number(most), default=10_000, help="real objects to rebuild from (10000)")
    parser.add_argument("--listed", type=flags.number(most), default=100_000, help="objects in a stub (100000)")
    parser.add_argument(
        "--again-after", type=flags.number(86_400, 5), default=30, help="seconds from one rebuild to the next (30)"
    )
    parser.add_argument("--rounds", type=flags.number(99), default=1, help="how often each is measured, in turn (1)")
    parser.add_argument("--only", choices=_PARTS, help="one of the three parts")
    parser.add_argument("--plain", action="store_true", help="HTTP instead of HTTPS between controller and stub")


async def run(options: argparse.Namespace, say: Say) -> Document:
    """Measure all three parts, round by round: the first two on one fresh stack, the third with a stub."""
    runs: list[Run] = []
    facts: dict[str, str] = {}
    for number in range(1, options.rounds + 1):
        if options.only != "listed":
            say("starting a stack and a controller (about 10 seconds) ...")
            with Stack(kubelet=False) as stack:
                stack.install()
                facts = facts_of(stack) | facts
                runs += [{**one, "round": number} for one in await _on_stack(stack, options, say)]
        if options.only in (None, "listed"):
            say(f"starting a stub with {options.listed} timers ...")
            with Stand(["lister", "--timers", str(options.listed)], tls=not options.plain) as stand:
                facts = facts or facts_of(redis_url=stand.redis_url)
                found = await rebuilt(stand, stand.stub, options.listed, options.again_after, say)
            runs.append({"name": "listed", "round": number, **found})
            say(f"listed: rebuilt after {found['rebuild_s']:.1f} s, peak RSS {found['peak_rss_mb']:.0f} MB")
    summary = summary_of(runs)
    return document_of(options, facts, runs, summary, faults_of(runs)) | {"bars": bars_of(summary)}


async def _on_stack(stack: Stack, options: argparse.Namespace, say: Say) -> list[Run]:
    runs: list[Run] = []
    async with connected(stack) as (api, index):
        (controller,) = await started(stack, workers=0)
        count = 0
        if options.only in (None, "live"):
            live = await created(stack, api, index, controller, options.live, say)
            live |= await applied(stack, index, controller, options.applied)
            runs.append({"name": "live", **live})
            count = options.live + options.applied
        controller.terminate()
        await asyncio.to_thread(controller.wait, 60)
        if options.only in (None, "real"):
            await _filled(stack, api, count, options.real, say)
            timers, beside = max(count, options.real), (stack.etcd, stack.controller_manager)
            found = await rebuilt(stack, stack.api_server, timers, options.again_after, say, beside)
            runs.append({"name": "real", **found})
            say(f"real: rebuilt after {found['rebuild_s']:.1f} s, peak RSS {found['peak_rss_mb']:.0f} MB")
            await _all_indexed(index, timers)
    return runs


async def _filled(stack: Stack, api: ApiServer, there: int, wanted: int, say: Say) -> None:
    """Create what is missing of so many timers, and wait until a controller, which is in a hurry, is done with them."""
    missing = max(0, wanted - there)
    controller = start_role(stack, "controller-filling", "controller", PREPARED_FASTER)
    await wait_until_ready(controller, lambda _: None)
    settled = Settled(missing)
    async with watching(api, {TIMERS: settled.see}):
        await create_many(api, TIMERS, lambda number: daily(number, "real"), missing, say)
        deadline = time.monotonic() + _SETTLED_S
        while len(settled.uids) < missing:
            if time.monotonic() > deadline:
                raise BenchError(f"only {len(settled.uids)} of {missing} timers have a status: take fewer with --real")
            say(f"{len(settled.uids)} of {missing} timers have a status ...")
            try:
                async with asyncio.timeout(20):
                    await settled.all.wait()
            except TimeoutError:
                pass
    controller.terminate()
    await asyncio.to_thread(controller.wait, 60)


async def _all_indexed(index: Index, timers: int) -> None:
    if (found := (await index.inspect()).tickets) != timers:
        raise BenchError(f"the index has {found} timers after the rebuild, and not {timers}")


def summary_of(runs: Sequence[Run]) -> dict[str, dict[str, Any]]:
    """For each part the medians of its rounds."""
    summary: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys(one["name"] for one in runs):
        group = [one for one in runs if one["name"] == name]
        figures = [figure for figure in (_LIVE if name == "live" else _REBUILD) if group[0].get(figure) is not None]
        summary[name] = {
            figure: spread([one[figure] for one in group if one[figure] is not None]) for figure in figures
        }
        summary[name]["timers"] = group[0]["timers"]
        for kind in ("indexed_cpu_ms", "settled_cpu_ms"):
            if kind in group[0]:
                summary[name][kind] = {part: spread(one[kind][part] for one in group) for part in group[0][kind]}
    return summary


def bars_of(summary: Mapping[str, Mapping[str, Any]]) -> list[Bar]:
    """What a rebuild from a stub's list is held to."""
    if "listed" not in summary:
        return []
    figures = summary["listed"]
    what = f"rebuild of {figures['timers']:,}"
    return [
        at_most(f"{what}, s", figures["rebuild_s"]["median"], 20),
        at_most(f"{what}, peak RSS of the controller, MB", figures["peak_rss_mb"]["median"], 200),
    ]


def faults_of(runs: Iterable[Run]) -> list[str]:
    """What was wrong."""
    return [
        f"{one['name']}, round {one['round']}: a rebuild left out {one['unindexed']} timers"
        for one in runs
        if one.get("unindexed")
    ]


def tables(document: Document) -> Iterable[Table]:
    """What was applied live, with CPU; then the rebuilds."""
    summary = document["summary"]
    if live := summary.get("live"):
        table = figures_table(f"{live['timers']:,} timers applied while a controller runs", [""])
        for figure, (title, form) in _LIVE.items():
            table.add_row(title, with_spread(live[figure], form))
        yield table
        cpu = figures_table("CPU ms per timer", ["until indexed", "until its status is written"])
        for part in live["indexed_cpu_ms"]:
            cpu.add_row(
                part, *(with_spread(live[kind][part], "{:.2f}") for kind in ("indexed_cpu_ms", "settled_cpu_ms"))
            )
        yield cpu
    if rebuilds := {name: figures for name, figures in summary.items() if name != "live"}:
        table = figures_table("rebuild", [f"{figures['timers']:,} {name}" for name, figures in rebuilds.items()])
        for figure, (title, form) in _REBUILD.items():
            cells = [with_spread(of[figure], form) if figure in of else "-" for of in rebuilds.values()]
            table.add_row(title, *cells)
        yield table
    yield from bars_tables(document)
