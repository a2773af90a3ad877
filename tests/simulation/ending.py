"""What must be true once nothing has gone wrong for a while: nothing is lost, and everybody says the same."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.simulation.cluster import Cluster, Object
from tests.simulation.oracle import SKEW_MS, Oracle
from tests.simulation.record import PREFIX, Creation, ms, ticket_of
from tests.simulation.redis import Node
from tests.simulation.timers import History, Version

Problem = tuple[str, str]

PROMPT_MS = 1_500
"""Where nothing is wrong, an occurrence has its Job so soon."""

REPORTED_MS = 5_000
"""And status tells of it so soon."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the judge has to know of this run beside what happened."""

    recovery_ms: int
    """So long after something went wrong it may still be felt."""
    troubles: list[tuple[int, int]]
    """When something was wrong."""
    first_leader_ms: int
    """Before, nobody led for the first time yet."""
    leaders_overlapped: bool
    """Whether a leader may have gone on without knowing that another one leads."""
    quiet: bool
    """Whether nothing ever got lost: neither the index nor a report in it."""

    def disturbed(self, from_ms: float, until_ms: float) -> bool:
        """Whether something that was wrong could be felt in this span."""
        return any(begin <= until_ms and from_ms <= end + self.recovery_ms for begin, end in self.troubles)


