"""What the controller knows of the cluster: each timer at its newest seen version, with its Jobs and reports.

Watches, lists and answers to writes all arrive here, in any order. What is older than the known is ignored, and
what follows for index and status is queued, each timer once. No I/O.
"""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from controller.core.identity import TICKET_LENGTH, manual_ticket
from controller.core.instants import CLOCKS_APART_MS
from controller.core.job import Outcome, Run, parse_run
from controller.core.report import Report
from controller.core.template import TemplateCheck, is_unchecked
from controller.core.timer import Timer, parse_timer
from controller.reconcile.pending import Pending
from controller.reconcile.rush import Rush

log = logging.getLogger(__name__)

_DELETED_REMEMBERED = 20_000
_CHECK_AWAITED_S = 10.0
_REPORTS_AT_MOST = 10_000
"""Of one timer, not yet taken in: as many as the stream keeps of all. Others may write there without end."""
_SETTLE_S = 0.2
"""A status waits this long for more to happen: a Job's creation and its end often come together."""


@dataclass(slots=True)
class Entry:
    """One timer and all that belongs to it."""

    timer: Timer
    runs: dict[str, Run] = field(default_factory=dict)
    """By UID of the Job."""
    reports: dict[str, Report] = field(default_factory=dict)
    """By id in the outcomes stream; those that status has not taken in."""
    told: set[str] = field(default_factory=set)
    """The ids of those that it has, while they are in the stream still."""
    synced_generation: int = 0
    """The generation that is known to have reached the index."""
    status_written_at_s: float = 0.0
    seen_at_s: float = 0.0
    """When this generation was seen for the first time."""
    template: TemplateCheck | None = None
    """What was found out about the jobTemplate, until status says it."""

    def newest_run_ms(self, now_ms: int) -> int:
        """The last occurrence that fired and has a Job, 0 for none. Runs by hand are outside that order."""
        return max((run.occurrence_ms for run in self.started_runs(now_ms) if not run.by_hand), default=0)

    def started_runs(self, now_ms: int) -> list[Run]:
        """Those that run or ran: all but those that are uncommitted, and those of occurrences to come.

        No worker creates these, but whoever may create Jobs can, and one far ahead would silence the timer until then.
        """
        horizon_ms = now_ms + CLOCKS_APART_MS
        # Status can know earlier than the Job was seen to change.
        known = {commit.job_uid for commit in self.timer.recorded.commits if commit.started}
        started = (run for run in self.runs.values() if run.uncommitted is None or run.uid in known)
        return [run for run in started if run.by_hand or run.occurrence_ms <= horizon_ms]

    def recognise(self) -> None:
        """What status calls active is on record: it is counted by that, and not for having been seen to begin."""
        for uid in _active(self.timer):
            run = self.runs.get(uid)
            if run is not None and run.fresh:
                self.runs[run.uid] = replace(run, fresh=False)

    def uncommitted_runs(self) -> list[Run]:
        """The Jobs that may not run yet, or never will."""
        return [run for run in self.runs.values() if run.uncommitted is not None and not run.gone]

    @property
    def request_ticket(self) -> str | None:
        """The ticket of the run by hand that is asked for, None where none is."""
        request = self.timer.open_request
        return manual_ticket(self.timer.ticket, request) if request else None


