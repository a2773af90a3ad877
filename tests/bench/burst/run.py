"""One run of the burst on a fresh stack: many timers due at the same instant."""

import asyncio
import math
import os
import re
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import orjson

from controller.core.instants import rfc3339
from controller.core.job import TIMER_UID_LABEL
from controller.core.timer import API_VERSION, KIND
from controller.index.connect import connect_redis
from controller.index.index import Index
from controller.kube import paths
from controller.kube.api import ApiServer
from controller.loops import cancel, wall_clock_ms
from controller.settings import load_settings
from tests.bench.cpu import Snapshot, snapshot, used_between
from tests.bench.result import OTHERS, Result, result_of
from tests.cluster import Process, Stack
from tests.harness.product import start_product, wait_until_ready
from tests.harness.watch import Seen, current_version, watch

NAMESPACE = "bench"
_TIMERS = f"{paths.ALL_TIMERS.rpartition('/')[0]}/namespaces/{NAMESPACE}/redistimers"
_AT_A_TIME = 16
_SPARE_S = 10
_SLOWER_THAN_PROBED = 2
"""Whatever else runs on this machine may take more of it than during the probe."""
_MEASURED_FROM_S = 4
"""Before the instant: workers begin to prepare three seconds before it."""
_PATIENCE_S = 180

Say = Callable[[str], None]


class BenchError(Exception):
    """The run could not measure what it is about; the message says why and what to do."""


@dataclass
class _Record:
    """What the watches have shown, reduced as little as possible while the clock runs."""

    timers: int
    instant_ms: int = 0
    arrivals: list[tuple[str, int]] = field(default_factory=list)
    all_arrived: asyncio.Event = field(default_factory=asyncio.Event)
    reported: set[str] = field(default_factory=set)
    reported_ms: int = 0
    all_reported: asyncio.Event = field(default_factory=asyncio.Event)

    def see_job(self, seen: Seen) -> None:
        if seen.kind == "ADDED":
            self.arrivals.append((seen.obj["metadata"]["labels"][TIMER_UID_LABEL], seen.arrived_ms))
            if len(self.arrivals) >= self.timers:
                self.all_arrived.set()

    def see_timer(self, seen: Seen) -> None:
        if (seen.obj.get("status") or {}).get("lastScheduleTime"):
            self.reported.add(seen.obj["metadata"]["uid"])
            if len(self.reported) == self.timers:
                self.reported_ms = self.reported_ms or seen.arrived_ms
                self.all_reported.set()


async def burst(stack: Stack, timers: int, workers: int, lead_s: float | None, say: Say) -> Result:
    """Create the timers, wait for their instant, watch their Jobs. Raises BenchError."""
    processes = start_product(stack, workers)
    for process in processes:
        await wait_until_ready(process, lambda _: None)
    stack.kubectl("create", "namespace", NAMESPACE)
    async with AsyncExitStack() as resources:
        settings = load_settings(["--kubeconfig", str(stack.kubeconfig), "--redis-url", stack.redis_url], "bench")
        api = await resources.enter_async_context(await ApiServer.connect(settings))
        index = Index(await resources.enter_async_context(connect_redis(settings)), settings.installation)
        record = _Record(timers)
        watching = [
            asyncio.create_task(watch(api, path, await current_version(api, path), see))
            for path, see in ((paths.jobs(NAMESPACE), record.see_job), (_TIMERS, record.see_timer))
        ]
        try:
            if lead_s is None:
                rate = await _probed_rate(api, index, timers, processes)
                lead_s = _SPARE_S + _SLOWER_THAN_PROBED * timers / rate
                say(f"{rate:.0f} timers per second come into the index, so their instant is {lead_s:.0f} s ahead")
            record.instant_ms = math.ceil(time.time() + lead_s) * 1000
            await _create_all(api, timers, record.instant_ms, say)
            left_s = record.instant_ms / 1000 - time.time() - _MEASURED_FROM_S
            await _indexed(index, timers, time.monotonic() + left_s, processes)
            result = await _measured(record, stack, processes, say)
            _all_alive(processes)
            return result
        finally:
            await cancel(*watching)


