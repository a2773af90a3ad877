"""How many complete fires (claim, confirm, acknowledge) a second of Redis CPU is good for. There is no API server."""

import argparse
import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count, pairwise
from pathlib import Path
from typing import Any, TypeVar

from redis.asyncio import Redis
from rich.table import Table

from controller.core.identity import ticket_of
from controller.index.connect import connect_redis
from controller.index.index import Index
from controller.index.messages import Done, Fire, Lease, Wanted
from controller.settings import load_settings
from tests.bench.bars import Bar, at_least, bars_tables
from tests.bench.common import flags
from tests.bench.common.errors import BenchError
from tests.bench.common.facts import facts_of
from tests.bench.common.output import Document, Say, document_of, figures_table, spread, with_spread
from tests.cluster.redis_programs import redis_programs
from tests.cluster.redis_server import RedisServer, find_redis_server, running_redis

SUMMARY = "complete fires (claim, confirm, acknowledge) per second of Redis CPU, without an API server"
DETAILS = """\
Each timer is claimed, confirmed and acknowledged once, by a few clients side by side; then, one verb after the other,
a fifth as many again for what each verb takes. CPU is that of the server, by its own account. About three minutes, with
--all about ten.
"""
EXAMPLES = ("--all", "--fires 2000 --batches 100")

_SYNC = 500
_AHEAD_MS = 3_000
_LEASE_MS = 600_000
_DAY_MS = 86_400_000
_BAR = 25_000
_OF = ", batches of "
_SINGLY = 10
"""Small batches are fired this many times less often: they take longer, and their cost is as steady."""

