"""What a CronJob and a RedisTimer do differently on the days on which clocks are set.

A CronJob runs at every instant whose wall clock matches its expression: never at a local time that does not exist, and
twice at one that exists twice. What a RedisTimer does is in `schedule/cron.py`. (In zones whose clocks are set by half
an hour, or at midnight, a CronJob can lose further runs on that day; only what is meant is compared here.)
"""

from collections.abc import Callable, Iterator
from functools import lru_cache

from controller.core.instants import from_ms
from controller.core.schedule.days import days_of
from controller.core.schedule.daytime import period_s
from controller.core.schedule.expression import Expression, parse_expression
from controller.core.schedule.occurrences import between
from controller.core.schedule.reading import read_schedule
from controller.core.schedule.zones import DAY_MS, Era, Zone, zone_of

_MINUTE_MS = 60_000
_LOOKED_AHEAD_MS = 10 * 366 * DAY_MS
_SHOWN = 3
_FINEST_OFFSET_S = 900
"""All zones differ from one another by multiples of a quarter of an hour."""


@lru_cache(maxsize=1024)
def differences(text: str, zone_name: str, owner: str, after_ms: int) -> tuple[str, ...]:
    """A sentence for each way in which the two differ within ten years, with the first day on which they do.

    Raises SpecError where the expression or the zone is not understood. Seconds are left out of account.
    """
    read = parse_expression(text, "spec.schedule", owner)
    if not isinstance(read, Expression):
        return ()
    zone = zone_of(zone_name)
    schedule = read_schedule({"schedule": text, "timeZone": zone_name}, after_ms, owner)
    matches = _matcher(read)
    found: dict[str, str] = {}
    for era in _changes(zone, after_ms):
        instants = range(era.start_ms, era.start_ms + abs(era.shift_ms), _MINUTE_MS)
        theirs = {instant_ms for instant_ms in instants if matches(instant_ms + era.offset_ms)}
        ours = set(between(schedule, era.start_ms - 1, instants.stop - 1))
        if made_up := ours - theirs:
            found.setdefault("gap", _on_gap(era, made_up))
        if repeated := theirs - ours:
            found.setdefault("overlap", _on_overlap(era, repeated))
        if len(found) == 2:
            break
    return tuple(found.values())


def is_zoneless(text: str, owner: str) -> bool:
    """Whether an expression names the same instants in every zone. Raises SpecError where it is not understood."""
    read = parse_expression(text, "spec.schedule", owner)
    if not isinstance(read, Expression):
        return True
    every_day = read.day_of_month.star and read.day_of_week.star and len(read.month.plain) == 12
    return every_day and _FINEST_OFFSET_S % period_s(read.minute.plain, read.hour.plain) == 0


def _changes(zone: Zone, after_ms: int) -> Iterator[Era]:
    for era in zone.eras_from(after_ms):
        if era.start_ms > after_ms + _LOOKED_AHEAD_MS:
            return
        if era.shift_ms and era.start_ms > after_ms:
            yield era


def _matcher(read: Expression) -> Callable[[int], bool]:
    days = days_of(read)

    def matches(label_ms: int) -> bool:
        day, minute = divmod(label_ms // _MINUTE_MS, 1_440)
        return minute % 60 in read.minute.plain and minute // 60 in read.hour.plain and day in days

    return matches


def _on_gap(era: Era, instants: set[int]) -> str:
    return (
        f"on {_date(era)} a RedisTimer runs at {_times(era, instants)} in place of what the clocks jump over, "
        "a CronJob does not"
    )


def _on_overlap(era: Era, instants: set[int]) -> str:
    verb = "comes" if len(instants) == 1 else "come"
    return f"on {_date(era)}, {_times(era, instants)} {verb} twice, and a CronJob runs both times, a RedisTimer once"


def _date(era: Era) -> str:
    return f"{from_ms(era.start_ms + era.offset_ms):%Y-%m-%d}"


def _times(era: Era, instants: set[int]) -> str:
    times = [f"{from_ms(instant_ms + era.offset_ms):%H:%M}" for instant_ms in sorted(instants)]
    more = len(times) - _SHOWN
    return ", ".join(times) if more <= 0 else f"{', '.join(times[:_SHOWN])} and {more} more"
