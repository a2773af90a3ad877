"""The same instants as somebody finds who looks at the wall clock all the time."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from controller.core.instants import rfc3339
from controller.core.schedule.occurrences import Schedule, between
from tests.unit.core.objects import DAY_MS, MINUTE_MS, SECOND_MS, ms
from tests.unit.core.schedule.asking import cron, schedule
from tests.unit.core.schedule.drawing import (
    EVERY_DAY,
    FIVE_FIELDS,
    HOURS,
    MINUTES,
    SECONDS,
    Field,
    Place,
    around,
    places,
)
from tests.unit.core.schedule.walking import Five, minutes_due, seconds_due, shows, wall_clock_at

UNCHANGING = ["UTC", "Asia/Kathmandu", "Pacific/Marquesas", "Pacific/Kiritimati"]

NEAR_A_CHANGE = places().flatmap(lambda place: st.tuples(st.just(place), around(place.change_ms, 1440)))
EVERY_MINUTE = Field("*", frozenset(range(60)), True)
EXCLUDED: st.SearchStrategy[list[Five]] = st.just([]) | st.lists(FIVE_FIELDS, max_size=2)


def only(text: str, *values: int) -> Field:
    return Field(text, frozenset(values), False)


def whole_hours(hour: Field) -> Five:
    return (EVERY_MINUTE, hour, EVERY_DAY, EVERY_DAY, EVERY_DAY)


def text_of(five: Five) -> str:
    return " ".join(field.text for field in five)


def assert_due(asked: Schedule, after_ms: int, until_ms: int, expected: list[int]) -> None:
    assert list(between(asked, after_ms, until_ms)) == expected
    assert asked.count(after_ms, until_ms) == (len(expected), True)
    last_ms = asked.last_until(until_ms)
    if expected:
        assert last_ms == expected[-1]
    else:
        assert last_ms is None or last_ms <= after_ms


HALF_PAST_TWO = (only("30", 30), only("2", 2), EVERY_DAY, EVERY_DAY, EVERY_DAY)
BERLIN = Place("Europe/Berlin", ms("2026-10-25T01:00:00Z"))


@settings(deadline=None, max_examples=150)
@given(FIVE_FIELDS, EXCLUDED, NEAR_A_CHANGE, st.integers(0, 36 * 60))
@example(HALF_PAST_TWO, [], (BERLIN, BERLIN.change_ms - DAY_MS), 1440)
def test_each_minute_where_clocks_are_set(
    five: Five, excluded: list[Five], near: tuple[Place, int], minutes: int
) -> None:
    place, after_ms = near
    until_ms = after_ms + minutes * MINUTE_MS
    asked = cron(text_of(five), place.zone, exclude=[{"cron": text_of(other)} for other in excluded])
    assert_due(asked, after_ms, until_ms, minutes_due(five, excluded, place.zone, after_ms, until_ms))


@settings(deadline=None, max_examples=60)
@given(
    five=FIVE_FIELDS,
    excluded=EXCLUDED,
    zone=st.sampled_from(UNCHANGING),
    after_ms=st.integers(ms("2000-01-01T00:00:00Z"), ms("2100-01-01T00:00:00Z")),
    minutes=st.integers(0, 1440),
)
def test_each_minute_of_any_days_where_clocks_are_left_alone(
    five: Five, excluded: list[Five], zone: str, after_ms: int, minutes: int
) -> None:
    until_ms = after_ms + minutes * MINUTE_MS
    asked = cron(text_of(five), zone, exclude=[{"cron": text_of(other)} for other in excluded])
    assert_due(asked, after_ms, until_ms, minutes_due(five, excluded, zone, after_ms, until_ms))


@settings(deadline=None, max_examples=60)
@given(
    seconds=SECONDS,
    minutes=MINUTES,
    zone=st.sampled_from(UNCHANGING),
    after_ms=st.integers(ms("2000-01-01T00:00:00Z"), ms("2100-01-01T00:00:00Z")),
    span_ms=st.integers(0, 90 * MINUTE_MS),
)
def test_each_second_where_clocks_are_left_alone(
    seconds: Field, minutes: Field, zone: str, after_ms: int, span_ms: int
) -> None:
    five = (minutes, EVERY_DAY, EVERY_DAY, EVERY_DAY, EVERY_DAY)
    asked = cron(f"{seconds.text} {text_of(five)}", zone)
    assert_due(asked, after_ms, after_ms + span_ms, seconds_due(seconds, five, zone, after_ms, after_ms + span_ms))


@settings(deadline=None, max_examples=150)
@given(
    near=NEAR_A_CHANGE,
    interval_s=st.sampled_from([59, 420, 1800, 1800, 3600, 3600, 5400, 86_400, 100_000]),
    first_ms=around(0, 2 * 1440) | st.integers(-2 * DAY_MS, DAY_MS),
    excluded=st.lists(FIVE_FIELDS | HOURS.map(whole_hours), min_size=1, max_size=2),
    minutes=st.integers(0, 36 * 60),
)
def test_each_step_of_an_interval(
    near: tuple[Place, int], interval_s: int, first_ms: int, excluded: list[Five], minutes: int
) -> None:
    place, after_ms = near
    until_ms = after_ms + minutes * MINUTE_MS
    start_ms = place.change_ms + first_ms
    asked = schedule(
        every=f"{interval_s}s",
        startTime=rfc3339(start_ms),
        timeZone=place.zone,
        exclude=[{"cron": text_of(other)} for other in excluded],
    )
    steps = (step_ms for step_ms in range(start_ms, until_ms + 1, interval_s * SECOND_MS) if step_ms > after_ms)
    expected = [
        step_ms for step_ms in steps if not any(shows(other, wall_clock_at(place.zone, step_ms)) for other in excluded)
    ]
    assert_due(asked, after_ms, until_ms, expected)


@pytest.mark.parametrize("zone", UNCHANGING)
def test_a_whole_quarter_with_a_leap_day_where_clocks_are_left_alone(zone: str) -> None:
    five = (only("0", 0), only("0", 0), only("13,31", 13, 31), EVERY_DAY, only("FRI", 5))
    after_ms, until_ms = ms("2027-12-31T00:00:00Z"), ms("2028-04-01T00:00:00Z")
    assert_due(cron(text_of(five), zone), after_ms, until_ms, minutes_due(five, [], zone, after_ms, until_ms))
