"""`redistimer trigger`: one run of a timer now, by hand."""

import argparse
import asyncio
import secrets
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from controller.cli.cluster import Cluster, CommandError, reach, read_timer, run
from controller.cli.flags import add_output, add_timeout, add_where, new_parser, program, timer_name, where_of
from controller.cli.output import dump
from controller.cli.progress import Progress
from controller.core.identity import manual_job_name
from controller.core.instants import rfc3339
from controller.core.problems import cut
from controller.core.timer import TRIGGER_ANNOTATION, TRIGGER_LIMIT, condition
from controller.kube import paths
from controller.kube.errors import ApiError

Object = dict[str, Any]

_ATTEMPTS = 10
_POLL_S = 0.25
_TIMEOUT_S = 30

_DESCRIPTION = """\
Run the Job of a RedisTimer now, by hand, and wait until it is created.

It runs also while the timer is suspended or complete, and changes nothing about the times it fires at. A worker
creates the Job, from the timer as it is then. Under concurrencyPolicy Forbid nothing runs while an earlier Job of the
timer is active; under Replace that Job is deleted."""

_EXAMPLES = """\
examples:
  %(prog)s report                     run it, and say which Job that is
  %(prog)s report --id release-1.4    once, however often it is called, as long as that is the
                                               last id that was handled, or its Job exists
  kubectl logs -f $(%(prog)s report -o name)

exit codes: 0 the Job was created, 1 it was not (yet), 2 the command line is wrong"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request."""

    namespace: str
    timer: str
    request: str
    job: str | None
    """Its Job; None where that does not exist any more."""
    outcome: str
    """"created", "asked" where nobody waited, or "handled" where that was done before."""


def run_trigger(arguments: Sequence[str]) -> int:
    """Ask for a run and print what became of it; the exit code."""
    return run(_trigger(_parser().parse_args(arguments)))


async def _trigger(options: argparse.Namespace) -> int:
    async with reach(where_of(options)) as cluster:
        request = options.request or f"{rfc3339(time.time_ns() // 1_000_000_000 * 1000)}-{secrets.token_hex(2)}"
        answer = await trigger(cluster, options.name, request, options.force, options.timeout if options.wait else None)
    if told := _told(answer, options.output):
        print(told)
    return 0


async def trigger(cluster: Cluster, name: str, request: str, force: bool, timeout_s: float | None) -> Answer:
    """Ask for a run with this id, and wait until it is handled; a timeout of None does not wait.

    Raises CommandError where there is no Job in the end.
    """
    timer = await read_timer(cluster, name)
    job = manual_job_name(name, timer["metadata"]["uid"], request)
    answer = Answer(cluster.namespace, name, request, job, "asked")
    is_there = await _exists(cluster, job)
    if is_there or _handled(timer) == request:
        return replace(answer, outcome="handled", job=None if is_there is False else job)
    timer = await _ask(cluster, timer, request, force)
    if timeout_s is None:
        return answer
    problem = await _wait(cluster, timer, request, timeout_s)
    if problem and await _exists(cluster, job) is not True:
        raise CommandError(problem)
    return replace(answer, outcome="created")


async def _ask(cluster: Cluster, timer: Object, request: str, force: bool) -> Object:
    """Write the request to the timer, unless it is there already; the timer as written."""
    name = timer["metadata"]["name"]
    for _ in range(_ATTEMPTS):
        if "deletionTimestamp" in timer["metadata"]:
            raise CommandError(f"RedisTimer {name} in namespace {cluster.namespace} is being deleted: nothing runs")
        before = _asked(timer)
        if before == request:
            return timer
        if before and before != _handled(timer) and not force:
            raise CommandError(
                f"{name} was asked for a run before, with request {cut(before)}, which nobody has handled yet: wait, "
                f"replace it with --force, or let {program()} doctor find out why"
            )
        # Only onto what was read: a request that somebody writes at the same time is not replaced unseen.
        metadata = {
            "resourceVersion": timer["metadata"]["resourceVersion"],
            "annotations": {TRIGGER_ANNOTATION: request},
        }
        try:
            return await cluster.api.merge(paths.timer(cluster.namespace, name), {"metadata": metadata})
        except ApiError as error:
            if error.status != 409:
                raise
        timer = await read_timer(cluster, name)
    raise CommandError(f"{name} changes faster than it can be written to: try again")


