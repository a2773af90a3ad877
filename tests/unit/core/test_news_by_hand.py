"""Runs by hand in status: each counted once, although they come in no order, and each request handled once."""

import pytest

from controller.core.instants import rfc3339
from controller.core.job import BACKFILL, Outcome
from controller.core.reasons import Reason
from tests.unit.core.life import Life, by_hand, nth, told_of
from tests.unit.core.objects import MINUTE_MS, report, run, timer

SUCCEEDED, FAILED = Outcome.SUCCEEDED, Outcome.FAILED


def asked(request: str = "x") -> Life:
    """A timer with a first status, of which a run was asked for since."""
    life = Life()
    life.write()
    life.request = request
    return life


@pytest.mark.parametrize("outcome", [SUCCEEDED, FAILED])
@pytest.mark.parametrize("seen_active", [True, False])
def test_a_run_by_hand_that_was_seen_from_its_beginning_is_counted_once(outcome: Outcome, seen_active: bool) -> None:
    life = asked()
    if seen_active:
        life.write([by_hand("x")])
        assert life.counts() == (0, 0, 0, 0)
    life.write([by_hand("x", outcome)])
    # What status has taken in is fresh no more.
    for _ in range(2):
        life.write([by_hand("x", outcome, fresh=False)])
    assert life.counts()[:2] == ((1, 0) if outcome is SUCCEEDED else (0, 1))


def test_after_a_restart_a_run_by_hand_that_ended_before_is_not_counted_but_its_request_is_handled() -> None:
    """Nobody can tell whether it was counted before; that it exists says enough of the request."""
    life = asked()
    status = life.write([by_hand("x", SUCCEEDED, fresh=False)])
    assert life.counts() == (0, 0, 0, 0)
    assert status["lastHandledTrigger"] == "x"
    assert life.news.started == []


def test_after_a_restart_a_run_by_hand_that_was_active_at_the_last_write_is_counted_when_it_has_ended() -> None:
    life = asked()
    life.write([by_hand("x")])
    life.write([by_hand("x", SUCCEEDED, fresh=False)])
    assert life.counts() == (1, 0, 0, 0)
    life.write([by_hand("x", SUCCEEDED, fresh=False)])
    assert life.counts() == (1, 0, 0, 0)


def test_a_run_by_hand_that_is_active_still_after_a_restart_is_no_news_a_second_time() -> None:
    life = asked()
    life.write([by_hand("x")])
    life.write([by_hand("x")])
    assert (life.news.started, life.events) == ([], [])
    assert life.status["activeCount"] == 1


def test_a_run_by_hand_is_told_when_it_begins_and_when_it_ends() -> None:
    life = asked()
    life.write([by_hand("x")])
    (begun,) = life.events
    assert begun.reason is Reason.SUCCESSFUL_CREATE
    assert begun.message.startswith(f"Created job {by_hand('x').name}")
    assert "asked for by hand" in begun.message
    life.write([by_hand("x", SUCCEEDED)])
    assert [draft.reason for draft in life.events] == [Reason.SAW_COMPLETED_JOB]


def test_an_active_run_by_hand_is_named_with_what_it_was_asked_for_with() -> None:
    life = asked()
    (entry,) = life.write([by_hand("x")])["active"]
    assert entry == {
        "name": by_hand("x").name,
        "uid": by_hand("x").uid,
        "scheduledAt": rfc3339(nth(4)),
        "trigger": "x",
    }
    (scheduled,) = Life().write([run(nth(1))])["active"]
    assert "trigger" not in scheduled


def test_a_run_by_hand_is_no_occurrence_and_leaves_the_schedule_where_it_was() -> None:
    life = Life()
    life.write([run(nth(1), SUCCEEDED)])
    life.request = "x"
    status = life.write([run(nth(1), SUCCEEDED), by_hand("x", SUCCEEDED, created_ms=nth(3) + MINUTE_MS)])
    assert status["lastScheduleTime"] == status["handledThrough"] == rfc3339(nth(1))
    assert status["nextScheduleTime"] == rfc3339(nth(2))
    assert status["lastSuccessfulTime"] == rfc3339(nth(3) + 2 * MINUTE_MS)


def test_a_run_of_the_past_that_somebody_made_is_no_occurrence_that_fired() -> None:
    life = Life()
    life.write()
    status = life.write([run(nth(3), SUCCEEDED, trigger=BACKFILL, fresh=True)])
    assert life.counts() == (1, 0, 0, 0)
    assert "lastScheduleTime" not in status
    assert status["nextScheduleTime"] == rfc3339(nth(1))
    life.write([run(nth(3), SUCCEEDED, trigger=BACKFILL, fresh=False), run(nth(1), SUCCEEDED)])
    assert life.counts() == (2, 0, 0, 0)


def test_an_occurrence_that_was_missed_and_made_up_for_by_hand_stays_missed() -> None:
    life = Life()
    made = run(nth(2), SUCCEEDED, trigger=BACKFILL, fresh=True)
    life.write([made], [report(timer(life.spec), nth(2), count=2)])
    assert life.counts() == (1, 0, 2, 0)


