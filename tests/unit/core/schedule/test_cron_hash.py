"""`H`: a value that each timer keeps, and that spreads timers over the time."""

from collections import Counter

import pytest

from controller.core.schedule.expression import Expression, parse_expression
from controller.core.schedule.fields import Values
from tests.unit.core.schedule.spreading import chi_square

TIMERS = [f"team-{number % 7}/timer-{number}" for number in range(1_000)]


def read(expression: str, owner: str) -> Expression:
    found = parse_expression(expression, "spec.schedule", owner)
    assert isinstance(found, Expression)
    return found


def only(values: Values) -> int:
    (value,) = values.plain
    return value


@pytest.mark.parametrize(
    ("expression", "low", "high"),
    [
        ("H 9 * * *", 0, 59),
        ("h 9 * * *", 0, 59),
        ("H(0-29) 9 * * *", 0, 29),
        ("h(59-59) 9 * * *", 59, 59),
    ],
)
def test_h_is_one_value_of_its_range_and_each_is_some_timers(expression: str, low: int, high: int) -> None:
    found = {only(read(expression, owner).minute) for owner in TIMERS}
    assert found == set(range(low, high + 1))


def test_h_has_a_value_in_every_field() -> None:
    for owner in TIMERS:
        found = read("H H H H H H", owner)
        assert only(found.second) in range(60)
        assert only(found.minute) in range(60)
        assert only(found.hour) in range(24)
        assert only(found.day_of_month) in range(1, 29)  # a day that every month has
        assert only(found.month) in range(1, 13)
        assert only(found.day_of_week) in range(7)


def test_h_in_a_range_of_days_takes_the_range_at_its_word() -> None:
    assert {only(read("0 9 H(29-31) * *", owner).day_of_month) for owner in TIMERS} == {29, 30, 31}
    assert {only(read("0 9 * H(1-12) *", owner).month) for owner in TIMERS} == set(range(1, 13))


@pytest.mark.parametrize(("item", "low", "high", "step"), [("H/15", 0, 59, 15), ("H(10-29)/10", 10, 29, 10)])
def test_h_with_a_step_begins_anywhere_in_the_first_step(item: str, low: int, high: int, step: int) -> None:
    begins = set()
    for owner in TIMERS:
        minutes = sorted(read(f"{item} 9 * * *", owner).minute.plain)
        assert minutes == list(range(minutes[0], high + 1, step))
        begins.add(minutes[0])
    assert begins == set(range(low, low + step))


def test_h_with_a_step_beyond_its_range_is_one_value_of_the_range() -> None:
    assert {only(read("H(3-5)/40 9 * * *", owner).minute) for owner in TIMERS} == {3, 4, 5}


def test_h_is_one_item_among_others_and_no_star() -> None:
    found = read("H,0 9 H * 1", "default/nightly")
    assert 0 in found.minute.plain
    assert len(found.minute.plain) in (1, 2)
    assert not found.day_of_month.star


def test_h_is_the_same_for_the_same_timer_and_differs_from_field_to_field() -> None:
    assert read("H H H * *", TIMERS[0]) == read("H H H * *", TIMERS[0])
    together = {(only(found.second), only(found.minute)) for found in (read("H H * * * *", one) for one in TIMERS)}
    assert len(together) > 800


def test_h_stays_what_it_is_from_release_to_release() -> None:
    # printf 'default/nightly\0minute' | b2sum -l 64, modulo 60; and so on.
    found = read("H H H * *", "default/nightly")
    assert [only(found.minute), only(found.hour), only(found.day_of_month)] == [53, 23, 19]


def test_a_thousand_timers_at_h_h_are_spread_evenly_over_the_day() -> None:
    found = [read("H H * * *", owner) for owner in TIMERS]
    minutes, hours = [only(one.minute) for one in found], [only(one.hour) for one in found]
    # Of even spreads, fewer than one in a million are beyond these.
    assert chi_square(minutes, 60) < 127
    assert chi_square(hours, 24) < 72
    assert max(Counter(zip(hours, minutes, strict=True)).values()) <= 8


@pytest.mark.parametrize("item", ["H/0", "H(5-1)", "H(0-60)", "H()", "H(1-5", "H-5", "HH", "H(1)", "H/", "H/x", "H#1"])
def test_an_h_of_another_form_is_refused(item: str) -> None:
    with pytest.raises(ValueError, match=r"^spec\.schedule .* is not a cron expression: minute '.*' "):
        read(f"{item} 9 * * *", "default/nightly")
