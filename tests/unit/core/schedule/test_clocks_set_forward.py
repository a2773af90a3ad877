"""A local time that does not exist, because clocks are set forward over it, occurs right after the gap."""

import pytest

from tests.unit.core.objects import ms
from tests.unit.core.schedule.asking import backwards, cron, following, utc

SHORTLY_BEFORE = {
    "Europe/Berlin": "2026-03-28T23:30:00+01:00",  # 02:00 becomes 03:00
    "America/New_York": "2026-03-07T23:30:00-05:00",
    "Africa/Casablanca": "2024-04-13T23:30:00+00:00",  # the end of Ramadan
    "Australia/Lord_Howe": "2026-10-04T00:30:00+10:30",  # 02:00 becomes 02:30
    "America/Sao_Paulo": "2018-11-03T23:30:00-03:00",  # midnight becomes 01:00
    "America/Havana": "2024-03-09T23:30:00-05:00",
    "Antarctica/Troll": "2026-03-28T23:30:00+00:00",  # 01:00 becomes 03:00
    "Pacific/Apia": "2011-12-29T08:30:00-10:00",  # Friday, 30 December, is no day at all
}

ONE_TIME = [
    ("Europe/Berlin", "30 2 * * *", ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]),
    ("Europe/Berlin", "0 2 * * *", ["2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00"]),
    ("Europe/Berlin", "30 2 29,30 3 *", ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]),
    ("Europe/Berlin", "30 2 * * SUN#5", ["2026-03-29T03:00:00+02:00", "2026-05-31T02:30:00+02:00"]),
    ("Europe/Berlin", "5 30 2 * * *", ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:05+02:00"]),
    ("America/New_York", "30 2 * * *", ["2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00"]),
    ("Africa/Casablanca", "30 2 * * *", ["2024-04-14T03:00:00+01:00", "2024-04-15T02:30:00+01:00"]),
    ("Australia/Lord_Howe", "0 2 * * *", ["2026-10-04T02:30:00+11:00", "2026-10-05T02:00:00+11:00"]),
    ("Australia/Lord_Howe", "29 2 * * *", ["2026-10-04T02:30:00+11:00", "2026-10-05T02:29:00+11:00"]),
    ("America/Sao_Paulo", "0 0 * * *", ["2018-11-04T01:00:00-02:00", "2018-11-05T00:00:00-02:00"]),
    ("America/Sao_Paulo", "@daily", ["2018-11-04T01:00:00-02:00", "2018-11-05T00:00:00-02:00"]),
    ("America/Sao_Paulo", "0 0 4 11 *", ["2018-11-04T01:00:00-02:00", "2019-11-04T00:00:00-03:00"]),
    ("America/Havana", "30 0 * * *", ["2024-03-10T01:00:00-04:00", "2024-03-11T00:30:00-04:00"]),
    ("Antarctica/Troll", "30 1 * * *", ["2026-03-29T03:00:00+02:00", "2026-03-30T01:30:00+02:00"]),
    ("Pacific/Apia", "0 9 30 12 *", ["2011-12-31T00:00:00+14:00", "2012-12-30T09:00:00+14:00"]),
    ("Pacific/Apia", "0 9 * 12 FRI", ["2011-12-31T00:00:00+14:00", "2012-12-07T09:00:00+14:00"]),
]

SEVERAL_TIMES = [
    (
        "Europe/Berlin",
        "15,45 2 * * *",
        ["2026-03-29T03:00:00+02:00", "2026-03-30T02:15:00+02:00", "2026-03-30T02:45:00+02:00"],
    ),
    (
        "Europe/Berlin",
        "* 2 * * *",
        ["2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00", "2026-03-30T02:01:00+02:00"],
    ),
    (
        "Europe/Berlin",
        "* * 2 * * *",
        ["2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00", "2026-03-30T02:00:01+02:00"],
    ),
    (
        "Europe/Berlin",
        "0 2,3 * * *",
        ["2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00", "2026-03-30T03:00:00+02:00"],
    ),
    (
        "Europe/Berlin",
        "30 2,3 * * *",
        ["2026-03-29T03:00:00+02:00", "2026-03-29T03:30:00+02:00", "2026-03-30T02:30:00+02:00"],
    ),
    (
        "Antarctica/Troll",
        "30 1,2 * * *",
        ["2026-03-29T03:00:00+02:00", "2026-03-30T01:30:00+02:00", "2026-03-30T02:30:00+02:00"],
    ),
    (
        "Pacific/Apia",
        "0 9,22 * * *",
        [
            "2011-12-29T09:00:00-10:00",
            "2011-12-29T22:00:00-10:00",
            "2011-12-31T00:00:00+14:00",
            "2011-12-31T09:00:00+14:00",
        ],
    ),
]

