"""A spec that cannot be used says which field, what was found, what is accepted and what to do."""

from typing import Any

import pytest

from controller.core.reasons import Reason
from controller.core.schedule.reading import TIMING_FIELDS
from tests.unit.core.objects import CREATED, timer
from tests.unit.core.schedule.asking import following, refusal, timing

CRON = {"schedule": "0 9 * * *"}
AN_INSTANT = "is not an instant: write date, time and offset as in RFC 3339, like 2026-11-22T10:00:00+01:00"
A_DATE = 'is not a date: write year, month and day, like "2026-12-25"'
A_DURATION = "write hours, minutes and seconds in this order, for example 1h30m or 45s"
A_TEXT = "is not a text: put it in quotes"
SOME_TEXT = "is not a text: write one"
OBJECTS = "is not a list of objects, for example [{"
ONE_OF_THREE = "needed is either date, or from and to, or cron, for example [{date:"

# The spec; how the message begins, with the path and what was found; what it says besides.
REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"schedule": 5}, "spec.schedule 5 ", A_TEXT),
    ({"schedule": False}, "spec.schedule False ", A_TEXT),
    ({"schedule": ["0 9 * * *"]}, "spec.schedule ['0 9 * * *'] ", SOME_TEXT),
    ({"schedule": {"cron": "0 9 * * *"}}, "spec.schedule {'cron': '0 9 * * *'} ", SOME_TEXT),
    ({"at": 1_795_341_600}, "spec.at 1795341600 ", A_TEXT),
    ({"at": "noon"}, "spec.at 'noon' ", AN_INSTANT),
    ({"at": "2026-01-01"}, "spec.at '2026-01-01' ", AN_INSTANT),
    ({"at": "2026-01-01T00:00:00"}, "spec.at '2026-01-01T00:00:00' ", AN_INSTANT),
    ({"at": "2026-01-01 00:00:00Z"}, "spec.at '2026-01-01 00:00:00Z' ", AN_INSTANT),
    ({"at": "2026-01-01T00:00Z"}, "spec.at '2026-01-01T00:00Z' ", AN_INSTANT),
    ({"at": "20260101T000000Z"}, "spec.at '20260101T000000Z' ", AN_INSTANT),
    ({"at": "2026-W01-1T00:00:00Z"}, "spec.at '2026-W01-1T00:00:00Z' ", AN_INSTANT),
    ({"at": "2026-02-30T00:00:00Z"}, "spec.at '2026-02-30T00:00:00Z' ", AN_INSTANT),
    ({"at": "2026-01-01T24:00:00Z"}, "spec.at '2026-01-01T24:00:00Z' ", AN_INSTANT),
    ({"at": "2026-01-01T00:00:60Z"}, "spec.at '2026-01-01T00:00:60Z' ", AN_INSTANT),
    ({"at": "2026-01-01T00:00:00.0001Z"}, "spec.at '2026-01-01T00:00:00.0001Z' ", AN_INSTANT),
    ({"at": "2026-01-01T00:00:00+0100"}, "spec.at '2026-01-01T00:00:00+0100' ", AN_INSTANT),
    ({"at": "2026-01-01T00:00:00+01:60"}, "spec.at '2026-01-01T00:00:00+01:60' ", AN_INSTANT),
    ({"at": "2026-01-01T00:00:00+24:00"}, "spec.at '2026-01-01T00:00:00+24:00' ", AN_INSTANT),
    ({"at": "1969-12-31T23:59:59Z"}, "spec.at '1969-12-31T23:59:59Z' ", AN_INSTANT),
    ({"at": "3000-01-01T00:00:00Z"}, "spec.at '3000-01-01T00:00:00Z' ", AN_INSTANT),
    ({"at": "1970-01-01T00:00:00+10:00"}, "spec.at '1970-01-01T00:00:00+10:00' ", AN_INSTANT),
    ({"at": "1970-01-01T00:00:00+14:00"}, "spec.at '1970-01-01T00:00:00+14:00' ", AN_INSTANT),
    ({"at": ""}, "spec.at '' ", AN_INSTANT),
    ({"afterCreation": 90}, "spec.afterCreation 90 ", A_TEXT),
    ({"afterCreation": "1d"}, "spec.afterCreation '1d' is not a duration from 1s to 87600h: ", A_DURATION),
    ({"every": 90}, "spec.every 90 ", A_TEXT),
    ({"every": "fast"}, "spec.every 'fast' is not a duration from 1s to 87600h: ", A_DURATION),
    ({"every": ""}, "spec.every '' is not a duration from 1s to 87600h: ", A_DURATION),
    ({"schedules": "0 9 * * *"}, "spec.schedules '0 9 * * *' ", OBJECTS),
    ({"schedules": {"cron": "0 9 * * *"}}, "spec.schedules {'cron': '0 9 * * *'} ", OBJECTS),
    ({"schedules": ["0 9 * * *"]}, "spec.schedules ['0 9 * * *'] ", OBJECTS),
    ({"schedules": [None]}, "spec.schedules [None] ", OBJECTS),
    ({"schedules": []}, "spec.schedules ", 'for example [{cron: "0 9 * * 1-5", timeZone: Europe/Berlin}]'),
    ({"schedules": [{}]}, "spec.schedules[0] has no cron", 'for example [{cron: "0 9 * * 1-5"'),
    ({"schedules": [{"timeZone": "UTC"}]}, "spec.schedules[0] has no cron", 'for example [{cron: "0 9 * * 1-5"'),
    ({"schedules": [{"cron": 5}]}, "spec.schedules[0].cron 5 ", A_TEXT),
    ({"schedules": [{"cron": "@daily", "timeZone": 5}]}, "spec.schedules[0].timeZone 5 ", A_TEXT),
    (
        {"schedules": [{"cron": "@daily", "zone": "UTC"}]},
        "spec.schedules[0] has zone: ",
        "accepted are cron, timeZone, ",
    ),
    ({"schedules": [{"cron": "@daily", 5: 6}]}, "spec.schedules[0] has 5: ", "accepted are cron, timeZone, "),
    ({**CRON, "timeZone": 5}, "spec.timeZone 5 ", A_TEXT),
    ({**CRON, "timeZone": False}, "spec.timeZone False ", A_TEXT),
    ({**CRON, "timeZone": "Nowhere"}, "spec.timeZone 'Nowhere' is not a time zone", "like Europe/Berlin or Etc/UTC"),
    ({**CRON, "startTime": 5}, "spec.startTime 5 ", A_TEXT),
    ({**CRON, "startTime": "noon"}, "spec.startTime 'noon' ", AN_INSTANT),
    ({**CRON, "endTime": 5}, "spec.endTime 5 ", A_TEXT),
    ({"every": "1h", "endTime": "2026-13-01T00:00:00Z"}, "spec.endTime '2026-13-01T00:00:00Z' ", AN_INSTANT),
    ({**CRON, "jitter": 5}, "spec.jitter 5 ", A_TEXT),
    ({**CRON, "jitter": "0s"}, "spec.jitter '0s' is not a duration from 1s to 24h: ", A_DURATION),
    (
        {"at": "2026-01-01T00:00:00Z", "jitter": "24h1s"},
        "spec.jitter '24h1s' is not a duration from 1s to 24h",
        "1h30m",
    ),
    ({**CRON, "exclude": "x"}, "spec.exclude 'x' ", OBJECTS),
    ({**CRON, "exclude": {"date": "2026-12-25"}}, "spec.exclude {'date': '2026-12-25'} ", OBJECTS),
    ({**CRON, "exclude": ["2026-12-25"]}, "spec.exclude ['2026-12-25'] ", OBJECTS),
    ({**CRON, "exclude": [{}]}, "spec.exclude[0] has nothing: ", ONE_OF_THREE),
    ({**CRON, "exclude": [{"date": None}]}, "spec.exclude[0] has nothing: ", ONE_OF_THREE),
    ({**CRON, "exclude": [{"from": "2026-12-25"}]}, "spec.exclude[0] has from: ", ONE_OF_THREE),
    ({**CRON, "exclude": [{"to": "2026-12-25"}]}, "spec.exclude[0] has to: ", ONE_OF_THREE),
    (
        {**CRON, "exclude": [{"date": "2026-12-25"}, {"date": "2026-12-25", "cron": "0 9 * * *"}]},
        "spec.exclude[1] has date and cron: ",
        ONE_OF_THREE,
    ),
    (
        {**CRON, "exclude": [{"date": "2026-12-25", "from": "2026-12-25", "to": "2026-12-26"}]},
        "spec.exclude[0] has date and from and to: ",
        ONE_OF_THREE,
    ),
    (
        {**CRON, "exclude": [{"day": "2026-12-25"}]},
        "spec.exclude[0] has day: ",
        "accepted are date, from, to, cron, for",
    ),
    ({**CRON, "exclude": [{"date": 20261225}]}, "spec.exclude[0].date 20261225 ", A_TEXT),
    ({**CRON, "exclude": [{"date": "25.12.2026"}]}, "spec.exclude[0].date '25.12.2026' ", A_DATE),
    ({**CRON, "exclude": [{"date": "2026-02-29"}]}, "spec.exclude[0].date '2026-02-29' ", A_DATE),
    ({**CRON, "exclude": [{"date": "20261225"}]}, "spec.exclude[0].date '20261225' ", A_DATE),
    ({**CRON, "exclude": [{"date": "2026-W52-5"}]}, "spec.exclude[0].date '2026-W52-5' ", A_DATE),
    ({**CRON, "exclude": [{"date": "1969-12-31"}]}, "spec.exclude[0].date '1969-12-31' ", A_DATE),
    ({**CRON, "exclude": [{"date": "3000-01-01"}]}, "spec.exclude[0].date '3000-01-01' ", A_DATE),
    ({**CRON, "exclude": [{"date": ""}]}, "spec.exclude[0].date '' ", A_DATE),
    ({**CRON, "exclude": [{"from": "x", "to": "2026-12-25"}]}, "spec.exclude[0].from 'x' ", A_DATE),
    ({**CRON, "exclude": [{"from": "2026-12-25", "to": "x"}]}, "spec.exclude[0].to 'x' ", A_DATE),
    (
        {**CRON, "exclude": [{"from": "2026-12-26", "to": "2026-12-25"}]},
        "spec.exclude[0] ends before it begins, from 2026-12-26 to 2026-12-25",
        "exchange the two",
    ),
    ({**CRON, "exclude": [{"cron": 5}]}, "spec.exclude[0].cron 5 ", A_TEXT),
]


