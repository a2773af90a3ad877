"""What the controller knows of the cluster: each timer at its newest seen version, with its Jobs and reports.

Watches, lists and answers to writes all arrive here, in any order. What is older than the known is ignored, and
what follows for index and status is queued, each timer once. No I/O.
"""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from controller.core.identity import TICKET_LENGTH, uid_of
from controller.core.job import Outcome, Run, parse_run
from controller.core.report import Report
from controller.core.template import TemplateCheck, is_unchecked
from controller.core.timer import Timer
from controller.reconcile.entry import Entry, active_uids
from controller.reconcile.packed import pack, unpack
from controller.reconcile.pending import LAST, Pending
from controller.reconcile.rush import Rush

log = logging.getLogger(__name__)

_DELETED_REMEMBERED = 20_000
_CHECK_AWAITED_S = 10.0
_REPORTS_AT_MOST = 10_000
"""Of one timer, not yet taken in: as many as the stream keeps of all. Others may write there without end."""
_SETTLE_S = 0.2
"""A status waits this long for more to happen: a Job's creation and its end often come together."""


class Table:
    """All timers by UID. `to_sync`, `to_check` and `to_report` name those whose ticket, template and status follow."""

    def __init__(self, status_seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.entries: dict[str, Entry] = {}
        self.to_sync = Pending(monotonic)
        self.to_check = Pending(monotonic)
        self.to_report = Pending(monotonic)
        self.rush = Rush(monotonic)
        self.is_whole = True
        """Whether no timer is left out because its namespace is out of reach."""
        self._status_seconds = status_seconds
        self._monotonic = monotonic
        self._deleted: OrderedDict[str, None] = OrderedDict()
        self._early_runs: dict[str, dict[str, Run]] = {}
        self._gone_jobs: OrderedDict[str, None] = OrderedDict()

    def see_timer(self, obj: Mapping[str, Any]) -> None:
        """A timer as some watch, list or write showed it."""
        uid = obj["metadata"]["uid"]
        known = self.entries.get(uid)
        if uid in self._deleted or (known and _version(obj) <= known.version):
            return
        try:
            packed, version = pack(obj), _version(obj)
            timer = unpack(packed)
            # Of its status only the schema's word is known: what is read of it below has to be there.
            unchecked = is_unchecked(timer)
            active_uids(timer)
        except Exception as error:
            # The schema keeps such objects out; should one get in, whatever is wrong with it, the others go on.
            log.error("timer cannot be read: %r", error, extra={"timer": uid})
            return
        before = known.timer if known else None
        if known is None:
            early = self._early_runs.pop(uid, {}).items()
            known = Entry(packed, version)
            if early:
                known.runs = {key: run for key, run in early if run.namespace == timer.namespace}
            self.entries[uid] = known
        known.packed, known.version = packed, version
        known.recognise()
        if unchecked and (before is None or timer.generation > before.generation):
            known.seen_at_s = self._monotonic()
        if unchecked and self.awaits_check(known):
            self.to_check.add(uid)
        if before is not None and _asks(timer) == _asks(before):
            self._report(uid)
            return
        self.to_sync.add(uid)
        self.to_report.add(uid, rank=_behind_since_ms(timer, known.runs.values()))

    def timer_deleted(self, uid: str) -> None:
        """A timer is gone for good."""
        _remember(self._deleted, uid)
        self._early_runs.pop(uid, None)
        self.entries.pop(uid, None)
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
        runs = entry.runs if entry else self._early_runs.get(run.timer_uid, {})
        known = runs.get(run.uid)
        if known is None:
            self.rush.hear()
        run = replace(run, fresh=known.fresh if known else run.outcome is Outcome.ACTIVE)
        # A Job ends once and goes once; whatever says otherwise is old.
        if known and (known.gone or known.outcome is not Outcome.ACTIVE or known == run):
            return
        if known and known.uncommitted is None and run.uncommitted is not None:
            return
        if entry is None:
            self._early_runs.setdefault(run.timer_uid, {})[run.uid] = run
            return
        entry.keep(run)
        entry.recognise()
        if known is None or known.uncommitted != run.uncommitted:
            # The worker that made it has told the index, as a rule: many go together.
            self.to_sync.add(run.timer_uid, _SETTLE_S if run.uncommitted is None else 0.0)
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
                entry.keep(replace(run, gone=True))
            self._report(timer_uid)

    def see_report(self, report_id: str, report: Report) -> bool:
        """A worker's report; False where its timer does not exist, or has more than workers can have reported."""
        uid = uid_of(report.ticket)
        entry = self.entries.get(uid) if uid else None
        if uid and entry is None and not self.is_whole:
            return True
        if uid is None or entry is None or len(entry.reports) >= _REPORTS_AT_MOST:
            return False
        if report_id not in entry.told:
            entry.hear(report_id, report)
            self._report(uid, rank=0)
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
        to_count = active_uids(entry.timer)
        for run in runs:
            if run.gone and run.uid not in to_count:
                entry.drop(run.uid)
            elif run.outcome is not Outcome.ACTIVE and run.uid in entry.runs:
                entry.keep(replace(entry.runs[run.uid], fresh=False))
        for report_id in report_ids:
            entry.take_in(report_id)

    def has(self, ticket: str) -> bool:
        """Whether a ticket is one of a timer that exists."""
        uid = uid_of(ticket)
        entry = self.entries.get(uid) if uid else None
        return entry is not None and (len(ticket) == TICKET_LENGTH or ticket == entry.request_ticket)

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

    def _report(self, uid: str, rank: int = LAST) -> None:
        entry = self.entries[uid]
        since_s = self._monotonic() - entry.status_written_at_s
        self.to_report.add(uid, max(_SETTLE_S, self._status_seconds - since_s), rank)


def _remember(gone: OrderedDict[str, None], uid: str) -> None:
    """What is gone is gone: a list that began before must not bring it back."""
    gone[uid] = None
    while len(gone) > _DELETED_REMEMBERED:
        gone.popitem(last=False)


def _behind_since_ms(timer: Timer, runs: Iterable[Run]) -> int:
    """Up to when status tells of a timer that has run since then; LAST where it has not.

    Reports of workers, which only Redis has, come before all these.
    """
    handled_ms = timer.recorded.handled_through_ms or 0
    newest_ms = max((run.occurrence_ms for run in runs if not run.by_hand), default=0)
    return handled_ms if newest_ms > handled_ms else LAST


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
