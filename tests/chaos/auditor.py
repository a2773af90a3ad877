"""Holds what ran against what the specifications called for. Shares no code with the product.

python -m tests.chaos.auditor history.json
"""

import sys
from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations, pairwise
from pathlib import Path

from tests.chaos.evidence import LATE_REQUEST, Evidence
from tests.chaos.history import History, Job
from tests.chaos.ledger import gaps
from tests.chaos.lives import Life, lives_of
from tests.chaos.occurrences import due_between, is_due
from tests.chaos.verdict import Verdict

AHEAD_MS = 4_000
"""A worker holds a timer so long before its time (3 s, and a second to get there): an edit meanwhile may come late."""

RECOVERY_MS = 60_000
"""So long a fault may hold an occurrence up. What an edit finds waiting for longer was lost before it."""

OLD_VERSION = "made of a version whose edit no controller had seen"
IN_LINE = "waits for its turn under All and Forbid"
OLD_PRIMARY = "made of an edited version by leave of a Redis primary that had been replaced"
DELETED = "made while its timer was being deleted"
BY_EDIT = "given up by an edit, a suspension or a deletion"
UNSEEN_EDIT = "before an edit, and no controller saw the one before that"
REMOVED = "Strict: a user removed the Job after its commit and before its start"
REPLACED_REQUEST = "request by hand replaced by another before it was handled"


def audit(history: History) -> Verdict:
    """The verdict over a run."""
    verdict, evidence = Verdict(), Evidence(history)
    lives = lives_of(history)
    known = {life.uid for life in lives}
    for job in history.jobs:
        if job.timer_uid not in known:
            verdict.add("stranger", job.name, f"owner {job.timer_uid}")
    for life in lives:
        _Audit(life, history, evidence, verdict).run()
    verdict.lags_ms.sort()
    return verdict


