"""One run that is about to be created: what is known of it, and what index and cluster are told of it. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from controller.core.decision import Decision
from controller.core.fence import fence_ms
from controller.core.identity import manual_ticket
from controller.core.instants import rfc3339, rfc3339_ms
from controller.core.job import Run, job_manifest, job_name_of
from controller.core.policy import Concurrency, MissedRuns
from controller.core.reasons import Reason
from controller.core.refusal import REQUEST_BACKOFF_MS, refusal_reason, try_again_ms
from controller.core.report import COUNT_LIMIT, MESSAGE_LIMIT, Report
from controller.core.timer import Timer
from controller.index.messages import Done, Fire, Lease
from controller.kube.errors import ApiError

_REQUEST_MARK = 1
"""The ticket of a run by hand has one occurrence, whose instant does not matter: this one."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A run, under a lease, of a timer as it was read."""

    lease: Lease
    timer: Timer
    decision: Decision
    occurrence_ms: int
    due_ms: int
    overdue: bool = False
    """Whether it was due before anybody looked."""
    trigger: str = ""
    """The id of the request, where the run was asked for by hand."""

    @property
    def name(self) -> str:
        """The name of its Job."""
        return job_name_of(self.timer, self.occurrence_ms, self.trigger)

    @property
    def concurrency(self) -> Concurrency:
        """What becomes of it if another run is active."""
        return self.timer.policy.concurrency

    @property
    def looks_again(self) -> bool:
        """Whether what happened to other runs while this one waited decides about it: read the timer once more.

        Another one may be active, or asked for by hand; or the last one has been one failure too many. And to commit a
        run takes a status that is no older than the decision.
        """
        limit, failures = self.timer.policy.max_failures, self.timer.recorded.failures_in_a_row
        may_be_stopped = limit is not None and failures >= limit - 1
        others_matter = self.concurrency is not Concurrency.ALLOW
        return not self.trigger and (self.timer.strict or may_be_stopped or others_matter)

    def is_wanted_by(self, timer: Timer, now_ms: int) -> bool:
        """Whether the timer, read again, still calls for it."""
        if timer.generation != self.timer.generation:
            return False
        if self.trigger:
            return timer.open_request == self.trigger
        return not timer.idle and fence_ms(timer, now_ms) < self.occurrence_ms

    def manifest(self) -> dict[str, Any]:
        """Its Job."""
        return job_manifest(self.timer, self.occurrence_ms, self.trigger)

    def fire(self, creates: bool) -> Fire:
        """What to have confirmed; before its Job is created, or before others are asked for."""
        others_ask = self.concurrency is not Concurrency.ALLOW and not self.trigger
        noted_ms = self.occurrence_ms if creates and others_ask else 0
        missed = self.missed() if creates else ()
        decided_ms = self.decision.handled_through_ms if missed else 0
        return Fire(self.lease, self.timer.generation, self._mark_ms, self._rival(), noted_ms, decided_ms, missed)

    def done(self, *reports: Report) -> Done:
        """The acknowledgement that its Job exists."""
        fired_ms = 0 if self.trigger else self.occurrence_ms
        return Done(self.lease, self.timer.generation, self._mark_ms, self.decision.next_ms, fired_ms, reports)

    def given_up(self, *reports: Report) -> Done:
        """The acknowledgement that it will have no Job."""
        return Done(self.lease, self.timer.generation, self._mark_ms, self.decision.next_ms, 0, reports)

    @property
    def can_wait(self) -> bool:
        """Whether it is made up for: such runs wait for one another, where one on time would be skipped."""
        return self.timer.policy.missed_runs is MissedRuns.ALL and self.overdue

    def try_again_ms(self, now_ms: int) -> int:
        """When to try again after a refusal."""
        if self.trigger:
            return now_ms + REQUEST_BACKOFF_MS
        # Where all overdue runs run, the next one decides nothing about this one.
        makes_up = self.timer.policy.missed_runs is MissedRuns.ALL
        return try_again_ms(self.due_ms, now_ms, None if makes_up else self.decision.next_ms)

    def report(self, reason: Reason, message: str) -> Report:
        """A report about it."""
        return Report(
            ticket=self.lease.ticket,
            reason=reason,
            generation=self.timer.generation,
            occurrence_ms=self.occurrence_ms,
            message=message[:MESSAGE_LIMIT],
        )

    def skipped(self, others: Sequence[Run]) -> Report:
        """The report that it does not run, because these do."""
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        what = f"The run asked for by hand ({self.trigger})" if self.trigger else f"The run of {self._at}"
        verb = "are" if more else "is"
        message = f"{what} was skipped: {others[0].name}{more} {verb} active, and concurrencyPolicy is Forbid."
        return self.report(Reason.JOB_ALREADY_ACTIVE, message)

    def told(self, found: Run | None) -> tuple[Report, ...]:
        """What has to be reported of a Job that exists now: all else is seen of it, most often.

        Of a request that it is handled, as its Job may be gone before a controller sees it; of an occurrence whose Job
        somebody had made by hand, as such a Job does not count as fired.
        """
        if self.trigger or (found is not None and found.by_hand):
            return (self.report(Reason.SUCCESSFUL_CREATE, ""),)
        return ()

    def replaces(self, other: Run) -> Report:
        """The report that a Job was deleted for it."""
        return self.report(Reason.SUCCESSFUL_DELETE, f"Deleted job {other.name}, replaced by {self.name}")

    def missed(self) -> tuple[Report, ...]:
        """The report of what is missed for it."""
        return missed_reports(self.lease, self.timer, self.decision)

    def keys(self) -> dict[str, Any]:
        """What a log line says of it."""
        return keys_of(self.lease) | {"occurrence": rfc3339_ms(self.occurrence_ms)}

    @property
    def _at(self) -> str:
        return rfc3339(self.occurrence_ms)

    @property
    def _mark_ms(self) -> int:
        return _REQUEST_MARK if self.trigger else self.occurrence_ms

    def _rival(self) -> str:
        """The ticket under which another run of this timer may be created at the same time, where that matters."""
        if self.concurrency is Concurrency.ALLOW:
            return ""
        if self.trigger:
            return self.timer.ticket
        return manual_ticket(self.timer.ticket, self.timer.open_request) if self.timer.open_request else ""


def missed_reports(lease: Lease, timer: Timer, decision: Decision) -> tuple[Report, ...]:
    """The report that occurrences will not run; none, where they all do."""
    if decision.missed is None:
        return ()
    report = Report(
        ticket=lease.ticket,
        reason=Reason.MISS_SCHEDULE,
        generation=timer.generation,
        occurrence_ms=decision.missed.latest_ms,
        count=min(decision.missed.count, COUNT_LIMIT),
    )
    return (report,)


def refused_report(lease: Lease, timer: Timer, occurrence_ms: int, error: ApiError) -> Report:
    """The report that the API server does not take, or does not start, the Job of an occurrence or a request."""
    taken = error.reason == Reason.JOB_NAME_TAKEN
    return Report(
        ticket=lease.ticket,
        reason=Reason.JOB_NAME_TAKEN if taken else refusal_reason(error.status, error.message, error.causes),
        generation=timer.generation,
        occurrence_ms=occurrence_ms,
        message=error.message[:MESSAGE_LIMIT],
    )


def keys_of(lease: Lease) -> dict[str, Any]:
    """What a log line says of a lease."""
    return {"timer": f"{lease.namespace}/{lease.name}", "token": lease.token}
