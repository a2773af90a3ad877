"""What the tests of schedules ask, with instants as RFC 3339 on both sides."""

from typing import Any

import pytest

from controller.core.instants import rfc3339
from controller.core.problems import SpecError
from controller.core.schedule.occurrences import Schedule, between, iterate
from controller.core.schedule.reading import read_schedule
from controller.core.timing import Timing, read_timing
from tests.unit.core.objects import CREATED_MS, ms

OWNER = "default/nightly"


def schedule(**spec: Any) -> Schedule:
    """The schedule of a timer that was created at CREATED."""
    return read_schedule(spec, CREATED_MS, OWNER)


def cron(expression: str, zone: str = "UTC", **spec: Any) -> Schedule:
    """The schedule of a cron expression."""
    return schedule(schedule=expression, timeZone=zone, **spec)


def following(asked: Schedule, after: str, number: int) -> list[str]:
    """The next occurrences after an instant, so many of them at most."""
    return [rfc3339(occurrence_ms) for occurrence_ms, _ in zip(iterate(asked, ms(after)), range(number), strict=False)]


def within(asked: Schedule, after: str, until: str) -> list[str]:
    """All occurrences after an instant and until another."""
    return [rfc3339(occurrence_ms) for occurrence_ms in between(asked, ms(after), ms(until))]


def last(asked: Schedule, until: str) -> str | None:
    """The last occurrence at or before an instant."""
    occurrence_ms = asked.last_until(ms(until))
    return None if occurrence_ms is None else rfc3339(occurrence_ms)


def utc(*instants: str) -> list[str]:
    """The same instants in UTC, as the functions above answer."""
    return [rfc3339(ms(instant)) for instant in instants]


def timing(owner: str = OWNER, **spec: Any) -> Timing:
    """All that a timer says about when."""
    return read_timing(spec, CREATED_MS, owner)


def refusal(**spec: Any) -> SpecError:
    """Why a spec is refused."""
    with pytest.raises(SpecError) as refused:
        timing(**spec)
    return refused.value


def backwards(asked: Schedule, until: str, number: int) -> list[str]:
    """The last occurrences at or before an instant, so many of them at most, the latest first."""
    found: list[str] = []
    occurrence_ms = asked.last_until(ms(until))
    while occurrence_ms is not None and len(found) < number:
        found.append(rfc3339(occurrence_ms))
        occurrence_ms = asked.last_until(occurrence_ms - 1)
    return found
