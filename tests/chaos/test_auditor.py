"""An auditor is worth what it finds: each test is a short history with one thing wrong in it, or nothing."""

from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.auditor import BY_EDIT, IN_LINE, OLD_PRIMARY, OLD_VERSION, REMOVED, audit
from tests.chaos.evidence import DELETED_FIRST, LATE_REQUEST, NO_NOTE, REPORT_LOST, STATUS_GAP, UNDATED
from tests.chaos.history import (
    Acked,
    Confirmed,
    Deletion,
    Fault,
    History,
    Job,
    Removal,
    Status,
    Trigger,
    Version,
    Window,
)
from tests.chaos.lives import lives_of
from tests.chaos.verdict import Verdict

UID = "5b1a7c1e-93f5-4b1e-8a0e-2f6f0c9d1a11"
T = 1_796_000_000_000
"""A timer's creation; it fires every ten seconds."""


def life(**more: Any) -> History:
    """A timer, and a perfect hour's first minute of it: 10, 20, ... 60 seconds after its creation."""
    history = History(quiet_ms=T + 1_000_000, end_ms=T + 65_000)
    history.versions = [version(0, T, **more)]
    for second in range(10, 70, 10):
        ran(history, second)
    status(history, 60)
    return history


def version(edit: int, at_ms: int, **spec: Any) -> Version:
    """A spec as applied at an instant."""
    applied = Window(at_ms + 100, at_ms + 200)
    return Version(UID, "default/timer", edit + 1, edit, T, {"every": "10s", **spec}, applied)


def ran(history: History, second: int, late_ms: int = 20, edit: int = 0, ticket: str = "", **more: Any) -> Job:
    """A Job for the occurrence of a second, with what leads to it."""
    nominal_ms = T + second * 1000
    at_ms = nominal_ms + late_ms
    number = len(history.jobs)
    job = Job(
        uid=f"job-{number}",
        name=f"default/timer-{second}",
        timer_uid=UID,
        occurrence_ms=nominal_ms,
        edit=edit,
        received_ms=at_ms,
        answered_ms=at_ms + 5,
        arrived_ms=at_ms + 8,
        created_rv=1000 + 10 * number,
        finished_ms=at_ms + 50,
        finished_rv=1000 + 10 * number + 2,
        creator="worker-1",
    )
    ticket = ticket or lives_of(history)[0].ticket
    history.jobs.append(job := replace(job, **more))
    history.confirmed.append(Confirmed("worker-1", at_ms - 5, ticket, edit + 1, nominal_ms))
    history.acked.append(Acked("worker-1", at_ms + 10, ticket, nominal_ms))
    return job


def status(history: History, handled_s: int, after_ms: int = 500, **more: Any) -> None:
    """A status that says that all until a second is handled."""
    known: dict[str, Any] = {"generation": 1, "missed": 0, "skipped": 0} | more
    handled_ms = T + handled_s * 1000
    history.statuses.append(Status(UID, handled_ms + after_ms, handled_ms=handled_ms, **known))


def forget(history: History, second: int) -> None:
    """Let an occurrence not have run."""
    history.jobs = [job for job in history.jobs if job.occurrence_ms != T + second * 1000]


def removed(history: History, second: int, after_ms: int = 100) -> Job:
    """Remove a Job, soon after it was made."""
    job = next(job for job in history.jobs if job.occurrence_ms == T + second * 1000)
    job.removed_ms, job.removed_rv = job.created_ms + after_ms, (job.created_rv or 0) + 4
    return job


def kinds(verdict: Verdict) -> list[str]:
    """What was violated."""
    return [finding.kind for finding in verdict.findings]


def test_a_perfect_history_has_nothing_to_complain_of() -> None:
    verdict = audit(life())
    assert kinds(verdict) == []
    assert (verdict.occurrences, verdict.jobs, verdict.missed) == (6, 6, 0)
    assert [lag for _, lag in verdict.lags_ms] == [25] * 6


