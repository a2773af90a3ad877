"""The table: news arrives in any order, and the newest counts."""

from typing import Any

import pytest

from controller.core.identity import ticket_of
from controller.core.job import Outcome
from controller.core.timer import parse_timer
from controller.reconcile.table import Table
from tests.unit.core.objects import UID, report, timer, timer_object
from tests.unit.reconcile.desk import ELEVEN, FAILED, HOURLY, TWELVE, Desk, job, succeeded_at, uid


@pytest.fixture
def table(desk: Desk) -> Table:
    return desk.table


def seen(table: Table, spec: dict[str, Any] = HOURLY, **changes: Any) -> None:
    table.see_timer(timer_object(spec, **changes))


async def test_a_new_timer_goes_into_the_index_and_gets_a_status(desk: Desk, table: Table) -> None:
    seen(table)
    assert await desk.ripe(table.to_sync) == {UID}
    assert await desk.ripe(table.to_report) == {UID}
    assert table.has(ticket_of(UID))


async def test_a_timer_that_was_seen_before_is_no_news(desk: Desk, table: Table) -> None:
    seen(table)
    await desk.ripe(table.to_sync)
    await desk.ripe(table.to_report)
    seen(table)
    assert len(table.to_sync) == len(table.to_report) == 0


async def test_an_older_version_is_ignored_also_where_the_numbers_get_longer(table: Table) -> None:
    seen(table, {**HOURLY, "suspend": True}, resourceVersion="10", generation=2)
    seen(table, HOURLY, resourceVersion="9", generation=1)
    assert table.entries[UID].timer.suspended


async def test_an_edit_goes_into_the_index_and_a_status_alone_does_not(desk: Desk, table: Table) -> None:
    seen(table)
    await desk.ripe(table.to_sync)
    seen(table, resourceVersion="2", status={"observedGeneration": 1})
    assert len(table.to_sync) == 0
    assert table.entries[UID].timer.recorded.generation == 1
    seen(table, resourceVersion="3", generation=2)
    assert await desk.ripe(table.to_sync) == {UID}


async def test_a_timer_that_begins_to_be_deleted_goes_into_the_index(desk: Desk, table: Table) -> None:
    seen(table)
    await desk.ripe(table.to_sync)
    seen(table, resourceVersion="2", deletionTimestamp="2026-03-01T11:00:00Z")
    assert await desk.ripe(table.to_sync) == {UID}


async def test_what_was_deleted_stays_deleted_whatever_a_late_list_says(desk: Desk, table: Table) -> None:
    seen(table)
    table.see_job(job(ELEVEN))
    table.timer_deleted(UID)
    seen(table, resourceVersion="99")
    table.see_job(job(TWELVE))
    assert table.entries == {}
    assert not table.has(ticket_of(UID))
    assert await desk.ripe(table.to_sync) == {UID}, "its ticket has to go"


