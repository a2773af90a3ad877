"""Schedules made of schedules."""

from dataclasses import dataclass

from controller.core.schedule.occurrences import Count, Schedule, between

_COMPARED = 1_000
"""Up to so many occurrences of all members are compared one by one."""


@dataclass(frozen=True, slots=True)
class Union:
    """All occurrences of several schedules; an instant that more than one of them names occurs once."""

    members: tuple[Schedule, ...]

    def next_after(self, after_ms: int) -> int | None:
        found = [member.next_after(after_ms) for member in self.members]
        return min((occurrence_ms for occurrence_ms in found if occurrence_ms is not None), default=None)

    def last_until(self, until_ms: int) -> int | None:
        found = [member.last_until(until_ms) for member in self.members]
        return max((occurrence_ms for occurrence_ms in found if occurrence_ms is not None), default=None)

    def count(self, after_ms: int, until_ms: int) -> Count:
        counts = [member.count(after_ms, until_ms) for member in self.members]
        total, exact = sum(count.number for count in counts), all(count.exact for count in counts)
        if exact and total <= _COMPARED:
            return Count(len({one for member in self.members for one in between(member, after_ms, until_ms)}), True)
        # How often several of them name the same instant is not known then.
        return Count(total, exact and sum(count.number > 0 for count in counts) == 1)


@dataclass(frozen=True, slots=True)
class Window:
    """The occurrences of a schedule between two instants, both included; None is no bound."""

    inner: Schedule
    start_ms: int | None
    end_ms: int | None

    def next_after(self, after_ms: int) -> int | None:
        occurrence_ms = self.inner.next_after(self._not_before(after_ms))
        return None if occurrence_ms is None or self._ends_before(occurrence_ms) else occurrence_ms

    def last_until(self, until_ms: int) -> int | None:
        occurrence_ms = self.inner.last_until(self._not_after(until_ms))
        begun = occurrence_ms is not None and (self.start_ms is None or occurrence_ms >= self.start_ms)
        return occurrence_ms if begun else None

    def count(self, after_ms: int, until_ms: int) -> Count:
        return self.inner.count(self._not_before(after_ms), self._not_after(until_ms))

    def _not_before(self, after_ms: int) -> int:
        return after_ms if self.start_ms is None else max(after_ms, self.start_ms - 1)

    def _not_after(self, until_ms: int) -> int:
        return until_ms if self.end_ms is None else min(until_ms, self.end_ms)

    def _ends_before(self, occurrence_ms: int) -> bool:
        return self.end_ms is not None and occurrence_ms > self.end_ms
