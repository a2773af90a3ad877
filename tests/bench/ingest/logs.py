"""When a controller began to lead, and when it had rebuilt the index, by its log. Pure functions."""

import re
from dataclasses import dataclass
from datetime import datetime

_LINE = r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) INFO +"
_LEADING = re.compile(_LINE + "leading ", re.MULTILINE)
_REBUILT = re.compile(_LINE + r"index rebuilt timers=(\d+) seconds=([0-9.]+)", re.MULTILINE)
_ADDRESS = re.compile(r"address=(http://\S+)")


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A rebuild that was finished."""

    timers: int
    seconds: float
    """How long it took, as the controller says."""
    since_leading_s: float


def rebuilds(log: str) -> list[Rebuilt]:
    """All rebuilds that a controller has finished."""
    leading = _LEADING.search(log)
    if leading is None:
        return []
    began = _time(leading[1])
    return [
        Rebuilt(int(found[2]), float(found[3]), (_time(found[1]) - began).total_seconds())
        for found in _REBUILT.finditer(log)
    ]


def address(log: str) -> str | None:
    """Where the process serves its health, once it does."""
    found = _ADDRESS.search(log)
    return found[1] if found else None


def _time(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S,%f")  # noqa: DTZ007 - only differences are taken
