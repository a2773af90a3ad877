"""Which Kubernetes Events a write of status deserves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from controller.core.instants import rfc3339
from controller.core.job import Outcome, Run
from controller.core.news import News
from controller.core.reasons import Reason
from controller.core.report import Report
from controller.core.timer import condition


@dataclass(frozen=True, slots=True)
class EventDraft:
    """An Event about a timer, before it has a name and a time. `kind` is Normal or Warning."""

    kind: str
    reason: Reason
    message: str


def events_between(old: Mapping[str, Any], new: Mapping[str, Any], news: News) -> list[EventDraft]:
    """What went on since the last status, and warnings for what newly went wrong. One Event for many of a kind.

    Nothing is said twice while it stays as it is. Reasons and, where there is one, wording are those of CronJob.
    """
    drafts = []
    if news.missed:
        count, last = sum(report.count for report in news.missed), rfc3339(news.missed[-1].occurrence_ms)
        drafts.append(_warning(Reason.MISS_SCHEDULE, f"Missed {count} run(s), the last of {last}."))
    if news.skipped:
        drafts.append(_warning(Reason.JOB_ALREADY_ACTIVE, _skipped(news.skipped)))
    if news.replaced:
        drafts.append(EventDraft("Normal", Reason.SUCCESSFUL_DELETE, _replaced(news.replaced)))
    if news.started:
        drafts.append(EventDraft("Normal", Reason.SUCCESSFUL_CREATE, _started(news.started)))
    if news.finished:
        drafts.append(EventDraft("Normal", Reason.SAW_COMPLETED_JOB, _finished(news.finished)))
    before, after = condition(old, "Suspended"), condition(new, "Suspended")
    if after.get("reason") == Reason.TOO_MANY_FAILURES != before.get("reason"):
        drafts.append(_warning(Reason.TOO_MANY_FAILURES, after["message"]))
    before, after = condition(old, "Ready"), condition(new, "Ready")
    if after["status"] == "False" and _said(before) != _said(after):
        drafts.append(_warning(Reason(after["reason"]), after["message"]))
    return drafts


def _warning(reason: Reason, message: str) -> EventDraft:
    return EventDraft("Warning", reason, message)


def _said(ready: Mapping[str, Any]) -> tuple[Any, ...]:
    return ready.get("status"), ready.get("reason"), ready.get("message")


def _skipped(skipped: Sequence[Report]) -> str:
    count = sum(report.count for report in skipped)
    return skipped[-1].message if count == 1 else f"Skipped {count} runs, the last: {skipped[-1].message}"


def _replaced(replaced: Sequence[Report]) -> str:
    last = replaced[-1].message
    return last if len(replaced) == 1 else f"Deleted {len(replaced)} jobs, the last: {last}"


def _started(started: Sequence[Run]) -> str:
    run = started[-1]
    if len(started) > 1:
        return f"Created {len(started)} jobs, the last: {run.name}"
    by_hand = f", asked for by hand ({run.trigger})" if run.trigger else ""
    return f"Created job {run.name}{by_hand}"


def _finished(finished: Sequence[Run]) -> str:
    run = finished[-1]
    if len(finished) == 1:
        state = "Complete" if run.outcome is Outcome.SUCCEEDED else _failed(run)
        return f"Saw completed job: {run.name}, condition: {state}"
    failed = [run for run in finished if run.outcome is Outcome.FAILED]
    bad = f", the last of them {failed[-1].name}: {_failed(failed[-1])}" if failed else ""
    return f"Saw {len(finished)} completed jobs, {len(failed)} of them failed{bad}"


def _failed(run: Run) -> str:
    return f"Failed ({run.failure.reason})" if run.failure and run.failure.reason else "Failed"
