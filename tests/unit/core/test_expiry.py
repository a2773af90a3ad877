"""When a timer that is complete is deleted, and which of its Jobs go before."""

from typing import Any

import pytest

from controller.core.history import expires_at_ms, surplus_runs
from controller.core.job import BACKFILL, Outcome
from tests.unit.core.life import Life, by_hand, nth
from tests.unit.core.objects import HOUR_MS, MINUTE_MS, SECOND_MS, run, timer

ONCE = {"at": "2026-03-01T11:00:00Z", "ttlSecondsAfterComplete": 60}
SUCCEEDED, FAILED = Outcome.SUCCEEDED, Outcome.FAILED


def completed(spec: dict[str, Any] = ONCE, outcome: Outcome = SUCCEEDED) -> Life:
    """A timer whose only run has ended, as status says since now."""
    life = Life(spec)
    life.write([run(nth(1), outcome)])
    assert life.said("Complete") is not None
    return life


@pytest.mark.parametrize("ttl_s", [0, 60, 2**31 - 1])
def test_a_complete_timer_expires_that_long_after_its_completion(ttl_s: int) -> None:
    life = completed({**ONCE, "ttlSecondsAfterComplete": ttl_s})
    assert expires_at_ms(life.timer) == life.now_ms + ttl_s * SECOND_MS


def test_it_counts_from_the_completion_however_often_status_is_written_since() -> None:
    life = completed()
    expires_ms = expires_at_ms(life.timer)
    life.now_ms += HOUR_MS
    life.write([run(nth(1), SUCCEEDED)])
    assert expires_at_ms(life.timer) == expires_ms


@pytest.mark.parametrize("outcome", [SUCCEEDED, FAILED])
def test_it_expires_whatever_became_of_its_run(outcome: Outcome) -> None:
    assert expires_at_ms(completed(outcome=outcome).timer) is not None


def test_a_timer_that_missed_its_only_run_expires_as_well() -> None:
    life = Life({**ONCE, "at": "2026-03-01T09:00:00Z"})
    life.write()
    assert life.said("Complete") == ("True", "Missed")
    assert expires_at_ms(life.timer) == life.now_ms + MINUTE_MS


def test_a_timer_without_a_ttl_stays() -> None:
    assert expires_at_ms(completed({"at": ONCE["at"]}).timer) is None


def test_a_timer_that_is_not_complete_stays() -> None:
    life = Life({"every": "1h", "ttlSecondsAfterComplete": 0})
    assert expires_at_ms(life.timer) is None, "it has no status yet"
    life.write([run(nth(1), SUCCEEDED)])
    assert expires_at_ms(life.timer) is None


def test_a_timer_whose_last_run_is_active_stays() -> None:
    life = Life(ONCE)
    life.write([run(nth(1))])
    assert expires_at_ms(life.timer) is None


def test_a_timer_that_is_being_deleted_is_not_deleted_again() -> None:
    life = completed()
    going = timer(ONCE, status=life.status, deletionTimestamp="2026-03-01T14:00:00Z")
    assert expires_at_ms(going) is None


def test_a_timer_that_was_edited_stays_until_status_knows_what_has_become_of_it() -> None:
    life = completed()
    life.edit({"at": "2026-03-02T11:00:00Z"})
    assert expires_at_ms(life.timer) is None
    life.write([run(nth(1), SUCCEEDED)])
    assert life.said("Complete") is None
    assert expires_at_ms(life.timer) is None


def test_a_timer_that_is_complete_after_an_edit_still_was_so_all_the_time() -> None:
    life = completed()
    expires_ms = expires_at_ms(life.timer)
    life.now_ms += 30 * SECOND_MS
    life.edit({"jobTemplate": {"spec": {}}})
    life.write([run(nth(1), SUCCEEDED)])
    assert expires_at_ms(life.timer) == expires_ms


def test_a_ttl_that_is_added_later_counts_from_the_completion_too() -> None:
    life = completed({"at": ONCE["at"]})
    done_ms = life.now_ms
    life.now_ms += HOUR_MS
    life.edit({"ttlSecondsAfterComplete": 60})
    life.write([run(nth(1), SUCCEEDED)])
    assert expires_at_ms(life.timer) == done_ms + MINUTE_MS


def test_a_run_by_hand_makes_a_complete_timer_live_on_from_the_end_of_that_run() -> None:
    life = completed()
    life.now_ms += 30 * SECOND_MS
    life.request = "x"
    life.write([by_hand("x")])
    assert expires_at_ms(life.timer) is None
    life.now_ms += HOUR_MS
    life.write([by_hand("x", SUCCEEDED)])
    assert expires_at_ms(life.timer) == life.now_ms + MINUTE_MS


def test_a_run_that_is_asked_for_is_waited_for() -> None:
    life = completed()
    life.request = "x"
    assert expires_at_ms(life.timer) is None


def test_the_jobs_that_stay_are_the_youngest_by_creation_whatever_their_nominal_time() -> None:
    """A run made up for, or asked for by hand, is as young as it looks."""
    limited = timer({"every": "1h", "successfulJobsHistoryLimit": 2})
    runs = [
        run(nth(3), SUCCEEDED, created_ms=nth(3)),
        run(nth(1), SUCCEEDED, created_ms=nth(4), trigger=BACKFILL),
        by_hand("x", SUCCEEDED, created_ms=nth(3) + 1),
        run(nth(2), SUCCEEDED, created_ms=nth(3) + 2),
    ]
    assert [one.uid for one in surplus_runs(limited, runs)] == [runs[0].uid, runs[2].uid]
    assert surplus_runs(limited, runs[::-1]) == surplus_runs(limited, runs)


def test_jobs_of_the_same_second_go_in_the_order_of_their_occurrences() -> None:
    limited = timer({"every": "1h", "successfulJobsHistoryLimit": 1})
    runs = [run(nth(number), SUCCEEDED, created_ms=nth(4)) for number in (2, 1, 3)]
    assert [one.occurrence_ms for one in surplus_runs(limited, runs)] == [nth(1), nth(2)]
