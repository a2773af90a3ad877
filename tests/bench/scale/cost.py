"""What claims and other scripts take, by Redis' own records, which count neither clients nor the network."""

import signal
import time
import uuid
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

from controller.core.identity import ticket_of
from controller.index.index import Index
from controller.index.messages import Wanted
from tests.cluster import Process

_CLAIMS = 300
_AHEAD_MS = 3_000
_LEASE_MS = 60_000
_DAY_MS = 86_400_000


def script_us(before: Mapping[str, Any], after: Mapping[str, Any]) -> float:
    """Microseconds of a script on average, between two answers to INFO commandstats."""
    calls, usec = (_of_scripts(after, field) - _of_scripts(before, field) for field in ("calls", "usec"))
    return usec / max(calls, 1)


async def claim_costs(index: Index, workers: Sequence[Process]) -> dict[str, float]:
    """Microseconds of a claim that finds nothing due, and of one that takes a timer; workers stand still meanwhile."""
    for worker in workers:
        worker.send_signal(signal.SIGSTOP)
    try:
        return await _claim_costs(index)
    finally:
        for worker in workers:
            worker.send_signal(signal.SIGCONT)


async def _claim_costs(index: Index) -> dict[str, float]:
    due_ms, tokens = time.time_ns() // 1_000_000, count(1)
    wanted = [
        Wanted(ticket_of(str(uuid.UUID(int=number))), 1, due_ms - _DAY_MS, due_ms, "default", f"probe-{number:06}")
        for number in range(_CLAIMS)
    ]
    # Once before it counts: the script may have to be loaded.
    await index.claim(f"bench.{next(tokens)}", 1, _AHEAD_MS, _LEASE_MS)
    found = {"claim_none_us": await _claimed(index, tokens, 0)}
    await index.sync(wanted)
    found["claim_one_us"] = await _claimed(index, tokens, 1)
    await index.remove(one.ticket for one in wanted)
    return found


async def _claimed(index: Index, tokens: "count[int]", each: int) -> float:
    before = await index.redis.info("commandstats")
    for _ in range(_CLAIMS):
        claim = await index.claim(f"bench.{next(tokens)}", 1, _AHEAD_MS, _LEASE_MS)
        assert len(claim.leases) == each
    return script_us(before, await index.redis.info("commandstats"))


def _of_scripts(info: Mapping[str, Any], field: str) -> float:
    return float((info.get("cmdstat_evalsha") or {}).get(field, 0))
