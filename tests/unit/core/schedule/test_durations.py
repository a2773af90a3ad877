"""Durations as people write them, and as Go does."""

import pytest

from controller.core.durations import parse_duration, parse_go_duration
from controller.core.reasons import Reason
from tests.unit.core.schedule.asking import refusal

LONGEST = 87_600


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1),
        ("45s", 45),
        ("90s", 90),
        ("10m", 600),
        ("2h", 7200),
        ("1h30m", 5400),
        ("1h0m1s", 3601),
        ("100h", 360_000),
        ("0h1s", 1),
        ("007m", 420),
        ("87600h", 315_360_000),
        ("5256000m", 315_360_000),
        ("315360000s", 315_360_000),
    ],
)
def test_a_duration_is_hours_minutes_and_seconds(text: str, seconds: int) -> None:
    assert parse_duration(text, LONGEST) == seconds * 1000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0s",
        "0h0m0s",
        "500ms",
        "1.5h",
        "-1s",
        "+1s",
        "1d",
        "5",
        "30m1h",
        "1h 30m",
        "1H",
        "1h1h",
        "s",
        " 1s",
        "1s\n",
        "٣s",
        "1_0s",
        "87600h1s",
        "87601h",
        "999999h",
        "9" * 5000 + "s",
    ],
)
@pytest.mark.parametrize("field", ["every", "afterCreation"])
def test_what_is_no_duration_is_refused(field: str, text: str) -> None:
    refused = refusal(**{field: text})
    assert refused.reason is Reason.INVALID_SPEC
    assert refused.message.startswith(f"spec.{field} {text!r}"[:80])
    assert " is not a duration from 1s to 87600h: write hours, minutes and seconds" in refused.message
    assert "1h30m or 45s" in refused.message


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("0", 0),
        ("-0", 0),
        ("1h30m10s500ms", 5_410_500),
        ("1.5h", 5_400_000),
        ("100ms", 100),
        ("1.0009s", 1_000),
        ("999999ns", 0),
        ("0.3h", 1_080_000),
        (".5s", 500),
        ("5.s", 5_000),
        ("+1s", 1_000),
        ("-1s", -1_000),
        ("9223372036854775807ns", 9_223_372_036_854),
    ],
)
def test_a_duration_of_go_is_read_to_the_millisecond(text: str, milliseconds: int) -> None:
    assert parse_go_duration(text) == milliseconds


@pytest.mark.parametrize(
    "text", ["", ".", "s", ".s", "1", "1x", "1 s", "1s ", "--1s", "1s-1s", "9223372036854775808ns"]
)
def test_what_is_no_duration_of_go_is_none(text: str) -> None:
    assert parse_go_duration(text) is None
