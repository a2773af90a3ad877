"""One field of a cron expression: what it may say, and which values it means.

The dialect is that of a CronJob, which is robfig/cron v3 (`ParseStandard`), odd corners included: `?` is `*`, empty
list items are passed over, `*-5` is `*`, `5/10` is `5-59/10`. What we add: `L`, `LW`, `n#k`, `nL` and `H`.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NUMBER = re.compile(r"\+?0*[0-9]{1,20}")
_LARGEST_STEP = 2**63 - 1
_HASHED = re.compile(r"[Hh](?:\(([0-9]{1,3})-([0-9]{1,3})\))?(?:/([0-9]{1,6}))?")
_LAST_WEEKDAY = re.compile(r"(.+)[Ll]")
_NTH_WEEKDAY = re.compile(r"(.+)#(.*)")


class FieldError(ValueError):
    """What is wrong with a field, as the end of a sentence that begins with the field's name."""


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """A field of cron expressions. There are six of them, each like no other."""

    name: str
    low: int
    high: int
    example: str
    names: Mapping[str, int] = field(default_factory=dict)

    @property
    def accepted(self) -> str:
        """The accepted values, for messages: `month (1-12 or JAN-DEC)`."""
        words = [name.upper() for name in self.names]
        return f"{self.name} ({self.low}-{self.high}{f' or {words[0]}-{words[-1]}' if words else ''})"


SECOND = Field("second", 0, 59, "*/15 30 6 * * *")
MINUTE = Field("minute", 0, 59, "*/5 * * * *")
HOUR = Field("hour", 0, 23, "0 9-17 * * *")
DAY_OF_MONTH = Field("day-of-month", 1, 31, "0 6 1,15 * *")
MONTH = Field("month", 1, 12, "0 6 1 JAN,JUL *", {name: number + 1 for number, name in enumerate(_MONTHS)})
DAY_OF_WEEK = Field("day-of-week", 0, 6, "30 6 * * MON-FRI", {name: number for number, name in enumerate(_WEEKDAYS)})


@dataclass(frozen=True, slots=True)
class Values:
    """What a field means."""

    plain: frozenset[int]
    star: bool
    """Whether some item is `*` or `?` without a step: of two day fields both have to match then, else either."""
    special: frozenset[str] = frozenset()
    """Days that depend on the month, as cronsim writes them: `L`, `LW`, `5L`, `1#2`."""
    remarks: tuple[str, ...] = ()
    """What is accepted but surely means something else."""


@lru_cache(maxsize=4096)
def parse_field(text: str, field: Field, owner: str | None) -> Values:
    """Read a field; raises FieldError. `owner` (namespace/name) decides what `H` is; None where `H` has no meaning."""
    plain: set[int] = set()
    special: set[str] = set()
    remarks: list[str] = []
    star = False
    for item in filter(None, text.split(",")):
        if special_day := _special_day(item, field):
            special.add(special_day)
        elif item[0] in "Hh":
            plain.update(_hashed(item, field, owner))
        else:
            values, is_star = _range(item, field, remarks)
            plain.update(values)
            star = star or is_star
    if not plain and not special:
        remarks.append(f"{field.name} {text!r} names no value")
    return Values(frozenset(plain), star, frozenset(special), tuple(remarks))


def _range(item: str, field: Field, remarks: list[str]) -> tuple[range, bool]:
    bounds, *steps = item.split("/")
    low_text, *high_texts = bounds.split("-")
    wildcard = low_text in ("*", "?")
    if wildcard:
        low, high = field.low, field.high
        if high_texts:
            remarks.append(f"{field.name} {item!r} means the same as '*': what follows the hyphen does not count")
    else:
        low = _value(low_text, item, field)
        if len(high_texts) > 1:
            raise FieldError(f"{item!r} has more than one hyphen")
        high = _value(high_texts[0], item, field) if high_texts else low
    if len(steps) > 1:
        raise FieldError(f"{item!r} has more than one slash")
    step = _step(steps[0], item) if steps else 1
    if steps and not high_texts:
        high = field.high
    for value in (low, high):
        if not field.low <= value <= field.high:
            hint = ", Sunday is 0" if field is DAY_OF_WEEK and value == 7 else ""
            raise FieldError(f"{item!r} is out of range{hint}")
    if low > high:
        raise FieldError(f"{item!r} is a range that ends before it begins")
    if step > high - low and step > 1:
        remarks.append(f"{field.name} {item!r} is the same as '{low}': the step leads past {high}")
    return range(low, high + 1, step), wildcard and step == 1


def _value(text: str, item: str, field: Field) -> int:
    # Lower case as Go has it, which makes an i of a dotted capital one.
    named = field.names.get(text.replace("İ", "i").lower())
    if named is not None:
        return named
    if not _NUMBER.fullmatch(text):
        raise FieldError(f"{item!r} is not understood")
    return int(text)


def _step(text: str, item: str) -> int:
    if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= _LARGEST_STEP:
        raise FieldError(f"{item!r} has no step: after the slash belongs a number from 1")
    return int(text)


def _special_day(item: str, field: Field) -> str | None:
    if field is DAY_OF_MONTH and item.upper() in ("L", "LW"):
        return item.upper()
    if field is not DAY_OF_WEEK:
        return None
    if match := _NTH_WEEKDAY.fullmatch(item):
        if match[2] not in ("1", "2", "3", "4", "5"):
            raise FieldError(f"{item!r} has no week: after # belongs a number from 1 to 5, as in FRI#3")
        return f"{_weekday(match[1], item)}#{match[2]}"
    if match := _LAST_WEEKDAY.fullmatch(item):
        return f"{_weekday(match[1], item)}L"
    return None


def _weekday(text: str, item: str) -> int:
    value = _value(text, item, DAY_OF_WEEK)
    if value > DAY_OF_WEEK.high:
        raise FieldError(f"{item!r} is out of range{', Sunday is 0' if value == 7 else ''}")
    return value


def _hashed(item: str, field: Field, owner: str | None) -> range:
    match = _HASHED.fullmatch(item)
    if match is None:
        raise FieldError(f"{item!r} is not understood: write H, H(9-17), H/15 or H(0-29)/10")
    if owner is None:
        raise FieldError(f"{item!r} has no meaning here: it stands for a value that differs from timer to timer")
    low, high, step = (None if part is None else int(part) for part in match.groups())
    low = field.low if low is None else low
    if high is None:
        # A day that every month has; with a step there are others besides.
        high = 28 if field is DAY_OF_MONTH and step is None else field.high
    if not field.low <= low <= high <= field.high:
        raise FieldError(f"{item!r} is not within the range")
    if step == 0:
        raise FieldError(f"{item!r} has no step: after the slash belongs a number from 1")
    size = high - low + 1
    start = low + _hash(owner, field.name) % min(step or size, size)
    return range(start, high + 1, step or size)


def _hash(owner: str, field_name: str) -> int:
    digest = hashlib.blake2b(f"{owner}\0{field_name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")
