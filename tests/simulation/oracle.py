"""Watches everything that happens, and says what must not have. It knows specs and times, and no product code."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from tests.simulation.cluster import JOBS, TIMERS, Object, owner_of
from tests.simulation.loop import Process
from tests.simulation.record import PREFIX, Creation, Permit, Record, ms, what_of
from tests.simulation.redis import Node
from tests.simulation.timers import VERSION_LABEL, History, Version
from tests.simulation.trace import Trace

SKEW_MS = 200
"""So far the clocks of processes may be off: what docs/guarantees.md asks of a cluster."""

_TOLD = ("observedGeneration", "handledThrough", "lastScheduleTime", "runs", "lastHandledTrigger", "committedRun")

_ACK, _SYNC, _RETRY = 7, 6, 5
"""So many arguments each of these scripts takes for one ticket."""


class Oracle:
    """`violations` holds what went against an invariant: its name, and a sentence."""

    def __init__(self, now_ms: Callable[[], int], histories: dict[str, History], trace: Trace, lease_ms: int) -> None:
        self._now_ms = now_ms
        self._histories = histories
        self._trace = trace
        self._lease_ms = lease_ms
        self._permits: dict[tuple[str, str, str], Permit] = {}
        self._by_job_uid: dict[str, Creation] = {}
        self._lost: set[Node] = set()
        self.record = Record(now_ms, histories)
        self.primary: Node | None = None
        """The server that an address leads to now."""
        self.acting: Permit | None = None
        """Under which the API server creates a Job now."""
        self.creations: dict[str, list[Creation]] = defaultdict(list)
        """By the name of the Job."""
        self.fired: dict[str, list[Creation]] = defaultdict(list)
        """The first Job of each occurrence that ran, by UID of the timer."""
        self.violations: list[tuple[str, str]] = []
        self.counts: Counter[str] = Counter()

    def violate(self, invariant: str, what: str) -> None:
        """Note what must not be."""
        self._trace("ORACLE", f"{invariant}: {what}")
        self.violations.append((invariant, what))

    # What befalls the index.

    def index_lost(self, node: Node, *, marks: bool = True) -> None:
        """This server's index does not hold any more what was written to it; its marks neither."""
        self._lost.add(node)
        if marks:
            self.record.marks_lost()

    def executed(self, process: Process, node: Node, verb: str, arguments: Sequence[Any], reply: Any) -> None:
        """A server has run a script."""
        self.counts[verb] += 1
        if verb == "claim":
            if reply[0] == "ok":
                leases = sum(isinstance(row, list) for row in reply)
                self.counts["leases"] += leases
                if node in self._lost:
                    self.violate("I5", f"{process} claims on {node.name}, which lost its index")
                if leases and self._trace.on:
                    self._trace(process, f"claims on {node.name}: {reply[4:]}")
        elif verb == "confirm":
            size = len(arguments) // len(reply)
            for place, verdict in enumerate(reply):
                self._confirm(process, node, arguments[place * size :][:size], verdict)
                self.record.mark(node, arguments[place * size])
        elif verb in ("ack", "retry"):
            for place in range(0, len(arguments), _ACK if verb == "ack" else _RETRY):
                self.record.mark(node, arguments[place])
        elif verb == "sync":
            for place in range(0, len(arguments), _SYNC):
                self.record.mark(node, arguments[place])
        elif verb == "finish" and reply == 1:
            self.counts["rebuilds"] += 1
            self._lost.discard(node)
        elif verb == "reap" and reply > 0:
            self.counts["reaped"] += reply
        if self._trace.on and verb in ("ack", "retry", "sync", "drop", "remove", "begin", "finish"):
            self._trace(process, f"{verb} on {node.name}: {list(arguments)} -> {reply}")

    def _confirm(self, process: Process, node: Node, fire: Sequence[Any], verdict: str) -> None:
        ticket, token, _, occurrence, *_ = fire
        self.counts[f"confirm: {verdict}"] += 1
        self._trace(process, f"confirm on {node.name} of {ticket} for {occurrence}: {verdict}")
        if verdict != "ok":
            return
        permit = Permit(str(process), self._now_ms(), node, node is not self.primary)
        self._permits[process.name, ticket, str(occurrence)] = permit
        if node in self._lost:
            self.violate("I5", f"{process} may act by {node.name}, which lost its index")
        holder = node.hget(f"{PREFIX}lease", ticket)
        if holder != token:
            self.violate("lease", f"{process} may act on {ticket} with {token}, and {holder} holds it")

    # What befalls the cluster.

    def permit(self, process: Process, job: Object) -> Permit:
        """Under what a worker that sends this Job does so."""
        occurrence, _, ticket = what_of(job)
        return self._permits.get((process.name, ticket, str(occurrence or 1)), Permit(str(process), math.inf))

    def changed(self, collection: str, change: str, obj: Object) -> None:
        """The API server has stored something."""
        if collection == TIMERS and change == "MODIFIED" and "status" in obj:
            self.record.status(obj)
            if self._trace.on:
                self._trace("api", f"status of {obj['metadata']['name']}: {_told(obj)}")
            self._removed_before_it_ran()
        elif collection == JOBS:
            if change == "ADDED":
                self._created(obj)
            creation = self._by_job_uid[obj["metadata"]["uid"]]
            if change == "DELETED":
                creation.gone_ms = self._now_ms()
                self._removed_before_it_ran()
            elif creation.ran_ms is None and not obj["spec"].get("suspend"):
                self._runs(obj, creation)
            if "conditions" in (obj.get("status") or {}) and creation.finished_ms is None:
                creation.finished_ms = self._now_ms()

    def _created(self, job: Object) -> None:
        metadata, uid = job["metadata"], owner_of(job)
        version = self._histories[uid].version(metadata["labels"][VERSION_LABEL])
        occurrence_ms, request, _ = what_of(job)
        assert self.acting is not None
        creation = Creation(uid, metadata["name"], occurrence_ms, request, self._now_ms(), self.acting, version)
        self._trace("api", f"{'suspended ' if job['spec'].get('suspend') else ''}job created: {creation.what}")
        if creation.permit.confirmed_ms == math.inf:
            self.violate("lease", f"{creation.what} was created by who had not asked whether it may")
        before = self.creations[creation.name][-1:]
        if before and not version.spec.strict:
            self._again(before[0], creation)
        self.creations[creation.name].append(creation)
        self._by_job_uid[metadata["uid"]] = creation

    def _runs(self, job: Object, creation: Creation) -> None:
        creation.ran_ms = self._now_ms()
        history, strict = self._histories[creation.uid], creation.version.spec.strict
        if strict:
            self._trace("api", f"job started: {creation.what}")
        self.counts["runs by hand" if creation.request else "fires"] += 1
        self.counts["strict"] += strict
        decided_ms = creation.permit.confirmed_ms
        if strict:
            decided_ms = self.record.committed_ms.get(job["metadata"]["uid"], math.inf)
            self._check_strict(history, creation, decided_ms)
        else:
            self._check_version(history, creation)
        if not creation.request:
            scheduled_at = job["metadata"]["annotations"]["redistimer.dev/scheduled-at"]
            self._check_occurrence(history, creation, decided_ms, scheduled_at)
            if not any(one.ran_ms is not None and one is not creation for one in self.creations[creation.name]):
                self.fired[creation.uid].append(creation)

    def _removed_before_it_ran(self) -> None:
        """A Job that was committed, and that somebody removed before it was started, counts as one that has run."""
        for uid in self.record.committed_ms:
            creation = self._by_job_uid.get(uid)
            if creation and creation.gone_ms is not None and creation.ran_ms is None and not creation.request:
                creation.ran_ms = creation.gone_ms
                self.counts["removed before it was started"] += 1
                self.fired[creation.uid].append(creation)

    # What must hold for each Job.

    def _again(self, before: Creation, creation: Creation) -> None:
        """The Job of this name was there once, and was removed."""
        self.counts["created again after removal"] += 1
        assert before.gone_ms is not None, "the model let two Jobs have one name"
        what = f"{creation.what} is created again, after its removal at {before.gone_ms}"
        if creation.permit.confirmed_ms < before.gone_ms:
            self.counts["... confirmed before the removal"] += 1
        elif creation.permit.split:
            self.counts["... by a primary that was replaced"] += 1
        elif (known_ms := self.record.known_to_status_ms(creation)) <= before.gone_ms:
            self.violate("I1", f"{what}, though status knew it since {known_ms}")
        elif (marked_ms := self.record.marked_ms(creation)) is not None:
            self.violate("I1", f"{what}, though it was marked at {marked_ms} and no mark was lost since")
        else:
            self.counts["... removed before anybody had noted it"] += 1

    def _check_strict(self, history: History, creation: Creation, committed_ms: float) -> None:
        for other in self.creations[creation.name]:
            if other is not creation and other.ran_ms is not None:
                self.violate("I1", f"{creation.what} runs, though another ran since {other.ran_ms}: guarantee Strict")
        if committed_ms == math.inf:
            self.violate("I1", f"{creation.what} runs, and no status says that it may: guarantee Strict")
        following = self._following(history, creation)
        if following and committed_ms > following.since_ms:
            self.violate("I4", f"{creation.what} was committed after the edit of {following.since_ms}")

    def _check_version(self, history: History, creation: Creation) -> None:
        following = self._following(history, creation)
        if following and creation.permit.confirmed_ms > following.known_ms and not creation.permit.split:
            self.violate(
                "I4", f"{creation.what} came when status knew generation {following.generation}: {following.known_ms}"
            )

    def _following(self, history: History, creation: Creation) -> Version | None:
        return next((one for one in history.versions if one.generation > creation.version.generation), None)

    def _check_occurrence(self, history: History, creation: Creation, decided_ms: float, scheduled_at: str) -> None:
        occurrence_ms, what = creation.occurrence_ms, creation.what
        version, spec = creation.version, creation.version.spec
        assert creation.ran_ms is not None
        if ms(scheduled_at) != occurrence_ms:
            self.violate("I3", f"{what} says that it is for {scheduled_at}")
        if spec.timing.between(history.created_ms, occurrence_ms - 1, occurrence_ms) != [occurrence_ms]:
            self.violate("I3", f"{what} is none of its times")
        if creation.ran_ms < occurrence_ms - SKEW_MS - 1:
            self.violate("I3", f"{what} came {occurrence_ms - creation.ran_ms} ms early")
        if spec.suspend:
            self.violate("I4", f"{what} is of a timer that is suspended")
        fence_ms = max(_fence_ms(history, one, version) for one in history.versions)
        if version.generation == 1 and spec.timing.kind == "at":
            fence_ms -= (spec.deadline_s or 0) * 1000
        if occurrence_ms <= fence_ms:
            self.violate("I4", f"{what} lies before the edit of {fence_ms}")
        if spec.deadline_s is not None:
            late_ms = creation.permit.confirmed_ms - occurrence_ms - spec.deadline_s * 1000
            if late_ms > self._lease_ms + SKEW_MS:
                self.violate("I2", f"{what} is {late_ms} ms past its deadline")
        # What runs again, as the design admits, does so after what came after it.
        again = any(one.ran_ms is not None and one is not creation for one in self.creations[creation.name])
        for other in [] if creation.permit.split or again else self.fired[history.uid]:
            # A worker that had not met an edit may have fired one of the version before that lies later.
            later = other.occurrence_ms > occurrence_ms and other.version.generation >= version.generation
            if later and (other.ran_ms or 0) < decided_ms:
                self.violate("order", f"{what} comes after that of {other.occurrence_ms}, which ran at {other.ran_ms}")


def _told(obj: Object) -> str:
    """What is worth reading in a status."""
    status = obj["status"]
    told = {name: status[name] for name in _TOLD if name in status}
    return f"{told}, active {[entry['name'][-8:] for entry in status.get('active') or ()]}"


def _fence_ms(history: History, edit: Version, version: Version) -> int:
    """The fence that this edit is for that version, 0 for none.

    One without a date is as old as it looks to whoever sees it first; after another that nobody has seen it is none.
    """
    if not edit.fences or edit.generation > version.generation:
        return 0
    if not edit.undated:
        return edit.since_ms
    before = history.versions[history.versions.index(edit) - 1]
    return edit.since_ms - SKEW_MS if before.known_ms <= edit.since_ms else 0
