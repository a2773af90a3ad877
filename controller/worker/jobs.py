"""The Jobs of a timer on the API server, as a run finds them: its own, and those it must not meet."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controller.core.identity import job_name, manual_job_name
from controller.core.job import TIMER_UID_LABEL, Outcome, Run, parse_run
from controller.core.reasons import Reason
from controller.core.timer import Timer
from controller.kube import paths
from controller.kube.api import ApiServer
from controller.kube.errors import ApiError
from controller.kube.jobs import delete_job

_TRIES = 3


@dataclass(frozen=True, slots=True)
class Creation:
    """A Job as the API server has it after an attempt to create it."""

    job: Mapping[str, Any]
    """As the API server answered: of one whose timer is not strict, nothing but its metadata."""
    found: Run | None = None
    """Where it was there already, as an earlier attempt's answer was lost."""

    @property
    def run(self) -> Run:
        """What it is to the timer."""
        run = self.found or parse_run(self.job)
        if run is None:
            # Of what we sent the API server, or something in it, has made something else.
            raise ApiError(
                422, Reason.FAILED_CREATE, f"the Job {self.job['metadata']['name']} is not the one asked for"
            )
        return run


async def create_job(api: ApiServer, timer: Timer, name: str, body: bytes) -> Creation:
    """Create a Job, or find it there. One that may not run, and was made from an older spec, is replaced.

    Raises ApiError, with the reason JobNameTaken where somebody else's Job has the name, and ApiUnreachableError.
    """
    for _ in range(_TRIES):
        try:
            return Creation(await api.create(paths.jobs(timer.namespace), body, only_metadata=not timer.strict))
        except ApiError as error:
            if error.status != 409 or error.reason != "AlreadyExists":
                raise
        run = await run_named(api, timer, name)
        if run is None:
            continue
        if run.uncommitted is None or run.uncommitted >= timer.generation:
            return Creation({}, run)
        await delete_job(api, run, unchanged=True)
    raise ApiError(409, Reason.JOB_NAME_TAKEN, f"a Job {name} exists that this timer does not own")


async def active_runs(api: ApiServer, timer: Timer, fired_ms: int, but: str) -> list[Run]:
    """The timer's Jobs that have not finished, asked for afresh, but for one.

    By name where the names are known: what fired last or was about to, what was asked for by hand last, what status
    called active, and what is committed; that is active even before it is started.
    A list costs more with every Job of the namespace; it is for when somebody asks for runs by hand, maybe for more
    of them than the timer shows.
    """
    if timer.open_request:
        runs = await _list(api, timer)
    else:
        names = {entry["name"] for entry in timer.status.get("active") or ()}
        names.update(commit.job_name for commit in timer.recorded.commits)
        if fired_ms:
            names.add(job_name(timer.name, timer.uid, fired_ms))
        if timer.request:
            names.add(manual_job_name(timer.name, timer.uid, timer.request))
        found = await asyncio.gather(*(run_named(api, timer, name) for name in sorted(names - {but})))
        runs = [run for run in found if run is not None]
    committed = timer.recorded.committed_uids
    return [
        run
        for run in runs
        if run.outcome is Outcome.ACTIVE and run.name != but and (run.uncommitted is None or run.uid in committed)
    ]


async def _list(api: ApiServer, timer: Timer) -> list[Run]:
    selector = f"{TIMER_UID_LABEL}={timer.uid}"
    jobs = [job async for page in api.pages(paths.jobs(timer.namespace), labelSelector=selector) for job in page]
    runs = sorted((run for job in jobs if (run := parse_run(job))), key=lambda run: run.created_ms)
    return [run for run in runs if run.timer_uid == timer.uid]


async def run_named(api: ApiServer, timer: Timer, name: str) -> Run | None:
    """The timer's Job of this name, None where there is none, or it is not the timer's."""
    try:
        run = parse_run(await api.get(paths.job(timer.namespace, name)))
    except ApiError as error:
        if error.status != 404:
            raise
        return None
    return run if run is not None and run.timer_uid == timer.uid else None
