"""A cron expression, read: five fields as a CronJob has them, a sixth for seconds in front, or a macro."""

import re
from dataclasses import dataclass
from functools import lru_cache

from controller.core.durations import parse_go_duration
from controller.core.problems import SpecError, cut
from controller.core.reasons import Reason
from controller.core.schedule.fields import (
    DAY_OF_MONTH,
    DAY_OF_WEEK,
    HOUR,
    MINUTE,
    MONTH,
    SECOND,
    Field,
    FieldError,
    Values,
    parse_field,
)

MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

_FIELDS = (SECOND, MINUTE, HOUR, DAY_OF_MONTH, MONTH, DAY_OF_WEEK)
_EVERY = "@every "
# What Go's strings.Fields splits at; Python's split has more.
_SPACE = re.compile("[\t\n\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")
_HASHED = re.compile(r"(?:^|[\s,])[Hh]")
_LONGEST = 512


@dataclass(frozen=True, slots=True)
class Expression:
    """The values of all six fields; the second is 0 where there are five."""

    second: Values
    minute: Values
    hour: Values
    day_of_month: Values
    month: Values
    day_of_week: Values
    remarks: tuple[str, ...]
    """What is accepted but surely means something else, a sentence each."""


@dataclass(frozen=True, slots=True)
class Interval:
    """`@every <duration>`."""

    interval_ms: int
    remarks: tuple[str, ...]


def parse_expression(text: str, where: str, owner: str) -> Expression | Interval:
    """Read what `schedule` accepts; raises SpecError. `where` is the path of the field, `owner` decides about `H`."""
    # All timers that say the same share one result, unless some of it depends on who says it.
    return _parse(text, where, owner if _HASHED.search(text) else None)


def is_same_for_all(text: str) -> bool:
    """Whether such an expression occurs at the same times whichever timer has it, whenever that was created."""
    return _HASHED.search(text) is None and not text.startswith(_EVERY)


@lru_cache(maxsize=4096)
def parse_minutes(text: str, where: str) -> Expression:
    """Read an expression that stands for whole minutes, as in `exclude`: five fields, no `H`; raises SpecError."""
    _check_length(text, where)
    if "TZ" in text or text.strip().startswith("@"):
        raise SpecError(
            Reason.INVALID_SCHEDULE,
            f"{where} {_shown(text)} is not five fields: macros and time zones are not accepted here, as it is read "
            'in the zone of the schedule; write for example "* 0-5 * * *"',
        )
    return _fields(text, where, None, ("five", (5,)))


@lru_cache(maxsize=4096)
def _parse(text: str, where: str, owner: str | None) -> Expression | Interval:
    if "TZ" in text or text.strip().lower().startswith(("tz=", "cron_tz=")):
        raise SpecError(
            Reason.INVALID_SCHEDULE,
            f"{where} {_shown(text)} names a time zone: put the zone into timeZone, for example "
            'timeZone: "Europe/Berlin", and leave only the fields in the expression',
        )
    _check_length(text, where)
    if text.startswith(_EVERY):
        return _interval(text, where)
    if text.strip().startswith("@"):
        if text not in MACROS:
            raise SpecError(
                Reason.INVALID_SCHEDULE,
                f"{where} {_shown(text)} is not a macro: accepted are {', '.join(MACROS)} and @every with a duration, "
                'for example "@daily" or "@every 90s"',
            )
        text = MACROS[text]
    return _fields(text, where, owner, ("five or six", (5, 6)))


def _fields(text: str, where: str, owner: str | None, wanted: tuple[str, tuple[int, ...]]) -> Expression:
    parts = [part for part in _SPACE.split(text) if part]
    if len(parts) not in wanted[1]:
        raise SpecError(
            Reason.INVALID_SCHEDULE,
            f"{where} {_shown(text)} has {len(parts)} fields, but {wanted[0]} are needed: "
            f"{'[second] ' if 6 in wanted[1] else ''}minute hour day-of-month month day-of-week, "
            'for example "30 6 * * 1-5"',
        )
    texts = parts if len(parts) == 6 else ["0", *parts]
    values = []
    for part, field in zip(texts, _FIELDS, strict=True):
        try:
            values.append(parse_field(part, field, owner if _HASHED.search(part) else None))
        except FieldError as error:
            raise _refused(text, where, field, error) from None
    remarks = [remark for value in values for remark in value.remarks]
    if len(parts) == 6 and len(values[0].plain) == 60:
        how_often = "every second" if values[1].star and values[2].star else "60 times a minute"
        remarks.append(f"it fires {how_often}, as of six fields the first is the second: {parts[0]!r}")
    second, minute, hour, day_of_month, month, day_of_week = values
    return Expression(second, minute, hour, day_of_month, month, day_of_week, tuple(remarks))


def _refused(text: str, where: str, field: Field, error: FieldError) -> SpecError:
    return SpecError(
        Reason.INVALID_SCHEDULE,
        f"{where} {_shown(text)} is not a cron expression: {field.name} {cut(str(error))}; accepted are "
        f'{field.accepted}, ranges, lists and steps of these, or *, e.g. "{field.example}"',
    )


def _interval(text: str, where: str) -> Interval:
    duration = text.removeprefix(_EVERY)
    interval_ms = parse_go_duration(duration)
    if interval_ms is None:
        raise SpecError(
            Reason.INVALID_SCHEDULE,
            f"{where} {_shown(text)} has no duration that is understood: write hours, minutes and seconds, "
            'for example "@every 1h30m" or "@every 90s"',
        )
    if interval_ms < 1000:
        return Interval(1000, (f"{duration} is shorter than a second, and 1s is taken",))
    rest_ms = interval_ms % 1000
    return Interval(interval_ms - rest_ms, (f"{duration} is cut to whole seconds",) if rest_ms else ())


def _check_length(text: str, where: str) -> None:
    if len(text) > _LONGEST:
        raise SpecError(
            Reason.INVALID_SCHEDULE,
            f"{where} {_shown(text)} has {len(text)} characters: at most {_LONGEST} are accepted; ranges and steps are "
            'shorter than lists, for example "*/5 8-17 * * *"',
        )


def _shown(text: str) -> str:
    return repr(cut(text))
