"""One lease, from claim to acknowledgement: read, decide, prepare, wait, confirm, create, acknowledge.

Whatever goes wrong on the way, the ticket goes back to the index and is looked at again from the start; the
Job's name, a function of timer and occurrence, makes that safe at every point.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from redis.exceptions import RedisError

from controller.core.commit import Commit
from controller.core.decision import Decision, decide
from controller.core.fence import is_fenced_by_now
from controller.core.identity import is_for
from controller.core.job import Run
from controller.core.nesting import write_json
from controller.core.policy import Concurrency
from controller.core.refusal import SHORTEST_BACKOFF_MS, try_again_ms
from controller.core.report import Report
from controller.core.timer import Timer, parse_timer
from controller.index.index import Index
from controller.index.messages import Again, Done, Lease
from controller.kube import paths
from controller.kube.api import ApiServer
from controller.kube.errors import ApiError, ApiUnreachableError
from controller.kube.jobs import delete_job
from controller.loops import wall_clock_ms
from controller.observe import metrics
from controller.worker.alarm import Alarm
from controller.worker.attempt import Attempt, keys_of, missed_reports, refused_report
from controller.worker.batch import Batch
from controller.worker.bell import Bell
from controller.worker.jobs import Creation, active_runs, create_job
from controller.worker.leases import Leases
from controller.worker.pace import Pace
from controller.worker.refusals import Refusals
from controller.worker.strict import commit_and_start, demand_suspended, start_pending

log = logging.getLogger(__name__)

_UNEXPECTED_PAUSE_MS = 60_000
_ACTIVE_PAUSE_MS = 2_000
_BUSY_MS = 50
_BUSY_LOOK_MS = 20
_BUSY_BY_HAND_MS = 1_000
_DIFFERENT_PAUSE_MS = 250
EARLY_MS = 5
"""So long before its time a run is confirmed, unless others decide about it: that takes a millisecond or two."""
_SOON_S = 1.0
_CONFIRM_GAP_S = 0.01
_ACK_GAP_S = 0.02


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
        at_once: int = 48,
        refusals: Refusals | None = None,
    ) -> None:
        """At most `at_once` are being confirmed and created at a time, and a third as many read."""
        self._api = api
        self._leases = leases
        self._pace = pace
        self._alarm = alarm
        self._ahead_ms = ahead_ms
        self._now_ms = now_ms
        self._refusals = refusals or Refusals()
        self._stopping = asyncio.Event()
        self._bell = Bell(now_ms)
        # What is prepared leaves room for what is due, and that is not confirmed before it is its turn to be created.
        self._reading, self._acting = asyncio.Semaphore(max(1, at_once // 3)), asyncio.Semaphore(at_once)
        # A run by hand can wait long for its timer's ticket; nobody else's run waits behind it.
        self._acting_by_hand = asyncio.Semaphore(max(1, at_once // 3))
        self._confirm = Batch(index.confirm, gap_s=_CONFIRM_GAP_S)
        self._ack = Batch(index.ack, gap_s=_ACK_GAP_S)
        self._retry = Batch(index.retry)
        self._drop = Batch(index.drop)

    def stop(self) -> None:
        """Give back whatever still waits for its instant; what is being created is finished."""
        self._stopping.set()
        self._bell.stop()

    async def handle(self, lease: Lease) -> None:
        """Do what a lease calls for. Never raises: one bad object delays nobody but itself."""
        try:
            try:
                await self._look(lease)
            except RedisError:
                raise
            except Exception:
                log.exception("unexpected error, looking again in a minute", extra=keys_of(lease))
                await self._give_back(lease, self._now_ms() + _UNEXPECTED_PAUSE_MS)
        except RedisError as error:
            # The lease runs out by itself, and whoever claims the ticket then starts from the truth.
            log.warning("index did not answer: %s", error, extra=keys_of(lease))
        finally:
            self._leases.let_go(lease)

    async def _look(self, lease: Lease) -> None:
        if not self._refusals.serves(lease.namespace):
            metrics.FIRES.labels("not served").inc()
            return await self._give_back(lease, self._refusals.turn_away(lease.namespace))
        try:
            # What was asked for by hand is rare, and whether it is handled already stands in status.
            async with self._reading:
                timer = await self._read(lease, cached=not lease.request_key)
        except (ApiError, ApiUnreachableError) as error:
            log.warning("timer could not be read: %s", error, extra=keys_of(lease))
            refused_until_ms = self._refusals.refuses(lease.namespace, error)
            return await self._give_back(lease, refused_until_ms or self._now_ms() + self._unavailable_ms(error))
        self._refusals.grants(lease.namespace)
        if timer is None:
            await self._drop(lease)
            return None
        for commit in timer.recorded.pending:
            try:
                await self._leases.outlast(lease, start_pending(self._api, timer, commit))
            except (ApiError, ApiUnreachableError) as error:
                log.warning("committed job could not be started: %s", error, extra=keys_of(lease))
                # A run by hand keeps none of the schedule from running.
                if not commit.trigger or lease.request_key:
                    return await self._not_started(lease, timer, commit, error)
        if lease.request_key:
            return await self._look_at_request(lease, timer)
        now_ms = self._now_ms()
        decision = decide(timer, lease.mark_ms, now_ms, self._ahead_ms)
        if decision.fire_ms is None or timer.timing is None:
            reports = missed_reports(lease, timer, decision)
            _count_missed(reports)
            done = Done(lease, timer.generation, decision.handled_through_ms, decision.next_ms, 0, reports)
            return await self._acknowledge(done)
        due_ms = timer.timing.due_ms(decision.fire_ms)
        return await self._fire(Attempt(lease, timer, decision, decision.fire_ms, due_ms, due_ms < now_ms))

    async def _not_started(
        self, lease: Lease, timer: Timer, commit: Commit, error: ApiError | ApiUnreachableError
    ) -> None:
        """Nothing else of the timer can run before what is committed: so it has to be told."""
        now_ms = self._now_ms()
        if isinstance(error, ApiUnreachableError) or error.overloaded:
            return await self._give_back(lease, now_ms + self._unavailable_ms(error))
        instant_ms = commit.occurrence_ms or now_ms
        refusal = refused_report(lease, timer, instant_ms, error)
        return await self._give_back(lease, try_again_ms(instant_ms, now_ms, None), reports=(refusal,))

    async def _look_at_request(self, lease: Lease, timer: Timer) -> None:
        """Somebody asked for a run by hand: at once, whatever the schedule says, and once."""
        request = timer.open_request
        if not is_for(lease.request_key, request):
            # Withdrawn, replaced by a younger request, or handled and known to be.
            await self._drop(lease)
            return
        now_ms = self._now_ms()
        attempt = Attempt(lease, timer, Decision(now_ms, 0, None), now_ms, now_ms, trigger=request)
        if lease.mark_ms:
            # It has run, and status does not know: said again, as the first report may be lost.
            await self._acknowledge(attempt.done(*attempt.told(None)))
        else:
            await self._fire(attempt)

    async def _read(self, lease: Lease, cached: bool) -> Timer | None:
        """The timer, or None where it is gone. A cached read is cheap, but not believed where it tells of the past."""
        path = paths.timer(lease.namespace, lease.name)
        for parameters in ({"resourceVersion": "0"}, {}) if cached else ({},):
            try:
                obj = await self._api.get(path, **parameters)
            except ApiError as error:
                if error.status != 404:
                    raise
                continue
            timer = parse_timer(obj)
            if parameters and is_fenced_by_now(timer):
                # A cached status from before the edit is known to it would have what came since never run.
                continue
            if lease.ticket.startswith(timer.ticket) and timer.generation >= lease.generation:
                return timer
        return None

    async def _fire(self, attempt: Attempt) -> None:
        body = write_json(attempt.manifest())
        early_ms = 0 if attempt.looks_again else EARLY_MS
        if not await self._bell.until(attempt.due_ms - early_ms):
            await self._give_back(attempt.lease, attempt.due_ms - self._ahead_ms)
            return
        async with self._acting_by_hand if attempt.trigger else self._acting:
            done = await self._act(attempt, body)
        if done is not None:
            await self._acknowledge(done)

    async def _act(self, attempt: Attempt, body: bytes) -> Done | None:
        """Create the Job; None where that is not to be, or not now, and the lease is given back."""
        reports: list[Report] = []
        try:
            if attempt.looks_again:
                timer = await self._read(attempt.lease, cached=False)
                if timer is None or not attempt.is_wanted_by(timer, self._now_ms()):
                    # What is cached here may show for a while yet what is not so any more.
                    await self._give_back(attempt.lease, self._now_ms() + _DIFFERENT_PAUSE_MS)
                    return None
                attempt = replace(attempt, timer=timer)
            if attempt.concurrency is not Concurrency.ALLOW:
                # First make sure that nobody else is creating a run of this timer, then ask which there are.
                if not await self._may_act(attempt, creates=False):
                    return None
                others = await active_runs(self._api, attempt.timer, attempt.lease.fired_ms, attempt.name)
                if others and attempt.concurrency is Concurrency.FORBID:
                    await self._skip(attempt, others)
                    return None
                for other in others:
                    await delete_job(self._api, other)
                    reports.append(attempt.replaces(other))
            if not await self._may_act(attempt, *reports, creates=True):
                return None
            if not await self._is_time_soon(attempt.due_ms):
                await self._give_back(attempt.lease, attempt.due_ms - self._ahead_ms, reports=reports)
                return None
            creation = await self._leases.outlast(attempt.lease, self._create(attempt, body))
            if creation is None:
                log.info("not fired, something else was decided meanwhile", extra=attempt.keys())
                await self._give_back(attempt.lease, self._now_ms() + _DIFFERENT_PAUSE_MS, reports=reports)
                return None
        except (ApiError, ApiUnreachableError) as error:
            await self._refused(attempt, error, reports)
            return None
        self._pace.recovered()
        lag_ms, found = self._now_ms() - attempt.due_ms, creation.found
        result = "created" if found is None else "found"
        metrics.FIRES.labels(result).inc()
        if not attempt.trigger:
            metrics.LAG.observe(max(lag_ms, 0) / 1000)
        log.info("fired: job %s", result, extra=attempt.keys() | {"lag_ms": lag_ms})
        return attempt.done(*reports, *attempt.told(found))

    async def _is_time_soon(self, due_ms: int) -> bool:
        """Wait out what is left after the confirmation; False where the worker ends, or its clock was set back."""
        try:
            async with asyncio.timeout(_SOON_S):
                return await self._bell.until(due_ms)
        except TimeoutError:
            return False

    async def _create(self, attempt: Attempt, body: bytes) -> Creation | None:
        """Its Job, created; under guarantee Strict also committed and started, or None where it may not be."""
        creation = await create_job(self._api, attempt.timer, attempt.name, body)
        if attempt.timer.strict:
            await demand_suspended(self._api, creation)
            read = partial(self._read, attempt.lease, cached=False)
            if not await commit_and_start(self._api, attempt, creation.run, read, self._now_ms):
                return None
        return creation

    async def _may_act(self, attempt: Attempt, *reports: Report, creates: bool) -> bool:
        """Whether nobody else has acted or may act meanwhile; where somebody may, the lease is given back."""
        verdict = await self._confirm(attempt.fire(creates))
        looks = (self._ahead_ms + _BUSY_BY_HAND_MS) // _BUSY_LOOK_MS if attempt.trigger else 0
        while verdict == "busy" and looks and not self._stopping.is_set():
            # The schedule's ticket can be held nearly always. At its instant it finds this one held, and lets go for a
            # moment.
            await asyncio.sleep(_BUSY_LOOK_MS / 1000)
            verdict, looks = await self._confirm(attempt.fire(creates)), looks - 1
        if verdict == "ok" and not self._leases.is_safe(attempt.lease):
            verdict = "unsafe"
        if verdict == "ok":
            _count_missed(attempt.missed() if creates else ())
            return True
        metrics.FIRES.labels(verdict).inc()
        log.info("not fired, somebody else has it: %s", verdict, extra=attempt.keys())
        pause_ms = (_BUSY_BY_HAND_MS if attempt.trigger else _BUSY_MS) if verdict == "busy" else 0
        await self._give_back(attempt.lease, self._now_ms() + pause_ms, reports=reports)
        return False

    async def _skip(self, attempt: Attempt, others: Sequence[Run]) -> None:
        missed, handled_through_ms = attempt.missed(), attempt.decision.handled_through_ms
        _count_missed(missed)
        if attempt.can_wait:
            look_ms = self._now_ms() + _ACTIVE_PAUSE_MS
            return await self._give_back(attempt.lease, look_ms, handled_through_ms, missed)
        metrics.SKIPPED.inc()
        skipped = attempt.skipped(others)
        log.info("skipped: %s", skipped.message, extra=attempt.keys() | {"reason": str(skipped.reason)})
        return await self._acknowledge(attempt.given_up(*missed, skipped))

    async def _refused(
        self, attempt: Attempt, error: ApiError | ApiUnreachableError, reports: Sequence[Report]
    ) -> None:
        keys, now_ms = attempt.keys(), self._now_ms()
        if isinstance(error, ApiUnreachableError) or error.overloaded:
            metrics.FIRES.labels("unavailable").inc()
            log.warning("API server has no time, trying again: %s", error, extra=keys)
            return await self._give_back(attempt.lease, now_ms + self._unavailable_ms(error), reports=reports)
        refusal = refused_report(attempt.lease, attempt.timer, attempt.occurrence_ms, error)
        metrics.FIRES.labels(refusal.reason).inc()
        log.warning("job refused: %s", error, extra=keys | {"reason": str(refusal.reason)})
        return await self._give_back(attempt.lease, attempt.try_again_ms(now_ms), reports=(*reports, refusal))

    def _unavailable_ms(self, error: ApiError | ApiUnreachableError) -> int:
        """How long to leave a timer alone after an answer that is not about it; all timers, where it is about all."""
        if isinstance(error, ApiError) and not error.overloaded:
            return SHORTEST_BACKOFF_MS
        return round(self._pace.slow_down(error) * 1000)

    async def _acknowledge(self, done: Done) -> None:
        await self._ack(done)
        if done.next_ms is not None:
            self._alarm.set(done.next_ms - self._ahead_ms)

    async def _give_back(self, lease: Lease, look_ms: int, mark_ms: int = 0, reports: Sequence[Report] = ()) -> None:
        """Let the ticket be claimed again, not before `look_ms`: claims reach that far ahead of the time they find."""
        await self._retry(Again(lease, mark_ms, look_ms + self._ahead_ms, tuple(reports)))
        self._alarm.set(look_ms)


def _count_missed(reports: Sequence[Report]) -> None:
    metrics.MISSED.inc(sum(report.count for report in reports))
