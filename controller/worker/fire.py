"""One lease, from claim to acknowledgement: read, decide, prepare, wait, confirm, create, acknowledge.

Whatever goes wrong on the way, the ticket goes back to the index and is looked at again from the start; the
Job's name, a function of timer and occurrence, makes that safe at every point.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import orjson
from redis.exceptions import RedisError

from controller.core.decision import Decision, Missed, decide
from controller.core.identity import job_name
from controller.core.instants import rfc3339_ms
from controller.core.job import job_manifest, parse_run
from controller.core.reasons import Reason
from controller.core.refusal import SHORTEST_BACKOFF_MS, refusal_reason, try_again_ms
from controller.core.report import COUNT_LIMIT, MESSAGE_LIMIT, Report
from controller.core.timer import Timer, parse_timer
from controller.index.index import Index
from controller.index.messages import Again, Done, Lease
from controller.kube import paths
from controller.kube.api import ApiServer
from controller.kube.errors import ApiError, ApiUnreachableError
from controller.loops import wall_clock_ms
from controller.observe import metrics
from controller.worker.alarm import Alarm
from controller.worker.batch import Batch
from controller.worker.leases import Leases
from controller.worker.pace import Pace

log = logging.getLogger(__name__)

_UNEXPECTED_PAUSE_MS = 60_000


class Firing:
    """Everything that handling a lease needs; one for all leases of a worker."""

    def __init__(
        self,
        api: ApiServer,
        index: Index,
        leases: Leases,
        pace: Pace,
        alarm: Alarm,
        ahead_ms: int,
        now_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self._api = api
        self._leases = leases
        self._pace = pace
        self._alarm = alarm
        self._ahead_ms = ahead_ms
        self._now_ms = now_ms
        self._stopping = asyncio.Event()
        self._confirm = Batch(index.confirm)
        self._ack = Batch(index.ack)
        self._retry = Batch(index.retry)
        self._drop = Batch(index.drop)

    def stop(self) -> None:
        """Give back whatever still waits for its instant; what is being created is finished."""
        self._stopping.set()

    async def handle(self, lease: Lease) -> None:
        """Do what a lease calls for. Never raises: one bad object delays nobody but itself."""
        try:
            try:
                await self._look(lease)
            except RedisError:
                raise
            except Exception:
                log.exception("unexpected error, looking again in a minute", extra=_keys(lease))
                await self._give_back(lease, self._now_ms() + _UNEXPECTED_PAUSE_MS)
        except RedisError as error:
            # The lease runs out by itself, and whoever claims the ticket then starts from the truth.
            log.warning("index did not answer: %s", error, extra=_keys(lease))
        finally:
            self._leases.let_go(lease)

    async def _look(self, lease: Lease) -> None:
        try:
            timer = await self._read(lease)
        except (ApiError, ApiUnreachableError) as error:
            log.warning("timer could not be read: %s", error, extra=_keys(lease))
            return await self._give_back(lease, self._now_ms() + self._unavailable_ms(error))
        if timer is None:
            await self._drop(lease)
            return None
        decision = decide(timer, lease.mark_ms, self._now_ms(), self._ahead_ms)
        if decision.fire_ms is None or timer.timing is None:
            return await self._acknowledge(lease, timer, decision.handled_through_ms, decision)
        due_ms = timer.timing.due_ms(decision.fire_ms)
        return await self._fire(lease, timer, decision, decision.fire_ms, due_ms)

    async def _read(self, lease: Lease) -> Timer | None:
        """The timer, or None where it is gone. A cached read is cheap, but not believed where it tells of the past."""
        path = paths.timer(lease.namespace, lease.name)
        for cached in (True, False):
            try:
                obj = await self._api.get(path, **({"resourceVersion": "0"} if cached else {}))
            except ApiError as error:
                if error.status != 404:
                    raise
                continue
            timer = parse_timer(obj)
            if timer.ticket == lease.ticket and timer.generation >= lease.generation:
                return timer
        return None

    async def _fire(self, lease: Lease, timer: Timer, decision: Decision, occurrence_ms: int, due_ms: int) -> None:
        body = orjson.dumps(job_manifest(timer, occurrence_ms))
        keys = _keys(lease) | {"occurrence": rfc3339_ms(occurrence_ms)}
        if not await self._wait_until(due_ms):
            return await self._give_back(lease, due_ms - self._ahead_ms)
        verdict = await self._confirm((lease, timer.generation, occurrence_ms))
        if verdict == "ok" and not self._leases.is_safe(lease):
            verdict = "unsafe"
        if verdict != "ok":
            metrics.FIRES.labels(verdict).inc()
            log.info("not fired, somebody else has it: %s", verdict, extra=keys)
            return await self._give_back(lease, self._now_ms())
        try:
            result = await self._create(timer, occurrence_ms, body)
        except (ApiError, ApiUnreachableError) as error:
            return await self._refused(lease, timer, decision, occurrence_ms, due_ms, error)
        self._pace.recovered()
        lag_ms = self._now_ms() - due_ms
        metrics.FIRES.labels(result).inc()
        metrics.LAG.observe(max(lag_ms, 0) / 1000)
        log.info("fired: job %s", result, extra=keys | {"lag_ms": lag_ms})
        return await self._acknowledge(lease, timer, occurrence_ms, decision)

    async def _wait_until(self, instant_ms: int) -> bool:
        """False where the worker stops before."""
        while (left_ms := instant_ms - self._now_ms()) > 0:
            try:
                # In short naps, because the wall clock can be set while we sleep.
                async with asyncio.timeout(min(left_ms / 1000, 1)):
                    await self._stopping.wait()
                return False
            except TimeoutError:
                continue
        return True

    async def _create(self, timer: Timer, occurrence_ms: int, body: bytes) -> str:
        """Create the Job: "created", or "found" where an earlier attempt had done it and its answer was lost."""
        try:
            await self._api.create(paths.jobs(timer.namespace), body)
            return "created"
        except ApiError as error:
            if error.status != 409 or error.reason != "AlreadyExists":
                raise
        name = job_name(timer.name, timer.uid, occurrence_ms)
        run = parse_run(await self._api.get(paths.job(timer.namespace, name)))
        if run is not None and run.timer_uid == timer.uid:
            return "found"
        raise ApiError(409, Reason.JOB_NAME_TAKEN, f"a Job {name} exists that this timer does not own")

    async def _refused(
        self,
        lease: Lease,
        timer: Timer,
        decision: Decision,
        occurrence_ms: int,
        due_ms: int,
        error: ApiError | ApiUnreachableError,
    ) -> None:
        keys = _keys(lease) | {"occurrence": rfc3339_ms(occurrence_ms)}
        now_ms = self._now_ms()
        if isinstance(error, ApiUnreachableError) or error.overloaded:
            metrics.FIRES.labels("unavailable").inc()
            log.warning("API server has no time, trying again: %s", error, extra=keys)
            return await self._give_back(lease, now_ms + self._unavailable_ms(error))
        taken = error.reason == Reason.JOB_NAME_TAKEN
        reason = Reason.JOB_NAME_TAKEN if taken else refusal_reason(error.status, error.message, error.causes)
        metrics.FIRES.labels(reason).inc()
        log.warning("job refused: %s", error, extra=keys | {"reason": str(reason)})
        if decision.missed is not None:
            # First things first: with the misses on record, the next look is about this occurrence alone.
            missed = _missed_report(lease, timer, decision.missed)
            return await self._give_back(lease, now_ms, decision.handled_through_ms, missed)
        report = Report(
            ticket=lease.ticket,
            reason=reason,
            generation=timer.generation,
            occurrence_ms=occurrence_ms,
            message=error.message[:MESSAGE_LIMIT],
        )
        return await self._give_back(lease, try_again_ms(due_ms, now_ms, decision.next_ms), report=report)

    def _unavailable_ms(self, error: ApiError | ApiUnreachableError) -> int:
        """How long to leave a timer alone after an answer that is not about it; all timers, where it is about all."""
        if isinstance(error, ApiError) and not error.overloaded:
            return SHORTEST_BACKOFF_MS
        return round(self._pace.slow_down(error) * 1000)

    async def _acknowledge(self, lease: Lease, timer: Timer, handled_through_ms: int, decision: Decision) -> None:
        missed = _missed_report(lease, timer, decision.missed)
        await self._ack(Done(lease, timer.generation, handled_through_ms, decision.next_ms, missed))
        if decision.next_ms is not None:
            self._alarm.set(decision.next_ms - self._ahead_ms)

    async def _give_back(self, lease: Lease, look_ms: int, mark_ms: int = 0, report: Report | None = None) -> None:
        """Let the ticket be claimed again, not before `look_ms`: claims reach that far ahead of the time they find."""
        await self._retry(Again(lease, mark_ms, look_ms + self._ahead_ms, report))
        self._alarm.set(look_ms)


def _missed_report(lease: Lease, timer: Timer, missed: Missed | None) -> Report | None:
    if missed is None:
        return None
    metrics.MISSED.inc(missed.count)
    return Report(
        ticket=lease.ticket,
        reason=Reason.MISS_SCHEDULE,
        generation=timer.generation,
        occurrence_ms=missed.latest_ms,
        count=min(missed.count, COUNT_LIMIT),
    )


def _keys(lease: Lease) -> dict[str, Any]:
    return {"timer": f"{lease.namespace}/{lease.name}", "token": lease.token}
