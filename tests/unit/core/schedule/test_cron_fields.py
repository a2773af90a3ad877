"""What the fields of an expression mean: what they mean to a CronJob."""

import pytest

from controller.core.schedule.expression import Expression, parse_expression
from tests.unit.core.schedule.asking import OWNER, cron, following


def read(text: str) -> Expression:
    found = parse_expression(text, "spec.schedule", OWNER)
    assert isinstance(found, Expression)
    return found


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("*/20 * * * *", ["2026-03-01T10:20:00Z", "2026-03-01T10:40:00Z", "2026-03-01T11:00:00Z"]),
        ("30 6 * * MON-FRI", ["2026-03-02T06:30:00Z", "2026-03-03T06:30:00Z", "2026-03-04T06:30:00Z"]),
        ("0 0 1,15 * *", ["2026-03-15T00:00:00Z", "2026-04-01T00:00:00Z", "2026-04-15T00:00:00Z"]),
        ("0 12 13 * 5", ["2026-03-06T12:00:00Z", "2026-03-13T12:00:00Z", "2026-03-20T12:00:00Z"]),
        ("5 4 29 2 *", ["2028-02-29T04:05:00Z", "2032-02-29T04:05:00Z", "2036-02-29T04:05:00Z"]),
        ("0 9 * JAN,jul 0", ["2026-07-05T09:00:00Z", "2026-07-12T09:00:00Z", "2026-07-19T09:00:00Z"]),
    ],
)
def test_an_expression_is_due_at_the_times_it_names(expression: str, expected: list[str]) -> None:
    assert following(cron(expression), "2026-03-01T10:00:00Z", 3) == expected


@pytest.mark.parametrize(
    ("field", "minutes"),
    [
        ("*", range(60)),
        ("?", range(60)),
        ("*/1", range(60)),
        ("7", [7]),
        ("+5", [5]),
        ("007", [7]),
        ("+0", [0]),
        ("10-13", [10, 11, 12, 13]),
        ("59", [59]),
        ("*/20", [0, 20, 40]),
        ("?/20", [0, 20, 40]),
        ("*/+20", [0, 20, 40]),
        ("*/61", [0]),
        ("50/4", [50, 54, 58]),  # from 50 to the end
        ("0/30", [0, 30]),
        ("5-5/4", [5]),  # a range that ends where it begins
        ("10-20/4", [10, 14, 18]),
        ("10-20/100", [10]),
        ("*-5", range(60)),  # what follows the hyphen does not count
        ("*-5/30", [0, 30]),
        ("?-x", range(60)),
        ("*-5-7", range(60)),
        ("5,7,7,9-10", [5, 7, 9, 10]),
        (",5,,7,", [5, 7]),  # empty items are passed over
        (",", []),
        (",,,", []),
    ],
)
def test_a_field_names_these_values(field: str, minutes: list[int]) -> None:
    assert sorted(read(f"{field} 9 * * *").minute.plain) == list(minutes)


@pytest.mark.parametrize(
    ("field", "months"),
    [
        ("jan", [1]),
        ("DeC", [12]),
        ("JAN-MAR", [1, 2, 3]),
        ("jan-3", [1, 2, 3]),
        ("1-mar", [1, 2, 3]),
        ("NOV/1", [11, 12]),
        ("feb-aug/3", [2, 5, 8]),
        ("JUN,7,*/12", [1, 6, 7]),
    ],
)
def test_months_have_names_in_any_case_that_mix_with_numbers(field: str, months: list[int]) -> None:
    assert sorted(read(f"0 9 1 {field} *").month.plain) == months


@pytest.mark.parametrize(
    ("field", "weekdays"),
    [
        ("SUN", [0]),
        ("sat", [6]),
        ("Mon-Fri", [1, 2, 3, 4, 5]),
        ("sun-2", [0, 1, 2]),
        ("1-wed", [1, 2, 3]),
        ("TUE/2", [2, 4, 6]),
        ("0,SAT", [0, 6]),
    ],
)
def test_weekdays_have_names_in_any_case_and_sunday_is_0(field: str, weekdays: list[int]) -> None:
    assert sorted(read(f"0 9 * * {field}").day_of_week.plain) == weekdays


@pytest.mark.parametrize("expression", ["0 9 * *  1", " 0 9 * * 1 ", "0\t9\n*\r\n*\v1", "0\u00a09\u2003*\u3000*\x851"])
def test_fields_are_separated_by_what_is_white_space_in_go(expression: str) -> None:
    assert following(cron(expression), "2026-03-01T10:00:00Z", 1) == ["2026-03-02T09:00:00Z"]


@pytest.mark.parametrize(
    "expression", ["0 0 31 2 *", "0 0 30,31 feb ?", "0 0 31 4,6,9,11 *", ", * * * *", "* , * * *", "* * * , *"]
)
def test_an_expression_that_names_no_moment_is_accepted_and_never_fires(expression: str) -> None:
    asked = cron(expression, "Europe/Berlin")
    assert following(asked, "2026-03-01T10:00:00Z", 1) == []
    assert asked.last_until(0) is None


@pytest.mark.parametrize(
    "expression",
    [
        "0x5 9 * * *",
        "1_0 9 * * *",
        "٣ 9 * * *",
        "5. 9 * * *",
        "0 9 * * Monday",
        "0 9 * mon *",
        "0 9 jan * *",
        "0 9 * * ſun",
        "0\u200b9 * * *",
        "0 9 * *\x1c*",
        f"*/{2**63} 9 * * *",
        f"{2**64} 9 * * *",
    ],
)
def test_what_only_looks_like_a_number_a_name_or_a_space_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"spec\.schedule"):
        cron(expression)
