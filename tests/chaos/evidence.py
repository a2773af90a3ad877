"""Why something happened that should not have: whether it is one of the gaps that docs admit, by name.

docs/design.md, "What it costs when things go wrong", is the list. What is not on it is a violation. The evidence is
when each worker asked the index for leave to fire, when the index took note of a run, and when status did.
"""

from bisect import bisect_right
from collections import defaultdict

from tests.chaos.history import Acked, Confirmed, Fault, History, Job, Window
from tests.chaos.lives import Life

_SETTLE_MS = 2_000
"""A status is on record; so long later every worker has to go by it."""

_SPLIT_MS = 15_000
"""So long after a failover a worker can talk to the old primary: Sentinels demote it ten seconds later."""

_SEEN_MS = 15_000
"""So much later the recorder may see a removal, where its watch is away."""

LATE_REQUEST = "request on its way while the Job of another was made and removed"
STATUS_GAP = "index lost before status knew of a Job that was removed"
REPORT_LOST = "missed or skipped: index lost before status told of it"
DELETED_FIRST = "missed or skipped: timer deleted before status told of it"
UNDATED = "missed: before the first status after an edit made in the second of the status before"
NO_NOTE = "Job removed before index or status had noted it"


class Evidence:
    """What the processes' own journals say, and the faults of Redis."""

    def __init__(self, history: History) -> None:
        self._confirmed: dict[tuple[str, int], list[Confirmed]] = defaultdict(list)
        self._leaves: dict[str, list[Confirmed]] = defaultdict(list)
        self._acked: dict[str, list[Acked]] = defaultdict(list)
        for confirmed in sorted(history.confirmed, key=lambda one: one.asked_ms):
            self._confirmed[confirmed.ticket, confirmed.occurrence_ms].append(confirmed)
            self._leaves[confirmed.ticket].append(confirmed)
        for acked in sorted(history.acked, key=lambda one: one.answered_ms):
            self._acked[acked.ticket].append(acked)
        self._removals: dict[str, list[Window]] = defaultdict(list)
        for removal in history.removals:
            self._removals[removal.name].append(removal.applied)
        self._losses = sorted((fault for fault in history.faults if fault.loses_index), key=lambda one: one.from_ms)
        self._loss_starts = [loss.from_ms for loss in self._losses]

    def leave(self, life: Life, job: Job) -> Confirmed | None:
        """The leave with which a Job was made: the last one that its process was given before the request arrived."""
        given = self._given(life, job)
        return given[-1] if given else None

    def looked_ms(self, life: Life, job: Job) -> int | None:
        """From when on its process asked who is active, before it made a Job: after the last leave but one."""
        given = self._given(life, job)[-2:]
        return given[0].asked_ms if given else None

    def _given(self, life: Life, job: Job) -> list[Confirmed]:
        key = (life.ticket_by_hand(job.trigger), 1) if job.trigger else (life.ticket, job.occurrence_ms)
        by_ms = job.received_ms if job.received_ms is not None else job.created_ms
        given = [one for one in self._confirmed[key] if one.asked_ms <= by_ms]
        return [one for one in given if one.process == job.creator] if job.creator else given

    def is_split(self, at_ms: int) -> bool:
        """Whether two servers could take themselves for the primary of Redis then."""
        return any(fault.splits and fault.from_ms <= at_ms <= fault.until_ms + _SPLIT_MS for fault in self._losses)

    def why_again(self, life: Life, first: Job, second: Job) -> str | None:
        """The name of the gap through which an occurrence ran again after its Job was removed; None for none."""
        leave = self.leave(life, second)
        if leave is None:
            return None
        noted = self._noted_ms(life, first, leave.asked_ms)
        if noted is not None:
            return None
        if leave.asked_ms <= (first.answered_ms or first.created_ms):
            return LATE_REQUEST
        if self._loss_between(first.created_ms, leave.asked_ms):
            return STATUS_GAP
        return NO_NOTE

    def why_unrecorded(self, life: Life, occurrence_ms: int) -> str | None:
        """The name of the gap through which status never told of an occurrence that did not run."""
        handled_ms = life.handled_ms(occurrence_ms)
        if handled_ms is None:
            return DELETED_FIRST if life.deletion else None
        # A worker's report is in the index once it has acknowledged, or was given leave to fire a later one, and until
        # status has told of it.
        noted = [acked.answered_ms for acked in self._acked[life.ticket] if acked.mark_ms >= occurrence_ms]
        noted += [one.asked_ms for one in self._leaves[life.ticket] if one.occurrence_ms > occurrence_ms]
        if noted and min(noted) <= handled_ms and self._loss_between(min(noted), handled_ms):
            return REPORT_LOST
        return UNDATED if life.has_undated_edit(occurrence_ms) else None

    def removed_by_user(self, life: Life, job: Job) -> bool:
        """Whether a user removed a Job that was committed: if that was before its start, it never runs."""
        if job.removed_ms is None or not any(job.uid in status.committed for status in life.statuses):
            return False
        return any(one.from_ms <= job.removed_ms <= one.until_ms + _SEEN_MS for one in self._removals[job.name])

    def _noted_ms(self, life: Life, first: Job, asked_ms: int) -> int | None:
        """When a run was noted in a way that must have been known at `asked_ms`."""
        ticket, mark_ms = life.ticket, first.occurrence_ms
        if first.trigger:
            ticket, mark_ms = life.ticket_by_hand(first.trigger), 1
        for acked in self._acked[ticket]:
            known = acked.mark_ms >= mark_ms and acked.answered_ms < asked_ms
            if known and not self._loss_between(acked.answered_ms, asked_ms):
                return acked.answered_ms
        if first.trigger:
            handled = next((one.arrived_ms for one in life.statuses if one.request == first.trigger), None)
        else:
            handled = life.handled_ms(first.occurrence_ms)
        if handled is None:
            return None
        loss = self._last_loss(asked_ms)
        by_ms = asked_ms - _SETTLE_MS if loss is None or loss.from_ms < first.created_ms else loss.from_ms
        return handled if handled < by_ms else None

    def _last_loss(self, before_ms: int) -> Fault | None:
        position = bisect_right(self._loss_starts, before_ms)
        return self._losses[position - 1] if position else None

    def _loss_between(self, from_ms: int, until_ms: int) -> bool:
        ends = [(loss, loss.until_ms + _SPLIT_MS * loss.splits) for loss in self._losses]
        return any(end_ms >= from_ms and loss.from_ms <= until_ms for loss, end_ms in ends)
