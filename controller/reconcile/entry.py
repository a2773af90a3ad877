"""One timer and all that belongs to it, in as little memory as will do: there are a hundred thousand of these."""

import math
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import cast

from controller.core.identity import manual_ticket
from controller.core.instants import CLOCKS_APART_MS
from controller.core.job import Run
from controller.core.report import Report
from controller.core.template import TemplateCheck
from controller.core.timer import Timer
from controller.reconcile.packed import unpack

# Shared by all that have none: an empty set alone takes 216 bytes. Nobody may add to them.
_NO_RUNS = cast("dict[str, Run]", MappingProxyType({}))
_NO_REPORTS = cast("dict[str, Report]", MappingProxyType({}))
_NONE_TOLD: set[str] = set()


@dataclass(slots=True)
class Entry:
    """One timer at its newest seen version."""

    packed: bytes
    """The timer, as `pack` made it."""
    version: int = 0
    """Its resourceVersion."""
    runs: dict[str, Run] = field(default_factory=lambda: _NO_RUNS)
    """By UID of the Job."""
    reports: dict[str, Report] = field(default_factory=lambda: _NO_REPORTS)
    """By id in the outcomes stream; those that status has not taken in."""
    told: set[str] = field(default_factory=lambda: _NONE_TOLD)
    """The ids of those that it has, while they are in the stream still."""
    synced_generation: int = 0
    """The generation that is known to have reached the index."""
    status_written_at_s: float = -math.inf
    seen_at_s: float = -math.inf
    """When this generation was seen for the first time, where its template is to be checked."""
    template: TemplateCheck | None = None
    """What was found out about the jobTemplate, until status says it."""
    listing: int = 0
    """The number of the last list of all timers that showed it."""

    @property
    def timer(self) -> Timer:
        """The timer, without its jobTemplate: it is by far the largest part, and only workers need it."""
        return unpack(self.packed)

    def newest_run_ms(self, now_ms: int) -> int:
        """The last occurrence that fired and has a Job, 0 for none. Runs by hand are outside that order."""
        return max((run.occurrence_ms for run in self.started_runs(now_ms) if not run.by_hand), default=0)

    def started_runs(self, now_ms: int) -> list[Run]:
        """Those that run or ran: all but those that are uncommitted, and those of occurrences to come.

        No worker creates these, but whoever may create Jobs can, and one far ahead would silence the timer until then.
        """
        if not self.runs:
            return []
        horizon_ms = now_ms + CLOCKS_APART_MS
        # Status can know earlier than the Job was seen to change.
        known = {commit.job_uid for commit in self.timer.recorded.commits if commit.started}
        started = (run for run in self.runs.values() if run.uncommitted is None or run.uid in known)
        return [run for run in started if run.by_hand or run.occurrence_ms <= horizon_ms]

    def uncommitted_runs(self) -> list[Run]:
        """The Jobs that may not run yet, or never will."""
        return [run for run in self.runs.values() if run.uncommitted is not None and not run.gone]

    def recognise(self) -> None:
        """What status calls active is on record: it is counted by that, and not for having been seen to begin."""
        if self.runs:
            for uid in active_uids(self.timer):
                run = self.runs.get(uid)
                if run is not None and run.fresh:
                    self.keep(replace(run, fresh=False))

    def keep(self, run: Run) -> None:
        """Have this Job in mind, as it is now."""
        self.runs = self.runs or {}
        self.runs[run.uid] = run

    def drop(self, uid: str) -> None:
        """Forget a Job."""
        if uid in self.runs:
            del self.runs[uid]

    def hear(self, report_id: str, report: Report) -> None:
        """Have this report in mind, until status has taken it in."""
        if report_id not in self.told:
            self.reports = self.reports or {}
            self.reports[report_id] = report

    def take_in(self, report_id: str) -> None:
        """Status has taken this report in."""
        if self.reports:
            self.reports.pop(report_id, None)
        self.told = self.told or set()
        self.told.add(report_id)

    @property
    def request_ticket(self) -> str | None:
        """The ticket of the run by hand that is asked for, None where none is."""
        request = self.timer.open_request
        return manual_ticket(self.timer.ticket, request) if request else None


def active_uids(timer: Timer) -> set[str]:
    """The UIDs of the Jobs that status calls active."""
    return {one["uid"] for one in timer.status.get("active") or ()}
