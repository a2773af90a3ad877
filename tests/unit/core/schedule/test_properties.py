"""What holds for every schedule, also on the days on which clocks are set."""

from itertools import islice, pairwise, takewhile
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from controller.core.schedule.compose import Union
from controller.core.schedule.occurrences import Schedule, iterate, missed
from controller.core.schedule.reading import read_schedule
from tests.unit.core.objects import DAY_MS, MINUTE_MS
from tests.unit.core.schedule.asking import OWNER
from tests.unit.core.schedule.drawing import Place, around, timers

MANY = settings(deadline=None, max_examples=100)


def read(spec: dict[str, Any], place: Place) -> Schedule:
    return read_schedule(spec, place.change_ms - DAY_MS, OWNER)


def met(asked: Schedule, after_ms: int, until_ms: int) -> list[int]:
    """What one meets going from one occurrence to the next."""
    return list(takewhile(lambda occurrence_ms: occurrence_ms <= until_ms, iterate(asked, after_ms)))


def spans(place: Place) -> st.SearchStrategy[tuple[int, int]]:
    """An instant near the change, and an earlier one."""
    lengths = st.integers(0, 12) | st.integers(1, 26).map(lambda hours: hours * 60)
    return st.builds(
        lambda until_ms, minutes: (until_ms - minutes * MINUTE_MS, until_ms), around(place.change_ms, 1440), lengths
    )


@MANY
@given(timers(), st.data())
def test_the_next_occurrence_is_later_and_the_first_that_one_meets(
    timer: tuple[dict[str, Any], Place], data: st.DataObject
) -> None:
    asked, after_ms = read(*timer), data.draw(around(timer[1].change_ms, 600))
    found = list(islice(iterate(asked, after_ms), 5))
    assert asked.next_after(after_ms) == (found[0] if found else None)
    assert all(one < other for one, other in pairwise([after_ms, *found]))


@MANY
@given(timers(), st.data())
def test_the_next_occurrence_does_not_depend_on_when_one_asks(
    timer: tuple[dict[str, Any], Place], data: st.DataObject
) -> None:
    asked, after_ms = read(*timer), data.draw(around(timer[1].change_ms, 600))
    next_ms = asked.next_after(after_ms)
    later_ms = data.draw(st.integers(after_ms, after_ms + 10**8 if next_ms is None else next_ms - 1))
    assert asked.next_after(later_ms) == next_ms


@MANY
@given(timers(), st.data())
def test_the_last_occurrence_is_the_last_that_one_meets(
    timer: tuple[dict[str, Any], Place], data: st.DataObject
) -> None:
    asked, (after_ms, until_ms) = read(*timer), data.draw(spans(timer[1]))
    last_ms = asked.last_until(until_ms)
    found = met(asked, after_ms, until_ms)
    if found:
        assert last_ms == found[-1]
    else:
        assert last_ms is None or last_ms <= after_ms


@MANY
@given(timers(), st.data())
def test_going_backwards_one_meets_the_same_occurrences(
    timer: tuple[dict[str, Any], Place], data: st.DataObject
) -> None:
    asked, (after_ms, until_ms) = read(*timer), data.draw(spans(timer[1]))
    backwards: list[int] = []
    occurrence_ms = asked.last_until(until_ms)
    while occurrence_ms is not None and occurrence_ms > after_ms:
        backwards.append(occurrence_ms)
        occurrence_ms = asked.last_until(occurrence_ms - 1)
    assert backwards[::-1] == met(asked, after_ms, until_ms)


@MANY
@given(timers(), st.data())
def test_the_count_is_how_many_one_meets(timer: tuple[dict[str, Any], Place], data: st.DataObject) -> None:
    asked, (after_ms, until_ms) = read(*timer), data.draw(spans(timer[1]))
    number, exact = asked.count(after_ms, until_ms)
    found = len(met(asked, after_ms, until_ms))
    # Only several schedules with many occurrences are not compared one by one.
    assert exact or isinstance(asked, Union)
    assert number == found if exact else number >= found


@MANY
@given(timers(), st.data())
def test_a_span_that_ends_before_it_begins_holds_nothing(
    timer: tuple[dict[str, Any], Place], data: st.DataObject
) -> None:
    asked, (until_ms, after_ms) = read(*timer), data.draw(spans(timer[1]))
    assert asked.count(after_ms, until_ms) == (0, True)
    assert missed(asked, after_ms, until_ms).latest == ()


@MANY
@given(timers(), st.data())
def test_what_was_missed_and_what_is_next_are_everything_and_each_once(
    timer: tuple[dict[str, Any], Place], data: st.DataObject
) -> None:
    asked, (since_ms, end_ms) = read(*timer), data.draw(spans(timer[1]))
    now_ms = data.draw(st.integers(since_ms, end_ms))
    passed = missed(asked, since_ms, now_ms, keep=10_000)
    assert [*passed.latest, *met(asked, now_ms, end_ms)] == met(asked, since_ms, end_ms)
    assert passed.count == len(passed.latest)
    assert passed.exact


@MANY
@given(timers(), st.data(), st.integers(1, 3))
def test_the_latest_that_were_missed_are_the_last_that_one_meets(
    timer: tuple[dict[str, Any], Place], data: st.DataObject, keep: int
) -> None:
    asked, (since_ms, until_ms) = read(*timer), data.draw(spans(timer[1]))
    found = met(asked, since_ms, until_ms)
    passed = missed(asked, since_ms, until_ms, keep)
    assert list(passed.latest) == found[-keep:]
    assert passed.count == len(found) if passed.exact else passed.count >= len(found)
