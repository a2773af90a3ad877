"""A timer that failed too often in a row: it stops, and what starts it again makes up for nothing."""

from typing import Any

import pytest

from controller.core.decision import STOPPED_LOOK_MS, Decision, decide
from controller.core.fence import fence_ms
from controller.core.instants import rfc3339
from controller.core.job import Outcome
from controller.core.reasons import Reason
from tests.unit.core.life import HOURLY, Life, by_hand, nth
from tests.unit.core.objects import CREATED_MS, MINUTE_MS, handled, run, spec_written_at, timer

LIMITED = {**HOURLY, "maxConsecutiveFailures": 2}

FAILED, SUCCEEDED, ACTIVE = Outcome.FAILED, Outcome.SUCCEEDED, Outcome.ACTIVE


def stopped_life(**more: Any) -> Life:
    """A timer whose first two runs failed, both known to status."""
    life = Life({**LIMITED, **more})
    life.write([run(nth(1), FAILED), run(nth(2), FAILED)])
    return life


def test_a_timer_that_failed_as_often_as_it_may_fires_no_more() -> None:
    stopped = stopped_life().timer
    assert stopped.stopped
    assert stopped.idle
    assert decide(stopped, 0, nth(9)) == Decision(None, nth(2), nth(9) + STOPPED_LOOK_MS)


@pytest.mark.parametrize(("failures", "fires"), [(0, True), (1, True), (2, False), (3, False)])
def test_only_as_many_failures_as_the_limit_stop_it(failures: int, fires: bool) -> None:
    one = timer(LIMITED, status=handled(nth(2), timer(LIMITED), consecutiveFailures=failures))
    assert (decide(one, 0, nth(4)).fire_ms is not None) == fires


@pytest.mark.parametrize("policy", ["Latest", "Skip", "All"])
def test_what_is_overdue_when_a_timer_stops_does_not_run_and_is_not_called_missed(policy: str) -> None:
    decision = decide(stopped_life(missedRunPolicy=policy).timer, 0, nth(6))
    assert (decision.fire_ms, decision.missed) == (None, None)


def test_without_a_limit_nothing_stops_a_timer() -> None:
    life = Life()
    life.write([run(nth(number), FAILED) for number in range(1, 5)])
    assert life.status["consecutiveFailures"] == 4
    assert not life.timer.stopped
    assert life.said("Suspended") is None


def test_a_stopped_timer_is_ready_suspended_and_has_no_next_time() -> None:
    life = stopped_life()
    assert life.said("Ready") == ("True", "TooManyFailures")
    assert life.said("Suspended") == ("True", "TooManyFailures")
    assert life.said("Stalled") is None
    assert "nextScheduleTime" not in life.status
    assert life.message().startswith("2 runs in a row failed: nothing fires until the spec is edited")
    assert life.message() == life.message("Suspended")


def test_a_stopped_timer_goes_on_counting_what_was_active_when_it_stopped() -> None:
    life = Life(LIMITED)
    life.write([run(nth(1), FAILED), run(nth(2), FAILED), run(nth(3))])
    life.write([run(nth(3), FAILED)])
    assert life.status["consecutiveFailures"] == 3
    assert life.message().startswith("3 runs in a row failed")


def test_a_timer_that_is_suspended_and_has_stopped_is_suspended_by_its_user_first() -> None:
    life = stopped_life(suspend=True)
    assert life.said("Suspended") == ("True", "Suspended")
    assert life.said("Ready") == ("True", "Suspended")
    assert life.timer.stopped
    life.edit({"suspend": False})
    assert not life.timer.stopped, "to resume it is an edit, and starts it again"
    life.write()
    assert life.said("Suspended") is None


def test_the_last_run_of_a_timer_that_also_stops_it_makes_it_complete() -> None:
    life = Life({**LIMITED, "endTime": rfc3339(nth(2))})
    life.write([run(nth(1), FAILED), run(nth(2), FAILED)])
    assert life.said("Ready") == ("True", "CompletedWithFailures")
    assert life.said("Suspended") == ("True", "TooManyFailures")


