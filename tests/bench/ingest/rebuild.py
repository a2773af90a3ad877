"""A fresh controller and an empty Redis: how long until the index is rebuilt, and how much longer for the next time."""

import asyncio
import os
import time
from collections.abc import Sequence
from typing import Any, Protocol

from tests.bench.common.cluster import all_alive
from tests.bench.common.cpu import OURSELVES
from tests.bench.common.errors import BenchError
from tests.bench.common.output import Say
from tests.bench.ingest.logs import Rebuilt, address, rebuilds
from tests.bench.ingest.observed import Observer, peak_rss_mb
from tests.cluster import Process
from tests.cluster.redis_server import RedisServer
from tests.harness.product import Host, start_role

Run = dict[str, Any]

_POLL_S = 0.02
_PATIENCE_S = 600.0


class Cluster(Host, Protocol):
    """Where a controller can be started, with a Redis that is ours to empty."""

    @property
    def redis(self) -> RedisServer: ...


async def rebuilt(
    cluster: Cluster, server: Process, timers: int, again_after_s: int, say: Say, beside: Sequence[Process] = ()
) -> Run:
    """Rebuild the index of so many timers twice.

    `server` is what answers the controller: its CPU is told as well. What runs `beside` belongs to the measurement.
    """
    with cluster.redis.client() as redis:
        redis.flushall()
    assert cluster.redis.process is not None
    settings = {"REDISTIMER_REBUILD_SECONDS": str(again_after_s)}
    controller = start_role(cluster, "controller-rebuilding", "controller", settings)
    pids = {process.name: process.pid for process in beside} | {OURSELVES: os.getpid()}
    pids |= {"controller": controller.pid, "server": server.pid, "redis": cluster.redis.process.pid}
    async with Observer(pids) as observer:
        began_s = time.monotonic()
        first, first_s = await _nth(controller, 1, observer)
        first_rss_mb = peak_rss_mb(controller.pid)
        say(f"{first.timers} timers after {first.since_leading_s:.1f} s of leading; once more in {again_after_s} s ...")
        second, second_s = await _nth(controller, 2, observer)
        second_rss_mb = peak_rss_mb(controller.pid)
    record = observer.record
    leading_s, again_s = first_s - first.since_leading_s, second_s - second.seconds
    controller.terminate()
    await asyncio.to_thread(controller.wait, 60)
    return {
        "timers": timers,
        "rebuild_s": first.since_leading_s,
        "rebuild_cpu_s": record.cpu_s("controller", leading_s, first_s),
        "start_cpu_s": record.cpu_s("controller", began_s, leading_s),
        "rebuild_server_cpu_s": record.cpu_s("server", leading_s, first_s),
        "rebuild_redis_cpu_s": record.cpu_s("redis", leading_s, first_s),
        "rebuild_rss_mb": first_rss_mb,
        "rebuild_others_percent": record.others_percent(leading_s, first_s),
        "rebuild_block_ms": _ms(record.longest_block_s(leading_s, first_s)),
        "between_cpu_s": record.cpu_s("controller", first_s, again_s),
        "again_s": second.seconds,
        "again_cpu_s": record.cpu_s("controller", again_s, second_s),
        "again_block_ms": _ms(record.longest_block_s(again_s, second_s)),
        "peak_rss_mb": second_rss_mb,
        "unindexed": timers - min(first.timers, second.timers),
    }


async def _nth(controller: Process, number: int, observer: Observer) -> tuple[Rebuilt, float]:
    """The nth rebuild, and when its end was seen."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        log = controller.log_text()
        observer.address = address(log)
        if len(done := rebuilds(log)) >= number:
            return done[number - 1], time.monotonic()
        all_alive([controller])
        await asyncio.sleep(_POLL_S)
    raise BenchError(f"the index was not rebuilt within {_PATIENCE_S:.0f} s:\n{controller.log_tail()}")


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000
