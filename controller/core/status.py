"""The status of a timer: a fold over what was written last, its Jobs, and the workers' reports.

Everything needed to count once is in the status itself: a run that is not among the active ones of the last
write, and not younger than its lastScheduleTime, has been counted. So a restart counts nothing twice.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from controller.core.fence import fence_ms
from controller.core.instants import parse_rfc3339, rfc3339
from controller.core.job import Outcome, Run
from controller.core.reasons import COMPLETE_REASONS, CREATE_PROBLEMS, Reason
from controller.core.report import Report
from controller.core.schedule.occurrences import never_fires
from controller.core.timer import Timer

ACTIVE_LIMIT = 100
"""status.active names at most so many Jobs, the newest; activeCount counts all."""

Status = dict[str, Any]


def next_status(timer: Timer, runs: Iterable[Run], reports: Sequence[Report], now_ms: int) -> Status:
    """The status that `timer.status` should become, given all its Jobs known now and reports not yet taken in."""
    old = timer.status
    runs = sorted(runs, key=lambda run: run.occurrence_ms)
    active = [run for run in runs if run.outcome is Outcome.ACTIVE and not run.gone]
    finished = [run for run in runs if run.outcome is not Outcome.ACTIVE and not _counted(run, old)]
    succeeded = [run for run in finished if run.outcome is Outcome.SUCCEEDED]
    failed = [run for run in finished if run.outcome is Outcome.FAILED]
    missed = _uncounted_misses(timer, runs, reports, old, now_ms)
    counts = old.get("runs") or {}

    last_schedule_ms = _latest(_instant(old, "lastScheduleTime"), *(run.occurrence_ms for run in runs))
    last_missed_ms = _latest(_instant(old, "lastMissedTime"), *(report.occurrence_ms for report in missed))
    handled_through_ms = max(fence_ms(timer, now_ms), last_schedule_ms or 0, last_missed_ms or 0)
    next_ms = timer.schedule.next_after(handled_through_ms) if timer.schedule else None

    status: Status = {
        "observedGeneration": timer.generation,
        "timingHash": timer.timing_hash,
        "handledThrough": rfc3339(handled_through_ms),
        "scheduleSummary": timer.timing.summary if timer.timing else "<invalid>",
        "nextScheduleTime": None if next_ms is None or timer.suspended else rfc3339(next_ms),
        "lastScheduleTime": _text(last_schedule_ms),
        "lastMissedTime": _text(last_missed_ms),
        "lastSuccessfulTime": _text(_latest(_instant(old, "lastSuccessfulTime"), *(r.finished_ms for r in succeeded))),
        "lastFailedTime": _text(_latest(_instant(old, "lastFailedTime"), *(r.finished_ms for r in failed))),
        "active": [
            {"name": run.name, "uid": run.uid, "scheduledAt": rfc3339(run.occurrence_ms)}
            for run in active[-ACTIVE_LIMIT:]
        ],
        "activeCount": len(active),
        "runs": {
            "succeeded": counts.get("succeeded", 0) + len(succeeded),
            "failed": counts.get("failed", 0) + len(failed),
            "missed": counts.get("missed", 0) + sum(report.count for report in missed),
        },
    }
    status = {key: value for key, value in status.items() if value is not None}
    ready = _create_problem(timer, reports, last_schedule_ms) or _ready(timer, status, next_ms)
    status["conditions"] = _dated(_conditions(timer, *ready), old.get("conditions") or (), now_ms)
    return status


def status_patch(old: Mapping[str, Any], new: Status) -> Status:
    """The merge patch from one status to the other; empty where they say the same."""
    changed = {key: value for key, value in new.items() if old.get(key) != value}
    return changed | {key: None for key in old if key not in new}


def condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """A condition by its type; empty where there is none."""
    return next((entry for entry in status.get("conditions") or () if entry["type"] == kind), {})


def _counted(run: Run, old: Mapping[str, Any]) -> bool:
    last_ms = _instant(old, "lastScheduleTime")
    was_active = any(entry["uid"] == run.uid for entry in old.get("active") or ())
    return last_ms is not None and run.occurrence_ms <= last_ms and not was_active


def _uncounted_misses(
    timer: Timer, runs: Sequence[Run], reports: Sequence[Report], old: Mapping[str, Any], now_ms: int
) -> list[Report]:
    counted_ms = _instant(old, "lastMissedTime") or 0
    misses: list[Report] = []
    for report in reports:
        # A report can arrive twice, and nothing in the future can have been missed.
        if report.reason is Reason.MISS_SCHEDULE and counted_ms < report.occurrence_ms <= now_ms:
            counted_ms = report.occurrence_ms
            missed = report.count - sum(_is_among(run, report, timer) for run in runs)
            if missed > 0:
                misses.append(report.model_copy(update={"count": missed}))
    return misses


def _is_among(run: Run, report: Report, timer: Timer) -> bool:
    """Whether this is one of the occurrences reported as missed: its worker died before it could acknowledge it."""
    if timer.schedule is None or report.generation != timer.generation or run.occurrence_ms > report.occurrence_ms:
        return False
    later = timer.schedule.count(run.occurrence_ms, report.occurrence_ms)
    return later.number < report.count


_Ready = tuple[bool, Reason, str]


def _ready(timer: Timer, status: Status, next_ms: int | None) -> _Ready:
    if timer.problem is not None:
        return False, timer.problem.reason, timer.problem.message
    if next_ms is None and not status["activeCount"]:
        if timer.schedule is not None and never_fires(timer.schedule):
            return True, Reason.NEVER_FIRES, _warned(timer, "The schedule never fires: it has no occurrence at all.")
        if "lastScheduleTime" not in status:
            return True, Reason.MISSED, "No occurrence lies in the future, and none has run."
        if status["runs"]["failed"]:
            return (
                True,
                Reason.COMPLETED_WITH_FAILURES,
                f"No occurrence is left; {status['runs']['failed']} run(s) failed.",
            )
        return True, Reason.COMPLETE, "No occurrence is left and no Job is active."
    if timer.suspended:
        return True, Reason.SUSPENDED, _warned(timer, "spec.suspend is true: nothing fires until it is false.")
    return True, Reason.SCHEDULED, _warned(timer, "The timer fires as scheduled.")


def _warned(timer: Timer, message: str) -> str:
    """The message, and what the spec says that surely means something else."""
    return (
        f"{message} Warning: {'; '.join(timer.timing.remarks)}." if timer.timing and timer.timing.remarks else message
    )


def _create_problem(timer: Timer, reports: Sequence[Report], last_schedule_ms: int | None) -> _Ready | None:
    """Whether the youngest attempt to create a Job failed, by the reports or else by the status written before."""
    if timer.problem is not None:
        return None
    for report in reversed(reports):
        if report.reason in CREATE_PROBLEMS and report.generation == timer.generation:
            if last_schedule_ms is None or report.occurrence_ms > last_schedule_ms:
                return False, report.reason, f"The Job of {rfc3339(report.occurrence_ms)} was refused: {report.message}"
            return None
    before = condition(timer.status, "Ready")
    unmended = (
        before.get("reason") in CREATE_PROBLEMS
        and before.get("observedGeneration") == timer.generation
        and last_schedule_ms == _instant(timer.status, "lastScheduleTime")
    )
    return (False, Reason(before["reason"]), before["message"]) if unmended else None


def _conditions(timer: Timer, ready: bool, reason: Reason, message: str) -> list[dict[str, Any]]:
    """Ready always; Stalled, Suspended and Complete only while they hold, as kstatus reads them."""
    states = {
        "Ready": ready,
        "Stalled": not ready and (timer.problem is not None or reason is Reason.INVALID_TEMPLATE),
        "Suspended": timer.suspended,
        "Complete": reason in COMPLETE_REASONS,
    }
    return [
        {
            "type": kind,
            "status": str(state),
            "reason": reason if kind != "Suspended" else Reason.SUSPENDED,
            "message": message if kind != "Suspended" else "spec.suspend is true.",
            "observedGeneration": timer.generation,
        }
        for kind, state in states.items()
        if state or kind == "Ready"
    ]


def _dated(conditions: list[dict[str, Any]], before: Iterable[Mapping[str, Any]], now_ms: int) -> list[dict[str, Any]]:
    since = {(entry["type"], entry["status"]): entry["lastTransitionTime"] for entry in before}
    now = rfc3339(now_ms - now_ms % 1000)
    return [{**entry, "lastTransitionTime": since.get((entry["type"], entry["status"]), now)} for entry in conditions]


def _instant(status: Mapping[str, Any], field: str) -> int | None:
    return parse_rfc3339(status[field]) if status.get(field) else None


def _latest(*instants: int | None) -> int | None:
    return max((instant for instant in instants if instant is not None), default=None)


def _text(instant_ms: int | None) -> str | None:
    return None if instant_ms is None else rfc3339(instant_ms)
