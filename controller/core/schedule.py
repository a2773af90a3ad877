"""When a timer is due: every schedule answers the same two questions, strictly in nominal time.

The next occurrence follows from the one before, never from the clock, so nothing here drifts.
"""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from controller.core.instants import from_ms, rfc3339, to_ms
from controller.core.reasons import Reason

DEFAULT_ZONE = "UTC"

GAP_COUNT_LIMIT = 100
"""Beyond so many occurrences a gap's count stops: CronJob gives up at the same number, we only stop counting."""


class SpecError(ValueError):
    """A field of the spec that cannot be used. The message says what was found, what is accepted, what to do."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


@dataclass(frozen=True, slots=True)
class Gap:
    """The occurrences in a span of time: how many (at most GAP_COUNT_LIMIT), and the last ones."""

    count: int
    latest_ms: int
    previous_ms: int | None
    """The occurrence before `latest_ms`, if the span has one."""


class Schedule(Protocol):
    """A sequence of nominal times, strictly increasing."""

    @property
    def summary(self) -> str:
        """The schedule in the words of its author, for `kubectl get`."""

    def next_after(self, after_ms: int) -> int | None:
        """The first occurrence strictly after an instant, or None where there is none left."""

    def gap(self, after_ms: int, until_ms: int) -> Gap | None:
        """The occurrences with after < occurrence <= until, or None where there are none."""


@dataclass(frozen=True, slots=True)
class Once:
    """One instant: `at`, or `afterCreation` counted from creation."""

    instant_ms: int
    summary: str

    def next_after(self, after_ms: int) -> int | None:
        return self.instant_ms if self.instant_ms > after_ms else None

    def gap(self, after_ms: int, until_ms: int) -> Gap | None:
        return Gap(1, self.instant_ms, None) if after_ms < self.instant_ms <= until_ms else None


@dataclass(frozen=True, slots=True)
class Every:
    """A fixed interval: anchor + n * interval for n = 1, 2, ..."""

    anchor_ms: int
    interval_ms: int
    summary: str

    def next_after(self, after_ms: int) -> int | None:
        return self._occurrence(max(0, self._index(after_ms)) + 1)

    def gap(self, after_ms: int, until_ms: int) -> Gap | None:
        first, last = max(0, self._index(after_ms)) + 1, self._index(until_ms)
        if last < first:
            return None
        previous_ms = self._occurrence(last - 1) if last > first else None
        return Gap(min(last - first + 1, GAP_COUNT_LIMIT), self._occurrence(last), previous_ms)

    def _index(self, instant_ms: int) -> int:
        return (instant_ms - self.anchor_ms) // self.interval_ms

    def _occurrence(self, index: int) -> int:
        return self.anchor_ms + index * self.interval_ms


@dataclass(frozen=True, slots=True)
class Cron:
    """A five-field cron expression in a time zone."""

    expression: str
    zone: ZoneInfo

    @property
    def summary(self) -> str:
        return self.expression

    def next_after(self, after_ms: int) -> int | None:
        return next(self._after(after_ms), None)

    def gap(self, after_ms: int, until_ms: int) -> Gap | None:
        # Searching backwards only finds where to start: what occurs is what `next_after` says, for everybody.
        # It can find nothing where there is something: of an hour that comes twice it sees one.
        hints = list(itertools.takewhile(lambda hint: hint > after_ms, self._back_from(until_ms)))
        start_ms = max(after_ms, hints[-1] - 1) if hints else after_ms
        latest = list(itertools.takewhile(lambda occurrence: occurrence <= until_ms, self._after(start_ms)))
        if not latest:
            return None
        return Gap(min(len(latest), GAP_COUNT_LIMIT), latest[-1], latest[-2] if len(latest) > 1 else None)

    def _after(self, after_ms: int) -> Iterator[int]:
        last_ms = after_ms
        for moment in CronSim(self.expression, from_ms(after_ms).astimezone(self.zone)):
            occurrence_ms = to_ms(moment)
            if occurrence_ms > last_ms:
                yield occurrence_ms
                last_ms = occurrence_ms

    def _back_from(self, until_ms: int) -> Iterator[int]:
        # CronSim excludes the instant that it starts from, unless that has a fraction of a second.
        start = from_ms(until_ms).astimezone(self.zone) + timedelta(microseconds=1)
        moments = CronSim(self.expression, start, reverse=True)
        return itertools.islice(map(to_ms, moments), GAP_COUNT_LIMIT)


def cron(expression: str, time_zone: str | None) -> Cron:
    """A Cron from the texts of a spec; raises SpecError."""
    zone = _zone(time_zone or DEFAULT_ZONE)
    if expression.upper().lstrip().startswith(("TZ=", "CRON_TZ=")):
        raise SpecError(
            Reason.INVALID_SCHEDULE,
            f"spec.schedule {expression!r} names a time zone: put the zone into spec.timeZone "
            "and leave the five fields in spec.schedule",
        )
    if len(expression.split()) != 5:
        raise SpecError(
            Reason.INVALID_SCHEDULE,
            f"spec.schedule {expression!r} has {len(expression.split())} fields, but five are needed: "
            'minute hour day-of-month month day-of-week, for example "30 6 * * 1-5"',
        )
    try:
        CronSim(expression, from_ms(0))
    except CronSimError as error:
        raise SpecError(
            Reason.INVALID_SCHEDULE,
            f"spec.schedule {expression!r} is not a cron expression: {str(error).lower()}; accepted are "
            'minute (0-59) hour (0-23) day-of-month (1-31) month (1-12) day-of-week (0-6), e.g. "30 6 * * 1-5"',
        ) from None
    return Cron(expression, zone)


def duration_ms(field: str, text: str) -> int:
    """Milliseconds of `1h30m` or `45s`; raises SpecError naming the field."""
    match = re.fullmatch(r"(?:(\d{1,6})h)?(?:(\d{1,8})m)?(?:(\d{1,9})s)?", text)
    hours, minutes, seconds = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    total = (hours * 60 + minutes) * 60 + seconds
    if total < 1:
        raise SpecError(
            Reason.INVALID_SPEC,
            f"{field} {text!r} is not a duration of at least 1s: write hours, minutes and seconds "
            "in this order, like 1h30m or 45s",
        )
    return total * 1000


def once_at(instant_ms: int) -> Once:
    """The schedule of `at`."""
    return Once(instant_ms, f"at {rfc3339(instant_ms)}")


def after_creation(created_ms: int, text: str) -> Once:
    """The schedule of `afterCreation`; raises SpecError."""
    return Once(created_ms + duration_ms("spec.afterCreation", text), f"once, {text} after creation")


def every(created_ms: int, text: str) -> Every:
    """The schedule of `every`, anchored at creation; raises SpecError."""
    return Every(created_ms, duration_ms("spec.every", text), f"every {text}")


def _zone(name: str) -> ZoneInfo:
    try:
        if name.lower() == "local":
            raise ValueError(name)
        return ZoneInfo(name)
    # A name can also be a folder of the zone database, or no file name at all.
    except (KeyError, ValueError, OSError):
        raise SpecError(
            Reason.UNKNOWN_TIME_ZONE,
            f"spec.timeZone {name!r} is not a time zone of the IANA database: use a name like Europe/Berlin or Etc/UTC",
        ) from None
