"""Which occurrences a span of time that has passed held: how many, and the latest of them."""

from typing import Any

import pytest

from controller.core.instants import rfc3339
from controller.core.schedule.compose import Union
from controller.core.schedule.occurrences import COUNTED_MS, Count, Missed, Schedule, missed
from tests.unit.core.objects import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, ms
from tests.unit.core.schedule.asking import cron, schedule

UNTIL = "2026-03-01T00:00:30Z"
UNTIL_MS = ms(UNTIL)
TEN_YEARS_MS = UNTIL_MS - ms("2016-03-01T00:00:30Z")
SECONDS_OF_TEN_YEARS = 315_532_800  # 3,652 days


class Patient:
    """A schedule that answers only so many questions."""

    def __init__(self, asked: Schedule, patience: int = 3_000) -> None:
        self._asked = asked
        self._patience = patience

    def next_after(self, after_ms: int) -> int | None:
        self._answer()
        return self._asked.next_after(after_ms)

    def last_until(self, until_ms: int) -> int | None:
        self._answer()
        return self._asked.last_until(until_ms)

    def count(self, after_ms: int, until_ms: int) -> Count:
        self._answer()
        return self._asked.count(after_ms, until_ms)

    def _answer(self) -> None:
        self._patience -= 1
        assert self._patience, "asked too often"


@pytest.mark.parametrize(
    ("since", "until", "count", "latest"),
    [
        ("10:00", "10:14", 0, ()),
        ("10:00", "10:15", 1, ("10:15",)),
        ("10:15", "10:29", 0, ()),
        ("10:14", "10:30", 2, ("10:15", "10:30")),
        ("10:00", "11:59", 7, ("11:30", "11:45")),
        ("10:00", "10:00", 0, ()),
        ("11:00", "10:00", 0, ()),
    ],
)
@pytest.mark.parametrize(
    "spec",
    [
        {"schedule": "*/15 * * * *"},
        {"every": "15m"},
        {"schedule": "@every 15m"},
        {"schedules": [{"cron": "*/15 * * * *"}, {"cron": "0,30 * * * *"}, {"cron": "0 0 31 2 *"}]},
    ],
)
def test_what_was_missed_every_quarter_of_an_hour(
    spec: dict[str, Any], since: str, until: str, count: int, latest: tuple[str, ...]
) -> None:
    found = missed(schedule(**spec), ms(f"2026-03-02T{since}:00Z"), ms(f"2026-03-02T{until}:00Z"), keep=2)
    assert found == Missed(count, True, tuple(ms(f"2026-03-02T{instant}:00Z") for instant in latest))


@pytest.mark.parametrize("keep", [0, 1, 2, 3, 11, 12, 13, 100])
def test_the_latest_are_kept_and_the_others_counted(keep: int) -> None:
    found = missed(cron("*/5 * * * *"), ms("2026-03-01T10:00:00Z"), ms("2026-03-01T11:04:59Z"), keep)
    minutes = [ms("2026-03-01T10:00:00Z") + 5 * number * MINUTE_MS for number in range(1, 13)]
    assert found == Missed(12, True, tuple(minutes[12 - min(keep, 12) :]))