ROUND_THE_CLOCK = [
    (
        "Europe/Berlin",
        "0 */2 * * *",
        [
            "2026-03-29T00:00:00+01:00",
            "2026-03-29T03:00:00+02:00",
            "2026-03-29T04:00:00+02:00",
            "2026-03-29T06:00:00+02:00",
        ],
    ),
    (
        "Europe/Berlin",
        "30 0-22 * * *",
        [
            "2026-03-29T00:30:00+01:00",
            "2026-03-29T01:30:00+01:00",
            "2026-03-29T03:00:00+02:00",
            "2026-03-29T03:30:00+02:00",
        ],
    ),
    (
        "Antarctica/Troll",
        "0 */3 * * *",
        ["2026-03-29T00:00:00+00:00", "2026-03-29T03:00:00+02:00", "2026-03-29T06:00:00+02:00"],
    ),
    (
        "Australia/Lord_Howe",
        "0 * * * *",
        ["2026-10-04T01:00:00+10:30", "2026-10-04T02:30:00+11:00", "2026-10-04T03:00:00+11:00"],
    ),
    (
        "Australia/Lord_Howe",
        "*/20 * * * *",
        [
            "2026-10-04T00:40:00+10:30",
            "2026-10-04T01:00:00+10:30",
            "2026-10-04T01:20:00+10:30",
            "2026-10-04T01:40:00+10:30",
            "2026-10-04T02:30:00+11:00",
            "2026-10-04T02:40:00+11:00",
        ],
    ),
]

UNCHANGED = [
    ("Europe/Berlin", "59 1 * * *", ["2026-03-29T01:59:00+01:00", "2026-03-30T01:59:00+02:00"]),
    ("Europe/Berlin", "0 3 * * *", ["2026-03-29T03:00:00+02:00", "2026-03-30T03:00:00+02:00"]),
    ("Europe/Berlin", "0 9 * * *", ["2026-03-29T09:00:00+02:00", "2026-03-30T09:00:00+02:00"]),
    (
        "Australia/Lord_Howe",
        "45 * * * *",
        ["2026-10-04T00:45:00+10:30", "2026-10-04T01:45:00+10:30", "2026-10-04T02:45:00+11:00"],
    ),
    ("America/Sao_Paulo", "59 23 * * *", ["2018-11-03T23:59:00-03:00", "2018-11-04T23:59:00-02:00"]),
    (
        "Pacific/Apia",
        "0 9 * * *",
        ["2011-12-29T09:00:00-10:00", "2011-12-31T00:00:00+14:00", "2011-12-31T09:00:00+14:00"],
    ),
]


@pytest.mark.parametrize(("zone", "expression", "expected"), ONE_TIME)
def test_a_time_in_the_gap_occurs_right_after_it(zone: str, expression: str, expected: list[str]) -> None:
    assert following(cron(expression, zone), SHORTLY_BEFORE[zone], len(expected)) == utc(*expected)


@pytest.mark.parametrize(("zone", "expression", "expected"), SEVERAL_TIMES)
def test_several_times_in_the_gap_occur_right_after_it_and_once(
    zone: str, expression: str, expected: list[str]
) -> None:
    assert following(cron(expression, zone), SHORTLY_BEFORE[zone], len(expected)) == utc(*expected)


@pytest.mark.parametrize(("zone", "expression", "expected"), ROUND_THE_CLOCK)
def test_so_does_what_repeats_with_a_period_that_does_not_divide_the_change(
    zone: str, expression: str, expected: list[str]
) -> None:
    assert following(cron(expression, zone), SHORTLY_BEFORE[zone], len(expected)) == utc(*expected)


@pytest.mark.parametrize(("zone", "expression", "expected"), UNCHANGED)
def test_times_beside_the_gap_stay_what_they_are(zone: str, expression: str, expected: list[str]) -> None:
    assert following(cron(expression, zone), SHORTLY_BEFORE[zone], len(expected)) == utc(*expected)


@pytest.mark.parametrize(("zone", "expression", "expected"), [*ONE_TIME, *SEVERAL_TIMES, *ROUND_THE_CLOCK, *UNCHANGED])
def test_the_same_is_found_backwards_and_counted(zone: str, expression: str, expected: list[str]) -> None:
    asked, last = cron(expression, zone), expected[-1]
    assert backwards(asked, last, len(expected)) == utc(*reversed(expected))
    assert asked.count(ms(SHORTLY_BEFORE[zone]), ms(last)) == (len(expected), True)


def test_a_time_in_the_gap_is_next_until_the_gap_and_not_after_it() -> None:
    asked, change_ms = cron("30 2 * * *", "Europe/Berlin"), ms("2026-03-29T01:00:00Z")
    assert asked.next_after(change_ms - 1) == change_ms
    assert asked.next_after(change_ms) == ms("2026-03-30T02:30:00+02:00")
    assert asked.last_until(change_ms) == change_ms
    assert asked.last_until(change_ms - 1) == ms("2026-03-28T02:30:00+01:00")


@pytest.mark.parametrize("asked_at", ["2023-07-01T00:00:00Z", "2024-01-15T00:00:00Z", "2025-07-01T00:00:00Z"])
def test_a_time_in_the_gap_is_found_from_afar(asked_at: str) -> None:
    # 29 March is the day of the change in 2020 and in 2026.
    asked = cron("30 2 29 3 *", "Europe/Berlin", exclude=[{"from": "2021-01-01", "to": "2025-12-31"}])
    assert following(asked, asked_at, 1) == utc("2026-03-29T03:00:00+02:00")
    assert backwards(asked, asked_at, 1) == utc("2020-03-29T03:00:00+02:00")