EDITS = [
    pytest.param({"jobTemplate": {"spec": {"backoffLimit": 3}}}, id="the template"),
    pytest.param({"failedJobsHistoryLimit": 5}, id="a limit that has to do with nothing"),
    pytest.param({"maxConsecutiveFailures": 5}, id="a higher limit"),
    pytest.param({"maxConsecutiveFailures": None}, id="no limit"),
    pytest.param({"maxConsecutiveFailures": 1}, id="a lower limit"),
    pytest.param({"every": "30m"}, id="the schedule"),
]


@pytest.mark.parametrize("change", EDITS)
def test_an_edit_starts_a_stopped_timer_again_and_is_a_fence_whatever_it_changes(change: dict[str, Any]) -> None:
    life = stopped_life()
    edited_ms = nth(4) + 30 * MINUTE_MS
    life.edit(change, at_ms=edited_ms)
    one, life.now_ms = life.timer, nth(5)
    assert not one.stopped
    assert fence_ms(one, life.now_ms) == edited_ms
    assert decide(one, 0, life.now_ms) == Decision(nth(5), edited_ms, one.timing and one.timing.due_after_ms(nth(5)))


@pytest.mark.parametrize("change", EDITS)
def test_status_says_after_an_edit_that_the_time_until_it_is_over(change: dict[str, Any]) -> None:
    life = stopped_life()
    life.edit(change, at_ms=nth(4) + 30 * MINUTE_MS)
    life.now_ms = nth(4) + 31 * MINUTE_MS
    status = life.write()
    assert status["handledThrough"] == rfc3339(nth(4) + 30 * MINUTE_MS)
    assert status["nextScheduleTime"] == rfc3339(nth(5))
    assert status["consecutiveFailures"] == 0
    assert life.said("Suspended") is None
    assert life.said("Ready") == ("True", "Scheduled")


def test_an_edit_of_the_template_of_a_timer_that_has_not_stopped_is_no_fence() -> None:
    life = Life(LIMITED)
    life.write([run(nth(1), SUCCEEDED), run(nth(2), FAILED)])
    life.edit({"jobTemplate": {"spec": {}}})
    assert fence_ms(life.timer, life.now_ms) == nth(2)


def test_an_edit_whose_time_nobody_knows_counts_as_made_now() -> None:
    before = handled(nth(2), timer(LIMITED), consecutiveFailures=2)
    edited = timer({**LIMITED, "jobTemplate": {"spec": {}}}, generation=2, status=before)
    assert fence_ms(edited, nth(7)) == nth(7)


def test_a_fence_by_an_edit_never_lies_before_what_was_handled() -> None:
    before = handled(nth(2), timer(LIMITED), consecutiveFailures=2)
    fields = spec_written_at(rfc3339(CREATED_MS), status_at=rfc3339(CREATED_MS - MINUTE_MS))
    assert fence_ms(timer(LIMITED, generation=2, status=before, managedFields=fields), nth(7)) == nth(2)


def test_a_run_by_hand_that_succeeds_starts_a_stopped_timer_again_from_that_moment() -> None:
    life = stopped_life()
    life.request = "again"
    life.write([by_hand("again")])
    assert life.timer.stopped, "it runs still"
    status = life.write([by_hand("again", SUCCEEDED)])
    assert not life.timer.stopped
    assert status["consecutiveFailures"] == 0
    assert status["handledThrough"] == rfc3339(life.now_ms)
    assert status["nextScheduleTime"] == rfc3339(nth(5))
    assert life.said("Suspended") is None
    assert decide(life.timer, 0, nth(5)) == Decision(nth(5), life.now_ms, nth(6)), "nothing is made up for"


def test_a_run_by_hand_that_fails_leaves_a_stopped_timer_stopped_and_its_count_as_it_was() -> None:
    life = stopped_life()
    life.request = "again"
    life.write([by_hand("again", FAILED)])
    assert life.timer.stopped
    assert life.status["consecutiveFailures"] == 2
    assert life.status["runs"]["failed"] == 3
    assert life.status["handledThrough"] == rfc3339(nth(2))


def test_a_scheduled_run_that_was_active_still_and_succeeds_starts_it_again_as_well() -> None:
    life = Life(LIMITED)
    life.write([run(nth(1), FAILED), run(nth(2), FAILED), run(nth(3))])
    assert life.timer.stopped
    status = life.write([run(nth(3), SUCCEEDED)])
    assert not life.timer.stopped
    assert status["handledThrough"] == rfc3339(life.now_ms)


