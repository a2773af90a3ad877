"""The status of a timer: a fold over what was written last, its Jobs, and what is new of runs and reports."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from controller.core.commit import with_started
from controller.core.conditions import conditions_of
from controller.core.fence import fence_ms
from controller.core.instants import parse_rfc3339, rfc3339
from controller.core.job import Failure, Outcome, Run
from controller.core.news import News
from controller.core.template import TemplateCheck
from controller.core.timer import Timer

ACTIVE_LIMIT = 100
"""status.active names at most so many Jobs, the newest; activeCount counts all."""

# What the schema has room for: an API server would refuse more, and with it all the rest of a status.
_LARGEST_INT32 = 2**31 - 1
_LARGEST_INT64 = 2**63 - 1

Status = dict[str, Any]


def next_status(
    timer: Timer, runs: Iterable[Run], news: News, now_ms: int, template: TemplateCheck | None = None
) -> Status:
    """The status that `timer.status` should become, given all its Jobs known now and what is new of them.

    Jobs that may not run yet, or never will, are not among these.

    `template` is what a check of this generation's jobTemplate found, None where none was made since the last write.
    """
    old, runs = timer.status, list(runs)
    active = [run for run in runs if run.outcome is Outcome.ACTIVE and not run.gone and not _is_over(run, old, news)]
    active = sorted([*active, *news.uncounted], key=lambda run: run.occurrence_ms)
    succeeded = [run for run in news.finished if run.outcome is Outcome.SUCCEEDED]
    failed = [run for run in news.finished if run.outcome is Outcome.FAILED]
    scheduled = [run.occurrence_ms for run in news.started if not run.by_hand]
    scheduled += [report.occurrence_ms for report in news.covered]
    failures_in_a_row = _failures_in_a_row(timer, news.finished)
    limit = timer.policy.max_failures
    stopped = limit is not None and failures_in_a_row >= limit

    last_schedule_ms = _latest(_instant(old, "lastScheduleTime"), *scheduled)
    last_missed_ms = _latest(_instant(old, "lastMissedTime"), *(report.occurrence_ms for report in news.missed))
    skipped = [report.occurrence_ms for report in news.skipped if not report.request_key]
    last_skipped_ms = _latest(_instant(old, "lastSkippedTime"), *skipped)
    handled_through_ms = max(
        fence_ms(timer, now_ms),
        last_schedule_ms or 0,
        last_missed_ms or 0,
        last_skipped_ms or 0,
        # A timer that starts again after a stop does not make up for the time between.
        now_ms if timer.stopped and not stopped else 0,
    )
    next_ms = timer.schedule.next_after(handled_through_ms) if timer.schedule else None

    status: Status = {
        "observedGeneration": timer.generation,
        "timingHash": timer.timing_hash,
        "handledThrough": rfc3339(handled_through_ms),
        "scheduleSummary": timer.timing.summary if timer.timing else "<invalid>",
        "nextScheduleTime": None if next_ms is None or timer.suspended or stopped else rfc3339(next_ms),
        "lastScheduleTime": _text(last_schedule_ms),
        "lastMissedTime": _text(last_missed_ms),
        "lastSkippedTime": _text(last_skipped_ms),
        "lastSuccessfulTime": _text(_latest(_instant(old, "lastSuccessfulTime"), *(r.finished_ms for r in succeeded))),
        "lastFailedTime": _text(_latest(_instant(old, "lastFailedTime"), *(r.finished_ms for r in failed))),
        "lastFailure": _failure(failed[-1]) if failed else old.get("lastFailure"),
        "lastHandledTrigger": news.handled_request or None,
        "active": [_active(run) for run in active[-ACTIVE_LIMIT:]],
        "activeCount": len(active),
        "consecutiveFailures": failures_in_a_row,
        "runs": {
            "succeeded": _count(old, "succeeded", len(succeeded)),
            "failed": _count(old, "failed", len(failed)),
            "missed": _count(old, "missed", sum(report.count for report in news.missed)),
            "skipped": _count(old, "skipped", sum(report.count for report in news.skipped)),
        },
    }
    status |= with_started(timer.recorded.commits, (run.uid for run in runs))
    status = {key: value for key, value in status.items() if value is not None}
    conditions = conditions_of(timer, status, news, next_ms, stopped, template)
    status["conditions"] = _dated(conditions, old.get("conditions") or (), now_ms)
    return status


def _is_over(run: Run, old: Mapping[str, Any], news: News) -> bool:
    """Whether status knows already that a run has ended which still looks active here.

    A leader that was replaced can have seen and counted it before it noticed.
    """
    known = old.get("active") or ()
    is_named = any(entry["uid"] == run.uid for entry in known)
    return len(known) < ACTIVE_LIMIT and not is_named and run not in news.started


def status_patch(old: Mapping[str, Any], new: Status) -> Status:
    """The merge patch from one status to the other; empty where they say the same."""
    changed = {key: value for key, value in new.items() if old.get(key) != value}
    return changed | {key: None for key in old if key not in new}


def _failures_in_a_row(timer: Timer, finished: Sequence[Run]) -> int:
    """How many of the last runs failed. An edit begins anew; of runs by hand only success counts."""
    count = timer.recorded.failures_in_a_row if timer.recorded.generation >= timer.generation else 0
    for run in finished:
        if run.outcome is Outcome.SUCCEEDED:
            count = 0
        elif not run.by_hand:
            count += 1
    return min(count, _LARGEST_INT32)


def _active(run: Run) -> Status:
    entry = {"name": run.name, "uid": run.uid, "scheduledAt": rfc3339(run.occurrence_ms)}
    return entry | ({"trigger": run.trigger} if run.trigger else {})


def _failure(run: Run) -> Status:
    # All fields, always: a merge patch would keep those of the failure before.
    failure = run.failure or Failure("", "")
    return {"jobName": run.name, "reason": failure.reason, "message": failure.message}


def _count(old: Mapping[str, Any], outcome: str, more: int) -> int:
    number: int = (old.get("runs") or {}).get(outcome, 0)
    return min(number + more, _LARGEST_INT64)


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
