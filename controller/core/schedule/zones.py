"""Time zones, from the tzdata package alone: what the host has, or lacks, makes no difference.

Local time is a number here, too: milliseconds since 1970-01-01T00:00 on the wall clock, called a *label* because a wall
clock can show one twice or never.
"""

import importlib.resources
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo

from controller.core.instants import from_ms
from controller.core.problems import SpecError
from controller.core.reasons import Reason

DEFAULT_ZONE = "UTC"

SECOND_MS = 1_000
DAY_MS = 86_400_000
NEAR_MS = 2 * DAY_MS
"""No clock is ever set by so much."""

_CHUNK_MS = 366 * DAY_MS


@dataclass(frozen=True, slots=True)
class Era:
    """A stretch of time in which a zone's offset from UTC stays the same: start <= instant < end."""

    start_ms: int
    end_ms: int
    offset_ms: int
    """Label minus instant."""
    offset_before_ms: int
    """The offset up to `start_ms`; the same where nothing changes then and the era was only cut in pieces."""

    @property
    def shift_ms(self) -> int:
        """By how much the wall clock is set at the start: forward is positive."""
        return self.offset_ms - self.offset_before_ms


class Zone:
    """A time zone."""

    def __init__(self, info: ZoneInfo) -> None:
        self._info = info
        # Remembered here and not globally: a zone is looked up by name on a hot path, its eras all the more.
        self._chunk = lru_cache(maxsize=64)(self._eras_of)

    @property
    def name(self) -> str:
        """The IANA name."""
        return self._info.key

    def offset_ms(self, instant_ms: int) -> int:
        """Label minus instant."""
        return self.era(instant_ms).offset_ms

    def era(self, instant_ms: int) -> Era:
        """The era that an instant lies in."""
        return next(era for era in self._chunk(instant_ms // _CHUNK_MS) if era.end_ms > instant_ms)

    def eras_from(self, instant_ms: int) -> Iterator[Era]:
        """The eras from the one that an instant lies in, without end. Raises OverflowError past the year 9999."""
        chunk = instant_ms // _CHUNK_MS
        while True:
            yield from (era for era in self._chunk(chunk) if era.end_ms > instant_ms)
            chunk += 1

    def _eras_of(self, chunk: int) -> tuple[Era, ...]:
        """The eras of about a year. zoneinfo tells offsets but not when they change, so that is searched for."""
        first_ms, end_ms = chunk * _CHUNK_MS, (chunk + 1) * _CHUNK_MS
        eras: list[Era] = []
        start_ms, before_ms = first_ms, self._lookup_ms(first_ms - 1)
        offset_ms = self._lookup_ms(first_ms)
        for day_ms in range(first_ms, end_ms, DAY_MS):
            # No zone has ever changed and changed back within a day.
            last_ms = day_ms + DAY_MS - 1
            if self._lookup_ms(last_ms) != offset_ms:
                change_ms = self._change_between(day_ms - 1, last_ms)
                eras.append(Era(start_ms, change_ms, offset_ms, before_ms))
                start_ms, before_ms, offset_ms = change_ms, offset_ms, self._lookup_ms(change_ms)
        return (*eras, Era(start_ms, end_ms, offset_ms, before_ms))

    def _change_between(self, before_ms: int, after_ms: int) -> int:
        offset_ms = self._lookup_ms(before_ms)
        while after_ms - before_ms > 1:
            middle_ms = (before_ms + after_ms) // 2
            if self._lookup_ms(middle_ms) == offset_ms:
                before_ms = middle_ms
            else:
                after_ms = middle_ms
        return after_ms

    def _lookup_ms(self, instant_ms: int) -> int:
        offset = from_ms(instant_ms).astimezone(self._info).utcoffset()
        assert offset is not None
        return round(offset.total_seconds() * 1000)


@lru_cache(maxsize=1024)
def zone_of(name: str, where: str = "spec.timeZone") -> Zone:
    """The zone of an IANA name; raises SpecError naming the field `where`."""
    if name not in _names():
        raise SpecError(
            Reason.UNKNOWN_TIME_ZONE,
            f"{where} {name[:80]!r} is not a time zone of the IANA database: use a name like Europe/Berlin or Etc/UTC",
        )
    with (importlib.resources.files("tzdata") / "zoneinfo" / name).open("rb") as file:
        return Zone(ZoneInfo.from_file(file, key=name))


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset((importlib.resources.files("tzdata") / "zones").read_text().split())
