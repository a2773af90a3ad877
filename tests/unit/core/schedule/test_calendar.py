"""Leap days, ends of years and centuries, and offsets that are not whole hours."""

import pytest

from tests.unit.core.objects import ms
from tests.unit.core.schedule.asking import backwards, cron, following, schedule, utc


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("2026-03-01T10:00:00Z", ["2028-02-29T04:05:00Z", "2032-02-29T04:05:00Z", "2036-02-29T04:05:00Z"]),
        ("1999-01-01T00:00:00Z", ["2000-02-29T04:05:00Z", "2004-02-29T04:05:00Z"]),  # 2000 is a leap year,
        ("2095-01-01T00:00:00Z", ["2096-02-29T04:05:00Z", "2104-02-29T04:05:00Z"]),  # and 2100 is not
        ("2399-01-01T00:00:00Z", ["2400-02-29T04:05:00Z", "2404-02-29T04:05:00Z"]),
    ],
)
def test_a_29th_of_february_occurs_in_leap_years_only(after: str, expected: list[str]) -> None:
    asked = cron("5 4 29 2 *")
    assert following(asked, after, len(expected)) == expected
    assert backwards(asked, expected[-1], len(expected)) == expected[::-1]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("2027-01-01T00:00:00Z", ["2027-02-28", "2028-02-29", "2029-02-28"]),
        ("2099-01-01T00:00:00Z", ["2099-02-28", "2100-02-28", "2101-02-28"]),
        ("2399-01-01T00:00:00Z", ["2399-02-28", "2400-02-29", "2401-02-28"]),
    ],
)
def test_the_last_day_of_february_depends_on_the_year(after: str, expected: list[str]) -> None:
    assert [instant[:10] for instant in following(cron("0 0 L 2 *"), after, 3)] == expected


@pytest.mark.parametrize(
    ("zone", "expression", "after", "expected"),
    [
        ("UTC", "* * * * *", "2026-12-31T23:58:30Z", ["2026-12-31T23:59:00Z", "2027-01-01T00:00:00Z"]),
        ("UTC", "59 23 31 12 *", "2026-01-01T00:00:00Z", ["2026-12-31T23:59:00Z", "2027-12-31T23:59:00Z"]),
        ("UTC", "0 0 1 * *", "2026-12-01T00:00:00Z", ["2027-01-01T00:00:00Z", "2027-02-01T00:00:00Z"]),
        ("UTC", "0 0 29-31 * *", "2027-01-31T00:00:00Z", ["2027-03-29T00:00:00Z", "2027-03-30T00:00:00Z"]),
        ("Pacific/Kiritimati", "@yearly", "2026-06-01T00:00:00Z", ["2027-01-01T00:00:00+14:00"]),
        ("Pacific/Pago_Pago", "@yearly", "2026-06-01T00:00:00Z", ["2027-01-01T00:00:00-11:00"]),
        ("America/New_York", "59 59 23 31 12 *", "2025-06-01T00:00:00Z", ["2025-12-31T23:59:59-05:00"]),
    ],
)
def test_months_and_years_end_where_the_zone_says(zone: str, expression: str, after: str, expected: list[str]) -> None:
    assert following(cron(expression, zone), after, len(expected)) == utc(*expected)


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("UTC", "2026-01-10T09:00:00Z"),
        ("Asia/Kolkata", "2026-01-10T09:00:00+05:30"),
        ("Asia/Kathmandu", "2026-01-10T09:00:00+05:45"),
        ("Pacific/Chatham", "2026-01-10T09:00:00+13:45"),
        ("Pacific/Marquesas", "2026-01-10T09:00:00-09:30"),
        ("Etc/GMT+5", "2026-01-10T09:00:00-05:00"),
    ],
)
def test_the_time_zone_decides(zone: str, expected: str) -> None:
    midnight = expected.replace("T09:", "T00:")
    assert following(cron("0 9 * * *", zone), midnight, 1) == utc(expected)


def test_an_hour_begins_at_quarter_past_of_utc_where_the_zone_is_a_quarter_off() -> None:
    assert following(cron("0 * * * *", "Asia/Kathmandu"), "2026-03-01T10:00:00Z", 2) == [
        "2026-03-01T10:15:00Z",
        "2026-03-01T11:15:00Z",
    ]


def test_offsets_of_seconds_are_kept_to_the_second() -> None:
    # Until 1972-01-07 Monrovia was 44 minutes and 30 seconds behind.
    asked = cron("0 9 * * *", "Africa/Monrovia")
    assert following(asked, "1972-01-06T00:00:00Z", 2) == ["1972-01-06T09:44:30Z", "1972-01-07T09:00:00Z"]


def test_before_1970_there_is_a_calendar_too() -> None:
    assert following(cron("0 0 * * *"), "1969-12-30T12:00:00Z", 3) == [
        "1969-12-31T00:00:00Z",
        "1970-01-01T00:00:00Z",
        "1970-01-02T00:00:00Z",
    ]
    assert backwards(cron("0 0 * * *"), "1970-01-01T00:00:00Z", 2) == ["1970-01-01T00:00:00Z", "1969-12-31T00:00:00Z"]


@pytest.mark.parametrize("spec", [{"schedule": "0 0 1 1 *"}, {"schedule": "0 * * * *"}, {"every": "1h"}], ids=str)
def test_nothing_comes_in_the_year_3000_or_later(spec: dict[str, str]) -> None:
    asked = schedule(**spec)
    assert following(asked, "2999-12-31T23:59:59Z", 1) == []
    assert asked.last_until(ms("3005-01-01T00:00:00Z")) == asked.last_until(ms("2999-12-31T23:59:59Z"))
    assert asked.count(ms("2999-12-31T23:59:59Z"), ms("3001-01-01T00:00:00Z")) == (0, True)
