"""A local time that exists twice, because clocks are set back over it, occurs once, the first time."""

import pytest

from tests.unit.core.objects import ms
from tests.unit.core.schedule.asking import backwards, cron, following, utc

SHORTLY_BEFORE = {
    "Europe/Berlin": "2026-10-24T23:30:00+02:00",  # 03:00 becomes 02:00
    "America/New_York": "2026-10-31T23:30:00-04:00",
    "Africa/Casablanca": "2024-03-09T23:30:00+01:00",  # the beginning of Ramadan
    "Australia/Lord_Howe": "2026-04-05T00:30:00+11:00",  # 02:00 becomes 01:30
    "America/Sao_Paulo": "2018-02-17T22:30:00-02:00",  # midnight becomes 23:00
    "America/Havana": "2024-11-02T23:30:00-04:00",  # 01:00 becomes midnight
    "Antarctica/Troll": "2026-10-24T23:30:00+02:00",  # 03:00 becomes 01:00
}

ONE_TIME = [
    ("Europe/Berlin", "30 2 * * *", ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]),
    ("Europe/Berlin", "0 2 * * *", ["2026-10-25T02:00:00+02:00", "2026-10-26T02:00:00+01:00"]),
    ("Europe/Berlin", "0 3 * * *", ["2026-10-25T03:00:00+01:00", "2026-10-26T03:00:00+01:00"]),
    ("Europe/Berlin", "30 2 25,26 10 *", ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]),
    ("Europe/Berlin", "5 30 2 * * *", ["2026-10-25T02:30:05+02:00", "2026-10-26T02:30:05+01:00"]),
    ("America/New_York", "30 1 * * *", ["2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"]),
    ("Africa/Casablanca", "30 2 * * *", ["2024-03-10T02:30:00+01:00", "2024-03-11T02:30:00+00:00"]),
    ("Australia/Lord_Howe", "45 1 * * *", ["2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"]),
    ("Australia/Lord_Howe", "0 2 * * *", ["2026-04-05T02:00:00+10:30", "2026-04-06T02:00:00+10:30"]),
    ("America/Sao_Paulo", "30 23 * * *", ["2018-02-17T23:30:00-02:00", "2018-02-18T23:30:00-03:00"]),
    ("America/Sao_Paulo", "@daily", ["2018-02-18T00:00:00-03:00", "2018-02-19T00:00:00-03:00"]),
    ("America/Havana", "0 0 * * *", ["2024-11-03T00:00:00-04:00", "2024-11-04T00:00:00-05:00"]),
    ("America/Havana", "0 1 * * *", ["2024-11-03T01:00:00-05:00", "2024-11-04T01:00:00-05:00"]),
    ("Antarctica/Troll", "30 1 * * *", ["2026-10-25T01:30:00+02:00", "2026-10-26T01:30:00+00:00"]),
]

SEVERAL_TIMES = [
    (
        "Europe/Berlin",
        "15,45 2 * * *",
        ["2026-10-25T02:15:00+02:00", "2026-10-25T02:45:00+02:00", "2026-10-26T02:15:00+01:00"],
    ),
    (
        "Europe/Berlin",
        "58-59 2 * * *",
        ["2026-10-25T02:58:00+02:00", "2026-10-25T02:59:00+02:00", "2026-10-26T02:58:00+01:00"],
    ),
    (
        "Europe/Berlin",
        "30 2,3 * * *",
        ["2026-10-25T02:30:00+02:00", "2026-10-25T03:30:00+01:00", "2026-10-26T02:30:00+01:00"],
    ),
    (
        "Europe/Berlin",
        "15,45 30 2 * * *",
        ["2026-10-25T02:30:15+02:00", "2026-10-25T02:30:45+02:00", "2026-10-26T02:30:15+01:00"],
    ),
    (
        "Antarctica/Troll",
        "30 1,2 * * *",
        ["2026-10-25T01:30:00+02:00", "2026-10-25T02:30:00+02:00", "2026-10-26T01:30:00+00:00"],
    ),
]

