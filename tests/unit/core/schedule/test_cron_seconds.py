"""Six fields: the first one is the second."""

import pytest

from tests.unit.core.objects import ms
from tests.unit.core.schedule.asking import cron, following, last, within


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("* * * * * *", ["2026-03-01T10:00:01Z", "2026-03-01T10:00:02Z", "2026-03-01T10:00:03Z"]),
        ("*/25 * * * * *", ["2026-03-01T10:00:25Z", "2026-03-01T10:00:50Z", "2026-03-01T10:01:00Z"]),
        ("15,45 30 6 * * *", ["2026-03-02T06:30:15Z", "2026-03-02T06:30:45Z", "2026-03-03T06:30:15Z"]),
        ("59 59 23 31 12 ?", ["2026-12-31T23:59:59Z", "2027-12-31T23:59:59Z", "2028-12-31T23:59:59Z"]),
        ("58-59 0 * * * *", ["2026-03-01T10:00:58Z", "2026-03-01T10:00:59Z", "2026-03-01T11:00:58Z"]),
    ],
)
def test_six_fields_are_due_at_the_seconds_they_name(expression: str, expected: list[str]) -> None:
    assert following(cron(expression), "2026-03-01T10:00:00Z", 3) == expected


def test_five_fields_are_due_at_second_0() -> None:
    five, six = cron("*/7 9-17 * * 1-5"), cron("0 */7 9-17 * * 1-5")
    assert following(five, "2026-03-01T10:00:00Z", 200) == following(six, "2026-03-01T10:00:00Z", 200)


def test_a_lone_comma_names_no_second() -> None:
    assert following(cron(", * * * * *"), "2026-03-01T10:00:00Z", 1) == []


@pytest.mark.parametrize("expression", ["* * * * *", "0 * * * * *"])
@pytest.mark.parametrize(("offset_ms", "expected"), [(-1, "10:00:00Z"), (0, "10:01:00Z"), (1, "10:01:00Z")])
def test_the_next_occurrence_is_strictly_later_to_the_millisecond(
    expression: str, offset_ms: int, expected: str
) -> None:
    found_ms = cron(expression).next_after(ms("2026-03-01T10:00:00Z") + offset_ms)
    assert found_ms == ms(f"2026-03-01T{expected}")


@pytest.mark.parametrize(("offset_ms", "expected"), [(-1, "09:59:00Z"), (0, "10:00:00Z"), (59_999, "10:00:00Z")])
def test_the_last_occurrence_may_be_the_very_instant_that_is_asked_for(offset_ms: int, expected: str) -> None:
    found_ms = cron("* * * * *").last_until(ms("2026-03-01T10:00:00Z") + offset_ms)
    assert found_ms == ms(f"2026-03-01T{expected}")


def test_seconds_are_found_backwards_over_the_ends_of_minutes_hours_and_days() -> None:
    asked = cron("10,50 0,59 0,23 * * *")
    assert last(asked, "2026-03-02T00:00:09Z") == "2026-03-01T23:59:50Z"
    assert last(asked, "2026-03-01T23:59:49Z") == "2026-03-01T23:59:10Z"
    assert last(asked, "2026-03-01T23:00:09Z") == "2026-03-01T00:59:50Z"


@pytest.mark.parametrize(
    ("after", "until", "number"),
    [
        ("2026-03-01T10:00:00Z", "2026-03-01T10:00:59.999Z", 3),
        ("2026-03-01T10:00:10Z", "2026-03-01T10:00:10Z", 0),
        ("2026-03-01T10:00:09.999Z", "2026-03-01T10:00:10Z", 1),
        ("2026-03-01T10:00:10Z", "2026-03-01T10:00:50Z", 2),
        ("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z", 4320),
    ],
)
def test_seconds_are_counted_after_an_instant_and_until_another(after: str, until: str, number: int) -> None:
    asked = cron("10,30,50 * * * * *")
    assert asked.count(ms(after), ms(until)) == (number, True)
    assert len(within(asked, after, until)) == number
