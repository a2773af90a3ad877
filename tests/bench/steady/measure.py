"""One measurement on a fresh stack: of many timers one after the other, or of one every second."""

import argparse
import asyncio
import math
import time
from collections.abc import Sequence
from typing import Any

import orjson

from controller.core.timer import API_VERSION, KIND
from controller.index.index import Index
from controller.kube import paths
from controller.kube.api import ApiServer
from controller.loops import wall_clock_ms
from tests.bench.common.arrivals import Jobs, watching
from tests.bench.common.cluster import NAMESPACE, PREPARED_FASTER, all_alive, connected, indexed, started
from tests.bench.common.cpu import Snapshot, pids_of, snapshot, used_between
from tests.bench.common.errors import BenchError
from tests.bench.common.output import Say
from tests.bench.common.timers import JOB_TEMPLATE, create_all, create_many, timer_at
from tests.bench.steady.lags import answered_in, counted, faults_in, figures_of
from tests.bench.steady.settled import Settled
from tests.cluster import Process, Stack

Run = dict[str, Any]

_TIMERS = paths.timers(NAMESPACE)
_SPARE_S = 10
_SLOWER_THAN_PROBED = 2.5
"""The few of a probe are settled that much faster than thousands, which are being created all the while."""
_PROBED_PART = 20
_FEWEST_PROBES = 48
_PATIENCE_S = 180.0
_LATE_S = 30.0
_MOST_LEFT = 30
"""Jobs of the timer of every second, at its end: those of the history, and of the seconds that status is behind."""
_DAY_MS = 86_400_000
_SECOND_MS = 1000


async def steady(stack: Stack, options: argparse.Namespace, say: Say) -> Run:
    """Timers that are due once each, at even distances, all of them created and settled before."""
    count = options.rate * (options.warm_up + options.seconds)
    async with connected(stack) as (api, index):
        processes = await started(stack, options.workers, PREPARED_FASTER)
        lead_s = options.lead or await _lead_s(api, index, count, processes, say)
        begin_ms = math.ceil(time.time() + lead_s) * _SECOND_MS
        instants = [begin_ms + number * _SECOND_MS // options.rate for number in range(count)]
        settled = Settled(count)
        async with watching(api, {_TIMERS: settled.see}):
            await create_many(api, _TIMERS, lambda n: timer_at(f"steady-{n:06}", NAMESPACE, instants[n]), count, say)
            await _until(settled.all, begin_ms / 1000 - 1 - time.time(), processes)
        if not settled.all.is_set():
            raise BenchError(
                f"only {len(settled.uids)} of {count} timers had a status one second before the first was due: this "
                "machine is busy or slow; give it more time with --lead SECONDS"
            )
        say(f"all timers are settled; they are due from {begin_ms / 1000 - time.time():.0f} s on")
        jobs = Jobs(expected=count)
        from_ms, until_ms = begin_ms + options.warm_up * _SECOND_MS, instants[-1] + 1
        async with watching(api, {paths.jobs(NAMESPACE): jobs.see}):
            used = await _while(stack, processes, from_ms, until_ms, say)
            await _until(jobs.complete, _LATE_S, processes)
        return _run(jobs, processes, from_ms, until_ms, options.rate * options.seconds, used)


async def idle(stack: Stack, options: argparse.Namespace, say: Say) -> Run:
    """One timer that is due every second, by a schedule: that is what a cluster has in which little happens.

    Its Jobs are complete as soon as the Job controller sees them, and the controller removes all but three: nothing
    piles up.
    """
    async with connected(stack) as (api, _):
        processes = await started(stack, options.workers)
        jobs = Jobs()
        async with watching(api, {paths.jobs(NAMESPACE): jobs.see}):
            await api.create(_TIMERS, _every_second())
            from_ms = math.ceil(time.time() + options.warm_up) * _SECOND_MS
            until_ms = from_ms + options.idle_seconds * _SECOND_MS
            used = await _while(stack, processes, from_ms, until_ms, say)
            deadline = time.monotonic() + _LATE_S
            while time.monotonic() < deadline and len(counted(jobs, from_ms, until_ms)) < options.idle_seconds:
                all_alive(processes)
                await asyncio.sleep(0.2)
        left = len((await api.get(paths.jobs(NAMESPACE)))["items"])
        piled_up = left if left > _MOST_LEFT else 0
        return {**_run(jobs, processes, from_ms, until_ms, options.idle_seconds, used), "piled_up": piled_up}


def _run(
    jobs: Jobs, processes: Sequence[Process], from_ms: int, until_ms: int, due: int, used: tuple[Snapshot, Snapshot]
) -> Run:
    all_alive(processes)
    arrivals = counted(jobs, from_ms, until_ms)
    if not arrivals:
        raise BenchError("no Job arrived: see the logs of the workers")
    cpu = used_between(*used)
    return {
        **figures_of(arrivals, answered_in((process.log_text() for process in processes), from_ms, until_ms)),
        **faults_in(arrivals, due),
        "cpu_ms_per_fire": {name: seconds * 1000 / due for name, seconds in cpu.by_name().items()},
        "core_share": {name: seconds / cpu.took_s for name, seconds in cpu.by_name().items()},
        "busy_cores": cpu.busy_cores,
        "others_percent": cpu.others_share() * 100,
    }


async def _lead_s(api: ApiServer, index: Index, count: int, processes: Sequence[Process], say: Say) -> float:
    """How far ahead the first timer has to be, found with a few, which are removed again."""
    probes = max(_FEWEST_PROBES, count // _PROBED_PART)
    settled, far_ms, began = Settled(probes), wall_clock_ms() + _DAY_MS, time.monotonic()
    async with watching(api, {_TIMERS: settled.see}):
        await create_all(api, _TIMERS, (timer_at(f"probe-{n:06}", NAMESPACE, far_ms) for n in range(probes)))
        await _until(settled.all, _PATIENCE_S, processes)
    rate = probes / (time.monotonic() - began)
    await api.delete(_TIMERS, {})
    await indexed(index, 0, time.monotonic() + _PATIENCE_S, processes)
    lead_s = _SPARE_S + _SLOWER_THAN_PROBED * count / rate
    say(f"{rate:.0f} timers per second are settled, so the first of {count} is due in {lead_s:.0f} s")
    return lead_s


async def _while(
    stack: Stack, processes: Sequence[Process], from_ms: int, until_ms: int, say: Say
) -> tuple[Snapshot, Snapshot]:
    """The CPU used by everybody at the begin and at the end of a time; while it lasts, only that is waited for."""
    pids = pids_of(stack, processes)
    await asyncio.sleep(max(0.0, from_ms / 1000 - time.time()))
    all_alive(processes)
    before = snapshot(pids)
    say(f"measuring for {(until_ms - from_ms) / 1000:.0f} s ...")
    await asyncio.sleep(max(0.0, until_ms / 1000 - time.time()))
    all_alive(processes)
    return before, snapshot(pids)


async def _until(event: asyncio.Event, longest_s: float, processes: Sequence[Process]) -> None:
    """Wait for an event, but not for ever: what is not there then is found missing later."""
    try:
        async with asyncio.timeout(longest_s):
            await event.wait()
    except TimeoutError:
        all_alive(processes)


def _every_second() -> bytes:
    template = {"spec": {**JOB_TEMPLATE["spec"], "completions": 0}}
    spec = {"schedule": "* * * * * *", "jobTemplate": template}
    metadata = {"name": "idle", "namespace": NAMESPACE}
    return orjson.dumps({"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec})
