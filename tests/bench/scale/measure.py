"""One measurement: so many timers wait, nothing happens for a while, and then some are due one after the other."""

import argparse
import asyncio
import math
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from controller.core.identity import ticket_of
from controller.core.instants import parse_rfc3339
from controller.index.index import Index
from controller.index.messages import Wanted
from controller.kube import paths
from controller.kube.api import ApiServer
from controller.kube.errors import ApiUnreachableError
from controller.loops import wall_clock_ms
from tests.bench.common.arrivals import Jobs, watching
from tests.bench.common.cluster import NAMESPACE, all_alive
from tests.bench.common.cpu import Used, pids_of, snapshot, used_between
from tests.bench.common.errors import BenchError
from tests.bench.common.output import Say
from tests.bench.common.timers import AT_A_TIME, timer_at
from tests.bench.scale.cost import claim_costs, script_us
from tests.bench.scale.waiting import empty, fill
from tests.bench.steady.lags import answered_in, faults_in, figures_of
from tests.cluster import Process, Stack
from tests.harness.product import start_role, wait_until_ready

Run = dict[str, Any]

_TIMERS = paths.timers(NAMESPACE)
_SPARE_S = 7
_CREATED_PER_S = 60
_MEASURED_FROM_S = 4.0
_SETTLE_S = 4.0
_LATE_S = 30.0
_GONE_S = 300.0


async def started_workers(stack: Stack, index: Index, workers: int) -> list[Process]:
    """So many workers, ready, on an empty index that they believe."""
    await empty(index)
    processes = [start_role(stack, f"worker-{number}", "worker") for number in range(1, workers + 1)]
    for process in processes:
        await wait_until_ready(process, lambda _: None)
    return processes


async def beside(
    timers: int,
    options: argparse.Namespace,
    stack: Stack,
    api: ApiServer,
    index: Index,
    workers: Sequence[Process],
    say: Say,
) -> Run:
    """Measure with so many timers waiting. Raises BenchError."""
    await empty(index)
    await _remove_all(api)
    bytes_per_timer = await fill(index, timers, wall_clock_ms(), say)
    await asyncio.sleep(_SETTLE_S)
    say(f"{bytes_per_timer:.0f} bytes for each timer; nothing is due for {options.idle} s ...")
    nothing_due = await _idle(stack, workers, options.idle)
    claims = await claim_costs(index, workers)
    say(f"{options.due} timers are due, {options.rate} per second ...")
    found = await _due(options, stack, api, index, workers)
    all_alive(workers)
    return {"bytes_per_timer": bytes_per_timer, **_shares(nothing_due, workers), **claims, **found}


async def _idle(stack: Stack, workers: Sequence[Process], seconds: float) -> Used:
    pids = pids_of(stack, workers)
    before = snapshot(pids)
    await asyncio.sleep(seconds)
    all_alive(workers)
    return used_between(before, snapshot(pids))


def _shares(used: Used, workers: Sequence[Process]) -> dict[str, float]:
    each = [used.processes[worker.name] / used.took_s for worker in workers]
    return {"idle_worker_share": sum(each) / len(each), "idle_redis_share": used.processes["redis"] / used.took_s}


async def _due(
    options: argparse.Namespace, stack: Stack, api: ApiServer, index: Index, workers: Sequence[Process]
) -> Run:
    begin_ms = math.ceil(time.time() + _SPARE_S + options.due / _CREATED_PER_S) * 1000
    instants = [begin_ms + number * 1000 // options.rate for number in range(options.due)]
    jobs = Jobs(expected=options.due)
    await _create(api, index, instants)
    left_s = begin_ms / 1000 - time.time() - _MEASURED_FROM_S
    if left_s < 0:
        raise BenchError("the timers were not created in time: this machine is busy or slow, take fewer with --due")
    await asyncio.sleep(left_s)
    pids = pids_of(stack, workers)
    async with watching(api, {paths.jobs(NAMESPACE): jobs.see}):
        before, commands = snapshot(pids), await index.redis.info("commandstats")
        await asyncio.sleep(max(0.0, instants[-1] / 1000 - time.time()))
        try:
            async with asyncio.timeout(_LATE_S):
                await jobs.complete.wait()
        except TimeoutError:
            pass  # counted as missed
        all_alive(workers)
        used = used_between(before, snapshot(pids))
        a_script_us = script_us(commands, await index.redis.info("commandstats"))
    if not jobs.arrivals:
        raise BenchError("no Job arrived: see the logs of the workers")
    answered = answered_in((worker.log_text() for worker in workers), begin_ms, instants[-1] + 1)
    of_workers = sum(used.processes[worker.name] for worker in workers)
    return {
        **figures_of(jobs.arrivals, answered),
        **faults_in(jobs.arrivals, options.due),
        "script_us": a_script_us,
        "due_worker_ms": of_workers * 1000 / options.due,
        "due_redis_ms": used.processes["redis"] * 1000 / options.due,
        "others_percent": used.others_share() * 100,
    }


async def _create(api: ApiServer, index: Index, instants: Sequence[int]) -> None:
    """Create the timers that are due, and give each the ticket that a controller would give it."""
    waiting = iter(enumerate(instants))

    async def create_some() -> None:
        for number, instant_ms in waiting:
            body = timer_at(f"due-{number:06}", NAMESPACE, instant_ms)
            metadata = (await api.create(_TIMERS, body))["metadata"]
            created_ms = parse_rfc3339(metadata["creationTimestamp"])
            name, ticket = metadata["name"], ticket_of(metadata["uid"])
            await index.sync([Wanted(ticket, metadata["generation"], created_ms, instant_ms, NAMESPACE, name)])

    await asyncio.gather(*(create_some() for _ in range(AT_A_TIME)))


async def _remove_all(api: ApiServer) -> None:
    """Remove what an earlier measurement has left, and wait until it is gone."""
    jobs, deadline = paths.jobs(NAMESPACE), time.monotonic() + _GONE_S
    while (await api.get(jobs, limit="1"))["items"] or (await api.get(_TIMERS, limit="1"))["items"]:
        if time.monotonic() > deadline:
            raise BenchError("Jobs of an earlier measurement are still there: see the log of kube-controller-manager")
        # To delete so many can take longer than an answer may: what is gone by then is gone.
        with suppress(ApiUnreachableError):
            await api.delete(_TIMERS, {})
            await api.delete(jobs, {"propagationPolicy": "Background"})
        await asyncio.sleep(0.5)