async def _wait(cluster: Cluster, asked: Object, request: str, timeout_s: float) -> str:
    """Wait until a request is handled and has a Job; what is in the way of that, "" where nothing is."""
    timer = asked
    name = timer["metadata"]["name"]
    deadline_s = time.monotonic() + timeout_s
    with Progress() as progress:
        while _handled(timer) != request:
            if _asked(timer) != request:
                return f"request {request} was replaced by {cut(_asked(timer)) or 'nothing'} in the meantime"
            refusal = _refusal(timer)
            if refusal and refusal != _refusal(asked):
                return (
                    f"the Job of {name} was refused, and is tried again every ten seconds until it can be created: "
                    f"{refusal.rstrip('.')}. {_how_to_withdraw(cluster, name)}"
                )
            if time.monotonic() >= deadline_s:
                return _unhandled(cluster, timer, timeout_s)
            progress.show(f"waiting for a worker to run {name} ({{seconds}}s) ...")
            await asyncio.sleep(_POLL_S)
            timer = await read_timer(cluster, name)
    job = manual_job_name(name, timer["metadata"]["uid"], request)
    return _without_job(asked, timer) if await _exists(cluster, job) is False else ""


async def _exists(cluster: Cluster, job: str) -> bool | None:
    """Whether a Job is there; None where this user may not see that."""
    try:
        await cluster.api.get(paths.job(cluster.namespace, job))
    except ApiError as error:
        if error.status not in (403, 404):
            raise
        return None if error.status == 403 else False
    return True


def _unhandled(cluster: Cluster, timer: Object, timeout_s: float) -> str:
    refusal = _refusal(timer)
    return (
        f"nobody handled the request within {timeout_s:g}s: it stays, and runs as soon as somebody does. "
        f"{f'Last was {refusal}. ' if refusal else ''}"
        f"{program()} doctor finds out whether controller and workers are well; "
        f"{_how_to_withdraw(cluster, timer['metadata']['name'])}"
    )


def _how_to_withdraw(cluster: Cluster, name: str) -> str:
    return f"kubectl annotate redistimer {name} -n {cluster.namespace} {TRIGGER_ANNOTATION}- withdraws the request"


def _without_job(before: Object, after: Object) -> str:
    """Why a request that was handled has no Job."""
    name = after["metadata"]["name"]
    if _skipped(after) == _skipped(before):
        return f"{name} ran, and its Job is removed already: history limits or ttlSecondsAfterFinished are that short"
    jobs = ", ".join(entry["name"] for entry in (after.get("status") or {}).get("active") or ())
    return f"{name} was skipped: concurrencyPolicy is Forbid, and an earlier Job is active: {cut(jobs) or '?'}"


def _asked(timer: Object) -> str:
    return str((timer["metadata"].get("annotations") or {}).get(TRIGGER_ANNOTATION, ""))[:TRIGGER_LIMIT]


def _handled(timer: Object) -> str:
    return str((timer.get("status") or {}).get("lastHandledTrigger", ""))


def _skipped(timer: Object) -> int:
    return int(((timer.get("status") or {}).get("runs") or {}).get("skipped", 0))


def _refusal(timer: Object) -> str:
    """Why no Job of this timer is created, "" where nothing is known to be in the way."""
    ready = condition(timer.get("status") or {}, "Ready")
    if ready.get("status") != "False" or ready.get("observedGeneration") != timer["metadata"]["generation"]:
        return ""
    return f"{ready['reason']}: {ready['message']}"


def _told(answer: Answer, output: str) -> str:
    if output == "name":
        return f"job.batch/{answer.job}" if answer.job else ""
    if output != "text":
        return dump(asdict(answer), output)
    if answer.outcome == "created":
        return f"{answer.timer}: Job {answer.job} was created"
    if answer.outcome == "asked":
        return f"{answer.timer}: asked for a run with request {answer.request}; its Job will be {answer.job}"
    job = f"by Job {answer.job}" if answer.job else "and no Job of it is there any more"
    return f"{answer.timer}: request {answer.request} was handled before, {job}"


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("trigger", _DESCRIPTION, _EXAMPLES)
    option = parser.add_argument
    option("name", type=timer_name, metavar="NAME", help="the RedisTimer to run")
    option(
        "--id",
        dest="request",
        type=_request,
        metavar="ID",
        help="an id for this request, so that it runs once. Only the last id that was handled, or one whose Job still "
        "exists, is remembered",
    )
    option("--force", action="store_true", help="replace an earlier request that nobody has handled yet")
    option("--no-wait", dest="wait", action="store_false", help="only ask for it")
    add_timeout(parser, "for the Job", _TIMEOUT_S)
    add_output(parser, ("text", "json", "yaml", "name"))
    add_where(parser)
    return parser


def _request(text: str) -> str:
    if not text or len(text) > TRIGGER_LIMIT or not text.isprintable():
        raise argparse.ArgumentTypeError(
            f"{cut(text)!r} is not accepted: write 1 to {TRIGGER_LIMIT} printable characters"
        )
    return text
