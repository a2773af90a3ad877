"""When a timer fires: its schedule, jitter, summary and remarks together."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.core.schedule.occurrences import between
from controller.core.timing import read_timing
from tests.unit.core.objects import CREATED_MS, DAY_MS, HOUR_MS, MINUTE_MS, ms
from tests.unit.core.schedule.asking import timing

RECURRING: list[dict[str, Any]] = [
    {"schedule": "*/5 * * * *"},
    {"schedule": "0,1 * * * *"},
    {"schedule": "*/7 * * * * *"},
    {"schedule": "30 2 * * *", "timeZone": "Europe/Berlin"},
    {"schedule": "@every 90s"},
    {"every": "10m", "exclude": [{"cron": "30-59 * * * *"}]},
    {"schedules": [{"cron": "0 * * * *"}, {"cron": "*/11 * * * *"}, {"cron": "@every 13m"}]},
]


@pytest.mark.parametrize("spec", [*RECURRING, {"at": "2026-05-01T00:00:00Z"}, {"afterCreation": "1h"}])
def test_without_jitter_an_occurrence_is_due_at_its_nominal_time(spec: dict[str, Any]) -> None:
    asked = timing(**spec)
    next_ms = asked.schedule.next_after(CREATED_MS)
    assert next_ms is not None
    assert asked.due_ms(next_ms) == next_ms
    assert asked.due_after_ms(CREATED_MS) == next_ms


@pytest.mark.parametrize("spec", RECURRING)
@pytest.mark.parametrize("jitter", ["1s", "3m", "24h"])
def test_with_jitter_occurrences_are_due_in_their_order_and_before_the_next_one(
    spec: dict[str, Any], jitter: str
) -> None:
    asked = timing(**spec, jitter=jitter)
    occurrences = list(between(asked.schedule, CREATED_MS, CREATED_MS + 3 * HOUR_MS))[:100]
    for one, following in pairwise(occurrences):
        assert one <= asked.due_ms(one) < following
        assert asked.due_ms(one) <= one + asked.jitter_ms


@settings(deadline=None, max_examples=50)
@given(st.sampled_from(RECURRING), st.integers(0, 60 * DAY_MS), st.sampled_from(["1s", "10m", "24h"]))
def test_the_next_due_time_is_that_of_the_next_occurrence(spec: dict[str, Any], later_ms: int, jitter: str) -> None:
    asked, after_ms = timing(**spec, jitter=jitter), CREATED_MS + later_ms
    next_ms = asked.schedule.next_after(after_ms)
    assert next_ms is not None
    assert asked.due_after_ms(after_ms) == asked.due_ms(next_ms)
    assert asked.due_after_ms(after_ms) == asked.due_after_ms(next_ms - 1)


def test_of_one_instant_all_the_jitter_is_used() -> None:
    due = [
        timing(owner=f"a/{number}", at="2026-05-01T00:00:00Z", jitter="24h").due_after_ms(0) for number in range(200)
    ]
    delays_ms = [0 if due_ms is None else due_ms - ms("2026-05-01T00:00:00Z") for due_ms in due]
    assert min(delays_ms) < 2 * HOUR_MS
    assert 22 * HOUR_MS < max(delays_ms) <= DAY_MS


def test_where_nothing_is_left_nothing_is_due() -> None:
    assert timing(schedule="0 0 31 2 *", jitter="5m").due_after_ms(CREATED_MS) is None
    assert timing(at="2026-05-01T00:00:00Z", jitter="5m").due_after_ms(ms("2026-05-01T00:00:00Z")) is None


def test_the_last_occurrence_before_the_end_is_due_within_its_jitter_though_that_may_be_after_the_end() -> None:
    asked = timing(schedule="0 9 * * *", endTime="2026-05-01T09:00:00Z", jitter="10m")
    last_ms = ms("2026-05-01T09:00:00Z")
    assert asked.schedule.next_after(last_ms) is None
    assert last_ms <= asked.due_ms(last_ms) < last_ms + 10 * MINUTE_MS


def test_a_timer_that_is_deleted_and_applied_again_keeps_its_delays() -> None:
    first = read_timing({"schedule": "0 9 * * *", "jitter": "1h"}, CREATED_MS, "default/nightly")
    again = read_timing({"schedule": "0 9 * * *", "jitter": "1h"}, CREATED_MS + DAY_MS, "default/nightly")
    other = read_timing({"schedule": "0 9 * * *", "jitter": "1h"}, CREATED_MS, "other/nightly")
    after_ms = CREATED_MS + 30 * DAY_MS
    assert first.due_after_ms(after_ms) == again.due_after_ms(after_ms) != other.due_after_ms(after_ms)


@pytest.mark.parametrize(
    ("jitter", "milliseconds"), [(None, 0), ("1s", 1_000), ("90s", 90_000), ("1h30m", 5_400_000), ("24h", DAY_MS)]
)
def test_jitter_is_a_duration_of_at_most_a_day(jitter: str | None, milliseconds: int) -> None:
    assert timing(schedule="0 9 * * *", jitter=jitter).jitter_ms == milliseconds


@pytest.mark.parametrize(
    ("spec", "summary"),
    [
        ({"at": "2026-03-01T12:00:00Z"}, "at 2026-03-01T12:00:00Z"),
        ({"at": "2026-03-01T12:00:00+01:00"}, "at 2026-03-01T11:00:00Z"),
        ({"afterCreation": "1h30m"}, "once, 1h30m after creation"),
        ({"every": "45s"}, "every 45s"),
        ({"schedule": "30 6 * * MON-FRI", "timeZone": "Europe/Berlin"}, "30 6 * * MON-FRI"),
        ({"schedule": "@every 1h"}, "@every 1h"),
        ({"schedules": [{"cron": "0 9 * * *"}]}, "0 9 * * *"),
        (
            {"schedules": [{"cron": "0 9 * * *", "timeZone": "Asia/Tokyo"}, {"cron": "@daily"}], "timeZone": "UTC"},
            "0 9 * * * (Asia/Tokyo), @daily",
        ),
        (
            {"schedules": [{"cron": f"{minute} 9 * * *"} for minute in range(5)]},
            "0 9 * * *, 1 9 * * *, 2 9 * * *, and 2 more",
        ),
    ],
)
def test_a_timer_has_a_summary_in_the_words_of_its_author(spec: dict[str, Any], summary: str) -> None:
    assert timing(**spec).summary == summary


@pytest.mark.parametrize(
    "spec", [{"schedule": "0\n9 * *\r\n*\n"}, {"schedules": [{"cron": "0\n9 * * *"}, {"cron": "@daily"}]}]
)
def test_a_summary_is_one_line(spec: dict[str, Any]) -> None:
    assert len(timing(**spec).summary.splitlines()) == 1


@pytest.mark.parametrize("field", ["schedule", "schedules"])
def test_a_summary_fits_into_status(field: str) -> None:
    long = f"{','.join(['59'] * 168)} * * * *"
    spec = (
        {"schedule": long}
        if field == "schedule"
        else {"schedules": [{"cron": long, "timeZone": "America/Argentina/ComodRivadavia"}] * 16}
    )
    assert len(timing(**spec).summary) <= 1024


@pytest.mark.parametrize(
    ("spec", "fields"),
    [
        ({"schedule": "*/61 * * * *"}, ["minute"]),
        (
            {"schedules": [{"cron": "*/61 *-5 * * *"}, {"cron": "0 9 * * *"}, {"cron": "0 , * * *"}]},
            ["minute", "hour", "hour"],
        ),
        ({"schedule": "0 9 * * *"}, []),
        ({"every": "1h"}, []),
        ({"at": "2026-05-01T00:00:00Z"}, []),
        ({"afterCreation": "1h"}, []),
        ({"schedule": "@every 1ms"}, ["1ms"]),
    ],
)
def test_a_timer_has_the_remarks_of_all_its_expressions(spec: dict[str, Any], fields: list[str]) -> None:
    assert [remark.split(" ", 1)[0] for remark in timing(**spec).remarks] == fields


def test_a_timer_has_the_remarks_of_what_it_excludes_with_their_places() -> None:
    remarks = timing(every="1h", exclude=[{"date": "2026-12-25"}, {"cron": "*/61 9 * * *"}]).remarks
    assert remarks == ("in spec.exclude[1] minute '*/61' is the same as '0': the step leads past 59",)
