"""The judge of the soak finds what grows and what is left, and lets pass what only wavers."""

import pytest

from tests.soak.judge import Line, judge
from tests.soak.samples import Sample

NAME = "worker-1: {}"


def line(what: str, values: list[float], before: float, after: float) -> Line:
    """The judgement over one figure."""
    name = NAME.format(what)
    samples = [Sample(at_s=10.0 * number, figures={name: value}) for number, value in enumerate(values)]
    (found,) = judge(Sample(0, {name: before}), samples, Sample(0, {name: after}))
    return found


def test_memory_that_only_wavers_after_its_warm_up_does_not_grow() -> None:
    values = [50.0 + number * 2 for number in range(20)] + [90.0 + number % 3 for number in range(30)]
    found = line("resident MiB", values, 50, 70)
    assert not found.grows
    assert not found.leaks


def test_memory_that_rises_to_the_end_grows() -> None:
    assert line("resident MiB", [50.0 + number for number in range(50)], 50, 80).grows


def test_a_queue_that_drops_what_is_too_much_may_fill_up_and_not_more() -> None:
    filling = [40.0 * number for number in range(50)]
    assert not line("events in mind", filling, 0, 0).grows
    assert line("events in mind", [*filling, 4001.0], 0, 0).grows
    assert line("events in mind", filling, 0, 1).leaks


@pytest.mark.parametrize(
    ("what", "left", "leaks"), [("timers in mind", 1, True), ("tasks", 2, False), ("tasks", 4, True)]
)
def test_of_what_is_counted_nothing_is_left(what: str, left: int, leaks: bool) -> None:
    assert line(what, [5.0] * 20, 10, 10 + left).leaks == leaks


def test_a_figure_that_was_not_there_before_counts_as_none() -> None:
    name = "redis: other keys"
    (found,) = judge(Sample(0, {}), [], Sample(0, {name: 1.0}))
    assert found.leaks