def test_a_success_while_a_timer_has_not_stopped_is_no_fence() -> None:
    life = Life(LIMITED)
    life.write([run(nth(1), FAILED)])
    life.request = "x"
    assert life.write([by_hand("x", SUCCEEDED)])["handledThrough"] == rfc3339(nth(1))


def test_a_success_of_a_suspended_timer_that_had_stopped_leaves_it_suspended() -> None:
    life = stopped_life(suspend=True)
    life.request = "x"
    status = life.write([by_hand("x", SUCCEEDED)])
    assert life.said("Suspended") == ("True", "Suspended")
    assert status["consecutiveFailures"] == 0
    assert "nextScheduleTime" not in status


def ended(number: int, outcome: Outcome, at: int) -> Any:
    return run(nth(number), outcome, finished_ms=nth(3) + at)


@pytest.mark.parametrize(
    ("runs", "in_a_row"),
    [
        ([], 0),
        ([ended(1, FAILED, 1)], 1),
        ([ended(1, FAILED, 1), ended(2, FAILED, 2)], 2),
        ([ended(1, FAILED, 1), ended(2, SUCCEEDED, 2)], 0),
        ([ended(1, SUCCEEDED, 1), ended(2, FAILED, 2)], 1),
        ([ended(1, SUCCEEDED, 2), ended(2, FAILED, 1)], 0),
        ([ended(1, FAILED, 3), ended(2, SUCCEEDED, 2), ended(3, FAILED, 1)], 1),
        ([ended(1, FAILED, 1), ended(2, ACTIVE, 2), ended(3, FAILED, 3)], 2),
        ([ended(1, FAILED, 1), by_hand("x", FAILED, finished_ms=nth(3) + 2)], 1),
        ([ended(1, FAILED, 1), by_hand("x", SUCCEEDED, finished_ms=nth(3) + 2)], 0),
        ([ended(1, FAILED, 2), by_hand("x", SUCCEEDED, finished_ms=nth(3) + 1)], 1),
        ([by_hand("x", FAILED), by_hand("y", FAILED)], 0),
    ],
)
def test_failures_in_a_row_are_counted_in_the_order_in_which_runs_end_and_of_those_by_hand_only_success_counts(
    runs: list[Any], in_a_row: int
) -> None:
    assert Life().write(runs)["consecutiveFailures"] == in_a_row


def test_failures_in_a_row_add_up_over_writes_until_an_edit() -> None:
    life = Life()
    life.write([run(nth(1), FAILED)])
    life.write([run(nth(1), FAILED), run(nth(2), FAILED)])
    assert life.status["consecutiveFailures"] == 2
    life.edit({"jobTemplate": {"spec": {}}})
    assert life.write([run(nth(3), FAILED)])["consecutiveFailures"] == 1


def test_what_fails_in_the_same_write_as_an_edit_is_seen_counts_for_the_edited_timer() -> None:
    life = Life({**HOURLY, "maxConsecutiveFailures": 1})
    life.write([run(nth(1))])
    life.edit({"jobTemplate": {"spec": {}}})
    life.write([run(nth(1), FAILED)])
    assert life.said("Suspended") == ("True", "TooManyFailures")
    assert life.timer.stopped


def test_a_limit_that_is_lowered_below_what_failed_already_counts_from_the_edit() -> None:
    life = Life()
    life.write([run(nth(number), FAILED) for number in (1, 2, 3)])
    life.edit({"maxConsecutiveFailures": 2})
    life.write()
    assert life.status["consecutiveFailures"] == 0
    assert not life.timer.stopped


def test_a_stop_is_told_once_and_again_after_a_start() -> None:
    life = stopped_life()
    assert Reason.TOO_MANY_FAILURES in [draft.reason for draft in life.events]
    life.write([run(nth(1), FAILED), run(nth(2), FAILED)])
    assert life.events == []
    life.edit({"jobTemplate": {"spec": {}}})
    life.write()
    assert life.events == []
    life.write([run(nth(5), FAILED), run(nth(6), FAILED)])
    assert Reason.TOO_MANY_FAILURES in [draft.reason for draft in life.events]
