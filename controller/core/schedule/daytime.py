"""Times of day. Which minutes of a day occur is an int: minute n is bit n. Each of them has the same seconds.

What is left of a day where something is excluded, when it occurs next and how often, are single operations then,
whatever is combined.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from functools import lru_cache

MINUTES_A_DAY = 1_440
SECONDS_A_DAY = 86_400
WHOLE_DAY = (1 << MINUTES_A_DAY) - 1


@lru_cache(maxsize=1024)
def minutes_of_day(minutes: frozenset[int], hours: frozenset[int]) -> int:
    """The minutes of a day that these minutes and hours combine to."""
    an_hour = bits(minutes)
    return sum(an_hour << 60 * hour for hour in hours)


def first_from(minutes: int, seconds: tuple[int, ...], second: int) -> int | None:
    """The first second of the day at or after one, or None."""
    minute, rest = divmod(second, 60)
    later = minutes >> minute
    if later & 1 and seconds[-1] >= rest:
        return minute * 60 + seconds[bisect_left(seconds, rest)]
    later &= ~1
    return (minute + lowest(later)) * 60 + seconds[0] if later else None


def last_until(minutes: int, seconds: tuple[int, ...], second: int) -> int | None:
    """The last second of the day at or before one, or None."""
    minute, rest = divmod(second, 60)
    if minutes >> minute & 1 and seconds[0] <= rest:
        return minute * 60 + seconds[bisect_right(seconds, rest) - 1]
    earlier = minutes & (1 << minute) - 1
    return highest(earlier) * 60 + seconds[-1] if earlier else None


def count_until(minutes: int, seconds: tuple[int, ...], second: int) -> int:
    """How many there are at or before a second of the day; -1 is before all."""
    minute, rest = divmod(second, 60)
    begun = bisect_right(seconds, rest) if second >= 0 and minutes >> minute & 1 else 0
    return (minutes & (1 << max(minute, 0)) - 1).bit_count() * len(seconds) + begun


@lru_cache(maxsize=1024)
def period_s(minutes: frozenset[int], hours: frozenset[int]) -> int:
    """After how many seconds these times of day begin again; a day where they do not within it."""
    every_hours = _period(bits(hours), 24)
    return every_hours * 3600 if every_hours > 1 else _period(bits(minutes), 60) * 60


def _period(pattern: int, size: int) -> int:
    whole = (1 << size) - 1
    steps = (step for step in range(1, size) if size % step == 0)
    return next((step for step in steps if (pattern << step | pattern >> (size - step)) & whole == pattern), size)


def bits(numbers: Iterable[int]) -> int:
    """The int that has these bits."""
    return sum(1 << number for number in numbers)


def lowest(mask: int) -> int:
    """The number of the lowest bit of a mask that is not 0."""
    return (mask & -mask).bit_length() - 1


def highest(mask: int) -> int:
    """The number of the highest bit of a mask that is not 0."""
    return mask.bit_length() - 1