ROUND_THE_CLOCK = [
    (
        "Europe/Berlin",
        "0 */2 * * *",
        [
            "2026-10-25T00:00:00+02:00",
            "2026-10-25T02:00:00+02:00",
            "2026-10-25T04:00:00+01:00",
            "2026-10-25T06:00:00+01:00",
        ],
    ),
    (
        "Europe/Berlin",
        "30 0-22 * * *",
        [
            "2026-10-25T00:30:00+02:00",
            "2026-10-25T01:30:00+02:00",
            "2026-10-25T02:30:00+02:00",
            "2026-10-25T03:30:00+01:00",
        ],
    ),
    (
        "Antarctica/Troll",
        "0 */3 * * *",
        ["2026-10-25T00:00:00+02:00", "2026-10-25T03:00:00+00:00", "2026-10-25T06:00:00+00:00"],
    ),
    (
        "Australia/Lord_Howe",
        "0 * * * *",
        ["2026-04-05T01:00:00+11:00", "2026-04-05T02:00:00+10:30", "2026-04-05T03:00:00+10:30"],
    ),
    (
        "Australia/Lord_Howe",
        "45 * * * *",
        ["2026-04-05T00:45:00+11:00", "2026-04-05T01:45:00+11:00", "2026-04-05T02:45:00+10:30"],
    ),
    (
        "Australia/Lord_Howe",
        "*/20 * * * *",
        [
            "2026-04-05T00:40:00+11:00",
            "2026-04-05T01:00:00+11:00",
            "2026-04-05T01:20:00+11:00",
            "2026-04-05T01:40:00+11:00",
            "2026-04-05T02:00:00+10:30",
            "2026-04-05T02:20:00+10:30",
        ],
    ),
]


@pytest.mark.parametrize(("zone", "expression", "expected"), ONE_TIME)
def test_a_time_that_exists_twice_occurs_the_first_time(zone: str, expression: str, expected: list[str]) -> None:
    assert following(cron(expression, zone), SHORTLY_BEFORE[zone], len(expected)) == utc(*expected)


@pytest.mark.parametrize(("zone", "expression", "expected"), SEVERAL_TIMES)
def test_so_do_several_such_times(zone: str, expression: str, expected: list[str]) -> None:
    assert following(cron(expression, zone), SHORTLY_BEFORE[zone], len(expected)) == utc(*expected)


@pytest.mark.parametrize(("zone", "expression", "expected"), ROUND_THE_CLOCK)
def test_so_does_what_repeats_with_a_period_that_does_not_divide_the_change(
    zone: str, expression: str, expected: list[str]
) -> None:
    assert following(cron(expression, zone), SHORTLY_BEFORE[zone], len(expected)) == utc(*expected)


@pytest.mark.parametrize(("zone", "expression", "expected"), [*ONE_TIME, *SEVERAL_TIMES, *ROUND_THE_CLOCK])
def test_the_same_is_found_backwards_and_counted(zone: str, expression: str, expected: list[str]) -> None:
    asked, end = cron(expression, zone), expected[-1]
    assert backwards(asked, end, len(expected)) == utc(*reversed(expected))
    assert asked.count(ms(SHORTLY_BEFORE[zone]), ms(end)) == (len(expected), True)


@pytest.mark.parametrize("asked_at", ["2022-01-15T00:00:00Z", "2024-07-01T00:00:00Z", "2026-01-15T00:00:00Z"])
def test_the_first_time_is_found_from_afar(asked_at: str) -> None:
    # 25 October is the day of the change in 2020 and in 2026.
    asked = cron("30 2 25 10 *", "Europe/Berlin", exclude=[{"from": "2021-01-01", "to": "2025-12-31"}])
    assert following(asked, asked_at, 1) == utc("2026-10-25T02:30:00+02:00")
    assert backwards(asked, asked_at, 1) == utc("2020-10-25T02:30:00+02:00")
