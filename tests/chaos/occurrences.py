"""What a spec calls for, by a calculation of its own: one second after the other is held against the spec.

It shares nothing with the product, and understands only what the chaos timers use: instants and intervals in whole
seconds, and cron expressions that restrict seconds and minutes alone.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

Spec = Mapping[str, Any]

FENCED = (
    *("schedule", "schedules", "at", "afterCreation", "every", "timeZone", "startTime", "endTime"),
    *("jitter", "exclude", "suspend", "maxConsecutiveFailures"),
)
"""An edit of one of these gives up what was due before it."""

_UNITS_S = {"h": 3600, "m": 60, "s": 1}


def instant_ms(text: str) -> int:
    """Milliseconds since the epoch of an RFC 3339 instant."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def duration_ms(text: str) -> int:
    """Milliseconds of `1h30m`, `45s`."""
    parts = re.findall(r"(\d+)([hms])", text)
    assert "".join(number + unit for number, unit in parts) == text != "", f"{text!r} is not a duration"
    return sum(int(number) * _UNITS_S[unit] for number, unit in parts) * 1000


def due_between(spec: Spec, created_ms: int, after_ms: int, until_ms: int) -> Iterator[int]:
    """The occurrences with after < occurrence <= until, in order; a suspended timer has none."""
    for second in range(after_ms // 1000 + 1, until_ms // 1000 + 1):
        if is_due(spec, created_ms, second * 1000):
            yield second * 1000


def is_due(spec: Spec, created_ms: int, instant: int) -> bool:
    """Whether an instant is an occurrence of a timer with this spec and creationTimestamp."""
    if spec.get("suspend") or instant % 1000:
        return False
    if "at" in spec:
        return instant == instant_ms(spec["at"])
    if "afterCreation" in spec:
        return instant == created_ms + duration_ms(spec["afterCreation"])
    if "startTime" in spec and instant < instant_ms(spec["startTime"]):
        return False
    if "endTime" in spec and instant > instant_ms(spec["endTime"]):
        return False
    if any(_matches(f"* {one['cron']}", instant) for one in spec.get("exclude", ())):
        return False
    if "every" in spec:
        anchor = instant_ms(spec["startTime"]) if "startTime" in spec else created_ms
        first = anchor if "startTime" in spec else anchor + 1
        return instant >= first and (instant - anchor) % duration_ms(spec["every"]) == 0
    crons = [spec["schedule"]] if "schedule" in spec else [one["cron"] for one in spec["schedules"]]
    return any(_matches(cron if len(cron.split()) == 6 else f"0 {cron}", instant) for cron in crons)


def same_timing(one: Spec, other: Spec) -> bool:
    """Whether going from one spec to the other leaves alone what is due."""
    return all((one.get(field) or None) == (other.get(field) or None) for field in FENCED)


def _matches(cron: str, instant: int) -> bool:
    seconds, minutes = _fields(cron)
    minute, second = divmod(instant // 1000, 60)
    return second in seconds and minute % 60 in minutes


@lru_cache(maxsize=1024)
def _fields(cron: str) -> tuple[frozenset[int], frozenset[int]]:
    seconds, minutes, *rest = cron.split()
    assert rest == ["*", "*", "*", "*"], f"{cron!r}: only seconds and minutes are understood here"
    return _values(seconds), _values(minutes)


def _values(field: str) -> frozenset[int]:
    if field == "*":
        return frozenset(range(60))
    if field.startswith("*/"):
        return frozenset(range(0, 60, int(field[2:])))
    return frozenset(int(value) for value in field.split(","))