def test_the_last_occurrence_without_a_job_is_lost() -> None:
    history = life()
    forget(history, 60)
    assert kinds(audit(history)) == ["lost"]


def test_one_that_later_ones_replaced_is_unreported_where_status_does_not_count_it() -> None:
    history = life()
    forget(history, 30)
    assert kinds(audit(history)) == ["unreported"]
    status(history, 60, 900, missed=1)
    verdict = audit(history)
    assert kinds(verdict) == []
    assert verdict.missed == 1


def test_a_missed_run_is_lost_where_all_have_to_run() -> None:
    history = life(missedRunPolicy="All")
    forget(history, 30)
    status(history, 60, 900, missed=1)
    assert kinds(audit(history)) == ["lost"]


def test_a_run_that_status_never_knew_of_is_counted() -> None:
    history = life()
    history.statuses.clear()
    status(history, 40)
    assert audit(history).untold == 2


def test_in_the_quiet_time_nothing_may_be_missed() -> None:
    history = life()
    forget(history, 30)
    status(history, 60, 900, missed=1)
    history.quiet_ms = T + 25_000
    assert kinds(audit(history)) == ["lost"]


def test_a_report_that_was_lost_with_the_index_is_counted_apart() -> None:
    history = life()
    forget(history, 30)
    history.faults.append(Fault("redis wiped", T + 41_000, T + 41_100, loses_index=True))
    verdict = audit(history)
    assert kinds(verdict) == []
    assert verdict.given_up == {REPORT_LOST: 1}
    history.acked = [acked for acked in history.acked if acked.mark_ms < T + 30_000]
    assert audit(history).given_up == {REPORT_LOST: 1}, "who may fire a later one has told of it"
    history.confirmed = [confirmed for confirmed in history.confirmed if confirmed.occurrence_ms <= T + 30_000]
    assert "unreported" in kinds(audit(history))


@pytest.mark.parametrize(("after_ms", "found"), [(300, []), (1300, ["unreported"])], ids=["same second", "another"])
def test_an_edit_in_the_second_of_the_status_before_has_no_date(after_ms: int, found: list[str]) -> None:
    history = life()
    history.versions.append(version(1, T + 20_000))
    for second in (30, 40, 50, 60):
        forget(history, second)
    for second in (40, 50, 60):
        ran(history, second, edit=1)
    history.statuses.clear()
    status(history, 20, after_ms)
    status(history, 60, generation=2)
    verdict = audit(history)
    assert kinds(verdict) == found
    assert verdict.given_up[UNDATED] == (not found)


def test_a_job_before_its_time_is_early() -> None:
    history = life()
    forget(history, 60)
    ran(history, 60, late_ms=-1)
    assert kinds(audit(history)) == ["early"]


def test_a_job_of_an_instant_that_the_spec_does_not_name_is_a_ghost() -> None:
    history = life()
    ran(history, 33)
    assert kinds(audit(history)) == ["uncalled"]


def test_a_job_of_an_unknown_timer_is_a_stranger() -> None:
    history = life()
    ran(history, 60, timer_uid="another")
    assert kinds(audit(history)) == ["stranger"]


def test_two_jobs_of_an_occurrence_at_once_are_a_double() -> None:
    history = life()
    ran(history, 30, late_ms=500, name="default/timer-30-other")
    assert kinds(audit(history)) == ["double"]


def test_a_second_job_after_the_first_was_removed_is_a_double_where_the_index_had_noted_it() -> None:
    history = life()
    removed(history, 30)
    ran(history, 30, late_ms=4_000)
    assert kinds(audit(history)) == ["double"]


def test_a_second_job_that_nobody_gave_leave_for_is_a_double() -> None:
    history = life()
    history.acked.clear()
    removed(history, 30)
    ran(history, 30, late_ms=4_000, creator="worker-2")
    assert kinds(audit(history)) == ["double"]