class Judge:
    """Looks at everything at one moment."""

    def __init__(self, oracle: Oracle, cluster: Cluster, histories: dict[str, History], case: Circumstances) -> None:
        self._oracle = oracle
        self._cluster = cluster
        self._histories = histories
        self._case = case

    def problems(self, node: Node, now_ms: int) -> list[Problem]:
        """All that is not as it must be."""
        found: list[Problem] = []
        for history in self._histories.values():
            found += self._occurrences(history, now_ms)
            obj = self._cluster.timer(history.uid)
            if obj is not None and history.deleted_ms is None:
                found += self._status(history, obj, now_ms)
                found += self._requests(history, obj, now_ms)
        found += self._index(node, now_ms)
        return found

    # Occurrences: each has its Job, or a reason why not.

    def _occurrences(self, history: History, now_ms: int) -> Iterator[Problem]:
        fired = {one.occurrence_ms: one for one in self._oracle.fired[history.uid]}
        last_fired_ms = max(fired, default=0)
        for occurrence_ms in self._expected(history, now_ms - PROMPT_MS):
            creation = fired.get(occurrence_ms)
            what = f"{history.name} ({history.uid[:8]}): {occurrence_ms}"
            if creation is None:
                excuse = self._excuse(history, occurrence_ms, last_fired_ms, now_ms)
                if excuse is None:
                    yield "I2", f"{what} has no Job"
                else:
                    self._oracle.counts[f"no Job: {excuse}"] += 1
            elif self._is_late(history, creation):
                yield (
                    "I2",
                    f"{what} got its Job {(creation.ran_ms or 0) - occurrence_ms} ms late, though nothing was wrong",
                )

    def _expected(self, history: History, until_ms: int) -> Iterator[int]:
        """What the versions of the spec call for."""
        versions = history.versions
        for version, following in zip(versions, [*versions[1:], None], strict=True):
            end_ms = min(until_ms, following.since_ms if following else until_ms, history.deleted_ms or until_ms)
            spec = version.spec
            if not spec.suspend and not spec.broken:
                yield from spec.timing.between(history.created_ms, version.since_ms, end_ms)

    def _excuse(self, history: History, occurrence_ms: int, last_fired_ms: int, now_ms: int) -> str | None:
        version = [one for one in history.versions if one.since_ms < occurrence_ms][-1]
        specs = list(history.policies(occurrence_ms))
        end_ms = history.cut_off_ms(occurrence_ms)
        disturbed = self._disturbed(history, occurrence_ms)
        if end_ms < occurrence_ms + PROMPT_MS or (end_ms < math.inf and disturbed):
            return "edited or deleted before it was fired"
        if version.undated and occurrence_ms <= version.known_ms + PROMPT_MS:
            return "before anybody saw an edit without a date"
        if any(self._is_passed_by(one, occurrence_ms, version) for one in self._oracle.fired[history.uid]):
            return "passed by a run of the version before"
        if any(spec.forbids for spec in specs) and self._was_active(history, occurrence_ms):
            return "skipped"
        if disturbed and any(spec.policy != "All" for spec in specs) and last_fired_ms > occurrence_ms:
            return "overtaken by a later one"
        deadlines_s = [spec.deadline_s or (60 if spec.policy == "Skip" else math.inf) for spec in specs]
        if disturbed and occurrence_ms + min(deadlines_s) * 1000 < now_ms:
            return "too late"
        return None

    @staticmethod
    def _is_passed_by(creation: Creation, occurrence_ms: int, version: Version) -> bool:
        """Whether a worker that had not met the edit fired a later occurrence of the version before."""
        return creation.version.generation < version.generation and creation.occurrence_ms > occurrence_ms

    def _is_late(self, history: History, creation: Creation) -> bool:
        if (creation.ran_ms or 0) - creation.occurrence_ms <= PROMPT_MS or creation.version.spec.forbids:
            return False
        return not self._disturbed(history, creation.occurrence_ms)

    def _disturbed(self, history: History, occurrence_ms: int) -> bool:
        """Whether something wrong, or something new, explains that it did not fire at once."""
        new_ms = max(self._case.first_leader_ms, history.created_ms + 1000)
        young = any(one.since_ms <= occurrence_ms <= one.since_ms + PROMPT_MS for one in history.versions[1:])
        since_ms, until_ms = occurrence_ms - PROMPT_MS, occurrence_ms + PROMPT_MS
        return occurrence_ms < new_ms + PROMPT_MS or young or self._case.disturbed(since_ms, until_ms)

    def _was_active(self, history: History, occurrence_ms: int) -> bool:
        for name, made in self._oracle.creations.items():
            del name
            for one in made:
                ended_ms = min(one.finished_ms or math.inf, one.gone_ms or math.inf)
                late = one.at_ms > occurrence_ms + PROMPT_MS * 4 and not self._disturbed(history, occurrence_ms)
                meets = not late and ended_ms >= occurrence_ms - SKEW_MS
                if one.uid == history.uid and meets:
                    return True
        return False

    # Status: what it counts is what was.

    def _status(self, history: History, obj: Object, now_ms: int) -> Iterator[Problem]:
        status = obj.get("status") or {}
        name = f"{history.name} ({history.uid[:8]})"
        if status.get("observedGeneration") != obj["metadata"]["generation"]:
            yield "status", f"{name}: generation {obj['metadata']['generation']} is not observed: {status}"
            return
        fired = self._oracle.fired[history.uid]
        settled = [one for one in fired if one.at_ms < now_ms - REPORTED_MS and self._was_seen(one)]
        last_ms = max((one.occurrence_ms for one in settled), default=0)
        if ms(status["handledThrough"]) < last_ms:
            yield "status", f"{name}: handledThrough {status['handledThrough']} is before what fired, {last_ms}"
        made = [one for each in self._oracle.creations.values() for one in each if one.uid == history.uid]
        counted = status["runs"]["succeeded"] + status["runs"]["failed"]
        finished = [one for one in made if one.finished_ms is not None]
        if counted > len(finished) and not self._case.leaders_overlapped:
            yield "status", f"{name}: {counted} runs are counted, and {len(finished)} have finished"
        if self._case.quiet and not any(one.gone_ms for one in made):
            # A run by hand that is over before any controller has seen it is not counted.
            at_least = sum(
                (one.finished_ms or 0) < now_ms - REPORTED_MS
                for one in finished
                if one.occurrence_ms or not self._case.disturbed(one.at_ms, one.finished_ms or 0)
            )
            if counted < at_least:
                yield "status", f"{name}: {counted} runs are counted, and {at_least} have finished"
        yield from self._missed(history, status, name)
        for job in self._cluster.jobs_of(history.uid):
            created_ms = ms(job["metadata"]["creationTimestamp"])
            if job["spec"].get("suspend") and created_ms < now_ms - REPORTED_MS - 1000:
                yield "status", f"{name}: {job['metadata']['name']} of {created_ms} is suspended still"

    def _was_seen(self, creation: Creation) -> bool:
        """Whether status must tell of this Job: one that is removed at once may meet with no controller that can."""
        return creation.gone_ms is None or not self._case.disturbed(creation.at_ms, creation.gone_ms + REPORTED_MS)

    def _missed(self, history: History, status: Object, name: str) -> Iterator[Problem]:
        """Each occurrence that did not run is counted, where none was fenced and no report can have been lost."""
        if not self._case.quiet or history.cut_off_ms(0) < math.inf or history.spec.broken:
            return
        handled_ms = ms(status["handledThrough"])
        fired = self._oracle.fired[history.uid]
        not_run = len(set(self._expected(history, handled_ms)) - {one.occurrence_ms for one in fired})
        # What ran unseen is believed to be missed, and so is what runs after a later one has begun.
        believed = sum(not self._was_seen(one) or _was_overtaken(one, fired) for one in fired)
        told = status["runs"]["missed"] + status["runs"]["skipped"]
        # A run by hand can be skipped, too.
        if not not_run <= told <= not_run + len(history.requests) + believed:
            yield "status", f"{name}: {not_run} occurrences did not run, and {told} are reported: {status['runs']}"

    def _requests(self, history: History, obj: Object, now_ms: int) -> Iterator[Problem]:
        if not history.requests or history.spec.broken:
            return
        request, asked_ms = list(history.requests.items())[-1]
        status = obj.get("status") or {}
        if asked_ms < now_ms - REPORTED_MS and status.get("lastHandledTrigger") != request:
            yield "I2", f"{history.name}: {request} was asked for at {asked_ms}, and is not handled"

    # The index: what a rebuild would write.

    def _index(self, node: Node, now_ms: int) -> Iterator[Problem]:
        due, leased = node.scores(PREFIX + "due"), node.scores(PREFIX + "leased")
        lease, tickets = node.hash(PREFIX + "lease"), node.hash(PREFIX + "tickets")
        if set(leased) != set(lease):
            yield "index", f"leases have two accounts: {leased}, {lease}"
        living = {ticket_of(uid): history for uid, history in self._histories.items() if history.deleted_ms is None}
        for ticket in set(tickets) | set(due) | set(leased):
            # One that waits for nothing is remembered until the next rebuild, where nobody saw its timer go.
            if ticket != "!" and ticket[:22] not in living and (ticket in due or ticket in leased):
                yield "index", f"{ticket} belongs to no timer"
            if ticket in due and ticket in leased and ticket != "!":
                yield "index", f"{ticket} is due and leased"
        for ticket, history in living.items():
            if ticket not in tickets:
                yield "index", f"{history.name} has no ticket"
                continue
            generation = int(tickets[ticket].split()[0])
            if generation != history.versions[-1].generation:
                yield "index", f"{history.name} is known by generation {generation}"
            if ticket not in leased:
                yield from self._due(history, due.get(ticket), now_ms)

    def _due(self, history: History, score: float | None, now_ms: int) -> Iterator[Problem]:
        spec = history.spec
        since_ms = max(history.created_ms, history.versions[-1].since_ms if history.versions[-1].fences else 0)
        # By a clock that is ahead, the next one may have fired already.
        fired_ms = max((one.occurrence_ms for one in self._oracle.fired[history.uid]), default=0)
        ahead = spec.timing.between(history.created_ms, max(since_ms, now_ms, fired_ms), now_ms + 30_000)
        if spec.broken:
            return
        if spec.suspend or not ahead:
            if score is not None:
                yield "index", f"{history.name} is due at {score}, and has nothing to do"
        elif spec.forbids and spec.policy == "All":
            # What is made up for waits for what is active, at times of its own.
            return
        elif score is None or score > ahead[0] or score < now_ms - PROMPT_MS:
            yield "index", f"{history.name} is due at {score}, and not at {ahead[0]}"


def _was_overtaken(creation: Creation, others: Iterable[Creation]) -> bool:
    """Whether a later occurrence ran before this one did: an API server may carry out a request very late."""
    assert creation.ran_ms is not None
    return any(
        other.occurrence_ms > creation.occurrence_ms and (other.ran_ms or math.inf) < creation.ran_ms
        for other in others
    )
