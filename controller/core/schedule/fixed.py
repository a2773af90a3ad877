"""Schedules that need no calendar: one instant, and a fixed interval."""

from dataclasses import dataclass

from controller.core.schedule.occurrences import END_MS, Count


@dataclass(frozen=True, slots=True)
class Once:
    """One instant."""

    instant_ms: int

    def next_after(self, after_ms: int) -> int | None:
        return self.instant_ms if self.instant_ms > after_ms else None

    def last_until(self, until_ms: int) -> int | None:
        return self.instant_ms if self.instant_ms <= until_ms else None

    def count(self, after_ms: int, until_ms: int) -> Count:
        return Count(int(after_ms < self.instant_ms <= until_ms), True)


@dataclass(frozen=True, slots=True)
class Every:
    """A fixed interval: first, first + interval, first + 2 * interval, ..."""

    first_ms: int
    interval_ms: int

    def next_after(self, after_ms: int) -> int | None:
        occurrence_ms = self.first_ms + max(0, self._index(after_ms) + 1) * self.interval_ms
        return occurrence_ms if occurrence_ms < END_MS else None

    def last_until(self, until_ms: int) -> int | None:
        index = self._index(min(until_ms, END_MS - 1))
        return self.first_ms + index * self.interval_ms if index >= 0 else None

    def count(self, after_ms: int, until_ms: int) -> Count:
        return Count(max(0, self._index(min(until_ms, END_MS - 1)) - max(-1, self._index(after_ms))), True)

    def _index(self, instant_ms: int) -> int:
        return (instant_ms - self.first_ms) // self.interval_ms
