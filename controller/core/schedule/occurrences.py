"""What every schedule answers, and what follows from it: the next occurrences, and those that were missed.

Occurrences are nominal times, in milliseconds since the epoch. The next one follows from the one before, never
from the clock, so nothing here drifts.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import NamedTuple, Protocol


class Count(NamedTuple):
    """How many occurrences there are."""

    number: int
    exact: bool
    """False where the number is an estimate, because counting would take too long."""


COUNTED_MS = 4 * 366 * 86_400_000
"""A span up to this long is counted, a longer one estimated."""

END_MS = 32_503_680_000_000
"""The year 3000: no schedule has an occurrence at or after it, and none is looked for."""

DAYS_TRIED = 1_500
"""So many days in a row that name occurrences and have all of them excluded mean that nothing comes any more."""

LONGEST_SEARCH_DAYS = 41 * 366
"""So long without an occurrence means the same. The fifth Sunday of a February comes 40 years later at the latest."""


class Search:
    """How much was looked at in vain, so that a search ends. Days passed over as excluded dates are no part of it."""

    def __init__(self) -> None:
        self._tried = self._searched = 0

    def is_in_vain(self, days: int) -> bool:
        """Whether one more day with nothing but excluded times, reached within so many days, is one too many."""
        self._tried += 1
        self._searched += days
        return self._tried >= DAYS_TRIED or self._searched >= LONGEST_SEARCH_DAYS


class Schedule(Protocol):
    """A sequence of nominal times, strictly increasing. It may be empty, end, or go on for ever."""

    def __hash__(self) -> int: ...

    def next_after(self, after_ms: int) -> int | None:
        """The first occurrence strictly after an instant, or None where there is none left.

        May raise OverflowError for an instant past the end of Python's calendar, the year 9999.
        """

    def last_until(self, until_ms: int) -> int | None:
        """The last occurrence at or before an instant, or None where there is none."""

    def count(self, after_ms: int, until_ms: int) -> Count:
        """How many occurrences there are with after < occurrence <= until; answered at once for any span."""


@dataclass(frozen=True, slots=True)
class Missed:
    """The occurrences in a span of time that has passed."""

    count: int
    exact: bool
    """False where `count` is an estimate."""
    latest: tuple[int, ...]
    """The last of them, in order; as many as were asked for, or all there are."""


def never_fires(schedule: Schedule) -> bool:
    """Whether there is no occurrence at all. None lies before 1970: the index has no place for such an instant."""
    return schedule.next_after(-1) is None


def counted_or_estimated(counted: Callable[[int, int], int], after_ms: int, until_ms: int) -> Count:
    """Count a short span; of a long one count the end, and take the rest to be like it."""
    span_ms = until_ms - after_ms
    if span_ms <= 0:
        return Count(0, True)
    if span_ms <= COUNTED_MS:
        return Count(counted(after_ms, until_ms), True)
    return Count(round(counted(until_ms - COUNTED_MS, until_ms) * span_ms / COUNTED_MS), False)


def iterate(schedule: Schedule, after_ms: int) -> Iterator[int]:
    """The occurrences strictly after an instant, in order."""
    occurrence_ms = schedule.next_after(after_ms)
    while occurrence_ms is not None:
        yield occurrence_ms
        occurrence_ms = schedule.next_after(occurrence_ms)


def between(schedule: Schedule, after_ms: int, until_ms: int) -> Iterator[int]:
    """The occurrences with after < occurrence <= until, in order."""
    return takewhile(lambda occurrence_ms: occurrence_ms <= until_ms, iterate(schedule, after_ms))


def missed(schedule: Schedule, since_ms: int, until_ms: int, keep: int = 1) -> Missed:
    """The occurrences with since < occurrence <= until: how many, and the latest `keep`.

    Costs the same for any span: ten years of an occurrence every second are an estimate and `keep` occurrences.
    """
    latest: list[int] = []
    occurrence_ms = schedule.last_until(until_ms)
    while occurrence_ms is not None and occurrence_ms > since_ms:
        if len(latest) == keep:
            number, exact = schedule.count(since_ms, until_ms)
            # One more than is kept was seen, whatever an estimate says.
            return Missed(max(number, keep + 1), exact, tuple(reversed(latest)))
        latest.append(occurrence_ms)
        occurrence_ms = schedule.last_until(occurrence_ms - 1)
    return Missed(len(latest), True, tuple(reversed(latest)))
