"""What is excluded on the days on which clocks are set."""

from typing import Any

import pytest

from tests.unit.core.objects import ms
from tests.unit.core.schedule.asking import backwards, schedule, utc, within

FORWARD = ("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z")  # 29 March in Berlin, after its first instant; 23 hours
BACK = ("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")  # 25 October, 25 hours


def assert_occurs(spec: dict[str, Any], span: tuple[str, str], expected: list[str]) -> None:
    asked, (after, until) = schedule(**spec, timeZone="Europe/Berlin"), span
    assert within(asked, after, until) == utc(*expected)
    found = backwards(asked, until, len(expected) + 1)
    assert found[: len(expected)] == utc(*reversed(expected))
    assert all(ms(earlier) <= ms(after) for earlier in found[len(expected) :])
    assert asked.count(ms(after), ms(until)) == (len(expected), True)


@pytest.mark.parametrize(
    ("cron", "excluded", "expected"),
    [
        # A time in the gap is excluded by the name it has.
        ("30 2 * * *", "* 2 * * *", []),
        ("30 2 * * *", "30 2 * * *", []),
        ("30 2 * * *", "0-29 2 * * *", ["2026-03-29T03:00:00+02:00"]),
        ("15,45 2 * * *", "30-59 2 * * *", ["2026-03-29T03:00:00+02:00"]),
        ("30 1-3 * * *", "* 2 * * *", ["2026-03-29T01:30:00+01:00", "2026-03-29T03:30:00+02:00"]),
        ("30 2 * * *", "* * * * SUN", []),
        ("30 2 * * *", "* * * * SAT,MON", ["2026-03-29T03:00:00+02:00"]),
    ],
)
def test_where_clocks_are_set_forward(cron: str, excluded: str, expected: list[str]) -> None:
    assert_occurs({"schedule": cron, "exclude": [{"cron": excluded}]}, FORWARD, expected)


@pytest.mark.parametrize(
    ("cron", "excluded", "expected"),
    [
        ("30 2 * * *", "* 2 * * *", []),
        ("30 2 * * *", "0-29 2 * * *", ["2026-10-25T02:30:00+02:00"]),
        ("15,45 2 * * *", "30-59 2 * * *", ["2026-10-25T02:15:00+02:00"]),
        ("30 1-3 * * *", "* 2 * * *", ["2026-10-25T01:30:00+02:00", "2026-10-25T03:30:00+01:00"]),
        ("30 1-3 * * *", "* 1,3 * * *", ["2026-10-25T02:30:00+02:00"]),
        # What goes on in real time is excluded both times.
        (
            "30 * * * *",
            "* 0-1,4-23 * * *",
            ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00", "2026-10-25T03:30:00+01:00"],
        ),
        ("30 * * * *", "* 0,2,4-23 * * *", ["2026-10-25T01:30:00+02:00", "2026-10-25T03:30:00+01:00"]),
    ],
)
def test_where_clocks_are_set_back(cron: str, excluded: str, expected: list[str]) -> None:
    assert_occurs({"schedule": cron, "exclude": [{"cron": excluded}]}, BACK, expected)


@pytest.mark.parametrize("spec", [{"every": "1h", "startTime": "2026-01-01T00:30:00Z"}, {"schedule": "30 * * * *"}])
def test_an_interval_is_excluded_by_the_wall_clock_too(spec: dict[str, Any]) -> None:
    night = {**spec, "exclude": [{"cron": "* 0-1,4-23 * * *"}]}
    assert_occurs(night, FORWARD, ["2026-03-29T03:30:00+02:00"])
    assert_occurs(night, BACK, ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00", "2026-10-25T03:30:00+01:00"])


@pytest.mark.parametrize("spec", [{"every": "1h", "startTime": "2026-01-01T00:30:00Z"}, {"schedule": "30 * * * *"}])
def test_an_hour_that_is_missing_leaves_nothing_and_one_that_exists_twice_leaves_two(spec: dict[str, Any]) -> None:
    two_to_three = {**spec, "exclude": [{"cron": "* 0-1,3-23 * * *"}]}
    assert_occurs(two_to_three, FORWARD, [])
    assert_occurs(two_to_three, BACK, ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"])


@pytest.mark.parametrize(
    ("day", "after", "until", "hours"),
    [
        ("2026-03-29", "2026-03-28T22:59:59Z", "2026-03-29T21:59:59Z", 23),
        ("2026-10-25", "2026-10-24T21:59:59Z", "2026-10-25T22:59:59Z", 25),
    ],
)
@pytest.mark.parametrize("spec", [{"every": "1h"}, {"schedule": "0 * * * *"}, {"schedule": "@every 60m"}])
def test_an_excluded_date_is_as_long_as_its_wall_clock_says(
    spec: dict[str, Any], day: str, after: str, until: str, hours: int
) -> None:
    everything = schedule(
        **spec, timeZone="Europe/Berlin", startTime="2026-01-01T00:00:00Z", exclude=[{"date": "2020-01-01"}]
    )
    without = schedule(**spec, timeZone="Europe/Berlin", startTime="2026-01-01T00:00:00Z", exclude=[{"date": day}])
    assert everything.count(ms(after), ms(until)) == (hours, True)
    assert without.count(ms(after), ms(until)) == (0, True)
    assert without.next_after(ms(after)) == ms(until) + 1000
    assert without.last_until(ms(until)) == ms(after) + 1000 - 3_600_000


def test_the_first_occurrence_of_an_interval_is_found_backwards_over_an_excluded_day_that_begins_with_a_change() -> (
    None
):
    # At the first instant of the excluded day the clocks have not been set yet; they are at three.
    asked = schedule(
        every="90m", startTime="2012-09-29T10:21:16Z", timeZone="Pacific/Apia", exclude=[{"date": "2012-09-30"}]
    )
    assert backwards(asked, "2012-09-30T02:52:01Z", 9) == ["2012-09-29T10:21:16Z"]
