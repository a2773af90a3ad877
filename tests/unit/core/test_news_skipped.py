"""Skipped runs in status: counted once each, and only where no Job was made after all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.instants import rfc3339
from controller.core.job import Outcome
from controller.core.reasons import Reason
from controller.core.report import Report
from tests.unit.core.life import Life, nth
from tests.unit.core.objects import MINUTE_MS, report, run, timer


def skip(number: int, **changes: object) -> Report:
    """The report that the nth occurrence was skipped."""
    return report(timer({"every": "1h"}), nth(number), Reason.JOB_ALREADY_ACTIVE, message=f"no {number}", **changes)


def test_a_skipped_run_is_counted_and_handled() -> None:
    life = Life()
    status = life.write([run(nth(1))], [skip(2)])
    assert life.counts() == (0, 0, 0, 1)
    assert status["lastSkippedTime"] == status["handledThrough"] == rfc3339(nth(2))
    assert status["nextScheduleTime"] == rfc3339(nth(3))
    assert "lastMissedTime" not in status


def test_a_skip_that_is_reported_again_is_not_counted_again() -> None:
    life = Life()
    life.write([run(nth(1))], [skip(2), skip(2)])
    life.write([run(nth(1))], [skip(2)])
    assert life.counts() == (0, 0, 0, 1)


def test_several_skips_are_counted_together_and_told_in_one_event() -> None:
    life = Life()
    life.write([run(nth(1))])
    life.write([run(nth(1))], [skip(2), skip(3)])
    assert life.counts() == (0, 0, 0, 2)
    assert [draft.message for draft in life.events] == ["Skipped 2 runs, the last: no 3"]


def test_a_skip_does_not_set_back_what_was_handled_since() -> None:
    life = Life()
    status = life.write([run(nth(3))], [skip(2)])
    assert status["lastSkippedTime"] == rfc3339(nth(2))
    assert status["handledThrough"] == rfc3339(nth(3))


def test_nothing_in_the_future_counts_as_skipped() -> None:
    life = Life()
    assert "lastSkippedTime" not in life.write([], [skip(5)])
    assert life.counts() == (0, 0, 0, 0)


@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize("gone", [False, True])
def test_what_was_reported_as_skipped_but_has_a_job_was_not_skipped(outcome: Outcome, gone: bool) -> None:
    """A worker that fell behind finds another run active, after a second worker fired this very occurrence."""
    life = Life()
    status = life.write([run(nth(2), outcome, gone=gone), run(nth(3))], [skip(2)])
    assert life.counts()[3] == 0
    assert "lastSkippedTime" not in status
    assert Reason.JOB_ALREADY_ACTIVE not in [draft.reason for draft in life.events]


def test_a_job_that_is_seen_after_its_skip_was_counted_is_a_run_like_any_other() -> None:
    """The report came first: nothing that was told is taken back, and the run counts."""
    life = Life()
    life.write([], [skip(2)])
    life.write([run(nth(2))])
    life.write([run(nth(2), Outcome.SUCCEEDED)])
    assert life.counts() == (1, 0, 0, 1)


def test_a_skip_and_a_miss_do_not_hide_each_other() -> None:
    life = Life()
    status = life.write([run(nth(4))], [report(timer(life.spec), nth(2), count=2), skip(3)])
    assert life.counts() == (0, 0, 2, 1)
    assert (status["lastMissedTime"], status["lastSkippedTime"]) == (rfc3339(nth(2)), rfc3339(nth(3)))


def test_a_timer_whose_only_instant_was_skipped_has_not_run() -> None:
    life = Life({"at": "2026-03-01T11:00:00Z"})
    life.write([], [report(timer(life.spec), nth(1), Reason.JOB_ALREADY_ACTIVE)])
    assert life.said("Complete") == ("True", "Missed")
    assert life.counts() == (0, 0, 0, 1)


@given(st.lists(st.tuples(st.sampled_from(["fire", "skip", "write", "write and crash"]), st.booleans()), max_size=40))
def test_however_skips_spread_over_writes_and_restarts_each_counts_once(events: list[tuple[str, bool]]) -> None:
    life, number, skipped = Life(), 0, 0
    runs, reports = [], []
    life.now_ms = nth(100) + MINUTE_MS
    for event, ended in events:
        if event == "fire":
            number += 1
            runs.append(run(nth(number), Outcome.SUCCEEDED if ended else Outcome.ACTIVE))
        elif event == "skip":
            number, skipped = number + 1, skipped + 1
            reports.append(skip(number))
        else:
            life.write(runs, reports)
            # After a crash the same reports are read again.
            reports = reports if event == "write and crash" else []
    life.write(runs, reports)
    assert life.counts()[3] == skipped
    assert life.counts()[0] == sum(one.outcome is Outcome.SUCCEEDED for one in runs)
