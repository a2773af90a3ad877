"""Instants are integer milliseconds since the Unix epoch inside, RFC 3339 in Kubernetes objects."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WITHOUT_ZONE = _EPOCH.replace(tzinfo=None)
_MILLISECOND = timedelta(milliseconds=1)

CLOCKS_APART_MS = 60_000
"""So far apart the clocks of machines may be. What is dated further ahead than that has not happened."""


def to_ms(moment: datetime) -> int:
    """Milliseconds since the epoch of an aware datetime; what is finer is cut off."""
    return (moment - _EPOCH) // _MILLISECOND


def from_ms(instant_ms: int) -> datetime:
    """The UTC datetime of milliseconds since the epoch."""
    return _EPOCH + timedelta(milliseconds=instant_ms)


# Of a hundred thousand timers many were written, and are due, at the same instants.
@lru_cache(maxsize=4096)
def parse_rfc3339(text: str) -> int:
    """Milliseconds of an RFC 3339 instant with offset.

    Raises ValueError where the text is no instant or names no offset.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset from UTC: write 2026-11-22T10:00:00Z or ...+01:00")
    return to_ms(moment)


@lru_cache(maxsize=4096)
def rfc3339(instant_ms: int) -> str:
    """`2026-11-22T10:00:00Z`, with milliseconds only where there are any."""
    return _format(instant_ms, "milliseconds" if instant_ms % 1000 else "seconds")


def rfc3339_ms(instant_ms: int) -> str:
    """`2026-11-22T10:00:00.000Z`: always with milliseconds, so that texts sort as instants do."""
    return _format(instant_ms, "milliseconds")


def _format(instant_ms: int, timespec: str) -> str:
    return f"{(_WITHOUT_ZONE + timedelta(0, 0, 0, instant_ms)).isoformat('T', timespec)}Z"
