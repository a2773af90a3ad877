"""Schedules of one instant, of a fixed interval, and what all of them have in common."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.schedule import GAP_COUNT_LIMIT, Every, Gap, Once, after_creation, every, once_at
from tests.unit.core.objects import CREATED_MS, HOUR_MS, MINUTE_MS, SECOND_MS, ms

NOON_MS = ms("2026-03-01T12:00:00Z")


@pytest.mark.parametrize(("offset_ms", "found"), [(-1, True), (0, False), (1, False)])
def test_one_instant_is_next_only_before_it(offset_ms: int, found: bool) -> None:
    assert once_at(NOON_MS).next_after(NOON_MS + offset_ms) == (NOON_MS if found else None)


@pytest.mark.parametrize(
    ("after_ms", "until_ms", "inside"),
    [
        (NOON_MS - 1, NOON_MS, True),
        (NOON_MS - 1, NOON_MS + 1, True),
        (NOON_MS, NOON_MS + 1, False),
        (NOON_MS - 2, NOON_MS - 1, False),
    ],
)
def test_one_instant_is_in_a_gap_that_begins_before_it_and_ends_no_earlier(
    after_ms: int, until_ms: int, inside: bool
) -> None:
    assert once_at(NOON_MS).gap(after_ms, until_ms) == (Gap(1, NOON_MS, None) if inside else None)


def test_after_creation_counts_from_creation() -> None:
    assert after_creation(CREATED_MS, "1h30m").next_after(CREATED_MS) == CREATED_MS + 90 * MINUTE_MS


def test_an_interval_first_elapses_before_it_fires_and_then_again_and_again_without_drift() -> None:
    schedule = every(CREATED_MS, "45s")
    assert schedule.next_after(CREATED_MS - HOUR_MS) == CREATED_MS + 45 * SECOND_MS
    assert schedule.next_after(CREATED_MS) == CREATED_MS + 45 * SECOND_MS
    assert schedule.next_after(CREATED_MS + 45 * SECOND_MS) == CREATED_MS + 90 * SECOND_MS
    assert schedule.next_after(CREATED_MS + 100_000 * SECOND_MS + 1) == CREATED_MS + 2223 * 45 * SECOND_MS


@pytest.mark.parametrize(
    ("after", "until", "gap"),
    [
        (0, 0, None),
        (0, 59, None),
        (-500, 60, (1, 60, None)),
        (0, 60, (1, 60, None)),
        (60, 119, None),
        (0, 179, (2, 120, 60)),
        (60, 180, (2, 180, 120)),
        (0, 600_000, (GAP_COUNT_LIMIT, 600_000, 599_940)),
        (180, 60, None),
    ],
)
def test_the_gap_of_an_interval_of_a_minute(after: int, until: int, gap: tuple[int, int, int | None] | None) -> None:
    found = every(0, "1m").gap(after * SECOND_MS, until * SECOND_MS)
    if gap is None:
        assert found is None
    else:
        count, latest, previous = gap
        assert found == Gap(count, latest * SECOND_MS, None if previous is None else previous * SECOND_MS)


@given(
    schedule=st.builds(Every, st.integers(0, 10**7), st.integers(1000, 10**6), st.just(""))
    | st.builds(Once, st.integers(0, 10**7), st.just("")),
    after_ms=st.integers(-(10**6), 2 * 10**7),
    span_ms=st.integers(-1000, 10**6),
)
def test_a_gap_is_what_one_meets_going_from_one_occurrence_to_the_next(
    schedule: Every | Once, after_ms: int, span_ms: int
) -> None:
    met = []
    occurrence_ms = schedule.next_after(after_ms)
    while occurrence_ms is not None and occurrence_ms <= after_ms + span_ms:
        assert occurrence_ms > (met[-1] if met else after_ms)
        met.append(occurrence_ms)
        occurrence_ms = schedule.next_after(occurrence_ms)
    expected = Gap(min(len(met), GAP_COUNT_LIMIT), met[-1], met[-2] if len(met) > 1 else None) if met else None
    assert schedule.gap(after_ms, after_ms + span_ms) == expected


def test_every_schedule_has_a_summary_in_the_words_of_its_author() -> None:
    assert once_at(NOON_MS).summary == "at 2026-03-01T12:00:00Z"
    assert after_creation(0, "1h30m").summary == "once, 1h30m after creation"
    assert every(0, "45s").summary == "every 45s"
