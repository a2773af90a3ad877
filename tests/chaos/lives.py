"""One timer with everything that was recorded about it, and what its specs called for."""

import base64
import hashlib
import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from tests.chaos.history import Deletion, History, Job, Status, Trigger, Version, Window
from tests.chaos.occurrences import due_between, same_timing


@dataclass
class Life:
    """One RedisTimer, from its creation to its end."""

    uid: str
    versions: list[Version]
    deletion: Deletion | None = None
    scheduled: list[Job] = field(default_factory=list)
    """Its Jobs, those asked for by hand left out; in the order of their creation."""
    by_hand: list[Job] = field(default_factory=list)
    statuses: list[Status] = field(default_factory=list)
    triggers: list[Trigger] = field(default_factory=list)

    @property
    def name(self) -> str:
        """namespace/name"""
        return self.versions[0].name

    @property
    def created_ms(self) -> int:
        """creationTimestamp"""
        return self.versions[0].created_ms

    @cached_property
    def ticket(self) -> str:
        """Under which the index knows it."""
        return base64.urlsafe_b64encode(uuid.UUID(self.uid).bytes).decode().rstrip("=")

    def ticket_by_hand(self, request: str) -> str:
        """Under which the index knows a request for a run by hand."""
        return f"{self.ticket}~{base64.b32encode(hashlib.sha256(request.encode()).digest()[:5]).decode().lower()}"

    def is_fence(self, index: int) -> bool:
        """Whether the edit that made this version gives up what was due before it."""
        return index > 0 and not same_timing(self.versions[index - 1].spec, self.versions[index].spec)

    def ends(self, index: int) -> Window | None:
        """When this version was replaced, or its timer deleted; None where it was neither."""
        if index + 1 < len(self.versions):
            return self.versions[index + 1].applied
        return self.deletion.applied if self.deletion else None

    def fence_ms(self, index: int) -> int:
        """At or before this instant nothing of this version may run."""
        while index > 0 and not self.is_fence(index):
            index -= 1
        if index:
            # An edit is known to the whole second.
            return self.versions[index].applied.from_ms // 1000 * 1000
        spec = self.versions[0].spec
        one_shot = "at" in spec or "afterCreation" in spec
        return self.created_ms - 1000 * spec.get("startingDeadlineSeconds", 0) * one_shot

    def due(self, index: int, end_ms: int) -> Iterator[int]:
        """What a version called for beyond doubt: after its own edit, before the next one."""
        applied, ends = self.versions[index].applied, self.ends(index)
        after_ms = applied.until_ms if index == 0 or self.is_fence(index) else applied.from_ms
        until_ms = min(end_ms, ends.from_ms) if ends else end_ms
        return due_between(self.versions[index].spec, self.created_ms, after_ms, until_ms)

    def version_of(self, job: Job) -> int | None:
        """The index of the version that a Job was made of."""
        return next((index for index, version in enumerate(self.versions) if version.edit == job.edit), None)

    def acknowledged_ms(self, generation: int) -> int | None:
        """When status was first seen to know a generation."""
        return next((status.arrived_ms for status in self.statuses if status.generation >= generation), None)

    def has_undated_edit(self, occurrence_ms: int) -> bool:
        """Whether status first knew this to be handled when it met an edit of the very second of the status before.

        managedFields have whole seconds: of such an edit nobody can tell whether it came before or after.
        """
        place = next((n for n, status in enumerate(self.statuses) if status.handled_ms >= occurrence_ms), 0)
        if place == 0 or self.statuses[place].generation == self.statuses[place - 1].generation:
            return False
        known = self.statuses[place - 1].generation
        written_s = {status.arrived_ms // 1000 for status in self.statuses[:place]}
        unseen = [version.applied for version in self.versions if known < version.generation]
        return any(second // 1000 in written_s for one in unseen[:1] for second in (one.from_ms, one.until_ms))

    def handled_ms(self, occurrence_ms: int) -> int | None:
        """When status was first seen to know that an occurrence is handled."""
        return next((status.arrived_ms for status in self.statuses if status.handled_ms >= occurrence_ms), None)


def lives_of(history: History) -> list[Life]:
    """All timers of a run."""
    versions: dict[str, list[Version]] = defaultdict(list)
    for version in history.versions:
        versions[version.uid].append(version)
    lives = {uid: Life(uid, sorted(some, key=lambda one: one.generation)) for uid, some in versions.items()}
    for deletion in history.deletions:
        lives[deletion.uid].deletion = deletion
    for job in sorted(history.jobs, key=lambda one: (one.created_ms, one.created_rv or 0)):
        if job.timer_uid in lives:
            life = lives[job.timer_uid]
            (life.by_hand if job.trigger else life.scheduled).append(job)
    for status in sorted(history.statuses, key=lambda one: one.arrived_ms):
        if status.uid in lives:
            lives[status.uid].statuses.append(status)
    for trigger in history.triggers:
        lives[trigger.uid].triggers.append(trigger)
    return list(lives.values())
