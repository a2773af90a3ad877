"""Fields of a spec, read one by one: what is there, of the right type, or a SpecError.

The schema says the same, and the API server has held objects against it. A file on disk has met nobody yet.
"""

import re
import reprlib
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, TypeVar

from controller.core.durations import parse_duration
from controller.core.instants import parse_rfc3339
from controller.core.problems import SpecError, cut
from controller.core.reasons import Reason

Spec = Mapping[str, Any]

_Parsed = TypeVar("_Parsed")

LONGEST_HOURS = 87_600
"""Ten years."""

_DATE = r"(19[7-9][0-9]|2[0-9]{3})-[0-9]{2}-[0-9]{2}"
_OFFSET = r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
_INSTANT = rf"{_DATE}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}([.][0-9]{{1,3}})?{_OFFSET}"


def text_at(spec: Spec, field: str, where: str = "spec") -> str | None:
    """A text, or None where there is none. `where` is the path of `spec`, for messages."""
    value = spec.get(field)
    if value is None or isinstance(value, str):
        return value
    is_plain = isinstance(value, (bool, int, float))
    raise invalid(where, field, value, f"is not a text: {'put it in quotes' if is_plain else 'write one'}")


def instant_at(spec: Spec, field: str, where: str = "spec") -> int | None:
    """Milliseconds of an RFC 3339 instant with offset, or None."""
    accepted = "is not an instant: write date, time and offset as in RFC 3339, like 2026-11-22T10:00:00+01:00"
    return _read(spec, field, where, _INSTANT, _instant_ms, accepted)


def _instant_ms(text: str) -> int:
    instant_ms = parse_rfc3339(text)
    if instant_ms < 0:
        # The index has no place for it.
        raise ValueError(text)
    return instant_ms


def date_at(spec: Spec, field: str, where: str) -> date | None:
    """A date, or None."""
    accepted = 'is not a date: write year, month and day, like "2026-12-25"'
    return _read(spec, field, where, _DATE, date.fromisoformat, accepted)


def _read(
    spec: Spec, field: str, where: str, pattern: str, read: Callable[[str], _Parsed], accepted: str
) -> _Parsed | None:
    """A text of this pattern, read; None where there is none."""
    text = text_at(spec, field, where)
    if text is None:
        return None
    try:
        # Python reads more forms of both than the schema lets in.
        if not re.fullmatch(pattern, text):
            raise ValueError(text)
        return read(text)
    except ValueError:
        raise invalid(where, field, text, accepted) from None


def duration_at(spec: Spec, field: str, longest_hours: int = LONGEST_HOURS) -> int | None:
    """Milliseconds of a duration like 1h30m, or None."""
    text = text_at(spec, field)
    if text is None:
        return None
    try:
        return parse_duration(text, longest_hours)
    except ValueError as error:
        raise invalid("spec", field, text, str(error)) from None


def objects_at(spec: Spec, field: str, at_most: int, accepted: tuple[str, ...], example: str) -> list[Spec]:
    """A list of objects that have only the accepted fields; empty where there is none."""
    value = spec.get(field)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(entry, Mapping) for entry in value):
        raise invalid("spec", field, value, f"is not a list of objects, for example {example}")
    if len(value) > at_most:
        raise SpecError(Reason.INVALID_SPEC, f"spec.{field} has {len(value)} entries: at most {at_most} are accepted")
    for number, entry in enumerate(value):
        if unknown := ", ".join(str(name) for name in entry if name not in accepted):
            known = ", ".join(accepted)
            raise SpecError(
                Reason.INVALID_SPEC,
                f"spec.{field}[{number}] has {cut(unknown)}: accepted are {known}, for example {example}",
            )
    return value


def invalid(where: str, field: str, found: object, why: str) -> SpecError:
    """The error that a field is not what it has to be."""
    text = repr(found) if isinstance(found, str) else reprlib.repr(found)
    return SpecError(Reason.INVALID_SPEC, f"{where}.{field} {cut(text)} {why}")
