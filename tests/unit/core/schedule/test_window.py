"""`startTime` and `endTime`: nothing occurs before the one or after the other."""

from typing import Any

import pytest

from tests.unit.core.objects import ms
from tests.unit.core.schedule.asking import backwards, cron, following, last, refusal, schedule

EARLY, LATE = "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"
START, END = "2026-05-01T09:00:00Z", "2026-05-01T12:00:00Z"

HOURLY: list[dict[str, Any]] = [
    {"schedule": "0 * * * *"},
    {"schedule": "0 0 * * * *"},
    {"schedule": "@hourly"},
    {"schedule": "@every 1h"},
    {"every": "1h"},
    {"schedules": [{"cron": "0 */2 * * *"}, {"cron": "0 1-23/2 * * *"}]},
    {"schedules": [{"cron": "0 * * * *"}, {"cron": "@every 2h"}]},
    {"every": "1h", "exclude": [{"date": "2026-05-02"}]},
    {"schedule": "0 * * * *", "exclude": [{"date": "2026-05-02"}]},
]


@pytest.mark.parametrize("spec", HOURLY)
def test_both_ends_belong_to_it(spec: dict[str, Any]) -> None:
    asked = schedule(**spec, startTime=START, endTime=END)
    every_hour = [START, "2026-05-01T10:00:00Z", "2026-05-01T11:00:00Z", END]
    assert following(asked, EARLY, 9) == every_hour
    assert backwards(asked, LATE, 9) == every_hour[::-1]
    assert asked.count(ms(EARLY), ms(LATE)) == (4, True)
    assert asked.count(ms(START), ms(END) - 1) == (2, True)


@pytest.mark.parametrize("spec", HOURLY)
def test_a_millisecond_inside_the_ends_leaves_them_out(spec: dict[str, Any]) -> None:
    asked = schedule(**spec, startTime=START, endTime="2026-05-01T11:59:59.999Z")
    assert following(asked, EARLY, 9) == [START, "2026-05-01T10:00:00Z", "2026-05-01T11:00:00Z"]


@pytest.mark.parametrize(
    ("start", "first"),
    [
        ("2026-05-01T09:00:00.001Z", "2026-05-01T10:00:00Z"),
        ("2026-05-01T10:59:00+02:00", "2026-05-01T09:00:00Z"),
        ("2026-05-01T11:00:00+02:00", "2026-05-01T09:00:00Z"),
    ],
)
def test_a_cron_expression_begins_with_its_first_time_not_before_the_start(start: str, first: str) -> None:
    assert following(cron("0 * * * *", startTime=start), EARLY, 1) == [first]


def test_only_a_start_or_only_an_end_bounds_one_side() -> None:
    started, ended = cron("0 9 * * *", startTime=START), cron("0 9 * * *", endTime=END)
    assert last(started, "2026-05-01T08:59:59Z") is None
    assert following(started, "2030-01-01T00:00:00Z", 1) == ["2030-01-01T09:00:00Z"]
    assert last(ended, LATE) == "2026-05-01T09:00:00Z"
    assert following(ended, "2020-01-01T00:00:00Z", 1) == ["2020-01-01T09:00:00Z"]


@pytest.mark.parametrize("spec", HOURLY)
def test_after_the_end_nothing_is_next_and_before_the_start_nothing_is_last(spec: dict[str, Any]) -> None:
    asked = schedule(**spec, startTime=START, endTime=END)
    assert asked.next_after(ms(END)) is None
    assert asked.last_until(ms(START) - 1) is None
    assert asked.count(ms(END), ms(LATE)) == (0, True)
    assert asked.count(ms(EARLY), ms(START) - 1) == (0, True)


def test_start_and_end_may_be_the_same_instant() -> None:
    assert following(cron("0 9 * * *", startTime=START, endTime=START), EARLY, 9) == [START]
    assert following(schedule(every="1h", startTime=START, endTime=START), EARLY, 9) == [START]


def test_a_window_can_be_too_narrow_for_anything() -> None:
    asked = cron("0 9 * * *", startTime="2026-05-01T09:00:01Z", endTime="2026-05-02T08:59:59Z")
    assert following(asked, EARLY, 1) == []
    assert last(asked, LATE) is None
    assert asked.count(ms(EARLY), ms(LATE)) == (0, True)


def test_an_interval_without_a_start_counts_from_creation_whatever_its_end() -> None:
    asked = schedule(every="1h", endTime="2026-03-01T12:00:00Z")  # created at 10:00
    assert following(asked, EARLY, 9) == ["2026-03-01T11:00:00Z", "2026-03-01T12:00:00Z"]


@pytest.mark.parametrize("spec", HOURLY)
@pytest.mark.parametrize("end", ["2026-05-01T08:59:59.999Z", "2026-05-01T10:59:00+02:00", "1970-01-01T00:00:00Z"])
def test_an_end_before_the_start_is_refused(spec: dict[str, Any], end: str) -> None:
    message = refusal(**spec, startTime=START, endTime=end).message
    assert message.startswith(f"spec.endTime {end!r} is before spec.startTime {START!r}")
