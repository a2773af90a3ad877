"""Refused Jobs, of the schedule and by hand: what is told of them, and what mends them."""

import pytest

from controller.core.job import Outcome
from controller.core.reasons import CREATE_PROBLEMS, Reason
from controller.core.report import Report
from tests.unit.core.life import Life, by_hand, nth, told_of
from tests.unit.core.objects import report, run, timer

READY = ("True", "Scheduled")


def refused(number: int, reason: Reason = Reason.FORBIDDEN, **changes: object) -> Report:
    return report(timer({"every": "1h"}), nth(number), reason, message="no Jobs here", **changes)


def refused_by_hand(request: str, reason: Reason = Reason.QUOTA_EXCEEDED, **changes: object) -> Report:
    return told_of(request, reason, message="no more Jobs", **changes)


def asked(request: str = "x") -> Life:
    life = Life()
    life.write()
    life.request = request
    return life


@pytest.mark.parametrize("reason", sorted(CREATE_PROBLEMS))
def test_a_request_that_was_refused_makes_the_timer_not_ready_and_stays_open(reason: Reason) -> None:
    life = asked()
    life.write([], [refused_by_hand("x", reason)])
    assert life.said("Ready") == ("False", reason)
    assert life.message() == "The Job that was asked for by hand was refused: no more Jobs"
    assert life.timer.open_request == "x"
    assert [draft.kind for draft in life.events] == ["Warning"]


def test_a_refused_request_is_told_once_however_often_it_is_tried() -> None:
    life = asked()
    life.write([], [refused_by_hand("x", at_ms=nth(3))])
    life.write([], [refused_by_hand("x", at_ms=nth(4))])
    assert life.events == []
    life.write()
    assert life.said("Ready") == ("False", "QuotaExceeded"), "it stays until something mends it"


@pytest.mark.parametrize(
    "mended_by",
    [
        pytest.param(([by_hand("x")], []), id="its Job"),
        pytest.param(([by_hand("x", Outcome.FAILED)], []), id="its Job, whatever became of it"),
        pytest.param(([run(nth(4))], []), id="a Job of the schedule"),
    ],
)
def test_a_refused_request_is_mended_by_a_job(mended_by: tuple[list, list]) -> None:
    life = asked()
    life.write([], [refused_by_hand("x")])
    life.write(*mended_by)
    assert life.said("Ready") == READY


def test_a_refused_request_is_mended_when_it_is_withdrawn() -> None:
    life = asked()
    life.write([], [refused_by_hand("x")])
    life.request = ""
    life.write()
    assert life.said("Ready") == READY


def test_a_refused_request_that_is_skipped_in_the_end_is_mended_once_that_is_known() -> None:
    life = asked()
    life.write([run(nth(4))])
    life.write([run(nth(4))], [refused_by_hand("x")])
    assert life.said("Ready") == ("False", "QuotaExceeded")
    life.write([run(nth(4))], [told_of("x", Reason.JOB_ALREADY_ACTIVE)])
    life.write([run(nth(4))])
    assert life.said("Ready") == READY


@pytest.mark.parametrize("request_now", ["", "y"])
def test_a_refusal_of_a_request_that_is_withdrawn_or_replaced_already_is_not_mentioned(request_now: str) -> None:
    life = asked(request_now)
    life.write([], [refused_by_hand("x")])
    assert life.said("Ready") == READY


def test_a_refusal_by_hand_that_was_mended_before_status_was_written_is_not_mentioned() -> None:
    life = asked()
    life.write([by_hand("x")], [refused_by_hand("x")])
    assert life.said("Ready") == READY
    assert life.status["lastHandledTrigger"] == "x"


def test_a_refusal_by_hand_under_an_older_generation_says_nothing_of_the_edited_timer() -> None:
    life = asked()
    life.edit({"jobTemplate": {"spec": {}}})
    life.write([], [refused_by_hand("x", generation=1)])
    assert life.said("Ready") == READY


def test_a_refusal_of_the_schedule_is_not_mended_by_withdrawing_a_request() -> None:
    life = asked()
    life.write([], [refused(4)])
    life.request = ""
    life.write()
    assert life.said("Ready") == ("False", "Forbidden")


def test_a_refusal_of_the_schedule_is_mended_by_a_run_by_hand() -> None:
    """Whatever kept the Jobs out lets them in now."""
    life = asked()
    life.write([], [refused(4)])
    life.write([by_hand("x")])
    assert life.said("Ready") == READY


def test_of_a_refusal_by_hand_and_one_of_the_schedule_the_younger_is_told() -> None:
    life = asked()
    life.write([], [refused(4), refused_by_hand("x")])
    assert life.said("Ready") == ("False", "QuotaExceeded")
    life = asked()
    life.write([], [refused_by_hand("x"), refused(4)])
    assert life.said("Ready") == ("False", "Forbidden")


def test_a_refusal_by_hand_that_is_mended_hides_no_refusal_of_the_schedule() -> None:
    life = asked("")
    life.write([], [refused(4), refused_by_hand("x")])
    assert life.said("Ready") == ("False", "Forbidden")


def test_a_refusal_that_is_no_news_any_more_is_known_by_the_last_occurrence() -> None:
    life = Life()
    life.write([run(nth(4), Outcome.SUCCEEDED)])
    life.write([run(nth(4), Outcome.SUCCEEDED)], [refused(4)])
    assert life.said("Ready") == READY