def test_only_so_many_deleted_ones_are_remembered(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controller.reconcile.table._DELETED_REMEMBERED", 2)
    for number in range(3):
        table.timer_deleted(uid(number))
    for number in range(3):
        seen(table, uid=uid(number))
    assert set(table.entries) == {uid(0)}


def test_jobs_may_be_seen_before_their_timer(table: Table) -> None:
    table.see_job(job(ELEVEN))
    table.see_job(job(TWELVE))
    table.run_gone(UID, f"job-{TWELVE}")
    seen(table)
    assert [run.occurrence_ms for run in table.entries[UID].runs.values()] == [ELEVEN]
    assert table.entries[UID].newest_run_ms(TWELVE) == ELEVEN


def test_jobs_whose_timer_a_complete_list_did_not_show_are_forgotten(table: Table) -> None:
    table.see_job(job(ELEVEN))
    table.forget_early_runs()
    seen(table)
    assert table.entries[UID].runs == {}


async def test_a_new_job_raises_the_mark_in_the_index_and_its_end_does_not(desk: Desk, table: Table) -> None:
    seen(table)
    await desk.ripe(table.to_sync)
    table.see_job(job(ELEVEN))
    desk.monotonic.now_s += 1
    assert await desk.ripe(table.to_sync) == {UID}
    table.see_job(job(ELEVEN, status=succeeded_at("2026-03-01T11:01:00Z")))
    assert len(table.to_sync) == 0


def test_a_job_ends_once(table: Table) -> None:
    seen(table)
    table.see_job(job(ELEVEN, status=FAILED))
    table.see_job(job(ELEVEN))
    table.see_job(job(ELEVEN, status=succeeded_at("2026-03-01T11:01:00Z")))
    (run,) = table.entries[UID].runs.values()
    assert run.outcome is Outcome.FAILED


def test_a_job_that_is_gone_stays_gone_and_in_mind_until_status_has_counted_it(table: Table) -> None:
    seen(table)
    table.see_job(job(ELEVEN))
    table.job_gone(job(ELEVEN, status=succeeded_at("2026-03-01T11:01:00Z")))
    table.see_job(job(ELEVEN))
    (run,) = table.entries[UID].runs.values()
    assert run.gone
    assert run.outcome is Outcome.SUCCEEDED, "its last words count"
    table.taken_in(UID, [run], [])
    assert table.entries[UID].runs == {}


def test_what_status_has_taken_in_while_the_job_existed_is_kept(table: Table) -> None:
    seen(table)
    table.see_job(job(ELEVEN))
    taken_in = list(table.entries[UID].runs.values())
    table.run_gone(UID, f"job-{ELEVEN}")
    table.taken_in(UID, taken_in, [])
    assert [run.gone for run in table.entries[UID].runs.values()] == [True], "that it is gone was not counted yet"


@pytest.mark.parametrize("namespaced", [True, False], ids=["timer first", "job first"])
def test_a_job_in_another_namespace_is_nobodys_run_whatever_owner_it_names(table: Table, namespaced: bool) -> None:
    forged = job(TWELVE, namespace="elsewhere")
    if namespaced:
        seen(table)
        table.see_job(forged)
    else:
        table.see_job(forged)
        seen(table)
    assert table.entries[UID].runs == {}


def test_a_job_that_is_not_ours_is_ignored(table: Table) -> None:
    seen(table)
    table.see_job(job(ELEVEN, ownerReferences=[]))
    table.job_gone(job(ELEVEN, ownerReferences=[]))
    assert table.entries[UID].runs == {}


def test_templates_are_not_kept(table: Table) -> None:
    seen(table)
    assert table.entries[UID].timer.job_template == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"uid": "no UUID"},
        {"creationTimestamp": "yesterday"},
        {"spec": {"at": "9999-12-31T23:59:59-01:00"}},
        {"spec": {"schedule": 5}},
        {"spec": {**HOURLY, "startingDeadlineSeconds": "5"}},
    ],
)
async def test_an_object_that_cannot_be_read_delays_nobody(
    desk: Desk, table: Table, changes: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    spec = changes.pop("spec", HOURLY)
    seen(table, spec, **{"uid": uid(1), **changes})
    seen(table, uid=uid(2))
    assert uid(2) in table.entries
    assert uid(2) in await desk.ripe(table.to_sync)


async def test_reports_reach_the_timer_they_are_about(desk: Desk, table: Table) -> None:
    seen(table)
    await desk.ripe(table.to_report)
    told = report(timer(HOURLY), ELEVEN)
    assert table.see_report("1-0", told)
    assert table.entries[UID].reports == {"1-0": told}
    assert len(table.to_report) == 1
    table.taken_in(UID, [], ["1-0"])
    assert table.entries[UID].reports == {}


def test_a_report_about_nobody_is_refused(table: Table) -> None:
    assert not table.see_report("1-0", report(timer(HOURLY), ELEVEN))


async def test_statuses_of_one_timer_keep_their_distance(desk: Desk, table: Table) -> None:
    seen(table)
    await desk.ripe(table.to_report)
    table.written(UID, timer_object(HOURLY, resourceVersion="2"))
    await desk.ripe(table.to_report)
    table.see_job(job(ELEVEN))
    desk.monotonic.now_s += 1.9
    assert await desk.ripe(table.to_report) == set()
    desk.monotonic.now_s += 0.2
    assert await desk.ripe(table.to_report) == {UID}


async def test_a_status_waits_a_moment_for_more_to_happen(desk: Desk, table: Table) -> None:
    seen(table)
    await desk.ripe(table.to_report)
    table.see_job(job(ELEVEN))
    assert await desk.ripe(table.to_report) == set()
    desk.monotonic.now_s += 0.25
    assert await desk.ripe(table.to_report) == {UID}


async def test_the_answer_to_a_write_is_news_like_any_other(table: Table) -> None:
    seen(table)
    answer = timer_object(HOURLY, resourceVersion="5", status={"observedGeneration": 1})
    table.written(UID, answer)
    assert table.entries[UID].timer.resource_version == parse_timer(answer).resource_version
    table.timer_deleted(UID)
    table.written(UID, answer)
    assert table.entries == {}


def test_a_job_that_is_gone_is_not_brought_back_by_a_list_that_began_before() -> None:
    table = Table(status_seconds=2)
    table.see_timer(timer_object(HOURLY))
    table.see_job(job(ELEVEN))
    table.job_gone(job(ELEVEN))
    table.taken_in(UID, list(table.entries[UID].runs.values()), [])
    table.see_job(job(ELEVEN))
    assert table.entries[UID].runs == {}


def test_of_reports_without_end_a_table_keeps_what_workers_could_have_written(table: Table) -> None:
    seen(table)
    told = report(timer(HOURLY), ELEVEN)
    assert all(table.see_report(f"{number}-0", told) for number in range(10_000))
    assert not table.see_report("10000-0", told)
    assert len(table.entries[UID].reports) == 10_000
