"""The Jobs of a timer on the API server, as a run finds them: its own, and those it must not meet."""

import asyncio

from controller.core.identity import job_name, manual_job_name
from controller.core.job import TIMER_UID_LABEL, Outcome, Run, parse_run
from controller.core.reasons import Reason
from controller.core.timer import Timer
from controller.kube import paths
from controller.kube.api import ApiServer
from controller.kube.errors import ApiError


async def create_job(api: ApiServer, timer: Timer, name: str, body: bytes) -> Run | None:
    """Create a Job; where it was there already, as an earlier attempt's answer was lost, what was found.

    Raises ApiError, with the reason JobNameTaken where somebody else's Job has the name, and ApiUnreachableError.
    """
    try:
        await api.create(paths.jobs(timer.namespace), body)
        return None
    except ApiError as error:
        if error.status != 409 or error.reason != "AlreadyExists":
            raise
    run = await _run(api, timer, name)
    if run is not None:
        return run
    raise ApiError(409, Reason.JOB_NAME_TAKEN, f"a Job {name} exists that this timer does not own")


async def active_runs(api: ApiServer, timer: Timer, fired_ms: int, but: str) -> list[Run]:
    """The timer's Jobs that have not finished, asked for afresh, but for one.

    By name where the names are known: what fired last, what was asked for by hand last, and what status called active.
    A list costs more with every Job of the namespace; it is for when somebody asks for runs by hand, maybe for more
    of them than the timer shows.
    """
    if timer.open_request:
        runs = await _list(api, timer)
    else:
        names = {entry["name"] for entry in timer.status.get("active") or ()}
        if fired_ms:
            names.add(job_name(timer.name, timer.uid, fired_ms))
        if timer.request:
            names.add(manual_job_name(timer.name, timer.uid, timer.request))
        found = await asyncio.gather(*(_run(api, timer, name) for name in sorted(names - {but})))
        runs = [run for run in found if run is not None]
    return [run for run in runs if run.outcome is Outcome.ACTIVE and run.name != but]


async def _list(api: ApiServer, timer: Timer) -> list[Run]:
    selector = f"{TIMER_UID_LABEL}={timer.uid}"
    jobs = [job async for page in api.pages(paths.jobs(timer.namespace), labelSelector=selector) for job in page]
    runs = sorted((run for job in jobs if (run := parse_run(job))), key=lambda run: run.created_ms)
    return [run for run in runs if run.timer_uid == timer.uid]


async def _run(api: ApiServer, timer: Timer, name: str) -> Run | None:
    """The timer's Job of this name, None where there is none, or it is not the timer's."""
    try:
        run = parse_run(await api.get(paths.job(timer.namespace, name)))
    except ApiError as error:
        if error.status != 404:
            raise
        return None
    return run if run is not None and run.timer_uid == timer.uid else None
