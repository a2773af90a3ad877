"""When a timer is due, found without any cleverness: by looking at the wall clock every minute or every second."""

import importlib.resources
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from tests.unit.core.objects import DAY_MS, MINUTE_MS, SECOND_MS
from tests.unit.core.schedule.drawing import Field

MINUTES_A_DAY = 1440
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - of the wall clock


Five = Sequence[Field]
"""An expression of five fields."""


def shows(five: Five, wall_clock: datetime) -> bool:
    """Whether an expression names what the wall clock shows, seconds apart."""
    minute, hour, day_of_month, month, day_of_week = five
    in_month = wall_clock.day in day_of_month.values
    in_week = wall_clock.isoweekday() % 7 in day_of_week.values
    both = day_of_month.star or day_of_week.star
    return (
        wall_clock.minute in minute.values
        and wall_clock.hour in hour.values
        and wall_clock.month in month.values
        and ((in_month and in_week) if both else (in_month or in_week))
    )


def wall_clock_at(zone: str, instant_ms: int) -> datetime:
    """What the wall clock shows at an instant, to the second."""
    return datetime.fromtimestamp(instant_ms // SECOND_MS, _zone(zone)).replace(tzinfo=None)


def minutes_due(five: Five, excluded: Sequence[Five], zone: str, after_ms: int, until_ms: int) -> list[int]:
    """The occurrences of five fields without what others exclude, by the rule for changes of the clocks."""

    def due_at(wall_clock: datetime) -> bool:
        return shows(five, wall_clock) and not any(shows(other, wall_clock) for other in excluded)

    found: list[int] = []
    ahead_before: timedelta | None = None
    repeated_until: datetime | None = None
    for minute in range((after_ms - DAY_MS) // MINUTE_MS, until_ms // MINUTE_MS + 1):
        wall_clock = wall_clock_at(zone, minute * MINUTE_MS)
        ahead = wall_clock - _EPOCH - timedelta(minutes=minute)
        due = due_at(wall_clock) and (repeated_until is None or wall_clock >= repeated_until)
        if ahead_before is not None and ahead != ahead_before and not _runs_on(five, ahead - ahead_before):
            repeated_until = wall_clock - (ahead - ahead_before)
            due = due and wall_clock >= repeated_until
            due = due or any(due_at(skipped) for skipped in _minutes(repeated_until, wall_clock))
        ahead_before = ahead
        if due and after_ms < minute * MINUTE_MS <= until_ms:
            found.append(minute * MINUTE_MS)
    return found


def seconds_due(seconds: Field, five: Five, zone: str, after_ms: int, until_ms: int) -> list[int]:
    """The occurrences of six fields in a zone whose clocks are left alone."""
    found = []
    for second in range(after_ms // SECOND_MS + 1, until_ms // SECOND_MS + 1):
        wall_clock = wall_clock_at(zone, second * SECOND_MS)
        if wall_clock.second in seconds.values and shows(five, wall_clock):
            found.append(second * SECOND_MS)
    return found


def _runs_on(five: Five, shift: timedelta) -> bool:
    """Whether times of day repeat within the day, with a period that divides a change of the clocks."""
    minute, hour, *_ = five
    day = [number // 60 in hour.values and number % 60 in minute.values for number in range(MINUTES_A_DAY)]
    shift_minutes = int(shift.total_seconds()) // 60
    return any(
        MINUTES_A_DAY % period == 0 and shift_minutes % period == 0 and day == day[period:] + day[:period]
        for period in range(1, MINUTES_A_DAY)
    )


def _minutes(first: datetime, end: datetime) -> list[datetime]:
    """Every minute of the wall clock from one on and before another; none where the end lies before."""
    return [first + timedelta(minutes=number) for number in range(max(0, (end - first) // timedelta(minutes=1)))]


@cache
def _zone(name: str) -> ZoneInfo:
    with (importlib.resources.files("tzdata") / "zoneinfo" / name).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)