@pytest.mark.parametrize(
    ("asked_after_ms", "loss_at_ms", "told_at_ms", "expected"),
    [
        (-2, None, None, LATE_REQUEST),
        (3_000, 2_000, None, STATUS_GAP),
        (3_000, None, None, NO_NOTE),
        (3_000, 2_000, 1_000, "double"),
        (9_000, None, 1_000, "double"),
        (3_000, 2_000, 2_500, STATUS_GAP),
    ],
)
def test_a_second_job_after_the_first_was_removed_goes_by_what_was_known_when_leave_was_given(
    asked_after_ms: int, loss_at_ms: int | None, told_at_ms: int | None, expected: str
) -> None:
    history = life()
    first = removed(history, 30)
    forget(history, 40), forget(history, 50), forget(history, 60)
    history.end_ms, history.statuses, history.acked = T + 39_000, [], []
    if loss_at_ms is not None:
        at_ms = first.created_ms + loss_at_ms
        history.faults.append(Fault("redis wiped", at_ms, at_ms, loses_index=True))
    if told_at_ms is not None:
        status(history, 30, first.created_ms - first.occurrence_ms + told_at_ms)
    ran(history, 30, late_ms=9_500)
    history.acked = []
    history.confirmed[-1] = replace(history.confirmed[-1], asked_ms=first.created_ms + asked_after_ms)
    verdict = audit(history)
    assert (kinds(verdict) or list(verdict.admitted)) == [expected]


def test_under_strict_a_second_run_is_never_excused() -> None:
    history = life(guarantee="Strict")
    removed(history, 30)
    history.acked.clear()
    ran(history, 30, late_ms=4_000)
    assert kinds(audit(history)) == ["ran twice"]


def test_a_strict_job_that_was_never_let_go_is_no_run() -> None:
    history = life(guarantee="Strict")
    ran(history, 30, late_ms=4_000, born_suspended=True, finished_ms=None)
    assert kinds(audit(history)) == []
    forget(history, 60)
    ran(history, 60, born_suspended=True, finished_ms=None)
    assert kinds(audit(history)) == ["lost"]
    history.jobs[-1].let_go_ms = T + 60_400
    assert kinds(audit(history)) == []


def test_a_strict_job_that_a_user_removed_between_commit_and_start_is_not_lost() -> None:
    def history(removed_by_user: bool, committed: bool) -> History:
        history = life(guarantee="Strict", missedRunPolicy="All")
        forget(history, 40)
        job = ran(history, 40, born_suspended=True, finished_ms=None, removed_ms=T + 40_400)
        status(history, 40, committed=(job.uid,) if committed else ())
        if removed_by_user:
            history.removals.append(Removal(job.name, Window(T + 40_300, T + 40_350)))
        return history

    verdict = audit(history(removed_by_user=True, committed=True))
    assert (kinds(verdict), verdict.given_up[REMOVED]) == ([], 1)
    assert kinds(audit(history(removed_by_user=False, committed=True))) == ["lost"]
    assert kinds(audit(history(removed_by_user=True, committed=False))) == ["lost"]


def edited(history: History, at_s: int, **spec: Any) -> None:
    """An edit within the second before."""
    history.versions.append(version(len(history.versions), T + at_s * 1000 - 900, **spec))


def test_after_an_edit_the_new_spec_is_what_counts() -> None:
    history = life()
    for second in (40, 50, 60):
        forget(history, second)
    edited(history, 33, every="9s")
    for second in (36, 45, 54, 63):
        ran(history, second, edit=1)
    assert kinds(audit(history)) == []
    forget(history, 63)
    assert kinds(audit(history)) == ["lost"]


def test_what_was_due_before_an_edit_and_waits_still_is_given_up() -> None:
    history = life()
    for second in (30, 40, 50, 60):
        forget(history, second)
    edited(history, 33, suspend=True)
    verdict = audit(history)
    assert kinds(verdict) == []
    assert verdict.given_up == {BY_EDIT: 1}


def test_an_occurrence_before_an_edit_that_runs_by_the_new_spec_is_retroactive() -> None:
    history = life()
    edited(history, 63, every="5s")
    history.end_ms = T + 64_000
    ran(history, 55, late_ms=8_200, edit=1)
    assert kinds(audit(history)) == ["retroactive"]


