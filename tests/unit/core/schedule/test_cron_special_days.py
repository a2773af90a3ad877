"""Days that depend on the month: `L`, `LW`, `n#k` and `nL`."""

import pytest

from tests.unit.core.schedule.asking import cron, following, last


def days(expression: str, number: int, after: str = "2026-01-01T00:00:00Z") -> list[str]:
    return [instant[:10] for instant in following(cron(expression), after, number)]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 9 L * *", ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]),
        ("0 9 l 2 *", ["2026-02-28", "2027-02-28", "2028-02-29", "2029-02-28"]),
        ("0 9 L,15 1,2 *", ["2026-01-15", "2026-01-31", "2026-02-15", "2026-02-28"]),
        # The last of January 2026 is a Saturday, of February too, of May a Sunday.
        ("0 9 LW * *", ["2026-01-30", "2026-02-27", "2026-03-31", "2026-04-30"]),
        ("0 9 lw 5 *", ["2026-05-29", "2027-05-31", "2028-05-31", "2029-05-31"]),
        ("0 9 1,LW 1 *", ["2026-01-01", "2026-01-30", "2027-01-01", "2027-01-29"]),
    ],
)
def test_l_is_the_last_day_of_the_month_and_lw_the_last_from_monday_to_friday(
    expression: str, expected: list[str]
) -> None:
    assert days(expression, 4) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 9 * * 5#3", ["2026-01-16", "2026-02-20", "2026-03-20"]),
        ("0 9 * * FRI#1", ["2026-01-02", "2026-02-06", "2026-03-06"]),
        ("0 9 * * fri#5", ["2026-01-30", "2026-05-29", "2026-07-31"]),
        ("0 9 * * 0#1", ["2026-01-04", "2026-02-01", "2026-03-01"]),
        ("0 9 * * MON#1,3#2", ["2026-01-05", "2026-01-14", "2026-02-02"]),
        ("0 9 * * SAT#4,SUN", ["2026-01-04", "2026-01-11", "2026-01-18", "2026-01-24"]),
    ],
)
def test_a_weekday_with_a_number_is_that_one_of_the_month(expression: str, expected: list[str]) -> None:
    assert days(expression, len(expected)) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 9 * * 5L", ["2026-01-30", "2026-02-27", "2026-03-27"]),
        ("0 9 * * FRIL", ["2026-01-30", "2026-02-27", "2026-03-27"]),
        ("0 9 * * sunl", ["2026-01-25", "2026-02-22", "2026-03-29"]),
        ("0 9 * 2 0L,6L", ["2026-02-22", "2026-02-28", "2027-02-27", "2027-02-28"]),
    ],
)
def test_a_weekday_with_l_is_the_last_one_of_the_month(expression: str, expected: list[str]) -> None:
    assert days(expression, len(expected)) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 9 L 6 5#1", ["2026-06-05", "2026-06-30", "2027-06-04", "2027-06-30"]),
        ("0 9 L 6 *", ["2026-06-30", "2027-06-30"]),
        ("0 9 * 6 5#1", ["2026-06-05", "2027-06-04"]),
        ("0 9 L,* 6 5#1", ["2026-06-05", "2027-06-04"]),
        ("0 9 , 6 5#1", ["2026-06-05", "2027-06-04"]),
        ("0 9 L 6 ,", ["2026-06-30", "2027-06-30"]),
    ],
)
def test_special_days_are_restrictions_like_others_where_there_are_two_day_fields(
    expression: str, expected: list[str]
) -> None:
    assert days(expression, len(expected)) == expected


def test_a_fifth_sunday_of_february_can_be_forty_years_away() -> None:
    # 29 February is a Sunday in 2032, 2060 and 2088; 2100 has none, so then not before 2128.
    assert days("0 9 * 2 0#5", 4) == ["2032-02-29", "2060-02-29", "2088-02-29", "2128-02-29"]
    assert last(cron("0 9 * 2 0#5"), "2128-02-29T08:59:59Z") == "2088-02-29T09:00:00Z"


@pytest.mark.parametrize(
    "expression",
    [
        "L 9 * * *",
        "0 L * * *",
        "0 9 * L *",
        "0 9 * * L",
        "0 9 * * LW",
        "0 9 L-3 * *",
        "0 9 15W * *",
        "0 9 L/2 * *",
        "0 9 5#3 * *",
        "0 9 * * 7L",
        "0 9 * * 1-5L",
        "0 9 * * *L",
        "0 9 * * LL",
        "0 9 * * 1#0",
        "0 9 * * 1#6",
        "0 9 * * 1#",
        "0 9 * * #1",
        "0 9 * * 7#1",
        "0 9 * * 1#-1",
        "0 9 * * 1#1/2",
        "0 9 * * 1#1#1",
        "0 9 * * *#1",
        "0 9 * * 1-5#1",
        "0 9 * * 1#0010",
        "0 9 * * 1#٣",
    ],
)
def test_special_days_elsewhere_or_of_another_form_are_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"^spec\.schedule '.*' is not a cron expression: "):
        cron(expression)
