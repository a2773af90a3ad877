"""One run of one arm, on a fresh stack."""

import asyncio
import json
import math
import os
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from controller.index.index import Index
from controller.kube import paths
from controller.kube.api import ApiServer
from controller.loops import wall_clock_ms
from tests.bench.burst import poster
from tests.bench.burst.arms import Step, next_minute_ms
from tests.bench.burst.figures import Evidence, Run, run_of
from tests.bench.common.arrivals import Jobs, Statuses, watching
from tests.bench.common.cluster import NAMESPACE, PREPARED_FASTER, all_alive, connected, indexed, started
from tests.bench.common.cpu import pids_of, snapshot, used_between
from tests.bench.common.errors import BenchError
from tests.bench.common.output import Say
from tests.bench.common.timers import AT_A_TIME, create_many, cronjob, cronjobs_path, minute_schedule, timer_at
from tests.cluster import Process, Stack
from tests.cluster.stack import CHECKOUT
from tests.harness.product import NAMESPACE as PRODUCT_NAMESPACE

MEASURED_FROM_S = 4
"""CPU counts from so long before the instant: workers begin to prepare three seconds before it."""

_SPARE_S = 10
_SLOWER_THAN_PROBED = 2
"""Whatever else runs on this machine may take more of it than during the probe."""
_PATIENCE_S = 180
_DAY_MS = 86_400_000