class Table:
    """All timers by UID. `to_sync`, `to_check` and `to_report` name those whose ticket, template and status follow."""

    def __init__(self, status_seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.entries: dict[str, Entry] = {}
        self.to_sync = Pending(monotonic)
        self.to_check = Pending(monotonic)
        self.to_report = Pending(monotonic)
        self.rush = Rush(monotonic)
        self._status_seconds = status_seconds
        self._monotonic = monotonic
        self._uids: dict[str, str] = {}
        self._deleted: OrderedDict[str, None] = OrderedDict()
        self._early_runs: dict[str, dict[str, Run]] = {}
        self._gone_jobs: OrderedDict[str, None] = OrderedDict()

    def see_timer(self, obj: Mapping[str, Any]) -> None:
        """A timer as some watch, list or write showed it."""
        uid = obj["metadata"]["uid"]
        known = self.entries.get(uid)
        if uid in self._deleted or (known and _version(obj) <= int(known.timer.resource_version)):
            return
        try:
            # Templates are by far the largest part of a timer, and only workers need them.
            timer = replace(parse_timer(obj), job_template={})
            # Of its status only the schema's word is known: what is read of it below has to be there.
            is_unchecked(timer)
            _active(timer)
        except Exception as error:
            # The schema keeps such objects out; should one get in, whatever is wrong with it, the others go on.
            log.error("timer cannot be read: %r", error, extra={"timer": uid})
            return
        before = known.timer if known else None
        if known is None:
            early = self._early_runs.pop(uid, {}).items()
            known = Entry(timer, {key: run for key, run in early if run.namespace == timer.namespace})
            self.entries[uid], self._uids[timer.ticket] = known, uid
        known.timer = timer
        known.recognise()
        if before is None or timer.generation > before.generation:
            known.seen_at_s = self._monotonic()
        if self.awaits_check(known):
            self.to_check.add(uid)
        if before is not None and _asks(timer) == _asks(before):
            self._report(uid)
            return
        self.to_sync.add(uid)
        self.to_report.add(uid)

    def timer_deleted(self, uid: str) -> None:
        """A timer is gone for good."""
        _remember(self._deleted, uid)
        self._early_runs.pop(uid, None)
        entry = self.entries.pop(uid, None)
        if entry is not None:
            self._uids.pop(entry.timer.ticket, None)
        self.to_sync.add(uid)

    def see_job(self, obj: Mapping[str, Any]) -> None:
        """A Job as some watch or list showed it."""
        run = _run_of(obj)
        if run is None or run.timer_uid in self._deleted or run.uid in self._gone_jobs:
            return
        entry = self.entries.get(run.timer_uid)
        if entry and entry.timer.namespace != run.namespace:
            # Anybody can name an owner in another namespace; Kubernetes does not count it either.
            return
        runs = entry.runs if entry else self._early_runs.setdefault(run.timer_uid, {})
        known = runs.get(run.uid)
        if known is None:
            self.rush.hear()
        run = replace(run, fresh=known.fresh if known else run.outcome is Outcome.ACTIVE)
        # A Job ends once and goes once; whatever says otherwise is old.
        if known and (known.gone or known.outcome is not Outcome.ACTIVE or known == run):
            return
        if known and known.uncommitted is None and run.uncommitted is not None:
            return
        runs[run.uid] = run
        if entry:
            entry.recognise()
            if known is None or known.uncommitted != run.uncommitted:
                self.to_sync.add(run.timer_uid)
            self._report(run.timer_uid)

    def job_gone(self, obj: Mapping[str, Any]) -> None:
        """A Job was deleted; it stays in mind until status has counted it."""
        self.see_job(obj)
        run = _run_of(obj)
        if run is not None:
            self.run_gone(run.timer_uid, run.uid)

    def run_gone(self, timer_uid: str, job_uid: str) -> None:
        """The Job with this UID does not exist any more."""
        _remember(self._gone_jobs, job_uid)
        entry = self.entries.get(timer_uid)
        if entry is None:
            self._early_runs.get(timer_uid, {}).pop(job_uid, None)
        elif job_uid in entry.runs:
            run = entry.runs.pop(job_uid)
            if run.uncommitted is None:
                entry.runs[job_uid] = replace(run, gone=True)
            self._report(timer_uid)

    def see_report(self, report_id: str, report: Report) -> bool:
        """A worker's report; False where its timer is not known, or has more than workers can have reported."""
        uid = self._uids.get(report.ticket[:TICKET_LENGTH])
        if uid is None or len(self.entries[uid].reports) >= _REPORTS_AT_MOST:
            return False
        if report_id not in self.entries[uid].told:
            self.entries[uid].reports[report_id] = report
            self._report(uid)
        return True

    def awaits_check(self, entry: Entry) -> bool:
        """Whether the template of this generation is still to be checked."""
        known = entry.template is not None and entry.template.generation == entry.timer.generation
        return is_unchecked(entry.timer) and not known

    def check_awaited_s(self, entry: Entry) -> float:
        """For how long status should wait for the check of a new template: it may be the turn of many others first."""
        if not self.awaits_check(entry):
            return 0.0
        return entry.seen_at_s + _CHECK_AWAITED_S - self._monotonic()

    def template_checked(self, uid: str, found: TemplateCheck) -> None:
        """What was found out about a timer's template."""
        if uid in self.entries:
            self.entries[uid].template = found
            self.to_report.add(uid)

    def written(self, uid: str, obj: Mapping[str, Any]) -> None:
        """The answer to a write of this timer's status."""
        if uid in self.entries:
            self.entries[uid].status_written_at_s = self._monotonic()
        self.see_timer(obj)

    def taken_in(self, uid: str, runs: Iterable[Run], report_ids: Iterable[str]) -> None:
        """Status says what these runs and reports say: what is gone or told can be forgotten."""
        entry = self.entries.get(uid)
        if entry is None:
            return
        if not is_unchecked(entry.timer):
            entry.template = None
        to_count = _active(entry.timer)
        for run in runs:
            if run.gone and run.uid not in to_count:
                entry.runs.pop(run.uid, None)
            elif run.outcome is not Outcome.ACTIVE and run.uid in entry.runs:
                entry.runs[run.uid] = replace(entry.runs[run.uid], fresh=False)
        for report_id in report_ids:
            entry.reports.pop(report_id, None)
            entry.told.add(report_id)

    def tickets(self) -> set[str]:
        """The tickets of all timers that exist."""
        by_hand = {ticket for entry in self.entries.values() if (ticket := entry.request_ticket)}
        return by_hand.union(self._uids)

    def forget_early_runs(self) -> None:
        """Jobs whose timers a complete list did not show: the garbage collector will take them."""
        self._early_runs.clear()

    def sizes(self) -> dict[str, int]:
        """How much is in mind, by kind."""
        entries = list(self.entries.values())
        return {
            "timers": len(entries),
            "runs": sum(len(entry.runs) for entry in entries) + sum(map(len, self._early_runs.values())),
            "reports": sum(len(entry.reports) + len(entry.told) for entry in entries),
            "to sync": len(self.to_sync),
            "to check": len(self.to_check),
            "to report": len(self.to_report),
        }

    def _report(self, uid: str) -> None:
        entry = self.entries[uid]
        since_s = self._monotonic() - entry.status_written_at_s
        self.to_report.add(uid, max(_SETTLE_S, self._status_seconds - since_s))


def _remember(gone: OrderedDict[str, None], uid: str) -> None:
    """What is gone is gone: a list that began before must not bring it back."""
    gone[uid] = None
    while len(gone) > _DELETED_REMEMBERED:
        gone.popitem(last=False)


def _active(timer: Timer) -> set[str]:
    """The UIDs of the Jobs that status calls active."""
    return {one["uid"] for one in timer.status.get("active") or ()}


def _asks(timer: Timer) -> tuple[Any, ...]:
    """What of a timer the index follows, beyond what workers tell it."""
    return timer.generation, timer.being_deleted, timer.stopped, timer.open_request


def _run_of(obj: Mapping[str, Any]) -> Run | None:
    try:
        return parse_run(obj)
    except Exception as error:
        # Go's calendar has a year 0, for one, and whoever may write a Job's status can name it.
        log.error("job cannot be read: %r", error, extra={"job": obj["metadata"].get("uid")})
        return None


def _version(obj: Mapping[str, Any]) -> int:
    # Kubernetes defines resource versions of one resource as comparable integers, from 1.35 on by contract.
    return int(obj["metadata"]["resourceVersion"])
