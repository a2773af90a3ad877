"""An interval without what is excluded. Dates and times of `exclude` are those of a wall clock, also here."""

from dataclasses import dataclass
from functools import lru_cache

from controller.core.schedule.daytime import MINUTES_A_DAY, SECONDS_A_DAY, highest, lowest
from controller.core.schedule.exclusions import Exclusions
from controller.core.schedule.fixed import Every
from controller.core.schedule.occurrences import END_MS, Count, Search, counted_or_estimated
from controller.core.schedule.zones import DAY_MS, NEAR_MS, SECOND_MS, Era, Zone


@dataclass(frozen=True, slots=True)
class Thinned:
    """The occurrences of an interval but for the excluded ones."""

    inner: Every
    zone: Zone
    exclusions: Exclusions

    def next_after(self, after_ms: int) -> int | None:
        search, begun = Search(), None
        occurrence_ms = self.inner.next_after(after_ms)
        while occurrence_ms is not None:
            era = self.zone.era(occurrence_ms)
            day, second = _wall_clock(occurrence_ms, era)
            begun = day if begun is None else begun
            free_day = self.exclusions.after_dates(day)
            if free_day == day:
                if later := self._times_on(day, second) >> second:
                    occurrence_ms += lowest(later) * SECOND_MS
                    if occurrence_ms < era.end_ms:
                        return occurrence_ms if occurrence_ms < END_MS else None
                elif search.is_in_vain(day + 1 - begun):
                    return None
                free_day = day + 1
            begun = free_day
            free_ms = free_day * DAY_MS - era.offset_ms
            if free_ms >= era.end_ms:
                # That day begins in another era, at an instant that is only about this one.
                free_ms = max(era.end_ms, free_ms - NEAR_MS)
            occurrence_ms = self.inner.next_after(free_ms - 1)
        return None

    def last_until(self, until_ms: int) -> int | None:
        search, begun = Search(), None
        occurrence_ms = self.inner.last_until(until_ms)
        while occurrence_ms is not None:
            era = self.zone.era(occurrence_ms)
            day, second = _wall_clock(occurrence_ms, era)
            begun = day if begun is None else begun
            free_day = self.exclusions.before_dates(day)
            if free_day == day:
                if earlier := self._times_on(day, second) & (2 << second) - 1:
                    occurrence_ms -= (second - highest(earlier)) * SECOND_MS
                    if occurrence_ms >= era.start_ms:
                        return occurrence_ms
                elif search.is_in_vain(begun + 1 - day):
                    return None
                free_day = day - 1
            begun = free_day
            free_ms = (free_day + 1) * DAY_MS - era.offset_ms - 1
            if free_ms < era.start_ms:
                free_ms = min(era.start_ms - 1, free_ms + NEAR_MS)
            occurrence_ms = self.inner.last_until(free_ms)
        return None

    def count(self, after_ms: int, until_ms: int) -> Count:
        return counted_or_estimated(self._counted, after_ms, until_ms)

    def _counted(self, after_ms: int, until_ms: int) -> int:
        number = 0
        for era in self.zone.eras_from(after_ms):
            if era.start_ms > until_ms:
                break
            last_ms = self.inner.last_until(min(until_ms, era.end_ms - 1))
            if last_ms is None:
                continue
            last_day, last_second = _wall_clock(last_ms, era)
            occurrence_ms = self.inner.next_after(max(after_ms, era.start_ms - 1))
            while occurrence_ms is not None and occurrence_ms <= last_ms:
                day, second = _wall_clock(occurrence_ms, era)
                times = self._times_on(day, second)
                if day == last_day:
                    times &= (2 << last_second) - 1
                number += (times >> second).bit_count()
                occurrence_ms = self.inner.next_after((day + 1) * DAY_MS - era.offset_ms - 1)
        return number

    def _times_on(self, day: int, second: int) -> int:
        """The seconds of a day, as bits, that are in step with one and not excluded."""
        interval_s = self.inner.interval_ms // SECOND_MS
        return _steps(interval_s) << second % interval_s & _free_seconds(self.exclusions.on(day))


@lru_cache(maxsize=256)
def _steps(interval_s: int) -> int:
    """Second 0 of a day and every `interval_s` seconds after it."""
    steps, length = 1, interval_s
    while length < SECONDS_A_DAY:
        steps |= steps << length
        length *= 2
    return steps


@lru_cache(maxsize=64)
def _free_seconds(excluded: int) -> int:
    """The seconds of a day that are not in excluded minutes."""
    a_minute = (1 << 60) - 1
    return sum(a_minute << 60 * minute for minute in range(MINUTES_A_DAY) if not excluded >> minute & 1)


def _wall_clock(instant_ms: int, era: Era) -> tuple[int, int]:
    """Day, and second of the day."""
    return divmod((instant_ms + era.offset_ms) // SECOND_MS, SECONDS_A_DAY)
