"""Which days an expression names. Days are numbered from 1970-01-01, which is day 0, in local time."""

from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime
from functools import lru_cache

from cronsim import CronSim, CronSimError

from controller.core.schedule.expression import Expression
from controller.core.schedule.fields import Values
from controller.core.schedule.occurrences import LONGEST_SEARCH_DAYS

_EPOCH = date(1970, 1, 1).toordinal()
_LAST_DAY = date(3000, 1, 2).toordinal() - _EPOCH


class Days:
    """The days on which an expression occurs."""

    def __init__(self, matcher: CronSim | None) -> None:
        self._matcher = matcher

    @property
    def none(self) -> bool:
        """Whether there is no such day at all, as with a 31st of February."""
        return self._matcher is None

    def __contains__(self, day: int) -> bool:
        matcher = self._matcher
        if matcher is None:
            return False
        moment = date_of(day)
        return moment.month in matcher.months and matcher.match_day(moment)

    def going_on(self, day: int) -> Iterator[int]:
        """The days from this one on, in order."""
        return self._walk(day, 1)

    def going_back(self, day: int) -> Iterator[int]:
        """The days up to this one, the latest first."""
        return self._walk(day, -1)

    def _walk(self, day: int, direction: int) -> Iterator[int]:
        if self._matcher is None:
            return
        last_seen = day
        while abs(day - last_seen) <= LONGEST_SEARCH_DAYS and -_EPOCH + 400 < day <= _LAST_DAY:
            moment = date_of(day)
            if moment.month not in self._matcher.months:
                # Straight to the next month, or to the end of the one before.
                days_of_month = monthrange(moment.year, moment.month)[1]
                day += days_of_month - moment.day + 1 if direction > 0 else -moment.day
                continue
            if self._matcher.match_day(moment):
                yield day
                last_seen = day
            day += direction


def date_of(day: int) -> date:
    """The date of a day's number."""
    return date.fromordinal(day + _EPOCH)


def day_of(moment: date) -> int:
    """The number of a date."""
    return moment.toordinal() - _EPOCH


def days_of(expression: Expression) -> Days:
    """The days of an expression."""
    return _days(expression.day_of_month, expression.month, expression.day_of_week)


@lru_cache(maxsize=4096)
def _days(day_of_month: Values, month: Values, day_of_week: Values) -> Days:
    # As in a CronJob, both day fields have to match where one of them has a star, and otherwise either of them.
    # cronsim goes by the first character instead, so every field is written out in values for it.
    monthly, weekly = _written(day_of_month), _written(day_of_week)
    either = not day_of_month.star and not day_of_week.star
    if either and bool(monthly) != bool(weekly):
        monthly, weekly = monthly or "*", weekly or "*"
    if not (monthly and weekly and month.plain):
        return Days(None)
    try:
        return Days(CronSim(f"0 0 {monthly} {_written(month)} {weekly}", datetime(1970, 1, 1)))  # noqa: DTZ001
    except CronSimError:
        # All values are in range, so this says that no month has such a day.
        return Days(None)


def _written(values: Values) -> str:
    return "*" if values.star else ",".join([*map(str, sorted(values.plain)), *sorted(values.special)])
