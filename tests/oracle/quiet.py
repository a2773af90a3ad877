"""When nobody sets the clocks of a time zone."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from tests.oracle.cronjob import ZONES

FIRST_DAY = date(2025, 1, 1)
LAST_DAY = date(2044, 12, 31)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Span:
    """Unix seconds, start <= instant < end."""

    start_s: int
    end_s: int


@cache
def zone_info(zone: str) -> ZoneInfo:
    """Return a zone from the database that both sides read."""
    with (ZONES / zone).open("rb") as file:
        return ZoneInfo.from_file(file, key=zone)


@cache
def quiet_spans(zone: str) -> tuple[Span, ...]:
    """Return the spans between FIRST_DAY and LAST_DAY without the local days of changes and the days after those."""
    info = zone_info(zone)
    spans = []
    start = FIRST_DAY
    for first, last in [*_changes(info), (LAST_DAY, LAST_DAY)]:
        if start < first:
            spans.append(Span(_midnight_s(start, info), _midnight_s(first, info)))
        start = last + 2 * _DAY
    return tuple(spans)


def year_begins_s(year: int, zone: str) -> int:
    """Return when a year begins in a zone."""
    return _midnight_s(date(year, 1, 1), zone_info(zone))


def year_of(instant_s: int, zone: str) -> int:
    """Return the year of an instant in a zone."""
    return datetime.fromtimestamp(instant_s, zone_info(zone)).year


def _changes(info: ZoneInfo) -> Iterator[tuple[date, date]]:
    """Yield the local days, one or two, within which the offset from UTC changes."""
    first = datetime.combine(FIRST_DAY, datetime.min.time(), UTC)
    moments = ((first + number * _DAY).astimezone(info) for number in range((LAST_DAY - FIRST_DAY).days))
    for before, after in pairwise(moments):
        if before.utcoffset() != after.utcoffset():
            yield before.date(), after.date()


def _midnight_s(day: date, info: ZoneInfo) -> int:
    return int(datetime.combine(day, datetime.min.time(), info).timestamp())