async def _measured(record: _Record, stack: Stack, processes: Sequence[Process], say: Say) -> Result:
    pids = _pids(stack, processes)
    wait_s = record.instant_ms / 1000 - time.time()
    say(f"all {record.timers} timers are in the index, {wait_s:.0f} s before their instant")
    await asyncio.sleep(wait_s - _MEASURED_FROM_S)
    before = snapshot(pids)
    await asyncio.sleep(record.instant_ms / 1000 - time.time())
    at_instant = snapshot(pids)
    await _all(record.all_arrived, record.instant_ms)
    at_last_job = snapshot(pids)
    await _all(record.all_reported, record.instant_ms)
    at_last_status = snapshot(pids)
    if not record.arrivals:
        raise BenchError(f"no Job arrived within {_PATIENCE_S} s after the instant: see the logs of the workers")
    return result_of(
        record.timers,
        record.instant_ms,
        record.arrivals,
        [int(lag) for process in processes for lag in re.findall(r"job created.* lag_ms=(\d+)", process.log_text())],
        record.reported_ms or wall_clock_ms(),
        at_last_job.machine - at_instant.machine,
        _seconds(before, at_last_job),
        _seconds(before, at_last_status),
    )


async def _probed_rate(api: ApiServer, index: Index, timers: int, processes: Sequence[Process]) -> float:
    """How many timers per second come into the index, found with a tenth of them, which are removed again."""
    probes, far_ahead_ms = max(_AT_A_TIME, timers // 10), wall_clock_ms() + 86_400_000
    began = time.monotonic()
    await _create(api, range(probes), far_ahead_ms)
    await _indexed(index, probes, began + _PATIENCE_S, processes)
    took_s = time.monotonic() - began
    await api.delete(_TIMERS, {})
    await _indexed(index, 0, time.monotonic() + _PATIENCE_S, processes)
    return probes / took_s


async def _create_all(api: ApiServer, timers: int, instant_ms: int, say: Say) -> None:
    began = time.monotonic()
    step = max(_AT_A_TIME, math.ceil(timers / 4))
    for start in range(0, timers, step):
        end = min(start + step, timers)
        await _create(api, range(start, end), instant_ms)
        say(f"created {end} of {timers} timers ({end / (time.monotonic() - began):.0f} per second)")


async def _create(api: ApiServer, numbers: range, instant_ms: int) -> None:
    async def create_some(share: range) -> None:
        for number in share:
            await api.create(_TIMERS, _timer(number, instant_ms))

    await asyncio.gather(*(create_some(numbers[first::_AT_A_TIME]) for first in range(_AT_A_TIME)))


async def _indexed(index: Index, wanted: int, deadline: float, processes: Sequence[Process]) -> None:
    """Wait until the index has so many timers; `deadline` is of the monotonic clock."""
    while (found := (await index.inspect()).tickets) != wanted:
        _all_alive(processes)
        if time.monotonic() > deadline:
            raise BenchError(
                f"the index has {found} timers where it should have {wanted}, and there is no time to wait any longer: "
                "this machine is busy or slow; give it more time with --lead SECONDS"
            )
        await asyncio.sleep(0.1)


def _all_alive(processes: Sequence[Process]) -> None:
    for process in processes:
        if (code := process.poll()) is not None:
            raise BenchError(f"{process.name} has ended (exit code {code}):\n{process.log_tail()}")


async def _all(event: asyncio.Event, instant_ms: int) -> None:
    """Wait for all, but not for ever: what is not there then is counted as missed."""
    try:
        async with asyncio.timeout(instant_ms / 1000 + _PATIENCE_S - time.time()):
            await event.wait()
    except TimeoutError:
        pass


def _seconds(before: Snapshot, after: Snapshot) -> dict[str, float]:
    used = used_between(before, after)
    return {**used.processes, OTHERS: used.others}


def _pids(stack: Stack, processes: Sequence[Process]) -> dict[str, int]:
    assert stack.redis.process is not None
    components = [stack.api_server, stack.etcd, stack.controller_manager, stack.redis.process, *processes]
    return {**{process.name: process.pid for process in components}, "benchmark (its watch)": os.getpid()}


def _timer(number: int, instant_ms: int) -> bytes:
    container = {"name": "job", "image": "busybox:1.37", "command": ["true"]}
    pod: dict[str, Any] = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    timer = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": f"burst-{number:06}", "namespace": NAMESPACE},
        # No Pods: this is about Jobs.
        "spec": {"at": rfc3339(instant_ms), "jobTemplate": {"spec": {"parallelism": 0, "template": pod}}},
    }
    return orjson.dumps(timer)
