"""guarantee: Strict. A Job is created suspended, committed in status, and only then started.

Whoever dies, hangs or is cut off in between leaves one of three things:

- a suspended Job that is in no status: the next look at its occurrence finds it under its name and commits it; where
  the occurrence was decided otherwise meanwhile, the controller deletes it;
- a committed Job that was not started: whoever looks at the timer next starts it, before anything else, and the
  controller has the timer looked at until then;
- a Job that came too late, as another one is committed: nobody ever starts it, and it is deleted.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from controller.core.commit import Commit
from controller.core.job import UNCOMMITTED_ANNOTATION, Run
from controller.core.policy import Concurrency
from controller.core.timer import Timer
from controller.kube import paths
from controller.kube.api import ApiServer
from controller.kube.errors import ApiError, ApiUnreachableError
from controller.kube.jobs import delete_job
from controller.worker.attempt import Attempt
from controller.worker.jobs import Creation, run_named

log = logging.getLogger(__name__)

_TRIES = 5
_WRITER = "redistimer-worker"
"""The manager of what workers write, so that managedFields tell it from what the controller does."""

Read = Callable[[], Awaitable[Timer | None]]


async def commit_and_start(api: ApiServer, attempt: Attempt, job: Run, read: Read, now_ms: Callable[[], int]) -> bool:
    """Make this suspended Job the run of its occurrence, and start it. False: something else was decided meanwhile.

    Raises ApiError and ApiUnreachableError; whatever was reached then, the next look goes on from there.
    """
    timer, chosen = attempt.timer, await _commit(api, attempt, job, read, now_ms)
    if chosen is None:
        return False
    if chosen.job_uid != job.uid:
        # Of this very occurrence: nobody will ever start ours.
        if job.uncommitted is not None:
            await delete_job(api, job)
        return False
    if job.uncommitted is not None:
        await _start(api, timer, chosen)
    return True


async def demand_suspended(api: ApiServer, creation: Creation) -> None:
    """Make sure that a Job just created waits for its commit. Raises ApiError where something has changed that."""
    if creation.found is None and creation.run.uncommitted is None:
        await delete_job(api, creation.run)
        raise ApiError(
            422,
            "Invalid",
            f"the Job was created without suspend or without its annotation {UNCOMMITTED_ANNOTATION}: something in "
            "this cluster changes Jobs, and guarantee Strict cannot hold; exempt this timer's Jobs, or use Standard",
        )


async def start_pending(api: ApiServer, timer: Timer, commit: Commit) -> None:
    """Start what is committed and not known to be started. Raises ApiError and ApiUnreachableError."""
    job = await run_named(api, timer, commit.job_name)
    if job is not None and job.uid == commit.job_uid and job.uncommitted is not None:
        log.info("started what was committed before", extra={"job": commit.job_name})
        await _start(api, timer, commit)
    # Where this fails somebody else has written status, and whoever looks next sees what is left to do.
    await _write(api, timer, {commit.field: {"started": True}})


async def _commit(api: ApiServer, attempt: Attempt, job: Run, read: Read, now_ms: Callable[[], int]) -> Commit | None:
    """Who is committed for the occurrence of this attempt: this Job, or another one. None: nobody is to be."""
    wanted = Commit(
        job.name, job.uid, job.uncommitted is None, 0 if attempt.trigger else attempt.occurrence_ms, attempt.trigger
    )
    timer: Timer | None = attempt.timer
    for _ in range(_TRIES):
        if timer is None:
            return None
        for commit in timer.recorded.commits:
            if (commit.occurrence_ms, commit.trigger) == (wanted.occurrence_ms, wanted.trigger):
                return commit
        if not _may_commit(attempt, timer, now_ms()):
            return None
        try:
            before = [commit for commit in timer.recorded.pending if commit.field == wanted.field]
            if before:
                # Only who is on record is ever started: what this commit takes the place of comes first.
                await start_pending(api, timer, before[0])
            elif await _write(api, timer, {wanted.field: wanted.record()}):
                return wanted
        except ApiUnreachableError:
            # Done or not done: the next read tells.
            log.info("commit without an answer, reading", extra=attempt.keys())
        timer = await read()
    raise ApiError(409, "Conflict", "the status changes faster than a run can be committed")


def _may_commit(attempt: Attempt, timer: Timer, now_ms: int) -> bool:
    """Whether a timer, as it is now, still wants the run of this attempt."""
    known = attempt.timer.recorded.committed_uids
    if attempt.concurrency is not Concurrency.ALLOW and timer.recorded.committed_uids != known:
        # Another run has begun since it was asked which are active.
        return False
    return attempt.is_wanted_by(timer, now_ms)


async def _write(api: ApiServer, timer: Timer, status: dict[str, Any]) -> bool:
    """Write into status, if it is still what was read; whether it was."""
    patch = {"metadata": {"resourceVersion": timer.resource_version}, "status": status}
    try:
        await api.merge(paths.timer_status(timer.namespace, timer.name), patch, fieldManager=_WRITER)
    except ApiError as error:
        if error.status not in (404, 409):
            raise
        return False
    return True


async def _start(api: ApiServer, timer: Timer, commit: Commit) -> None:
    """Let this very Job run; one that is gone has run."""
    metadata = {"uid": commit.job_uid, "annotations": {UNCOMMITTED_ANNOTATION: None}}
    try:
        path = paths.job(timer.namespace, commit.job_name)
        await api.merge(path, {"metadata": metadata, "spec": {"suspend": False}}, fieldManager=_WRITER)
    except ApiError as error:
        # A namesake may have its place: to the API server its UID looks as if we wanted to change it.
        if error.status != 404 and not (error.status == 422 and "metadata.uid" in error.message):
            raise
