"""A spec that cannot be used says which field, what was found, what is accepted and what to do."""

from typing import Any

import pytest

from controller.core.reasons import Reason
from controller.core.schedule import SpecError, cron, duration_ms
from tests.unit.core.objects import timer


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
    ],
)
def test_a_duration_is_hours_minutes_and_seconds(text: str, seconds: int) -> None:
    assert duration_ms("spec.every", text) == seconds * 1000


@pytest.mark.parametrize(
    "text", ["", "0s", "0h0m0s", "500ms", "1.5h", "-1s", "1d", "5", "30m1h", "1h 30m", "1H", "1h1h", "s", " 1s", "1s\n"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(SpecError) as refused:
        duration_ms("spec.every", text)
    assert refused.value.reason is Reason.INVALID_SPEC
    assert refused.value.message.startswith(f"spec.every {text!r} is not a duration of at least 1s: write ")
    assert "1h30m or 45s" in refused.value.message


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("", "has 0 fields"),
        ("* * * *", "has 4 fields"),
        ("0 * * * * *", "has 6 fields"),
        ("@daily", "has 1 fields"),
        ("60 * * * *", "bad minute"),
        ("* 24 * * *", "bad hour"),
        ("* * 0 * *", "bad day-of-month"),
        ("* * * 13 *", "bad month"),
        ("* * * * 8", "bad day-of-week"),
        ("x * * * *", "bad minute"),
        ("5-1 * * * *", "bad minute"),
        ("*/0 * * * *", "bad minute"),
        ("1,, * * * *", "bad minute"),
        ("0 0 30 2 *", "bad day-of-month"),
    ],
)
def test_what_is_no_cron_expression_is_refused(expression: str, found: str) -> None:
    with pytest.raises(SpecError) as refused:
        cron(expression, None)
    assert refused.value.reason is Reason.INVALID_SCHEDULE
    assert f"spec.schedule {expression!r}" in refused.value.message
    assert found in refused.value.message
    assert '"30 6 * * 1-5"' in refused.value.message


@pytest.mark.parametrize("prefix", ["TZ=", "CRON_TZ=", "tz=", "  TZ="])
def test_a_time_zone_inside_the_expression_is_refused_and_the_message_says_where_it_belongs(prefix: str) -> None:
    with pytest.raises(SpecError, match=r"names a time zone: put the zone into spec\.timeZone") as refused:
        cron(f"{prefix}Europe/Berlin 0 9 * * *", None)
    assert refused.value.reason is Reason.INVALID_SCHEDULE


@pytest.mark.parametrize(
    "name",
    ["Mars/Base", "Europe", "Local", "local", "+01:00", "../../etc/passwd", "/etc/localtime", "a\0b", "x" * 300, " "],
)
def test_an_unknown_time_zone_is_refused(name: str) -> None:
    with pytest.raises(SpecError) as refused:
        cron("0 9 * * *", name)
    assert refused.value.reason is Reason.UNKNOWN_TIME_ZONE
    assert refused.value.message == (
        f"spec.timeZone {name!r} is not a time zone of the IANA database: use a name like Europe/Berlin or Etc/UTC"
    )


@pytest.mark.parametrize(
    ("spec", "reason", "found"),
    [
        ({}, Reason.INVALID_SPEC, "spec has no schedule"),
        ({"at": "2026-01-01T00:00:00Z", "every": "1h"}, Reason.INVALID_SPEC, "spec has at and every"),
        ({"at": "2026-01-01T00:00:00"}, Reason.INVALID_SPEC, "spec.at '2026-01-01T00:00:00' is not an instant"),
        ({"at": "noon"}, Reason.INVALID_SPEC, "spec.at 'noon' is not an instant"),
        ({"afterCreation": "1d"}, Reason.INVALID_SPEC, "spec.afterCreation '1d' is not a duration"),
        ({"every": "fast"}, Reason.INVALID_SPEC, "spec.every 'fast' is not a duration"),
        ({"schedule": "hourly"}, Reason.INVALID_SCHEDULE, "spec.schedule 'hourly' has 1 fields"),
        ({"schedule": "0 9 * * *", "timeZone": "Nowhere"}, Reason.UNKNOWN_TIME_ZONE, "spec.timeZone 'Nowhere'"),
    ],
)
def test_a_timer_with_a_bad_spec_is_read_all_the_same_and_carries_its_problem(
    spec: dict[str, Any], reason: Reason, found: str
) -> None:
    read = timer(spec)
    assert read.schedule is None
    assert read.problem is not None
    assert read.problem.reason is reason
    assert read.problem.message.startswith(found)


def test_a_timer_without_a_schedule_is_told_which_fields_there_are() -> None:
    problem = timer({}).problem
    assert problem is not None
    assert problem.message == ("spec has no schedule: exactly one of schedule, at, afterCreation, every is needed")
