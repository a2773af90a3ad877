"""Timers that are applied while a controller runs: how long until each is in the index, and what that takes."""

import asyncio
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from controller.core.identity import ticket_of
from controller.index.index import Index
from controller.kube import paths
from controller.kube.api import ApiServer
from controller.loops import cancel
from tests.bench.common.arrivals import watching
from tests.bench.common.cluster import NAMESPACE, all_alive
from tests.bench.common.cpu import pids_of, snapshot, used_between
from tests.bench.common.errors import BenchError
from tests.bench.common.output import Say
from tests.bench.common.timers import AT_A_TIME, timer
from tests.bench.ingest.observed import peak_rss_mb
from tests.bench.steady.settled import Settled
from tests.cluster import Process, Stack
from tests.harness.lag import percentile

Run = dict[str, Any]

TIMERS = paths.timers(NAMESPACE)
_POLL_S = 0.005
_PATIENCE_S = 600.0


def daily(number: int, name: str = "daily") -> bytes:
    """A timer that is due once a day."""
    return timer(f"{name}-{number:06}", NAMESPACE, schedule=f"{number % 60} {number // 60 % 24} * * *")


@dataclass
class _Looked:
    """When timers were asked for, answered and found in the index; seconds of the monotonic clock, by ticket."""

    asked: dict[str, float] = field(default_factory=dict)
    answered: dict[str, float] = field(default_factory=dict)
    indexed: dict[str, float] = field(default_factory=dict)

    async def look(self, index: Index) -> None:
        """Look for those that are missing, for ever."""
        while True:
            missing = [ticket for ticket in self.answered if ticket not in self.indexed]
            if missing:
                found = await index.redis.hmget(index.keys.tickets, missing)
                now = time.monotonic()
                self.indexed |= {ticket: now for ticket, known in zip(missing, found, strict=True) if known}
            await asyncio.sleep(_POLL_S)

    def figures(self) -> Run:
        """Milliseconds from a moment to the index."""
        found: Run = {}
        for name, since in (("asked", self.asked), ("answered", self.answered)):
            took = sorted(math.ceil((self.indexed[ticket] - at_s) * 1000) for ticket, at_s in since.items())
            parts = {"p50": percentile(took, 0.5), "p99": percentile(took, 0.99), "max": took[-1]}
            found |= {f"{name}_to_indexed_{part}_ms": max(0, value) for part, value in parts.items()}
        return found


async def created(stack: Stack, api: ApiServer, index: Index, controller: Process, count: int, say: Say) -> Run:
    """Create timers through the API, some at a time, on an empty cluster."""
    looked, settled, pids = _Looked(), Settled(count), pids_of(stack, [controller])
    looking = asyncio.create_task(looked.look(index))
    try:
        async with watching(api, {TIMERS: settled.see}):
            before, began = snapshot(pids), time.monotonic()
            numbers = iter(range(count))
            await asyncio.gather(*(_create_some(api, numbers, looked) for _ in range(AT_A_TIME)))
            deadline = time.monotonic() + _PATIENCE_S
            while len(looked.indexed) < count:
                _not_after(deadline, f"only {len(looked.indexed)} of {count} timers came into the index")
                all_alive([controller])
                await asyncio.sleep(_POLL_S)
            indexed, took_s = snapshot(pids), max(looked.indexed.values()) - began
            say(f"{count} timers are in the index after {took_s:.1f} s; waiting for their statuses ...")
            async with asyncio.timeout(_PATIENCE_S):
                await settled.all.wait()
            all_alive([controller])
            done, settled_s = snapshot(pids), time.monotonic() - began
    except TimeoutError:
        all_alive([controller])
        raise BenchError(f"only {len(settled.uids)} of {count} timers have a status") from None
    finally:
        await cancel(looking)
    return {
        "timers": count,
        "per_second": count / took_s,
        "settled_per_second": count / settled_s,
        **looked.figures(),
        "indexed_cpu_ms": _each_ms(used_between(before, indexed).by_name(), count),
        "settled_cpu_ms": _each_ms(used_between(before, done).by_name(), count),
        "peak_rss_mb": peak_rss_mb(controller.pid),
    }


async def applied(stack: Stack, index: Index, controller: Process, count: int) -> Run:
    """Apply a file with so many timers by kubectl."""
    items = [orjson.loads(daily(number, "applied")) for number in range(count)]
    file = stack.directory / "applied.json"
    file.write_bytes(orjson.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    wanted = (await index.inspect()).tickets + count
    began, deadline = time.monotonic(), time.monotonic() + _PATIENCE_S
    applying = asyncio.create_task(asyncio.to_thread(stack.kubectl, "apply", "-f", str(file)))
    try:
        while (found := (await index.inspect()).tickets) < wanted:
            _not_after(deadline, f"{wanted - found} of {count} timers did not come into the index")
            all_alive([controller])
            if applying.done():
                applying.result()
            await asyncio.sleep(_POLL_S)
        indexed_s = time.monotonic() - began
    finally:
        await applying
    return {"applied": count, "kubectl_s": time.monotonic() - began, "applied_indexed_s": indexed_s}


async def _create_some(api: ApiServer, numbers: Iterator[int], looked: _Looked) -> None:
    for number in numbers:
        asked = time.monotonic()
        ticket = ticket_of((await api.create(TIMERS, daily(number)))["metadata"]["uid"])
        looked.asked[ticket], looked.answered[ticket] = asked, time.monotonic()


def _not_after(deadline: float, what: str) -> None:
    if time.monotonic() > deadline:
        raise BenchError(f"{what} within {_PATIENCE_S:.0f} s")


def _each_ms(seconds: dict[str, float], count: int) -> dict[str, float]:
    return {name: used * 1000 / count for name, used in seconds.items()}