async def burst(stack: Stack, step: Step, lead_s: float | None, say: Say) -> Run:
    """Create the timers, wait for their instant, watch their Jobs. Raises BenchError."""
    arm = step.arm
    processes = [] if arm.uses_cronjobs else await started(stack, arm.workers, PREPARED_FASTER)
    async with connected(stack) as (api, index):
        jobs, statuses = Jobs(step.timers), Statuses(step.timers)
        due = _Due(api, index, statuses, cronjobs=arm.uses_cronjobs, processes=processes)
        async with watching(api, {paths.jobs(NAMESPACE): jobs.see, due.path: statuses.see}):
            if lead_s is None:
                lead_s = await due.probe(step.timers, say)
            instant_ms = due.instant_ms(lead_s)
            await create_many(api, due.path, lambda number: due.body(number, instant_ms), step.timers, say, due.what)
            deadline = time.monotonic() + (instant_ms - wall_clock_ms()) / 1000 - MEASURED_FROM_S
            await due.in_place(step.timers, deadline)
            if arm.posts:
                processes.append(await _poster(stack, instant_ms, deadline))
            evidence = await _measured(_Measurement(stack, step, instant_ms, jobs, statuses, processes), say)
            all_alive(processes)
            return run_of(step, evidence, os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class _Due:
    """The objects that are due, timers or CronJobs, and where they are."""

    api: ApiServer
    index: Index
    statuses: Statuses
    cronjobs: bool
    processes: Sequence[Process]

    @property
    def path(self) -> str:
        return cronjobs_path(NAMESPACE) if self.cronjobs else paths.timers(NAMESPACE)

    @property
    def what(self) -> str:
        return "CronJobs" if self.cronjobs else "timers"

    def body(self, number: int, instant_ms: int) -> bytes:
        name = f"burst-{number:06}"
        if self.cronjobs:
            return cronjob(name, NAMESPACE, minute_schedule(instant_ms))
        return timer_at(name, NAMESPACE, instant_ms)

    def instant_ms(self, lead_s: float) -> int:
        """The first that is possible, so far ahead."""
        not_before_ms = math.ceil(time.time() + lead_s) * 1000
        return next_minute_ms(not_before_ms) if self.cronjobs else not_before_ms

    async def in_place(self, wanted: int, deadline: float) -> None:
        """Wait until so many are known to whoever fires them, and nobody has anything left to do for them.

        `deadline` is of the monotonic clock; BenchError where it is over.
        """
        if not self.cronjobs:
            await indexed(self.index, wanted, deadline, self.processes)
            what = "timers with a status"
            count = self._settled
        else:
            # What the CronJob controller knows nobody can ask; it needs no answer from anybody to know it.
            what, count = "CronJobs", self._created
        while (found := await count()) < wanted:
            if time.monotonic() > deadline:
                raise BenchError(
                    f"there are {found} {what} where there should be {wanted}, and there is no time to wait any "
                    "longer: this machine is busy or slow; give it more time with --lead SECONDS"
                )
            await asyncio.sleep(0.1)

    async def probe(self, count: int, say: Say) -> float:
        """How far ahead the instant has to be, in s, found with a tenth of the objects, which are removed again."""
        probes, far_ahead_ms = max(AT_A_TIME, count // 10), wall_clock_ms() + _DAY_MS
        began = time.monotonic()
        await create_many(
            self.api, self.path, lambda number: self.body(number, far_ahead_ms), probes, lambda _: None, self.what
        )
        await self.in_place(probes, began + _PATIENCE_S)
        rate = probes / (time.monotonic() - began)
        await self.api.delete(self.path, {})
        if not self.cronjobs:
            await indexed(self.index, 0, time.monotonic() + _PATIENCE_S, self.processes)
            self.statuses.settled.clear()
        lead_s = _SPARE_S + _SLOWER_THAN_PROBED * count / rate
        minute = ", at the next full minute" if self.cronjobs else ""
        say(
            f"{rate:.0f} {self.what} per second are created and ready, so their instant is {lead_s:.0f} s ahead{minute}"
        )
        return lead_s

    async def _settled(self) -> int:
        all_alive(self.processes)
        return len(self.statuses.settled)

    async def _created(self) -> int:
        listed = await self.api.get(self.path, limit="1")
        return len(listed["items"]) + int(listed["metadata"].get("remainingItemCount") or 0)


@dataclass(frozen=True, slots=True)
class _Measurement:
    stack: Stack
    step: Step
    instant_ms: int
    jobs: Jobs
    statuses: Statuses
    processes: Sequence[Process]


async def _measured(run: _Measurement, say: Say) -> Evidence:
    pids, instant_s = pids_of(run.stack, run.processes), run.instant_ms / 1000
    say(f"all are in place, {instant_s - time.time():.0f} s before their instant")
    await asyncio.sleep(instant_s - MEASURED_FROM_S - time.time())
    before = snapshot(pids)
    await asyncio.sleep(instant_s - time.time())
    at_instant = snapshot(pids)
    await _all(run.jobs.complete, instant_s + run.step.arm.patience_s, run.jobs.arrivals, "Jobs", say)
    at_last_job = snapshot(pids)
    if not run.jobs.arrivals:
        raise BenchError(f"no Job arrived within {run.step.arm.patience_s} s after the instant")
    await _all(run.statuses.complete, instant_s + run.step.arm.patience_s, run.statuses.owners, "statuses", say)
    return Evidence(
        instant_ms=run.instant_ms,
        arrivals=[(arrival.owner, arrival.arrived_ms) for arrival in run.jobs],
        answered_ms=[lag_ms for process in run.processes for lag_ms in _answered_ms(process)],
        statuses=len(run.statuses.owners),
        last_status_ms=run.statuses.last_ms,
        burst=used_between(at_instant, at_last_job),
        until_jobs=used_between(before, at_last_job),
        until_statuses=used_between(before, snapshot(pids)),
    )


async def _all(
    complete: asyncio.Event, until_s: float, found: Sequence[object] | set[str], what: str, say: Say
) -> None:
    """Wait for all, but not for ever: what is not there then is counted as missed."""
    while not complete.is_set() and (left_s := until_s - time.time()) > 0:
        try:
            async with asyncio.timeout(min(left_s, 10)):
                await complete.wait()
        except TimeoutError:
            say(f"{len(found)} {what} so far")


async def _poster(stack: Stack, instant_ms: int, deadline: float) -> Process:
    """Started, and prepared before the deadline (of the monotonic clock); BenchError where it is not."""
    environment = {
        **stack.environment(),
        "KUBECONFIG": str(stack.kubeconfig_for(PRODUCT_NAMESPACE, "redistimer-worker")),
        "PYTHONPATH": str(CHECKOUT),
    }
    command = [sys.executable, "-m", poster.__name__, str(instant_ms), NAMESPACE, str(stack.kubeconfig)]
    process = stack.spawn("poster", command, environment)
    while poster.READY not in process.log_text().split():
        all_alive([process])
        if time.monotonic() > deadline:
            raise BenchError("there was no time to prepare the Jobs: give it more with --lead SECONDS")
        await asyncio.sleep(0.1)
    return process


def _answered_ms(process: Process) -> list[int]:
    """The lags to the API server's answer that a worker, or the poster, had."""
    log = process.log_text()
    if process.name == "poster":
        lines = [line for line in log.splitlines() if line.startswith("{")]
        return [int(lag) for line in lines for lag in json.loads(line)["answered_ms"]]
    return [int(lag) for lag in re.findall(r"job created.* lag_ms=(\d+)", log)]