def test_runs_by_hand_and_scheduled_ones_do_not_stand_in_each_others_way() -> None:
    life = asked()
    both = [run(nth(4)), by_hand("x", created_ms=nth(4) + 1)]
    life.write(both)
    assert life.status["activeCount"] == 2
    life.write([run(nth(4), SUCCEEDED), by_hand("x", FAILED, created_ms=nth(4) + 1)])
    assert life.counts() == (1, 1, 0, 0)


# Requests.


def test_a_request_is_handled_once_its_job_is_there() -> None:
    life = asked()
    assert "lastHandledTrigger" not in life.write()
    assert life.timer.open_request == "x"
    assert life.write([by_hand("x")])["lastHandledTrigger"] == "x"
    assert life.timer.open_request == ""
    assert life.timer.handled_request == "x"


@pytest.mark.parametrize("outcome", [Outcome.ACTIVE, SUCCEEDED])
def test_a_request_whose_job_was_removed_at_once_is_handled_as_well(outcome: Outcome) -> None:
    assert asked().write([by_hand("x", outcome, gone=True)])["lastHandledTrigger"] == "x"


def test_the_job_of_another_request_handles_nothing() -> None:
    assert "lastHandledTrigger" not in asked("y").write([by_hand("x")])


def test_a_request_is_handled_when_it_was_skipped() -> None:
    life = asked()
    skip = told_of("x", Reason.JOB_ALREADY_ACTIVE, message="The run asked for by hand (x) was skipped.")
    status = life.write([run(nth(4))], [skip])
    assert status["lastHandledTrigger"] == "x"
    assert life.counts() == (0, 0, 0, 1)
    assert "lastSkippedTime" not in status, "it has no nominal time"
    assert status["handledThrough"] == rfc3339(nth(4)), "that of the Job"
    (told,) = [draft for draft in life.events if draft.kind == "Warning"]
    assert (told.reason, told.message) == (Reason.JOB_ALREADY_ACTIVE, skip.message)


def test_a_skip_by_hand_that_is_reported_again_counts_once() -> None:
    skip = told_of("x", Reason.JOB_ALREADY_ACTIVE)
    life = asked()
    life.write([], [skip, skip])
    assert life.counts() == (0, 0, 0, 1)
    life.write([], [skip])
    assert life.counts() == (0, 0, 0, 1)


def test_a_skip_of_a_request_that_has_a_job_all_the_same_is_none() -> None:
    """A worker that fell behind finds the Job that another one made for it among the active ones."""
    life = asked()
    status = life.write([by_hand("x")], [told_of("x", Reason.JOB_ALREADY_ACTIVE)])
    assert status["lastHandledTrigger"] == "x"
    assert life.counts() == (0, 0, 0, 0)


def test_a_skip_of_a_request_that_was_replaced_or_withdrawn_handles_nothing_of_now() -> None:
    for request in ("y", ""):
        life = asked(request)
        assert "lastHandledTrigger" not in life.write([], [told_of("x", Reason.JOB_ALREADY_ACTIVE)])


def test_a_request_that_was_withdrawn_leaves_the_last_handled_one_in_status() -> None:
    life = asked()
    life.write([by_hand("x")])
    life.request = ""
    assert life.write([by_hand("x")])["lastHandledTrigger"] == "x"
    assert (life.timer.open_request, life.timer.handled_request) == ("", "")


def test_a_request_that_replaces_a_handled_one_is_open_until_it_is_handled_itself() -> None:
    life = asked()
    life.write([by_hand("x")])
    life.request = "y"
    assert life.timer.open_request == "y"
    assert life.write([by_hand("x")])["lastHandledTrigger"] == "x"
    assert life.write([by_hand("x"), by_hand("y")])["lastHandledTrigger"] == "y"


def test_a_request_that_is_replaced_before_it_was_handled_is_never_said_to_be() -> None:
    life = asked()
    life.request = "y"
    assert life.write([by_hand("y")])["lastHandledTrigger"] == "y"


def test_a_request_of_a_timer_that_is_suspended_complete_or_unusable_is_handled_like_any_other() -> None:
    for spec in ({"every": "1h", "suspend": True}, {"at": "2026-03-01T09:00:00Z"}, {"every": "fast"}):
        life = Life(spec)
        life.request = "x"
        assert life.write([by_hand("x")])["lastHandledTrigger"] == "x"
        assert life.status["activeCount"] == 1


def test_a_timer_is_not_complete_while_a_run_by_hand_is_active() -> None:
    life = Life({"at": "2026-03-01T11:00:00Z"})
    life.write([run(nth(1), SUCCEEDED)])
    assert life.said("Complete") == ("True", "Complete")
    life.request = "x"
    life.write([by_hand("x")])
    assert life.said("Complete") is None
    life.now_ms += MINUTE_MS
    life.write([by_hand("x", SUCCEEDED)])
    assert life.said("Complete") == ("True", "Complete")