def test_a_job_of_the_old_spec_is_stale_once_status_knows_the_new_one() -> None:
    history = life()
    forget(history, 60)
    edited(history, 58, every="90s")
    ran(history, 60)
    verdict = audit(history)
    assert kinds(verdict) == []
    assert verdict.admitted == {OLD_VERSION: 1}
    history.statuses.insert(0, Status(UID, T + 59_000, 2, T + 58_000, 0, 0))
    assert kinds(audit(history)) == ["stale"]
    # Under Sentinels the leave can be that of a primary that has been replaced, and knows nothing of the edit.
    history.faults.append(Fault("redis failed over", T + 50_000, T + 51_000, loses_index=True, splits=True))
    verdict = audit(history)
    assert kinds(verdict) == []
    assert verdict.admitted == {OLD_PRIMARY: 1}


def test_a_job_of_the_old_spec_long_after_the_edit_is_stale() -> None:
    history = life()
    forget(history, 60)
    edited(history, 53, every="90s")
    ran(history, 60)
    assert kinds(audit(history)) == ["stale"]


def test_a_job_after_its_timer_was_deleted_is_stale() -> None:
    history = life()
    history.deletions.append(Deletion(UID, Window(T + 35_000, T + 35_100)))
    assert kinds(audit(history)) == ["stale", "stale", "stale"]


def test_of_a_deleted_timer_status_need_not_tell_what_it_had_no_time_for() -> None:
    history = life()
    for second in (20, 40, 50, 60):
        forget(history, second)
    history.deletions.append(Deletion(UID, Window(T + 35_000, T + 35_100)))
    history.statuses.clear()
    verdict = audit(history)
    assert kinds(verdict) == []
    assert verdict.given_up == {DELETED_FIRST: 1}


def test_under_forbid_a_run_beside_another_is_an_overlap() -> None:
    history = life(concurrencyPolicy="Forbid")
    assert kinds(audit(history)) == []
    first = history.jobs[2]
    first.finished_ms, first.finished_rv = T + 45_000, history.jobs[3].created_rv + 5  # type: ignore[operator]
    assert kinds(audit(history)) == ["overlap"]
    # Had it asked who is active before that Job was there, it could not know: the other's request came so late.
    second = history.confirmed[3]
    history.confirmed.append(replace(second, asked_ms=first.created_ms - 10))
    verdict = audit(history)
    assert kinds(verdict) == []
    assert verdict.admitted == {f"overlap: {LATE_REQUEST}": 1}


def test_runs_that_follow_one_another_may_still_be_at_it_but_not_have_stopped() -> None:
    history = life(concurrencyPolicy="Forbid", missedRunPolicy="All")
    history.end_ms = T + 55_000
    forget(history, 50), forget(history, 60)
    verdict = audit(history)
    assert kinds(verdict) == []
    assert verdict.given_up == {IN_LINE: 1}
    forget(history, 30), forget(history, 40)
    assert kinds(audit(history)) == ["lost"] * 3


def test_a_request_by_hand_has_one_job() -> None:
    history = life()
    history.triggers.append(Trigger(UID, "please", Window(T + 31_000, T + 31_050)))
    assert kinds(audit(history)) == ["unanswered"]
    ticket = lives_of(history)[0].ticket_by_hand("please")
    ran(history, 31, late_ms=300, ticket=ticket, trigger="please", name="default/timer-run")
    assert kinds(audit(history)) == []
    ran(history, 32, late_ms=300, ticket=ticket, trigger="please", name="default/timer-run-again")
    assert kinds(audit(history)) == ["double"]


def test_the_tickets_are_those_of_the_product() -> None:
    """The one thing that both have to agree on; the auditor works it out by itself."""
    from controller.core.identity import manual_ticket, ticket_of

    timer = lives_of(life())[0]
    assert timer.ticket == ticket_of(UID)
    assert timer.ticket_by_hand("please") == manual_ticket(ticket_of(UID), "please")