class _Audit:
    """Of one timer."""

    def __init__(self, life: Life, history: History, evidence: Evidence, verdict: Verdict) -> None:
        self._life = life
        self._history = history
        self._evidence = evidence
        self._verdict = verdict
        self._ran: dict[int, list[Job]] = defaultdict(list)
        for job in life.scheduled:
            if job.ran_ms is not None:
                self._ran[job.occurrence_ms].append(job)

    def run(self) -> None:
        verdict, life = self._verdict, self._life
        verdict.timers += 1
        verdict.jobs += len(life.scheduled)
        verdict.by_hand += len(life.by_hand)
        for job in life.scheduled:
            self._called_for(job)
        self._all_ran()
        for occurrence_ms, jobs in self._ran.items():
            self._once(jobs, f"occurrence {occurrence_ms}", occurrence_ms)
        self._requests()
        self._side_by_side()

    def _called_for(self, job: Job) -> None:
        """Was this Job wanted, now and of this version?"""
        life, occurrence_ms = self._life, job.occurrence_ms

        def add(kind: str, detail: str) -> None:
            self._verdict.add(kind, life.name, detail, occurrence_ms)

        index = life.version_of(job)
        if index is None or not is_due(life.versions[index].spec, life.created_ms, occurrence_ms):
            return add("uncalled", f"{job.name}, edit {job.edit}")
        if occurrence_ms <= life.fence_ms(index):
            return add("retroactive", f"{job.name}, edit {job.edit}, fence {life.fence_ms(index)}")
        asked_ms = job.received_ms if job.received_ms is not None else job.created_ms
        if asked_ms < occurrence_ms:
            return add("early", f"{job.name} by {occurrence_ms - asked_ms} ms")
        ends = life.ends(index)
        leave = self._evidence.leave(life, job)
        if ends is None or (leave.asked_ms if leave else asked_ms) <= ends.until_ms:
            return None
        if occurrence_ms > ends.until_ms + AHEAD_MS:
            return add("stale", f"{job.name}, edit {job.edit}, which ended at {ends.until_ms}")
        if index + 1 == len(life.versions):
            self._verdict.admitted[DELETED] += 1
            return None
        known_ms = life.acknowledged_ms(life.versions[index + 1].generation)
        if leave is not None and known_ms is not None and known_ms < leave.asked_ms:
            if self._evidence.is_split(leave.asked_ms):
                self._verdict.admitted[OLD_PRIMARY] += 1
                return None
            return add("stale", f"{job.name}, edit {job.edit}, the next one known at {known_ms}")
        self._verdict.admitted[OLD_VERSION] += 1
        return None

    def _all_ran(self) -> None:
        """Did what had to run, or is it on record that it did not?"""
        life, verdict, unfired = self._life, self._verdict, []
        for index in range(len(life.versions)):
            due = list(life.due(index, self._history.end_ms))
            verdict.occurrences += len(due)
            left_out = [occurrence_ms for occurrence_ms in due if occurrence_ms not in self._ran]
            for occurrence_ms in left_out:
                reason = self._removed(occurrence_ms) or self._given_up(index, occurrence_ms)
                if reason:
                    verdict.given_up[reason] += 1
                elif self._in_line(index, occurrence_ms):
                    verdict.given_up[IN_LINE] += 1
                elif occurrence_ms >= self._history.quiet_ms and not self._may_be_skipped(index, occurrence_ms):
                    verdict.add("lost", life.name, "in the quiet time at the end", occurrence_ms)
                elif self._must_run(index):
                    verdict.add("lost", life.name, "though missedRunPolicy is All", occurrence_ms)
                else:
                    unfired.append(occurrence_ms)
            prompt = "jitter" not in life.versions[index].spec and not self._one_by_one(index)
            fired = [occurrence_ms for occurrence_ms in due if occurrence_ms in self._ran and prompt]
            verdict.lags_ms += [(one, self._ran[one][0].created_ms - one) for one in fired]
        self._on_record(unfired)
        if life.deletion is None:
            told_ms = max((status.handled_ms for status in life.statuses), default=0)
            verdict.untold += sum(told_ms < occurrence_ms <= self._history.end_ms for occurrence_ms in self._ran)

    def _on_record(self, unfired: Sequence[int]) -> None:
        """What status says of those that did not run."""
        life, verdict = self._life, self._verdict
        last = life.statuses[-1] if life.statuses else None
        reported = last.missed + last.skipped if last else 0
        verdict.missed += min(reported, len(unfired))
        if last and reported > len(unfired):
            verdict.overreported += max(reported - self._left_out_at_most(last.arrived_ms), 0)
        for gap in gaps(unfired, life.statuses):
            excused = [reason for one in gap.among if (reason := self._evidence.why_unrecorded(life, one))]
            verdict.given_up.update(excused[: gap.missing])
            for occurrence_ms in list(reversed(gap.among))[: max(gap.missing - len(excused), 0)]:
                kind = "unreported" if any(other > occurrence_ms for other in self._ran) else "lost"
                verdict.add(kind, life.name, f"{gap.missing} of {len(gap.among)} not on record", occurrence_ms)

    def _left_out_at_most(self, until_ms: int) -> int:
        """All that did not run, also what did not have to: around edits, and after the end of the audit."""
        life = self._life
        left_out: set[int] = set()
        for index, version in enumerate(life.versions):
            ends = life.ends(index)
            last_ms = min(ends.until_ms, until_ms) if ends else until_ms
            left_out.update(due_between(version.spec, life.created_ms, life.fence_ms(index), last_ms))
        return len(left_out - self._ran.keys())

    def _removed(self, occurrence_ms: int) -> str | None:
        life = self._life
        jobs = (job for job in life.scheduled if job.occurrence_ms == occurrence_ms)
        return REMOVED if any(self._evidence.removed_by_user(life, job) for job in jobs) else None

    def _given_up(self, index: int, occurrence_ms: int) -> str | None:
        """Why docs say that an occurrence need not run, though its time came."""
        life, ends = self._life, self._life.ends(index)
        runs_on = any(other > occurrence_ms for other in self._ran if life.version_of(self._ran[other][0]) == index)
        if ends is None or runs_on:
            return None
        deleted = index + 1 == len(life.versions)
        if deleted or life.is_fence(index + 1):
            return BY_EDIT if ends.from_ms - occurrence_ms <= RECOVERY_MS else self._given_up_unseen(index)
        return self._given_up_unseen(index) or (
            self._given_up(index + 1, occurrence_ms) if index + 1 < len(life.versions) else None
        )

    def _given_up_unseen(self, index: int) -> str | None:
        life, ends = self._life, self._life.ends(index)
        known_ms = life.acknowledged_ms(life.versions[index].generation)
        unseen = ends is not None and (known_ms is None or known_ms > ends.from_ms)
        return UNSEEN_EDIT if unseen and index + 1 < len(life.versions) else None

    def _must_run(self, index: int) -> bool:
        spec = self._life.versions[index].spec
        plain = "startingDeadlineSeconds" not in spec and spec.get("concurrencyPolicy") != "Forbid"
        return spec.get("missedRunPolicy") == "All" and plain

    def _in_line(self, index: int, occurrence_ms: int) -> bool:
        """Whether it comes after others that have just run: made-up runs follow one another."""
        if not self._one_by_one(index) or not self._ran:
            return False
        last_ms = max(self._ran)
        return last_ms < occurrence_ms and self._ran[last_ms][0].created_ms > self._history.end_ms - RECOVERY_MS // 3

    def _one_by_one(self, index: int) -> bool:
        spec = self._life.versions[index].spec
        return (spec.get("missedRunPolicy"), spec.get("concurrencyPolicy")) == ("All", "Forbid")

    def _may_be_skipped(self, index: int, occurrence_ms: int) -> bool:
        """Whether under Forbid another run was active then."""
        if self._life.versions[index].spec.get("concurrencyPolicy") != "Forbid":
            return False
        runs = [*self._life.scheduled, *self._life.by_hand]
        return any(
            job.created_ms <= occurrence_ms + RECOVERY_MS // 10 and _until_ms(job) >= occurrence_ms for job in runs
        )

    def _once(self, jobs: Sequence[Job], what: str, occurrence_ms: int = 0) -> None:
        """One Job for each occurrence and each request, but for the gaps that docs admit."""
        life = self._life
        for first, second in pairwise(jobs):
            detail = f"{what}: {first.uid} at {first.created_ms}, {second.uid} at {second.created_ms}"
            index = life.version_of(second)
            if index is not None and life.versions[index].spec.get("guarantee") == "Strict":
                self._verdict.add("ran twice", life.name, detail, occurrence_ms)
                continue
            reason = self._evidence.why_again(life, first, second) if _removed_before(first, second) else None
            if reason:
                self._verdict.admitted[reason] += 1
            else:
                self._verdict.add("double", life.name, detail, occurrence_ms)

    def _requests(self) -> None:
        """Each request for a run by hand is answered: by a Job, or because another run was active."""
        life = self._life
        for number, trigger in enumerate(life.triggers):
            jobs = [job for job in life.by_hand if job.trigger == trigger.request]
            self._once(jobs, f"request {trigger.request}")
            later = life.triggers[number + 1 :]
            handled = any(status.request == trigger.request for status in life.statuses)
            deleted = life.deletion and life.deletion.applied.from_ms - trigger.applied.until_ms <= RECOVERY_MS
            if jobs or handled or deleted:
                continue
            if later:
                self._verdict.given_up[REPLACED_REQUEST] += 1
            else:
                self._verdict.add("unanswered", life.name, f"{trigger.request} of {trigger.applied.from_ms}")
        asked = {trigger.request for trigger in life.triggers}
        for job in life.by_hand:
            if job.trigger not in asked:
                self._verdict.add("uncalled", life.name, f"{job.name} for the request {job.trigger}")

    def _side_by_side(self) -> None:
        """Under Forbid and Replace a run begins when no other one is active."""
        life = self._life
        if all(version.spec.get("concurrencyPolicy", "Allow") == "Allow" for version in life.versions):
            return
        jobs = [job for job in [*life.scheduled, *life.by_hand] if job.ran_ms is not None]
        jobs.sort(key=lambda job: job.created_ms)
        for first, second in combinations(jobs, 2):
            if second.created_ms > _until_ms(first) or not _active_at_creation(first, second):
                continue
            index = life.version_of(second)
            if index is None or life.versions[index].spec.get("concurrencyPolicy", "Allow") == "Allow":
                continue
            looked_ms = self._evidence.looked_ms(life, second)
            # It could not find what was not there yet: one of the two requests was on its way for long.
            if looked_ms is not None and looked_ms <= (first.answered_ms or first.created_ms):
                self._verdict.admitted[f"overlap: {LATE_REQUEST}"] += 1
            else:
                detail = f"{second.name} at {second.created_ms} beside {first.name} of {first.created_ms}"
                self._verdict.add("overlap", life.name, detail, second.occurrence_ms)


def _until_ms(job: Job) -> int:
    ends = [one for one in (job.finished_ms, job.removed_ms) if one is not None]
    return min(ends) if ends else 1 << 62


def _removed_before(first: Job, second: Job) -> bool:
    if first.name == second.name:
        return True  # the API server keeps no two of a name
    if first.removed_rv is not None and second.created_rv is not None:
        return first.removed_rv <= second.created_rv
    return first.removed_ms is not None and first.removed_ms <= second.created_ms


def _active_at_creation(first: Job, second: Job) -> bool:
    ends = [rv for rv in (first.finished_rv, first.removed_rv) if rv is not None]
    if ends and second.created_rv is not None:
        return min(ends) > second.created_rv
    return _until_ms(first) > second.created_ms


def main(path: str) -> int:
    """Audit a history from its file."""
    from tests.chaos.report import print_verdict

    history = History.load(Path(path))
    return print_verdict(history, audit(history))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
