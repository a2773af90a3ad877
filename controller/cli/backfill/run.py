"""Carrying a backfill out: one Job after the other, each on record before the next."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

from controller.cli.backfill.hold import Hold, StopError
from controller.cli.backfill.jobs import JobsInView, run_of
from controller.cli.backfill.plan import Plan
from controller.cli.cluster import CommandError, refusal
from controller.core.backfill import End, Ended, Record, Tally
from controller.core.instants import rfc3339
from controller.core.job import BACKFILL, job_manifest, job_name_of
from controller.core.nesting import write_json
from controller.core.timer import Timer, parse_timer
from controller.kube import paths
from controller.kube.api import ApiServer
from controller.kube.errors import ApiError, ApiUnreachableError
from controller.loops import cancel

_PAUSES_S = (1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0, 15.0, 15.0, 15.0)
"""Between attempts while the API server does not answer or has no time; after the last it is given up."""

_Answer = TypeVar("_Answer")


class Audience(Protocol):
    """Whom progress is told to."""

    def begin(self, times: int, adopted: int, tally: Tally) -> None:
        """So many nominal times there are to go through, and so many Jobs of an earlier attempt to wait for."""

    def created(self, name: str, occurrence_ms: int) -> None: ...

    def found(self, name: str, occurrence_ms: int) -> None: ...

    def ended(self, ended: Ended) -> None: ...

    def trouble(self, message: str) -> None:
        """Something is waited for that should not have to be."""

    def end(self) -> None:
        """Nothing more is to come."""


@dataclass(frozen=True)
class Result:
    """What one attempt has done."""

    created: int
    found: int
    """Of the times that were gone through, those that had a Job."""
    adopted: int
    """Jobs of an earlier attempt that were waited for."""
    ended: tuple[Ended, ...]
    unfinished: tuple[str, ...]
    through_ms: int
    left: int
    """Nominal times that have not been given their Job."""
    stopped: str
    """Why it ended before everything was done, "" where it was."""
    interrupted: bool
    to_be_continued: bool
    """Whether the same command may go on."""

    def number(self, end: End) -> int:
        """How many Jobs ended so."""
        return sum(ended.end is end for ended in self.ended)


class Backfill:
    """One attempt at a plan."""

    def __init__(
        self,
        api: ApiServer,
        plan: Plan,
        max_concurrent: int,
        stop_on_failure: bool,
        audience: Audience,
    ) -> None:
        self._api = api
        self._plan = plan
        self._max_concurrent = max_concurrent
        self._stop_on_failure = stop_on_failure
        self._audience = audience
        record = Record(plan.span, plan.through_ms, plan.timer.uid, uuid.uuid4().hex[:12])
        self._hold = Hold(api, plan.timer, plan.obj, record, self._steadily)
        self._tally = Tally(plan.times)
        self._changed = asyncio.Event()
        self._begun = self._interrupted = False
        self._created = self._found = self._adopted = 0
        self._to_be_continued = True
        self._view = JobsInView(api, plan.timer, self._tally, self._changed.set, audience.ended, audience.trouble)

    def interrupt(self) -> None:
        """End as soon as what is being done is done."""
        self._interrupted = True
        self._changed.set()

    async def run(self) -> Result:
        """Create what is left, and wait until all has ended; whatever stops it on the way is in the result.

        Raises CommandError, ApiError and ApiUnreachableError where not even a beginning could be made.
        """
        self._following = asyncio.create_task(self._view.follow())
        self._following.add_done_callback(lambda _: self._changed.set())
        try:
            stopped = await self._all()
        except StopError as error:
            stopped, self._to_be_continued = str(error), error.to_be_continued
            if not self._begun and not self._interrupted:
                raise CommandError(stopped) from None
        except (ApiError, ApiUnreachableError) as error:
            stopped = refusal(error) if isinstance(error, ApiError) else str(error)
            if not self._begun:
                raise
        finally:
            await cancel(self._following)
            self._audience.end()
        return self._result(" ".join(stopped.split()))

    async def _all(self) -> str:
        """Why it ended early, "" where it did not."""
        await self._until(lambda: self._view.complete)
        self._adopted = sum(run.occurrence_ms <= self._plan.through_ms for run in self._tally.unfinished)
        self._audience.begin(len(self._plan.left), self._adopted, self._tally)
        if self._plan.left:
            # From here on, whoever was at it before finds another's record, and stops.
            await self._hold.take()
        self._begun = True
        for number, occurrence_ms in enumerate(self._plan.left, 1):
            await self._until(lambda: len(self._tally.active) < self._max_concurrent)
            if self._must_stop:
                break
            await self._one(occurrence_ms, is_last=number == len(self._plan.left))
        await self._until(lambda: not self._tally.unfinished)
        if self._tally.number(End.REMOVED):
            # Removed one by one, by the history limits; or all of them, together with the timer.
            await self._hold.still_exists()
        return "a Job has failed, and --stop-on-failure is given" if self._must_stop and self._times_left else ""

    @property
    def _must_stop(self) -> bool:
        return self._stop_on_failure and self._tally.number(End.FAILED) > 0

    @property
    def _times_left(self) -> int:
        return sum(occurrence_ms > self._hold.record.through_ms for occurrence_ms in self._plan.left)

    async def _one(self, occurrence_ms: int, is_last: bool) -> None:
        """Give a nominal time its Job, and put that on record."""
        # Afresh, since waiting for room can take hours: a template that was mended meanwhile counts from now on.
        timer = parse_timer(await self._hold.read())
        name = job_name_of(timer, occurrence_ms)
        is_new = await self._create(timer, occurrence_ms, name)
        self._created += is_new
        self._found += not is_new
        (self._audience.created if is_new else self._audience.found)(name, occurrence_ms)
        await self._hold.advance(self._plan.span.to_ms if is_last else occurrence_ms)

    async def _create(self, timer: Timer, occurrence_ms: int, name: str) -> bool:
        """Create a Job; False where it was there. Raises StopError where somebody else's has its name."""
        body = write_json(job_manifest(timer, occurrence_ms, backfill=True))
        attempts, made, is_new = 0, None, True

        async def attempt() -> dict[str, Any]:
            nonlocal attempts
            attempts += 1
            return await self._api.create(paths.jobs(timer.namespace), body)

        while made is None:
            try:
                made = await self._steadily(attempt)
                break
            except ApiError as error:
                if error.status != 409 or error.reason != "AlreadyExists":
                    raise
            try:
                made, is_new = await self._steadily(partial(self._api.get, paths.job(timer.namespace, name))), False
            except ApiError as error:
                # Removed in between, and so its name is free.
                if error.status != 404:
                    raise
        run = run_of(timer, made)
        if run is None:
            raise StopError(
                f"the Job {name} exists and does not belong to this timer: delete or rename it, it has the name of the "
                f"run of {rfc3339(occurrence_ms)}"
            )
        self._view.see(run)
        # Of an attempt without an answer nobody knows, until the next one finds its Job.
        return is_new or (attempts > 1 and run.trigger == BACKFILL)

    async def _until(self, met: Callable[[], bool]) -> None:
        """Wait for something that follows from the tally. Raises StopError on an interrupt."""
        while True:
            if self._interrupted:
                raise StopError
            if self._following.done():
                self._following.result()
            if met():
                return
            self._changed.clear()
            await self._changed.wait()

    async def _steadily(self, ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """The answer to a request, asked for again while nobody is there to give it."""
        for pause_s in _PAUSES_S:
            try:
                return await ask()
            except (ApiError, ApiUnreachableError) as error:
                if isinstance(error, ApiError) and not error.overloaded:
                    raise
                self._audience.trouble(f"the API server has no answer now, trying again in {pause_s:.0f} s: {error}")
            await self._pause(pause_s)
        return await ask()

    async def _pause(self, seconds: float) -> None:
        deadline = asyncio.get_running_loop().time() + seconds
        try:
            async with asyncio.timeout_at(deadline):
                while not self._interrupted:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return
        raise StopError

    def _result(self, stopped: str) -> Result:
        return Result(
            created=self._created,
            found=self._found,
            adopted=self._adopted,
            ended=tuple(self._tally.ended),
            unfinished=tuple(run.name for run in self._tally.unfinished),
            through_ms=self._hold.record.through_ms,
            left=self._times_left,
            stopped=stopped,
            interrupted=self._interrupted,
            to_be_continued=self._to_be_continued,
        )
