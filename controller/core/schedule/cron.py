"""A cron expression in a time zone, and what becomes of it where the clocks change.

The rule: a local time that does not exist occurs right after the gap, and one that exists twice occurs once, the
first time. Only times of day which repeat with a period that divides the change (every hour, where clocks are set by
an hour) are left alone by it: they go on in real time, as often as the wall clock shows them. Debian's cron tells the
two apart by a star in the hour field; by the period it is right for `*/2` and for clocks set by half an hour, too.
"""

from dataclasses import dataclass

from controller.core.schedule.days import Days
from controller.core.schedule.daytime import (
    SECONDS_A_DAY,
    count_until,
    first_from,
    last_until,
    minutes_of_day,
    period_s,
)
from controller.core.schedule.exclusions import Exclusions
from controller.core.schedule.occurrences import END_MS, Count, Search, counted_or_estimated
from controller.core.schedule.zones import DAY_MS, NEAR_MS, SECOND_MS, Era, Zone


@dataclass(frozen=True, slots=True)
class Cron:
    """The occurrences of an expression in a zone, but for the excluded ones."""

    seconds: tuple[int, ...]
    """In order."""
    minutes: frozenset[int]
    hours: frozenset[int]
    days: Days
    zone: Zone
    exclusions: Exclusions

    def next_after(self, after_ms: int) -> int | None:
        if self._never or after_ms >= END_MS:
            return None
        era = self.zone.era(after_ms)
        searched_ms = max(self._first_label(era), after_ms + era.offset_ms + 1)
        label_ms = self._label_from(searched_ms)
        far_ms = 0
        while label_ms is not None:
            occurrence_ms = _instant(label_ms, era)
            if occurrence_ms < era.end_ms:
                return occurrence_ms if occurrence_ms < END_MS else None
            # The next era can begin with labels that were over in this one; later ones cannot have any before this one.
            era = self.zone.era(max(era.end_ms, far_ms))
            far_ms = label_ms - era.offset_ms - NEAR_MS
            first_ms = self._first_label(era)
            if not searched_ms <= first_ms <= label_ms:
                searched_ms, label_ms = first_ms, self._label_from(first_ms)
        return None

    def last_until(self, until_ms: int) -> int | None:
        if self._never:
            return None
        until_ms = min(until_ms, END_MS - 1)
        era = self.zone.era(until_ms)
        searched_ms = until_ms + era.offset_ms
        label_ms = self._label_until(searched_ms)
        far_ms = until_ms
        while label_ms is not None:
            if label_ms >= self._first_label(era):
                return _instant(label_ms, era)
            # Where the wall clock was set back, the era before ends with labels that lie ahead in this one.
            era = self.zone.era(min(era.start_ms - 1, far_ms))
            far_ms = label_ms - era.offset_ms + NEAR_MS
            last_ms = era.end_ms - 1 + era.offset_ms
            if not label_ms <= last_ms <= searched_ms:
                searched_ms, label_ms = last_ms, self._label_until(last_ms)
        return None

    def count(self, after_ms: int, until_ms: int) -> Count:
        if self._never or after_ms >= END_MS:
            return Count(0, True)
        return counted_or_estimated(self._counted, after_ms, min(until_ms, END_MS - 1))

    def _counted(self, after_ms: int, until_ms: int) -> int:
        number = 0
        for era in self.zone.eras_from(after_ms):
            if era.start_ms > until_ms:
                break
            first_ms = self._first_label(era)
            last_ms = min(until_ms, era.end_ms - 1) + era.offset_ms
            if era.start_ms <= after_ms:
                first_ms = max(first_ms, after_ms + era.offset_ms + 1)
            elif (start_ms := era.start_ms + era.offset_ms) > first_ms:
                # Whatever the wall clock jumped over occurs at the start of the era, together.
                label_ms = self._label_until(start_ms)
                number += label_ms is not None and label_ms >= first_ms
                first_ms = start_ms + 1
            number += self._labels_between(first_ms, last_ms)
        return number

    @property
    def _never(self) -> bool:
        return self.days.none or not (self.seconds and self.minutes and self.hours)

    def _first_label(self, era: Era) -> int:
        """The label with which an era begins for this expression."""
        shift_s, shift_rest = divmod(era.shift_ms, SECOND_MS)
        if shift_s or shift_rest:
            period = period_s(self.minutes, self.hours)
            if period == SECONDS_A_DAY or shift_rest or shift_s % period:
                # Right after the last label of the era before: what was jumped over is made up for, and what the
                # wall clock shows again is not repeated.
                return era.start_ms + era.offset_before_ms
        return era.start_ms + era.offset_ms

    def _label_from(self, label_ms: int) -> int | None:
        """The first label at or after one."""
        day, second = divmod(-(-label_ms // SECOND_MS), SECONDS_A_DAY)
        search = Search()
        while True:
            begun, day = day, self.exclusions.after_dates(day)
            found = next(self.days.going_on(day), None)
            if found is None:
                return None
            time = first_from(self._minutes_on(found), self.seconds, second if found == begun else 0)
            if time is not None:
                return found * DAY_MS + time * SECOND_MS
            if search.is_in_vain(found + 1 - day):
                return None
            day, second = found + 1, 0

    def _label_until(self, label_ms: int) -> int | None:
        """The last label at or before one."""
        day, second = divmod(label_ms // SECOND_MS, SECONDS_A_DAY)
        search = Search()
        while True:
            begun, day = day, self.exclusions.before_dates(day)
            found = next(self.days.going_back(day), None)
            if found is None:
                return None
            time = last_until(self._minutes_on(found), self.seconds, second if found == begun else SECONDS_A_DAY - 1)
            if time is not None:
                return found * DAY_MS + time * SECOND_MS
            if search.is_in_vain(day + 1 - found):
                return None
            day, second = found - 1, SECONDS_A_DAY - 1

    def _labels_between(self, first_ms: int, last_ms: int) -> int:
        """How many labels there are from one to another, both included."""
        if last_ms < first_ms:
            return 0
        first_day, first_second = divmod(-(-first_ms // SECOND_MS), SECONDS_A_DAY)
        last_day, last_second = divmod(last_ms // SECOND_MS, SECONDS_A_DAY)
        number = 0
        for day in self.days.going_on(first_day):
            if day > last_day:
                break
            minutes = self._minutes_on(day)
            number += count_until(minutes, self.seconds, last_second if day == last_day else SECONDS_A_DAY - 1)
            if day == first_day:
                number -= count_until(minutes, self.seconds, first_second - 1)
        return number

    def _minutes_on(self, day: int) -> int:
        minutes = minutes_of_day(self.minutes, self.hours)
        return minutes & ~self.exclusions.on(day) if self.exclusions else minutes


def _instant(label_ms: int, era: Era) -> int:
    # A label from before the start is one that the wall clock jumped over.
    return max(label_ms - era.offset_ms, era.start_ms)