@pytest.mark.parametrize(
    ("spec", "number", "step_ms"),
    [
        ({"schedule": "* * * * * *"}, SECONDS_OF_TEN_YEARS, SECOND_MS),
        ({"schedule": "* * * * *"}, SECONDS_OF_TEN_YEARS // 60, MINUTE_MS),
        ({"schedule": "* * * * * *", "timeZone": "Europe/Berlin"}, SECONDS_OF_TEN_YEARS, SECOND_MS),
        ({"schedule": "0 * * * *", "timeZone": "Antarctica/Troll"}, SECONDS_OF_TEN_YEARS // 3600, HOUR_MS),
    ],
)
def test_of_ten_years_the_count_is_an_estimate_and_the_latest_are_right(
    spec: dict[str, Any], number: int, step_ms: int
) -> None:
    found = missed(Patient(schedule(**spec), patience=9), UNTIL_MS - TEN_YEARS_MS, UNTIL_MS, keep=3)
    assert not found.exact
    assert found.count == pytest.approx(number, rel=0.01)
    last_ms = UNTIL_MS - UNTIL_MS % step_ms
    assert found.latest == (last_ms - 2 * step_ms, last_ms - step_ms, last_ms)


@pytest.mark.parametrize(
    ("expression", "number"),
    [
        ("0,1 0 * * *", 2 * 3_652),
        ("0 9-17 * * 1-5", 9 * 3_652 * 5 // 7),
        ("0 0 29 2 *", 2),  # of 2020 and 2024; the one of 2016 was the day before
        ("*/5 * 1 1 *", 10 * 288),
    ],
)
def test_of_ten_years_what_is_uneven_is_estimated_well(expression: str, number: int) -> None:
    found = missed(cron(expression), UNTIL_MS - TEN_YEARS_MS, UNTIL_MS)
    assert found.count == pytest.approx(number, rel=0.01, abs=1)


def test_of_ten_years_of_an_interval_the_count_is_exact() -> None:
    asked = schedule(every="1s", startTime="2000-01-01T00:00:00Z")
    assert missed(asked, UNTIL_MS - TEN_YEARS_MS, UNTIL_MS) == Missed(SECONDS_OF_TEN_YEARS, True, (UNTIL_MS,))


@pytest.mark.parametrize("span_ms", [DAY_MS, 365 * DAY_MS, COUNTED_MS])
def test_up_to_four_years_are_counted(span_ms: int) -> None:
    found = missed(cron("* * * * * *", "Europe/Berlin"), UNTIL_MS - span_ms, UNTIL_MS)
    assert found == Missed(span_ms // SECOND_MS, True, (UNTIL_MS,))


def test_four_years_are_counted_with_their_leap_day_and_their_changes_of_the_clocks() -> None:
    since_ms, until_ms = ms("2022-01-01T00:00:00+01:00"), ms("2026-01-01T00:00:00+01:00")
    assert until_ms - since_ms <= COUNTED_MS
    assert missed(cron("30 2 * * *", "Europe/Berlin"), since_ms, until_ms).count == 1461
    assert missed(cron("30 2 * * 0", "Europe/Berlin"), since_ms, until_ms).count == 209
    assert missed(cron("0 0 29 2 *", "Europe/Berlin"), since_ms, until_ms).count == 1
    assert missed(cron("0 * * * *", "Europe/Berlin"), since_ms, until_ms).count == 1461 * 24


@pytest.mark.parametrize("since_ms", [UNTIL_MS, UNTIL_MS - DAY_MS, 0, UNTIL_MS + DAY_MS])
@pytest.mark.parametrize(
    "spec",
    [
        {"schedule": "0 0 31 2 *"},
        {"schedule": ", * * * *"},
        {"schedules": [{"cron": "0 0 31 2 *"}, {"cron": "* , * * *"}]},
        {"schedule": "* * * * *", "exclude": [{"cron": "* * * * *"}]},
        {"every": "1h", "startTime": "2030-01-01T00:00:00Z"},
    ],
)
def test_of_what_never_fires_nothing_was_missed(spec: dict[str, Any], since_ms: int) -> None:
    assert missed(schedule(**spec), since_ms, UNTIL_MS) == Missed(0, True, ())


def test_what_a_window_leaves_out_was_not_missed() -> None:
    asked = cron("0 * * * *", startTime="2026-02-28T20:00:00Z", endTime="2026-02-28T22:00:00Z")
    assert missed(asked, 0, UNTIL_MS, keep=2) == Missed(
        3, True, (ms("2026-02-28T21:00:00Z"), ms("2026-02-28T22:00:00Z"))
    )


@pytest.mark.parametrize(
    "exclude",
    [
        [],
        [{"cron": "* 1-23 * * *"}],
        [{"from": "2010-01-01", "to": "2026-02-28"}],  # all that is counted for the estimate
        [{"from": "2010-01-01", "to": "2026-12-31"}],
    ],
)
def test_several_schedules_are_asked_a_bounded_number_of_questions(exclude: list[dict[str, str]]) -> None:
    members = [Patient(cron(text, "Europe/Berlin", exclude=exclude)) for text in ("* * * * *", "*/2 * * * *")]
    found = missed(Union(tuple(members)), ms("2000-01-01T00:00:00Z"), UNTIL_MS, keep=2)
    assert len(found.latest) == 2
    assert not found.exact


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        ("2026-10-25T02:10:00+01:00", ["2026-10-25T00:30:00Z"]),
        ("2026-10-25T02:29:00+02:00", []),
        ("2026-10-25T02:30:00+01:00", ["2026-10-25T00:30:00Z"]),
    ],
)
def test_a_time_that_exists_twice_was_missed_even_if_its_second_coming_lies_ahead(
    until: str, expected: list[str]
) -> None:
    found = missed(cron("30 2 * * *", "Europe/Berlin"), ms("2026-10-25T00:00:00+02:00"), ms(until))
    assert [rfc3339(occurrence_ms) for occurrence_ms in found.latest] == expected
    assert (found.count, found.exact) == (len(expected), True)


def test_a_time_that_does_not_exist_was_missed_right_after_the_gap() -> None:
    asked, change_ms = cron("30 2 * * *", "Europe/Berlin"), ms("2026-03-29T01:00:00Z")
    assert missed(asked, change_ms - 1000, change_ms) == Missed(1, True, (change_ms,))
    assert missed(asked, change_ms, change_ms + HOUR_MS) == Missed(0, True, ())
