"""What status learns late, in another way, or from many at once."""

import time

from controller.core.history import expires_at_ms
from controller.core.job import BACKFILL, Outcome
from controller.core.news import news_of
from controller.core.reasons import Reason
from controller.core.template import refused
from tests.unit.core.life import Life, nth, told_of
from tests.unit.core.objects import CREATED_MS, SECOND_MS, report, run, timer


def test_a_single_run_that_was_refused_and_then_missed_is_over() -> None:
    life = Life({"at": "2026-03-01T11:00:00Z", "startingDeadlineSeconds": 60, "ttlSecondsAfterComplete": 10})
    life.now_ms = nth(1) + SECOND_MS
    life.write([], [report(life.timer, nth(1), Reason.QUOTA_EXCEEDED, message="exceeded quota")])
    assert life.said("Ready") == ("False", "QuotaExceeded")
    assert life.said("Complete") is None
    life.now_ms = nth(1) + 70 * SECOND_MS
    life.write([], [report(life.timer, nth(1))])
    assert life.said("Complete") == ("True", "Missed")
    assert expires_at_ms(life.timer) is not None


def test_a_template_that_a_policy_refused_is_valid_again_once_its_jobs_run() -> None:
    life = Life()
    life.write(template=refused(1, 422, "ValidatingAdmissionPolicy 'x' denied request", ()))
    assert life.said("Ready") == ("False", "InvalidTemplate")
    life.write([run(nth(1))])
    assert (life.said("Ready"), life.said("TemplateValid")) == (("True", "Scheduled"), None)


def test_a_field_that_no_job_has_stays_told_though_jobs_run_without_it() -> None:
    life = Life()
    life.write(template=refused(1, 400, 'strict decoding error: unknown field "spec.colour"', ()))
    life.write([run(nth(1))])
    assert life.said("Ready") == ("False", "InvalidTemplate")


def test_an_overdue_run_that_somebody_had_made_by_hand_is_over() -> None:
    life = Life({"at": "2026-03-01T11:00:00Z"})
    made = run(nth(1), Outcome.SUCCEEDED, trigger=BACKFILL, fresh=True)
    life.write([made], [report(life.timer, nth(1), Reason.SUCCESSFUL_CREATE)])
    assert life.said("Complete") == ("True", "Complete")


def test_a_request_whose_job_was_gone_before_anybody_saw_it_is_handled() -> None:
    life = Life()
    life.request = "x"
    assert life.write([], [told_of("x", Reason.SUCCESSFUL_CREATE)])["lastHandledTrigger"] == "x"


def test_what_a_long_absence_left_behind_is_counted_without_comparing_each_with_all() -> None:
    one = timer({"every": "1s"})
    few, many = ([run(CREATED_MS + n * SECOND_MS, Outcome.SUCCEEDED) for n in range(1, size)] for size in (500, 8_000))

    def seconds(runs: list[object]) -> float:
        started = time.perf_counter()
        assert len(news_of(one, runs, [], nth(9)).finished) == len(runs)  # type: ignore[arg-type]
        return time.perf_counter() - started

    # Sixteen times as many; were each compared with all, it would be 256 times as long.
    assert seconds(list(many)) < 100 * max(seconds(list(few)), 0.001)