@pytest.mark.parametrize(("spec", "begins", "says"), REFUSED)
def test_a_field_that_cannot_be_used_is_named_with_what_was_found_and_what_is_accepted(
    spec: dict[str, Any], begins: str, says: str
) -> None:
    refused = refusal(**spec)
    assert refused.message.startswith(begins)
    assert says in refused.message
    assert refused.reason is (Reason.UNKNOWN_TIME_ZONE if "Nowhere" in begins else Reason.INVALID_SPEC)


@pytest.mark.parametrize("field", TIMING_FIELDS)
def test_every_timing_field_is_among_them(field: str) -> None:
    assert any(begins.startswith(f"spec.{field} ") for _, begins, _ in REFUSED)


@pytest.mark.parametrize("found", ["x" * 10_000, ["x"] * 10_000, {"x" * 10_000: 1}])
@pytest.mark.parametrize("field", TIMING_FIELDS)
def test_of_something_long_only_the_beginning_is_shown(field: str, found: object) -> None:
    spec = (
        {field: found} if field in ("schedule", "schedules", "at", "afterCreation", "every") else {**CRON, field: found}
    )
    message = refusal(**spec).message
    assert message.startswith(f"spec.{field} ")
    assert len(message) < 500


def test_an_unknown_field_with_a_long_name_is_shown_in_part() -> None:
    message = refusal(schedules=[{"cron": "@daily", "x" * 10_000: 1}]).message
    assert message.startswith("spec.schedules[0] has xxx")
    assert len(message) < 500


@pytest.mark.parametrize("field", TIMING_FIELDS)
def test_null_is_like_a_field_that_is_not_there(field: str) -> None:
    spec: dict[str, Any] = {"every": "1h"} if field in ("schedule", "schedules", "at", "afterCreation") else CRON
    expected = {"every": ["2026-03-01T11:00:00Z"], "schedule": ["2026-03-02T09:00:00Z"]}[next(iter(spec))]
    assert following(timing(**{**spec, field: None}).schedule, CREATED, 1) == expected


def test_a_timer_with_a_bad_spec_is_read_all_the_same_and_carries_its_problem() -> None:
    read = timer({"schedule": "hourly"})
    assert read.timing is None
    assert read.schedule is None
    assert read.problem is not None
    assert read.problem.reason is Reason.INVALID_SCHEDULE
    assert str(read.problem) == read.problem.message
