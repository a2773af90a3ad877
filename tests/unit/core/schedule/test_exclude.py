"""`exclude`: dates and minutes in which nothing occurs."""

from datetime import date
from typing import Any

import pytest

from controller.core.problems import SpecError
from controller.core.schedule.days import day_of
from controller.core.schedule.reading import read_exclusions
from tests.unit.core.objects import CREATED_MS, DAY_MS, HOUR_MS, ms
from tests.unit.core.schedule.asking import backwards, cron, following, refusal, schedule, utc, within

NEW_YEAR = [{"from": "2026-12-24", "to": "2027-01-01"}]


@pytest.mark.parametrize(
    ("exclude", "days"),
    [
        ([], ["23", "24", "25", "26", "27", "28"]),
        ([{"date": "2026-12-25"}], ["23", "24", "26", "27", "28"]),
        ([{"date": "2026-12-25"}, {"date": "2026-12-26"}], ["23", "24", "27", "28"]),
        ([{"from": "2026-12-24", "to": "2026-12-26"}], ["23", "27", "28"]),
        ([{"from": "2026-12-24", "to": "2026-12-24"}], ["23", "25", "26", "27", "28"]),
        ([{"from": "2026-12-26", "to": "2026-12-27"}, {"from": "2026-12-24", "to": "2026-12-25"}], ["23", "28"]),
        ([{"from": "2026-12-24", "to": "2026-12-27"}, {"from": "2026-12-25", "to": "2026-12-25"}], ["23", "28"]),
        ([{"date": "2027-12-25"}], ["23", "24", "25", "26", "27", "28"]),
        ([{"cron": "* * * * SAT,SUN"}], ["23", "24", "25", "28"]),
        ([{"cron": "0 9 25 12 *"}], ["23", "24", "26", "27", "28"]),
        ([{"cron": "1-59 9 * * *"}], ["23", "24", "25", "26", "27", "28"]),
        ([{"cron": "* * * * 5L"}, {"cron": "* * * * SAT#4"}], ["23", "24", "27", "28"]),
        ([{"cron": "* 9 24 * 0"}], ["23", "25", "26", "28"]),  # both days restricted: either suffices
        ([{"cron": "* 9 31 2 *"}], ["23", "24", "25", "26", "27", "28"]),
    ],
)
def test_what_is_excluded_does_not_occur(exclude: list[dict[str, str]], days: list[str]) -> None:
    expected = [f"2026-12-{day}T09:00:00Z" for day in days]
    asked = cron("0 9 * * *", exclude=exclude)
    assert within(asked, "2026-12-23T00:00:00Z", "2026-12-29T00:00:00Z") == expected
    assert backwards(asked, "2026-12-29T00:00:00Z", len(days)) == expected[::-1]
    assert asked.count(ms("2026-12-23T00:00:00Z"), ms("2026-12-29T00:00:00Z")) == (len(days), True)


@pytest.mark.parametrize("spec", [{"schedule": "*/30 * * * * *"}, {"every": "30s"}, {"schedule": "@every 30s"}])
def test_an_excluded_minute_is_excluded_with_all_its_seconds(spec: dict[str, Any]) -> None:
    asked = schedule(**spec, exclude=[{"cron": "*/2 * * * *"}])
    expected = ["2026-03-01T11:01:00Z", "2026-03-01T11:01:30Z", "2026-03-01T11:03:00Z", "2026-03-01T11:03:30Z"]
    assert following(asked, "2026-03-01T11:00:00Z", 4) == expected
    assert backwards(asked, "2026-03-01T11:04:59Z", 4) == expected[::-1]
    assert asked.count(ms("2026-03-01T11:00:00Z"), ms("2026-03-01T12:00:00Z")) == (60, True)


def test_what_starts_between_two_seconds_is_excluded_by_the_minute_it_lies_in() -> None:
    asked = schedule(every="30s", startTime="2026-03-01T11:00:29.999Z", exclude=[{"cron": "0 * * * *"}])
    assert following(asked, "2026-03-01T10:00:00Z", 2) == ["2026-03-01T11:01:29.999Z", "2026-03-01T11:01:59.999Z"]


def test_what_starts_between_two_seconds_is_counted_to_the_millisecond() -> None:
    asked = schedule(every="1s", startTime="2026-03-01T11:00:00.500Z", exclude=[{"date": "2026-12-25"}])
    start_ms = ms("2026-03-01T11:00:00.500Z")
    assert asked.count(start_ms - 1, start_ms) == (1, True)
    assert asked.count(start_ms - 1, start_ms + 999) == (1, True)
    assert asked.count(start_ms, start_ms + 999) == (0, True)
    assert asked.count(start_ms, start_ms + 1000) == (1, True)
    assert asked.count(start_ms + 1, start_ms + 5_499) == (5, True)


