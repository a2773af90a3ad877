"""Macros, and `@every`."""

from typing import Any

import pytest

from controller.core.schedule.expression import Interval, parse_expression
from tests.unit.core.schedule.asking import OWNER, cron, following, refusal, schedule

AFTER = "2026-11-25T10:30:00Z"  # a Wednesday; timers are created at 2026-03-01T10:00:00Z


@pytest.mark.parametrize(
    ("macro", "expected"),
    [
        ("@yearly", ["2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z"]),
        ("@annually", ["2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z"]),
        ("@monthly", ["2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"]),
        ("@weekly", ["2026-11-29T00:00:00Z", "2026-12-06T00:00:00Z"]),
        ("@daily", ["2026-11-26T00:00:00Z", "2026-11-27T00:00:00Z"]),
        ("@midnight", ["2026-11-26T00:00:00Z", "2026-11-27T00:00:00Z"]),
        ("@hourly", ["2026-11-25T11:00:00Z", "2026-11-25T12:00:00Z"]),
    ],
)
def test_a_macro_stands_for_an_expression(macro: str, expected: list[str]) -> None:
    assert following(cron(macro), AFTER, 2) == expected


def test_a_macro_is_read_in_the_zone_of_the_timer() -> None:
    assert following(cron("@daily", "Asia/Kathmandu"), AFTER, 1) == ["2026-11-25T18:15:00Z"]


@pytest.mark.parametrize(
    "text", ["@Daily", "@DAILY", " @daily", "@daily ", "\t@daily", "@", "@reboot", "@every", "@Every 1h", "@everyday"]
)
def test_a_macro_is_written_exactly_so(text: str) -> None:
    assert "accepted are @yearly, @annually, @monthly, @weekly, @daily" in refusal(schedule=text).message


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [
        ("90s", 90),
        ("1h30m", 5400),
        ("1.5h", 5400),
        (".5m", 30),
        ("1.m", 60),
        ("30m1h", 5400),
        ("1h1h", 7200),
        ("+90s", 90),
        ("2000000µs", 2),  # the micro sign
        ("2000000μs", 2),  # the Greek letter
        ("2000000us", 2),
        ("3000000000ns", 3),
        ("2562047h47m16s", 9_223_372_036),
    ],
)
def test_every_takes_a_duration_of_go(duration: str, seconds: int) -> None:
    assert parse_expression(f"@every {duration}", "spec.schedule", OWNER) == Interval(seconds * 1000, ())


@pytest.mark.parametrize(("duration", "seconds"), [("1500ms", 1), ("2.9s", 2), ("1m0.999s", 60)])
def test_every_cuts_fractions_of_a_second_off_and_says_so(duration: str, seconds: int) -> None:
    remark = f"{duration} is cut to whole seconds"
    assert parse_expression(f"@every {duration}", "spec.schedule", OWNER) == Interval(seconds * 1000, (remark,))


@pytest.mark.parametrize("duration", ["999ms", "0", "0s", "-0", "-1s", "-1h", "1ns", "0.999s"])
def test_less_than_a_second_means_a_second_and_is_remarked_upon(duration: str) -> None:
    read = parse_expression(f"@every {duration}", "spec.schedule", OWNER)
    assert isinstance(read, Interval)
    assert read.interval_ms == 1000
    assert read.remarks == (f"{duration} is shorter than a second, and 1s is taken",)


@pytest.mark.parametrize(
    "duration",
    ["", " 1h", "1h ", "1h 30m", "1", "1d", "1H", "1h30", "h", ".s", "1.5.5s", "1e3s", "1m-5s", "-", "٣s", "2562048h"],
)
def test_what_is_no_duration_of_go_is_refused_with_an_example(duration: str) -> None:
    message = refusal(schedule=f"@every {duration}").message
    assert message.startswith("spec.schedule '@every ")
    assert '"@every 1h30m" or "@every 90s"' in message


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ["2026-03-01T10:01:30Z", "2026-03-01T10:03:00Z", "2026-03-01T10:04:30Z"]),
        (
            {"startTime": "2026-03-01T10:00:10Z"},
            ["2026-03-01T10:00:10Z", "2026-03-01T10:01:40Z", "2026-03-01T10:03:10Z"],
        ),
    ],
)
def test_every_counts_from_creation_or_from_the_start_time(fields: dict[str, Any], expected: list[str]) -> None:
    assert following(schedule(schedule="@every 90s", **fields), "2026-01-01T00:00:00Z", 3) == expected


def test_every_goes_on_in_real_time_where_clocks_change() -> None:
    asked = schedule(schedule="@every 1h", timeZone="Europe/Berlin")
    assert following(asked, "2026-03-29T00:30:00Z", 3) == [
        "2026-03-29T01:00:00Z",
        "2026-03-29T02:00:00Z",
        "2026-03-29T03:00:00Z",
    ]
