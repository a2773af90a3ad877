"""Instants: text to milliseconds and back."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.instants import from_ms, parse_rfc3339, rfc3339, rfc3339_ms, to_ms

LAST_MS = to_ms(datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC))
INSTANTS = st.integers(-10_000_000_000, LAST_MS)


@pytest.mark.parametrize(
    ("text", "instant_ms"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-11-22T10:00:00Z", 1_795_341_600_000),
        ("2026-11-22T11:00:00+01:00", 1_795_341_600_000),
        ("2026-11-22T04:30:00-05:30", 1_795_341_600_000),
        ("2026-11-22T10:00:00.123Z", 1_795_341_600_123),
        ("2026-11-22T10:00:00.123999Z", 1_795_341_600_123),
        ("1969-12-31T23:59:59.999Z", -1),
    ],
)
def test_an_instant_is_read_to_the_millisecond_whatever_its_offset(text: str, instant_ms: int) -> None:
    assert parse_rfc3339(text) == instant_ms


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-02-30T00:00:00Z", "10:00:00Z", "2026-11-22T25:00:00Z"])
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the message is the standard library's
        parse_rfc3339(text)


def test_an_instant_without_an_offset_is_refused_and_the_message_says_what_to_write() -> None:
    with pytest.raises(ValueError, match=r"'2026-11-22T10:00:00' has no offset from UTC: write .*Z or .*\+01:00"):
        parse_rfc3339("2026-11-22T10:00:00")


@pytest.mark.parametrize(
    ("instant_ms", "short", "long"),
    [
        (1_795_341_600_000, "2026-11-22T10:00:00Z", "2026-11-22T10:00:00.000Z"),
        (1_795_341_600_120, "2026-11-22T10:00:00.120Z", "2026-11-22T10:00:00.120Z"),
        (-1, "1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
    ],
)
def test_an_instant_is_written_with_milliseconds_where_there_are_any_or_always(
    instant_ms: int, short: str, long: str
) -> None:
    assert rfc3339(instant_ms) == short
    assert rfc3339_ms(instant_ms) == long


@given(INSTANTS)
def test_what_is_written_is_read_back(instant_ms: int) -> None:
    assert parse_rfc3339(rfc3339(instant_ms)) == instant_ms
    assert parse_rfc3339(rfc3339_ms(instant_ms)) == instant_ms
    assert to_ms(from_ms(instant_ms)) == instant_ms


@given(st.integers(0, LAST_MS), st.integers(0, LAST_MS))
def test_texts_with_milliseconds_sort_as_instants_do(one_ms: int, other_ms: int) -> None:
    assert (rfc3339_ms(one_ms) < rfc3339_ms(other_ms)) == (one_ms < other_ms)