_Run = dict[str, Any]
T = TypeVar("T")


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this scenario."""
    parser.add_argument("--fires", type=flags.number(10_000_000), default=100_000, help="timers due at once (100000)")
    parser.add_argument(
        "--batches",
        type=flags.numbers(200),
        default=[100, 10, 1],
        help="how many fires go into one call (100,10,1); a busy worker has up to 100 in a claim, 200 in the others",
    )
    parser.add_argument("--clients", type=flags.number(64), default=4, help="connections that fire side by side (4)")
    parser.add_argument("--rounds", type=flags.number(99), default=3, help="how often each is measured, in turn (3)")
    parser.add_argument("--all", action="store_true", help="on every Redis and Valkey at hand, not only the first")


async def run(options: argparse.Namespace, say: Say) -> Document:
    """Measure each batch size on each server, round by round."""
    programs = redis_programs() if options.all else {"redis": find_redis_server()}
    runs: list[_Run] = []
    facts: dict[str, str] = {}
    for number in range(1, options.rounds + 1):
        for name, program in programs.items():
            for batch in options.batches:
                with running_redis(program=program) as server:
                    facts = facts or facts_of(redis_url=server.url)
                    facts |= {f"server {name}": _version(server)} if options.all else {}
                    fires = options.fires if batch >= _SINGLY else max(1, options.fires // _SINGLY)
                    found = await measured(server.url, fires, batch, options.clients)
                runs.append({"server": name, "round": number, "batch": batch, **found})
                say(
                    f"round {number} of {options.rounds}, {name}, batches of {batch}: "
                    f"{found['fires_per_cpu_s']:.0f} fires per Redis CPU second"
                )
    unfinished = sum(one["fires"] - one["acknowledged"] for one in runs)
    faults = [f"{unfinished} fires were not confirmed, or not acknowledged"] if unfinished else []
    summary = summary_of(runs)
    return document_of(options, facts, runs, summary, faults) | {"bars": bars_of(summary)}


def summary_of(runs: Sequence[_Run]) -> dict[str, dict[str, Any]]:
    """For each server and batch size the medians of its rounds."""
    groups: dict[str, list[_Run]] = {}
    for one in runs:
        groups.setdefault(f"{one['server']}{_OF}{one['batch']}", []).append(one)
    figures = ("fires_per_cpu_s", "fires_per_s", "claim_us", "confirm_us", "ack_us")
    return {
        name: {figure: spread(one[figure] for one in group) for figure in figures} for name, group in groups.items()
    }


def bars_of(summary: Mapping[str, Mapping[str, Any]]) -> list[Bar]:
    """Complete fires per second of Redis CPU, in the largest batches: what matters where there are many."""
    largest: dict[str, tuple[int, float]] = {}
    for name, figures in summary.items():
        server, _, batch = name.partition(_OF)
        largest[server] = max(largest.get(server, (0, 0.0)), (int(batch), figures["fires_per_cpu_s"]["median"]))
    what = "complete fires per Redis CPU second"
    return [at_least(f"{what}, {server}, {batch} a call", fires, _BAR) for server, (batch, fires) in largest.items()]


def tables(document: Document) -> Iterable[Table]:
    """Fires per CPU second, and what each verb costs."""
    columns = ["per Redis CPU second", "per second", "claim, us", "confirm, us", "ack, us"]
    table = figures_table("complete fires", columns)
    for name, figures in document["summary"].items():
        forms = ("{:,.0f}", "{:,.0f}", "{:.1f}", "{:.1f}", "{:.1f}")
        table.add_row(name, *(with_spread(value, form) for value, form in zip(figures.values(), forms, strict=True)))
    yield table
    yield from bars_tables(document)


async def measured(url: str, fires: int, batch: int, clients: int) -> _Run:
    """Fire so many timers on an empty server, in batches of at most so many, over so many connections."""
    settings = load_settings(["--redis-url", url], "bench")
    redis = connect_redis(settings)
    async with redis:
        index = Index(redis, settings.installation)
        tokens = (f"bench.{number}" for number in count(1))
        assert await index.finish_rebuild("bench", await index.begin_rebuild("bench"))
        await _fill(index, range(fires))
        cpu_s, began = await _cpu_s(redis), time.monotonic()
        shares = await asyncio.gather(*(_client(index, tokens, batch) for _ in range(clients)))
        took_s, used_s = time.monotonic() - began, await _cpu_s(redis) - cpu_s
        of_verbs = await _of_verbs(index, range(fires, fires + max(batch, fires // 5)), tokens, batch)
    if used_s <= 0:
        raise BenchError("Redis used no CPU that could be measured: fire more with --fires")
    return {
        "fires": fires,
        "acknowledged": sum(shares),
        "seconds": took_s,
        "redis_cpu_s": used_s,
        "fires_per_s": fires / took_s,
        "fires_per_cpu_s": fires / used_s,
        **of_verbs,
    }


async def _client(index: Index, tokens: Iterator[str], batch: int) -> int:
    """Fire what is due until nothing is; how many were acknowledged."""
    acknowledged = 0
    while leases := (await index.claim(next(tokens), batch, _AHEAD_MS, _LEASE_MS)).leases:
        verdicts = await index.confirm([_fire(lease) for lease in leases])
        confirmed = [lease for lease, verdict in zip(leases, verdicts, strict=True) if verdict == "ok"]
        acknowledged += sum(await index.ack([_done(lease) for lease in confirmed]))
    return acknowledged


async def _of_verbs(index: Index, numbers: range, tokens: Iterator[str], batch: int) -> Mapping[str, float]:
    """Microseconds of Redis CPU that each verb takes for a fire, one verb after the other."""
    await _fill(index, numbers)
    leases: list[Lease] = []
    before = [await _cpu_s(index.redis)]
    while len(leases) < len(numbers):
        leases += (await index.claim(next(tokens), batch, _AHEAD_MS, _LEASE_MS)).leases
    before.append(await _cpu_s(index.redis))
    await _in_batches(index.confirm, [_fire(lease) for lease in leases], batch)
    before.append(await _cpu_s(index.redis))
    await _in_batches(index.ack, [_done(lease) for lease in leases], batch)
    before.append(await _cpu_s(index.redis))
    used = [after - earlier for earlier, after in pairwise(before)]
    verbs = ("claim_us", "confirm_us", "ack_us")
    return {verb: seconds * 1e6 / len(leases) for verb, seconds in zip(verbs, used, strict=True)}


async def _in_batches(call: Callable[[Sequence[T]], Awaitable[object]], items: Sequence[T], batch: int) -> None:
    for start in range(0, len(items), batch):
        await call(items[start : start + batch])


async def _fill(index: Index, numbers: range) -> None:
    due_ms = time.time_ns() // 1_000_000
    for start in range(0, len(numbers), _SYNC):
        await index.sync(
            Wanted(ticket_of(str(uuid.UUID(int=number))), 1, due_ms - _DAY_MS, due_ms, "default", f"timer-{number:07}")
            for number in numbers[start : start + _SYNC]
        )


def _fire(lease: Lease) -> Fire:
    return Fire(lease, lease.generation, lease.mark_ms + _DAY_MS)


def _done(lease: Lease) -> Done:
    fired_ms = lease.mark_ms + _DAY_MS
    return Done(lease, lease.generation, fired_ms, fired_ms + _DAY_MS, fired_ms)


async def _cpu_s(redis: "Redis") -> float:
    """CPU seconds that the server has used, in and outside of the kernel."""
    info = await redis.info("cpu")
    return float(info["used_cpu_user"]) + float(info["used_cpu_sys"])


def _version(server: RedisServer) -> str:
    with server.client() as client:
        info = client.info("server")
    kind = str(info.get("server_name", "redis")).capitalize()
    return f"{kind} {info.get('valkey_version') or info['redis_version']} ({Path(str(info['executable'])).name})"
