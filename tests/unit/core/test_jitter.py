"""Jitter: how much later than its nominal time an occurrence fires."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.jitter import delay_ms
from tests.unit.core.objects import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, ms
from tests.unit.core.schedule.spreading import chi_square

NOON_MS = ms("2026-03-01T12:00:00Z")
OWNERS = [f"team-{number % 7}/timer-{number}" for number in range(1_000)]


@given(
    owner=st.text(max_size=20),
    occurrence_ms=st.integers(0, 2**45),
    gap_ms=st.none() | st.integers(1000, 100 * DAY_MS),
    jitter_ms=st.integers(1000, DAY_MS),
)
def test_a_delay_is_within_the_jitter_and_below_the_gap_to_the_next_occurrence(
    owner: str, occurrence_ms: int, gap_ms: int | None, jitter_ms: int
) -> None:
    next_ms = None if gap_ms is None else occurrence_ms + gap_ms
    delay = delay_ms(owner, occurrence_ms, next_ms, jitter_ms)
    assert 0 <= delay <= jitter_ms
    assert next_ms is None or occurrence_ms + delay < next_ms


@given(st.lists(st.integers(1000, 100_000), min_size=2, max_size=20), st.integers(1000, DAY_MS), st.text(max_size=9))
def test_occurrences_fire_in_their_order(gaps_ms: list[int], jitter_ms: int, owner: str) -> None:
    occurrences = [NOON_MS + sum(gaps_ms[:number]) for number in range(len(gaps_ms) + 1)]
    following = [*occurrences[1:], None]
    due = [one + delay_ms(owner, one, next_ms, jitter_ms) for one, next_ms in zip(occurrences, following, strict=True)]
    assert due == sorted(set(due))


@given(st.text(), st.integers(0, 2**45), st.integers(0, DAY_MS))
def test_the_same_occurrence_of_the_same_timer_has_always_the_same_delay(
    owner: str, occurrence_ms: int, jitter_ms: int
) -> None:
    assert delay_ms(owner, occurrence_ms, None, jitter_ms) == delay_ms(owner, occurrence_ms, None, jitter_ms)


def test_a_delay_stays_what_it_is_from_release_to_release() -> None:
    # printf 'default/nightly\0001772366400000' | b2sum -l 64, as a part of 2^64, of an hour.
    assert delay_ms("default/nightly", NOON_MS, None, HOUR_MS) == 3_299_118


@pytest.mark.parametrize("next_ms", [None, NOON_MS + DAY_MS, NOON_MS + HOUR_MS])
def test_a_gap_no_smaller_than_the_jitter_makes_no_difference(next_ms: int | None) -> None:
    assert delay_ms("default/nightly", NOON_MS, next_ms, HOUR_MS) == delay_ms("default/nightly", NOON_MS, None, HOUR_MS)


def test_a_smaller_gap_takes_the_place_of_the_jitter() -> None:
    in_gap = delay_ms("default/nightly", NOON_MS, NOON_MS + MINUTE_MS, HOUR_MS)
    assert in_gap == delay_ms("default/nightly", NOON_MS, None, MINUTE_MS)


def test_no_jitter_is_no_delay() -> None:
    assert delay_ms("default/nightly", NOON_MS, None, 0) == 0


def test_timers_of_the_same_time_are_spread_evenly() -> None:
    delays = [delay_ms(owner, NOON_MS, None, HOUR_MS) for owner in OWNERS]
    # Of even spreads, fewer than one in a million are beyond this.
    assert chi_square([delay // MINUTE_MS for delay in delays], 60) < 127
    assert len(set(delays)) > 950


def test_occurrences_of_a_timer_are_spread_evenly() -> None:
    delays = [delay_ms("default/nightly", NOON_MS + day * DAY_MS, None, HOUR_MS) for day in range(1_000)]
    assert chi_square([delay // MINUTE_MS for delay in delays], 60) < 127


def test_delays_of_one_timer_say_nothing_about_those_of_another() -> None:
    delays = [
        (
            delay_ms("a/b", NOON_MS + day * DAY_MS, None, 60 * SECOND_MS),
            delay_ms("a/c", NOON_MS + day * DAY_MS, None, 60 * SECOND_MS),
        )
        for day in range(1_000)
    ]
    pairs = [one // (10 * SECOND_MS) * 6 + other // (10 * SECOND_MS) for one, other in delays]
    assert chi_square(pairs, 36) < 91


def test_neither_part_of_the_name_nor_the_time_can_be_taken_for_the_other() -> None:
    assert delay_ms("a/b", 12, None, DAY_MS) != delay_ms("a/b1", 2, None, DAY_MS)