def test_an_interval_is_counted_from_its_first_occurrence_on_however_long_before_one_asks() -> None:
    asked = schedule(every="1h", exclude=[{"cron": "* 13 * * *"}])
    assert asked.count(CREATED_MS - 700 * DAY_MS, CREATED_MS + 4 * HOUR_MS) == (3, True)


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("UTC", ["2026-12-24T23:00:00Z", "2026-12-26T00:00:00Z"]),
        ("Europe/Berlin", ["2026-12-24T23:00:00+01:00", "2026-12-26T00:00:00+01:00"]),
        ("America/New_York", ["2026-12-24T23:00:00-05:00", "2026-12-26T00:00:00-05:00"]),
    ],
)
@pytest.mark.parametrize(
    "spec",
    [{"schedule": "0 * * * *"}, {"every": "1h"}, {"schedule": "@every 1h"}, {"schedules": [{"cron": "@hourly"}]}],
)
def test_a_date_is_one_of_the_zone(spec: dict[str, Any], zone: str, expected: list[str]) -> None:
    asked = schedule(**spec, timeZone=zone, exclude=[{"date": "2026-12-25"}])
    assert following(asked, "2026-12-24T22:30:00" + expected[0][19:], 2) == utc(*expected)


def test_minutes_are_those_of_the_zone() -> None:
    asked = cron("0 * * * *", "Asia/Kathmandu", exclude=[{"cron": "* 0-8,10-23 * * *"}])
    assert following(asked, "2026-03-01T10:00:00Z", 1) == utc("2026-03-02T09:00:00+05:45")


def test_each_of_several_schedules_leaves_out_what_is_excluded_by_its_own_wall_clock() -> None:
    entries = [{"cron": "0 22 * * *", "timeZone": "America/New_York"}, {"cron": "0 2 * * *"}]
    asked = schedule(schedules=entries, exclude=[{"date": "2026-12-25"}])
    assert within(asked, "2026-12-24T12:00:00Z", "2026-12-27T00:00:00Z") == utc(
        "2026-12-24T22:00:00-05:00", "2026-12-26T02:00:00Z"
    )


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"schedule": "0 9 * * *"}, ["2026-12-23T09:00:00Z", "2027-01-02T09:00:00Z"]),
        ({"every": "36h", "startTime": "2026-12-22T00:00:00Z"}, ["2026-12-23T12:00:00Z", "2027-01-03T00:00:00Z"]),
        ({"schedule": "@every 240h", "startTime": "2026-12-20T00:00:00Z"}, ["2027-01-09T00:00:00Z"]),
    ],
)
def test_several_days_are_excluded_with_the_first_and_the_last(spec: dict[str, Any], expected: list[str]) -> None:
    asked = schedule(**spec, exclude=NEW_YEAR)
    assert following(asked, "2026-12-23T00:00:00Z", len(expected)) == expected
    assert backwards(asked, expected[-1], len(expected)) == expected[::-1]


@pytest.mark.parametrize(
    ("day", "second", "entry"),
    [
        (date(2026, 12, 24), 0, None),
        (date(2026, 12, 25), 0, "spec.exclude[0] date 2026-12-25"),
        (date(2026, 12, 25), 86_399, "spec.exclude[0] date 2026-12-25"),
        (date(2026, 12, 31), 40_000, "spec.exclude[1] from 2026-12-28 to 2027-01-01"),
        (date(2026, 12, 26), 32_399, None),
        (date(2026, 12, 26), 32_400, "spec.exclude[2] cron '0 9 * * SAT'"),  # 09:00:00
        (date(2026, 12, 26), 32_459, "spec.exclude[2] cron '0 9 * * SAT'"),  # 09:00:59
        (date(2026, 12, 26), 32_460, None),
    ],
)
def test_why_names_the_entry_that_leaves_a_time_out(day: date, second: int, entry: str | None) -> None:
    spec = {
        "exclude": [{"date": "2026-12-25"}, {"from": "2026-12-28", "to": "2027-01-01"}, {"cron": "0 9 * * SAT"}],
    }
    assert read_exclusions(spec).why(day_of(day), second) == entry


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("H 9 * * *", "minute 'H'"),
        ("* H(0-5) * * *", "hour 'H(0-5)'"),
        ("* * * * h", "day-of-week 'h'"),
        ("* * 0-5 * * *", "has 6 fields"),
        ("* * *", "has 3 fields"),
        ("", "has 0 fields"),
        ("@daily", "macros and time zones are not accepted here"),
        ("60 9 * * *", "minute '60' is out of range"),
        ("TZ=UTC * 9 * * *", "TZ=UTC"),
    ],
)
def test_an_excluded_expression_has_five_fields_and_no_h(text: str, found: str) -> None:
    refused = refusal(schedule="0 9 * * *", exclude=[{"date": "2026-12-25"}, {"cron": text}])
    assert refused.message.startswith(f"spec.exclude[1].cron {text!r} ")
    assert found in refused.message


@pytest.mark.parametrize(
    ("number", "entry"),
    [(256, {"date": "2026-12-25"}), (256, {"from": "2026-12-25", "to": "2026-12-26"}), (16, {"cron": "0 9 * * *"})],
)
def test_so_many_entries_are_accepted_and_one_more_is_not(number: int, entry: dict[str, str]) -> None:
    assert following(cron("0 10 * * *", exclude=[entry] * number), "2026-03-01T12:00:00Z", 1) == [
        "2026-03-02T10:00:00Z"
    ]
    with pytest.raises(SpecError, match=rf"^spec\.exclude has {number + 1} entries.* at most {number} are accepted"):
        cron("0 10 * * *", exclude=[entry] * (number + 1))
