"""What a timer says of runs by hand, and of whether it fires at all."""

from typing import Any

import pytest

from controller.core.timer import FENCED_FIELDS, SPEC_FIELDS, TRIGGER_LIMIT, Recorded, Timer
from tests.unit.core.objects import handled, ms, timer

EVERY = {"every": "1h"}
DELETED = {"deletionTimestamp": "2026-03-01T12:00:00Z"}


def asked(request: str, handled_request: str = "", **changes: Any) -> Timer:
    status = {"lastHandledTrigger": handled_request} if handled_request else {}
    return timer(EVERY, annotations={"redistimer.dev/trigger": request}, status=status, **changes)


@pytest.mark.parametrize(
    ("one", "open_request", "handled_request"),
    [
        (timer(EVERY), "", ""),
        (timer(EVERY, annotations=None), "", ""),
        (timer(EVERY, annotations={"note": "x"}), "", ""),
        (asked(""), "", ""),
        (asked("x"), "x", ""),
        (asked("x", "x"), "", "x"),
        (asked("y", "x"), "y", ""),
        (asked("", "x"), "", ""),
        (asked("x", **DELETED), "", ""),
        (asked("x", "x", **DELETED), "", "x"),
    ],
)
def test_a_request_is_open_until_status_says_that_it_was_handled(
    one: Timer, open_request: str, handled_request: str
) -> None:
    assert (one.open_request, one.handled_request) == (open_request, handled_request)


@pytest.mark.parametrize("spec", [EVERY | {"suspend": True}, {"every": "fast"}, {"at": "2026-03-01T09:00:00Z"}])
def test_a_timer_that_fires_nothing_can_be_asked_for_a_run(spec: dict[str, Any]) -> None:
    assert timer(spec, annotations={"redistimer.dev/trigger": "x"}).open_request == "x"


def test_of_a_request_so_much_counts_as_can_be_written_down() -> None:
    long = "x" * TRIGGER_LIMIT
    assert asked(long + "y").open_request == long
    assert asked(long + "y", long).handled_request == long


def test_what_status_remembers_is_read() -> None:
    status = {
        "observedGeneration": 4,
        "timingHash": "abc",
        "handledThrough": "2026-03-01T11:00:00Z",
        "consecutiveFailures": 3,
        "lastHandledTrigger": "x",
    }
    expected = Recorded(4, "abc", ms("2026-03-01T11:00:00Z"), 3, "x")
    assert timer(EVERY, status=status).recorded == expected


@pytest.mark.parametrize("change", [{"maxConsecutiveFailures": 3}, {"suspend": True}])
def test_what_starts_or_stops_a_timer_is_part_of_its_timing(change: dict[str, Any]) -> None:
    assert timer(EVERY | change).timing_hash != timer(EVERY).timing_hash


@pytest.mark.parametrize(
    "change",
    [
        {"concurrencyPolicy": "Forbid"},
        {"missedRunPolicy": "All", "missedRunLimit": 5},
        {"ttlSecondsAfterComplete": 5},
        {"successfulJobsHistoryLimit": 5},
        {"maxConsecutiveFailures": None},
    ],
)
def test_no_other_policy_is(change: dict[str, Any]) -> None:
    assert timer(EVERY | change).timing_hash == timer(EVERY).timing_hash


def test_all_fields_that_are_fenced_are_fields_of_a_spec_and_none_is_there_twice() -> None:
    assert set(FENCED_FIELDS) < set(SPEC_FIELDS)
    assert len(SPEC_FIELDS) == len(set(SPEC_FIELDS))


LIMITED = EVERY | {"maxConsecutiveFailures": 3}


@pytest.mark.parametrize(
    ("spec", "failures", "generation", "stopped", "failed_too_often"),
    [
        pytest.param(LIMITED, 2, 1, False, False, id="one less"),
        pytest.param(LIMITED, 3, 1, True, True, id="as many"),
        pytest.param(LIMITED, 4, 1, True, True, id="more"),
        pytest.param(LIMITED, 3, 2, False, True, id="edited since"),
        pytest.param(EVERY | {"maxConsecutiveFailures": 4}, 3, 2, False, False, id="the limit was raised"),
        pytest.param(EVERY, 1000, 1, False, False, id="no limit"),
    ],
)
def test_a_timer_has_stopped_once_status_counts_as_many_failures_as_it_may_have_and_until_an_edit(
    spec: dict[str, Any], failures: int, generation: int, stopped: bool, failed_too_often: bool
) -> None:
    status = handled(ms("2026-03-01T12:00:00Z"), timer(spec), consecutiveFailures=failures)
    one = timer(spec, generation=generation, status=status)
    assert (one.stopped, one.failed_too_often, one.idle) == (stopped, failed_too_often, stopped)


def test_a_stale_read_of_a_stopped_timer_shows_it_stopped() -> None:
    """Status was written for a newer generation than a cache shows with it."""
    status = handled(0, timer(LIMITED), consecutiveFailures=3) | {"observedGeneration": 3}
    assert timer(LIMITED, generation=2, status=status).stopped


@pytest.mark.parametrize(
    ("spec", "changes", "idle"),
    [
        (EVERY, {}, False),
        (EVERY | {"suspend": True}, {}, True),
        ({"every": "fast"}, {}, True),
        (EVERY, DELETED, True),
    ],
)
def test_a_timer_is_idle_while_no_occurrence_of_it_fires(
    spec: dict[str, Any], changes: dict[str, Any], idle: bool
) -> None:
    assert timer(spec, **changes).idle == idle
