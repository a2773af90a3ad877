"""`at`, `afterCreation` and `every`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.schedule.fixed import Every, Once
from tests.unit.core.objects import CREATED_MS, HOUR_MS, MINUTE_MS, SECOND_MS, ms
from tests.unit.core.schedule.asking import backwards, following, schedule

NOON_MS = ms("2026-03-01T12:00:00Z")


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z"),
        ("2026-03-01T12:00:00+05:45", "2026-03-01T06:15:00Z"),
        ("2026-03-01T12:00:00.250-11:30", "2026-03-01T23:30:00.250Z"),
        ("2999-12-31T23:59:59.999Z", "2999-12-31T23:59:59.999Z"),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
    ],
)
def test_at_is_one_instant(text: str, instant: str) -> None:
    assert following(schedule(at=text), "1969-12-31T23:59:59Z", 2) == [instant]


@pytest.mark.parametrize(("offset_ms", "found"), [(-1, True), (0, False), (1, False)])
def test_one_instant_is_next_only_before_it(offset_ms: int, found: bool) -> None:
    assert Once(NOON_MS).next_after(NOON_MS + offset_ms) == (NOON_MS if found else None)


@pytest.mark.parametrize(("offset_ms", "found"), [(-1, False), (0, True), (1, True)])
def test_one_instant_is_last_only_from_it_on(offset_ms: int, found: bool) -> None:
    assert Once(NOON_MS).last_until(NOON_MS + offset_ms) == (NOON_MS if found else None)


@pytest.mark.parametrize(
    ("after_ms", "until_ms", "number"),
    [
        (NOON_MS - 1, NOON_MS, 1),
        (NOON_MS - 1, NOON_MS + 1, 1),
        (NOON_MS, NOON_MS + 1, 0),
        (NOON_MS - 2, NOON_MS - 1, 0),
        (NOON_MS + 1, NOON_MS - 1, 0),
    ],
)
def test_one_instant_is_counted_where_a_span_begins_before_it_and_ends_no_earlier(
    after_ms: int, until_ms: int, number: int
) -> None:
    assert Once(NOON_MS).count(after_ms, until_ms) == (number, True)


def test_after_creation_counts_from_creation() -> None:
    assert schedule(afterCreation="1h30m") == Once(CREATED_MS + 90 * MINUTE_MS)


def test_an_interval_first_elapses_before_it_fires_and_then_again_and_again_without_drift() -> None:
    asked = schedule(every="45s")
    assert asked.next_after(CREATED_MS - HOUR_MS) == CREATED_MS + 45 * SECOND_MS
    assert asked.next_after(CREATED_MS) == CREATED_MS + 45 * SECOND_MS
    assert asked.next_after(CREATED_MS + 45 * SECOND_MS) == CREATED_MS + 90 * SECOND_MS
    assert asked.next_after(CREATED_MS + 100_000 * SECOND_MS + 1) == CREATED_MS + 2223 * 45 * SECOND_MS


def test_an_interval_counts_from_the_start_time_which_is_the_first_occurrence() -> None:
    asked = schedule(every="1h", startTime="2026-03-05T00:00:00.250Z")
    first = ["2026-03-05T00:00:00.250Z", "2026-03-05T01:00:00.250Z", "2026-03-05T02:00:00.250Z"]
    assert following(asked, "2026-03-01T10:00:00Z", 3) == first
    assert backwards(asked, "2026-03-05T02:30:00Z", 9) == first[::-1]


def test_an_interval_goes_on_in_real_time_where_clocks_change() -> None:
    asked = schedule(every="24h", startTime="2026-03-28T08:00:00Z")  # nine in Berlin, and ten from the 29th on
    assert following(asked, "2026-03-28T08:00:00Z", 2) == ["2026-03-29T08:00:00Z", "2026-03-30T08:00:00Z"]


@pytest.mark.parametrize(
    ("after", "until", "number"),
    [
        (-500, 59, 0),
        (-500, 60, 1),
        (0, 59, 0),
        (0, 60, 1),
        (60, 119, 0),
        (0, 179, 2),
        (60, 180, 2),
        (0, 600_000, 10_000),
        (0, 600_000_000, 10_000_000),
        (180, 60, 0),
    ],
)
def test_the_occurrences_of_an_interval_of_a_minute_are_counted(after: int, until: int, number: int) -> None:
    assert Every(MINUTE_MS, MINUTE_MS).count(after * SECOND_MS, until * SECOND_MS) == (number, True)


@given(
    first_ms=st.integers(0, 10**7),
    interval_ms=st.integers(1000, 10**6),
    after_ms=st.integers(-(10**6), 2 * 10**7),
    span_ms=st.integers(-1000, 10**6),
)
def test_an_interval_is_a_line_of_points(first_ms: int, interval_ms: int, after_ms: int, span_ms: int) -> None:
    asked, until_ms = Every(first_ms, interval_ms), after_ms + span_ms
    points = [point for point in range(first_ms, 3 * 10**7, interval_ms) if point > after_ms]
    passed = [point for point in points if point <= until_ms]
    assert asked.next_after(after_ms) == points[0]
    assert asked.count(after_ms, until_ms) == (len(passed), True)
    assert asked.last_until(until_ms) == max(range(first_ms, until_ms + 1, interval_ms), default=None)
