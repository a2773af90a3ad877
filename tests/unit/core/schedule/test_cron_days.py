"""Day of month and day of week: when both have to match, and when either of them suffices."""

import pytest

from tests.unit.core.schedule.asking import cron, following

# In June 2026 the 1st is a Monday, the 13th a Saturday; Fridays are the 5th, 12th, 19th and 26th.
FRIDAYS = [5, 12, 19, 26]


def days_of_june(day_of_month: str, day_of_week: str) -> list[int]:
    asked = cron(f"0 12 {day_of_month} 6 {day_of_week}")
    found = [instant for instant in following(asked, "2026-05-31T12:00:00Z", 31) if instant.startswith("2026-06")]
    return [int(instant[8:10]) for instant in found]


@pytest.mark.parametrize(
    ("day_of_month", "day_of_week", "days"),
    [
        ("*", "*", list(range(1, 31))),
        ("?", "?", list(range(1, 31))),
        ("13", "*", [13]),
        ("*", "5", FRIDAYS),
        ("?", "FRI", FRIDAYS),
        ("13", "?", [13]),
    ],
)
def test_a_star_in_one_day_field_leaves_the_decision_to_the_other(
    day_of_month: str, day_of_week: str, days: list[int]
) -> None:
    assert days_of_june(day_of_month, day_of_week) == days


@pytest.mark.parametrize(
    ("day_of_month", "day_of_week", "days"),
    [
        ("13", "5", [5, 12, 13, 19, 26]),
        ("1,13", "FRI", [1, 5, 12, 13, 19, 26]),
        ("1-31", "5", list(range(1, 31))),  # all days, but no star
        ("13", "0-6", list(range(1, 31))),
        ("*/15", "5", [1, 5, 12, 16, 19, 26]),  # a star with a step is a restriction
        ("13", "*/5", [5, 7, 12, 13, 14, 19, 21, 26, 28]),
        ("?/15", "5", [1, 5, 12, 16, 19, 26]),
    ],
)
def test_of_two_restricted_day_fields_either_suffices(day_of_month: str, day_of_week: str, days: list[int]) -> None:
    assert days_of_june(day_of_month, day_of_week) == days


@pytest.mark.parametrize(
    ("day_of_month", "day_of_week", "days"),
    [
        ("*/1", "5", FRIDAYS),
        ("13", "*/1", [13]),
        ("13", "?/1", [13]),
        ("1,*", "5", FRIDAYS),
        ("13", "5,*", [13]),
        ("13,?", "5", FRIDAYS),
        ("*-5", "5", FRIDAYS),
    ],
)
def test_a_star_with_step_1_or_in_a_list_is_a_star(day_of_month: str, day_of_week: str, days: list[int]) -> None:
    assert days_of_june(day_of_month, day_of_week) == days


@pytest.mark.parametrize(
    ("day_of_month", "day_of_week", "days"),
    [(",", "5", FRIDAYS), ("13", ",", [13]), (",", "*", []), ("*", ",", []), (",", ",", []), (",,", "*/1", [])],
)
def test_a_day_field_that_names_nothing_never_matches(day_of_month: str, day_of_week: str, days: list[int]) -> None:
    assert days_of_june(day_of_month, day_of_week) == days


def test_a_month_without_the_day_is_passed_over() -> None:
    assert following(cron("0 12 31 * *"), "2026-03-31T12:00:00Z", 3) == [
        "2026-05-31T12:00:00Z",
        "2026-07-31T12:00:00Z",
        "2026-08-31T12:00:00Z",
    ]


def test_of_a_day_that_never_comes_and_a_weekday_the_weekday_remains() -> None:
    assert following(cron("0 12 31 2 5"), "2026-03-01T00:00:00Z", 2) == ["2027-02-05T12:00:00Z", "2027-02-12T12:00:00Z"]
