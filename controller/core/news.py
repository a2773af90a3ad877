"""What a status does not tell yet: runs that began or ended since it was written, and what workers reported.

Everything needed to count once is in the status itself: a scheduled run that is not among the active ones of the last
write, and not younger than its lastScheduleTime, has been counted. So a restart counts nothing twice. Runs by hand
come in no order; those count that were among the active ones, and one that was seen from its beginning is put there
first, whether it has finished or not.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from controller.core.identity import is_for
from controller.core.instants import parse_rfc3339
from controller.core.job import Outcome, Run
from controller.core.reasons import CREATE_PROBLEMS, Reason
from controller.core.report import Report
from controller.core.timer import Timer


@dataclass(frozen=True, slots=True)
class News:
    """What the next write of a timer's status is the first to tell."""

    started: Sequence[Run] = ()
    finished: Sequence[Run] = ()
    """In the order in which they ended."""
    uncounted: Sequence[Run] = ()
    """In place of these: finished, and to be called active once more. A run by hand is among them that was quick, and
    counts only once it was on record: a write whose answer is lost comes twice."""
    missed: Sequence[Report] = ()
    skipped: Sequence[Report] = ()
    replaced: Sequence[Report] = ()
    covered: Sequence[Report] = ()
    """Occurrences that were due and had a Job already, which somebody had made by hand."""
    refused: Report | None = None
    """The youngest attempt to create a Job, where it failed and nothing has mended it since."""
    handled_request: str = ""
    """The last request for a run by hand that was handled, whether that is new or not."""


def news_of(timer: Timer, runs: Iterable[Run], reports: Iterable[Report], now_ms: int) -> News:
    """What `timer.status` does not tell, given all its Jobs known now and the reports not yet taken in."""
    runs, reports = sorted(runs, key=lambda run: run.occurrence_ms), list(reports)
    active = {entry["uid"] for entry in timer.status.get("active") or ()}
    unknown = [run for run in runs if run.uid not in active and _is_new(run, timer.status)]
    uncounted = active.union(run.uid for run in unknown)
    finished = [run for run in runs if run.outcome is not Outcome.ACTIVE and run.uid in uncounted]
    counts = all(run.uid in active for run in finished if run.by_hand)
    by_occurrence = [report for report in reports if not report.request_key]
    by_hand = [report for report in reports if timer.open_request and is_for(report.request_key, timer.open_request)]
    fired = {run.occurrence_ms for run in runs if not run.by_hand}
    skipped = _new_ones(by_occurrence, Reason.JOB_ALREADY_ACTIVE, timer.status, "lastSkippedTime", now_ms)
    has_run = any(is_for(run.request_key, timer.open_request) for run in runs)
    skipped_by_hand = [one for one in by_hand if one.reason is Reason.JOB_ALREADY_ACTIVE and not has_run][:1]
    # The Job of a request can be gone before anybody here has seen it: its worker says that it was.
    answered = has_run or any(one.reason in (Reason.JOB_ALREADY_ACTIVE, Reason.SUCCESSFUL_CREATE) for one in by_hand)
    return News(
        started=unknown,
        finished=sorted(finished, key=lambda run: run.finished_ms or 0) if counts else (),
        uncounted=() if counts else finished,
        missed=_without_runs(
            _new_ones(by_occurrence, Reason.MISS_SCHEDULE, timer.status, "lastMissedTime", now_ms),
            # What is committed runs, whether it was seen yet or not.
            fired | ({timer.recorded.committed_ms} if timer.recorded.committed_ms else set()),
            timer,
        ),
        # A worker that fell behind may have skipped what another one had fired.
        skipped=[report for report in skipped if report.occurrence_ms not in fired] + skipped_by_hand,
        covered=[
            one for one in by_occurrence if one.reason is Reason.SUCCESSFUL_CREATE and one.occurrence_ms <= now_ms
        ],
        replaced=[report for report in reports if report.reason is Reason.SUCCESSFUL_DELETE],
        refused=_unmended(timer, reports, unknown, answered),
        handled_request=timer.open_request if answered else timer.recorded.request,
    )


def _is_new(run: Run, status: Mapping[str, Any]) -> bool:
    """Whether no status has told of this run, given that the last one does not call it active."""
    if run.by_hand:
        return run.fresh
    return _is_later(run.occurrence_ms, status, "lastScheduleTime")


def _new_ones(
    reports: Iterable[Report], reason: Reason, status: Mapping[str, Any], field: str, now_ms: int
) -> list[Report]:
    """The reports with this reason about occurrences after the one that status knows."""
    counted_ms = parse_rfc3339(status[field]) if status.get(field) else 0
    new = []
    for report in reports:
        # A report can arrive twice, and nothing in the future can have been decided.
        if report.reason is reason and counted_ms < report.occurrence_ms <= now_ms:
            counted_ms = report.occurrence_ms
            new.append(report)
    return new


def _unmended(timer: Timer, reports: Sequence[Report], started: Iterable[Run], answered: bool) -> Report | None:
    fired_ms = max((run.occurrence_ms for run in started if not run.by_hand), default=-1)
    for report in reversed(reports):
        if report.reason not in CREATE_PROBLEMS or report.generation != timer.generation:
            continue
        if report.request_key:
            mended = answered or not is_for(report.request_key, timer.open_request)
        else:
            is_later = _is_later(report.occurrence_ms, timer.status, "lastScheduleTime")
            mended = report.occurrence_ms <= fired_ms or not is_later
        if not mended:
            return report
    return None


def _is_later(occurrence_ms: int, status: Mapping[str, Any], field: str) -> bool:
    known = status.get(field)
    return known is None or occurrence_ms > parse_rfc3339(known)


def _without_runs(missed: Iterable[Report], fired: Iterable[int], timer: Timer) -> list[Report]:
    """The misses without the occurrences that have a Job all the same."""
    fired = list(fired)
    counts = [(report, report.count - sum(_is_among(one, report, timer) for one in fired)) for report in missed]
    return [report.model_copy(update={"count": count}) for report, count in counts if count > 0]


def _is_among(occurrence_ms: int, report: Report, timer: Timer) -> bool:
    """Whether this is one of the occurrences reported as missed: its worker died before it could acknowledge it."""
    if timer.schedule is None or report.generation != timer.generation or occurrence_ms > report.occurrence_ms:
        return False
    later = timer.schedule.count(occurrence_ms, report.occurrence_ms)
    return later.number < report.count
