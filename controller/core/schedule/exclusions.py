"""What `exclude` leaves out: dates, ranges of dates, and the minutes that a cron expression names."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from controller.core.schedule.days import Days
from controller.core.schedule.daytime import WHOLE_DAY, minutes_of_day


@dataclass(frozen=True, slots=True)
class Dates:
    """All days from one to another, both included."""

    text: str
    """As the spec says it, for people."""
    first: int
    last: int

    def on(self, day: int) -> int:
        """The excluded minutes of a day."""
        return WHOLE_DAY if self.first <= day <= self.last else 0


@dataclass(frozen=True, slots=True)
class Minutes:
    """The minutes that an expression names."""

    text: str
    days: Days
    minutes: frozenset[int]
    hours: frozenset[int]

    def on(self, day: int) -> int:
        """The excluded minutes of a day."""
        return minutes_of_day(self.minutes, self.hours) if day in self.days else 0


class Exclusions:
    """All that is left out, by days and times of the wall clock."""

    def __init__(self, entries: tuple[Dates | Minutes, ...] = ()) -> None:
        self._entries = entries
        self._minutes = [entry for entry in entries if isinstance(entry, Minutes)]
        self._firsts, self._lasts = _merged(entry for entry in entries if isinstance(entry, Dates))
        # The same days are asked for again and again where several schedules share what they exclude.
        self.on = lru_cache(maxsize=4096)(self._on)

    def __bool__(self) -> bool:
        return bool(self._entries)

    def _on(self, day: int) -> int:
        """The excluded minutes of a day, each with all its seconds."""
        if self._dates_around(day) is not None:
            return WHOLE_DAY
        excluded = 0
        for entry in self._minutes:
            excluded |= entry.on(day)
        return excluded

    def after_dates(self, day: int) -> int:
        """The first day from this one on that is not excluded as a date."""
        place = self._dates_around(day)
        return day if place is None else self._lasts[place] + 1

    def before_dates(self, day: int) -> int:
        """The last day up to this one that is not excluded as a date."""
        place = self._dates_around(day)
        return day if place is None else self._firsts[place] - 1

    def why(self, day: int, second: int) -> str | None:
        """The entry that leaves this second of a day out, as the spec says it; None where none does."""
        return next((entry.text for entry in self._entries if entry.on(day) >> second // 60 & 1), None)

    def _dates_around(self, day: int) -> int | None:
        place = bisect_right(self._firsts, day) - 1
        return place if place >= 0 and day <= self._lasts[place] else None


def _merged(ranges: Iterable[Dates]) -> tuple[list[int], list[int]]:
    """The first and the last days of ranges that neither touch nor overlap any more, in order."""
    firsts: list[int] = []
    lasts: list[int] = []
    for dates in sorted(ranges, key=lambda dates: dates.first):
        if lasts and dates.first <= lasts[-1] + 1:
            lasts[-1] = max(lasts[-1], dates.last)
        else:
            firsts.append(dates.first)
            lasts.append(dates.last)
    return firsts, lasts


NOTHING_EXCLUDED = Exclusions()
"""One for all timers that exclude nothing, as most do."""
