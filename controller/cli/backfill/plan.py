"""What a backfill would do: worked out before anything is created."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controller.cli.backfill.jobs import list_runs
from controller.cli.cluster import CommandError, is_full, refusal
from controller.core.backfill import (
    Record,
    Span,
    TooManyError,
    annotation_of,
    in_each_others_way,
    nominal_times,
    read_record,
)
from controller.core.instants import rfc3339
from controller.core.job import job_manifest
from controller.core.nesting import write_json
from controller.core.reasons import Reason
from controller.core.refusal import refusal_reason
from controller.core.timer import Timer, parse_timer
from controller.kube import paths
from controller.kube.api import ApiServer
from controller.kube.errors import ApiError


@dataclass(frozen=True)
class Plan:
    """All that is known before the first Job."""

    obj: Mapping[str, Any]
    """The timer as it was read."""
    timer: Timer
    span: Span
    times: tuple[int, ...]
    """The nominal times of the span."""
    left: tuple[int, ...]
    """Those that have not been given their Job."""
    with_job: frozenset[int]
    """Those of these that have one all the same: the schedule made it, or a backfill that was killed."""
    begun: Record | None
    """The record of this very backfill, where it is not the first attempt."""
    replaced: Record | None
    """The record of another one that is not finished. It will be lost."""
    unreadable: bool
    """Whether the annotation is there and says nothing. It will be written over."""
    template_problem: str
    """Why the API server would refuse the Jobs, "" where it would not."""
    refused_now: str
    """Why it would refuse them now, and not for ever: a quota; "" where it would not."""
    meets_schedule: bool
    """Whether a scheduled run is skipped or takes a Job's place, should the two meet."""

    @property
    def through_ms(self) -> int:
        """Up to where everything is done."""
        return self.begun.through_ms if self.begun else self.span.from_ms

    @property
    def to_create(self) -> int:
        """How many Jobs are to be created, as far as can be known now."""
        return len(self.left) - len(self.with_job)


async def make_plan(api: ApiServer, obj: Mapping[str, Any], span: Span, limit: int, again: bool, now_ms: int) -> Plan:
    """Raises CommandError where this timer cannot be backfilled so, and ApiError where the user lacks rights."""
    timer = parse_timer(obj)
    owner = f"{timer.namespace}/{timer.name}"
    if timer.being_deleted:
        raise CommandError(f"the timer {owner} is being deleted")
    if timer.timing is None:
        raise CommandError(
            f"the spec of {owner} cannot be used: {timer.problem and timer.problem.message}. "
            "Correct it, then it has nominal times"
        )
    try:
        times = nominal_times(timer.timing.schedule, span, limit)
    except TooManyError as error:
        number = f"{'' if error.count.exact else 'about '}{error.count.number}"
        raise CommandError(
            f"{owner} has {number} nominal times from {rfc3339(span.from_ms)} to {rfc3339(span.to_ms)}: at most "
            f"{limit} are accepted; bring --from and --to closer together, or raise --limit"
        ) from None
    # By jitter the last one may be still to come, and is the schedule's then.
    if times and (due_ms := timer.timing.due_ms(times[-1])) > now_ms:
        raise CommandError(
            f"the run of {rfc3339(times[-1])} is still to come, delayed by jitter until {rfc3339(due_ms)}: give a --to "
            "before it"
        )
    recorded = annotation_of(obj)
    record = read_record(recorded) if recorded is not None else None
    if record is not None and record.timer_uid not in ("", timer.uid):
        record = recorded = None
    begun = record if record is not None and record.span == span and not again else None
    left = tuple(time_ms for time_ms in times if begun is None or time_ms > begun.through_ms)
    runs, _ = await list_runs(api, timer)
    with_job = frozenset(left).intersection(run.occurrence_ms for run in runs if not run.request_key)
    template_problem, refused_now = await _problems(
        api, timer, next((one for one in left if one not in with_job), None)
    )
    return Plan(
        obj=obj,
        timer=timer,
        span=span,
        times=times,
        left=left,
        with_job=with_job,
        begun=begun,
        replaced=record if record is not None and record.span != span and not record.finished else None,
        unreadable=recorded is not None and record is None,
        template_problem=template_problem,
        refused_now=refused_now,
        meets_schedule=in_each_others_way(timer, now_ms),
    )


async def _problems(api: ApiServer, timer: Timer, occurrence_ms: int | None) -> tuple[str, str]:
    """What the API server says to a Job that is not kept: to its template, and for now; "" where it would take it."""
    if occurrence_ms is None:
        return "", ""
    body = write_json(job_manifest(timer, occurrence_ms, backfill=True))
    try:
        await api.create(paths.jobs(timer.namespace), body, dryRun="All", fieldValidation="Strict")
    except ApiError as error:
        # The name is looked at last, so such a template is good. Whose Job it is turns out when its turn comes.
        if error.status == 409 and error.reason == "AlreadyExists":
            return "", ""
        if refusal_reason(error.status, error.message, error.causes) is Reason.INVALID_TEMPLATE:
            return error.message, ""
        if is_full(error):
            return "", refusal(error)
        raise
    return "", ""
