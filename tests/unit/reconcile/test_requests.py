"""Requests for runs by hand on the controller's side: what makes a sync, which tickets there are, what status says."""

from typing import Any

import pytest

from controller.core.identity import manual_job_name, manual_ticket, ticket_of
from controller.core.job import BACKFILL, job_manifest
from controller.core.reasons import Reason
from controller.index.messages import Done, Wanted
from controller.reconcile.entry import Entry
from controller.reconcile.packed import pack
from controller.reconcile.sync import wanted
from controller.reconcile.table import Table
from tests.unit.core.life import told_of
from tests.unit.core.objects import UID, handled, timer, timer_object
from tests.unit.reconcile.desk import ELEVEN, HOURLY, TEN, TWELVE, Desk, job, succeeded_at, uid
from tests.unit.reconcile.writer import STATUS, TIMER, Writer

NOW = ELEVEN + 10_000
TICKET = ticket_of(UID)
BY_HAND = manual_ticket(TICKET, "x")
LIMITED = {**HOURLY, "maxConsecutiveFailures": 1}
ASKED = {"redistimer.dev/trigger": "x"}
HANDLED = {"lastHandledTrigger": "x"}


@pytest.fixture
def table(desk: Desk) -> Table:
    return desk.table


@pytest.fixture
def writer(desk: Desk) -> Writer:
    return Writer(desk)


def seen(table: Table, spec: dict[str, Any] = HOURLY, **changes: Any) -> None:
    table.see_timer(timer_object(spec, **changes))


def job_by_hand(request: str = "x", **changes: Any) -> dict[str, Any]:
    """The Job of a request as the API server shows it."""
    manifest = job_manifest(timer(HOURLY), ELEVEN + 5_000, request)
    manifest["status"] = changes.pop("status", {})
    manifest["metadata"] |= {"uid": f"job-{request}", "creationTimestamp": "2026-03-01T11:00:05Z", **changes}
    return manifest


# What the index has to follow.


@pytest.mark.parametrize(
    ("before", "after", "synced"),
    [
        pytest.param({}, {"annotations": ASKED}, True, id="a run is asked for"),
        pytest.param({"annotations": ASKED}, {}, True, id="a request is withdrawn"),
        pytest.param(
            {"annotations": ASKED}, {"annotations": {"redistimer.dev/trigger": "y"}}, True, id="a request is replaced"
        ),
        pytest.param({"annotations": ASKED}, {"annotations": ASKED, "status": HANDLED}, True, id="it is handled"),
        pytest.param({}, {"annotations": {"note": "x"}}, False, id="another annotation"),
        pytest.param({}, {"labels": {"a": "b"}}, False, id="a label"),
        pytest.param({"annotations": ASKED}, {"annotations": {**ASKED, "note": "x"}}, False, id="asked for still"),
        pytest.param(
            {"annotations": ASKED, "status": HANDLED}, {"status": HANDLED}, False, id="a handled one is withdrawn"
        ),
    ],
)
async def test_the_index_follows_requests_and_no_other_annotation(
    desk: Desk, table: Table, before: dict[str, Any], after: dict[str, Any], synced: bool
) -> None:
    seen(table, **before)
    await desk.ripe(table.to_sync)
    await desk.ripe(table.to_report)
    seen(table, resourceVersion="2", **after)
    assert (await desk.ripe(table.to_sync) == {UID}) == synced
    assert len(table.to_report) == 1


@pytest.mark.parametrize(("failures", "then"), [(0, 1), (1, 0)], ids=["stops", "starts again"])
async def test_the_index_follows_a_timer_that_stops_after_failures_and_one_that_starts_again(
    desk: Desk, table: Table, failures: int, then: int
) -> None:
    seen(table, LIMITED, status=handled(ELEVEN, timer(LIMITED), consecutiveFailures=failures))
    await desk.ripe(table.to_sync)
    again = handled(TWELVE, timer(LIMITED), consecutiveFailures=then)
    seen(table, LIMITED, resourceVersion="2", status=again)
    assert await desk.ripe(table.to_sync) == {UID}


async def test_the_index_does_not_follow_failures_that_stop_nothing(desk: Desk, table: Table) -> None:
    seen(table, status=handled(ELEVEN, timer(HOURLY), consecutiveFailures=1))
    await desk.ripe(table.to_sync)
    seen(table, resourceVersion="2", status=handled(ELEVEN, timer(HOURLY), consecutiveFailures=9))
    assert len(table.to_sync) == 0


def test_the_tickets_of_a_table_are_those_of_its_timers_and_of_their_open_requests(table: Table) -> None:
    seen(table, annotations=ASKED)
    seen(table, uid=uid(2), annotations=ASKED, status=HANDLED)
    seen(table, uid=uid(3))
    handled_ticket = manual_ticket(ticket_of(uid(2)), "x")
    tickets = [TICKET, BY_HAND, ticket_of(uid(2)), handled_ticket, ticket_of(uid(3)), ticket_of(uid(4)), "no ticket"]
    assert [table.has(ticket) for ticket in tickets] == [True, True, True, False, True, False, False]
    table.timer_deleted(UID)
    assert [table.has(ticket) for ticket in tickets] == [False, False, True, False, True, False, False]


# What is wanted of it.


def test_a_timer_of_which_a_run_is_asked_for_wants_two_tickets_one_of_them_due_now() -> None:
    entry = Entry(pack(timer_object(HOURLY, annotations=ASKED)))
    assert wanted(entry, NOW) == [
        Wanted(TICKET, 1, TEN, ELEVEN, "default", "nightly"),
        Wanted(BY_HAND, 1, 0, NOW, "default", "nightly"),
    ]


@pytest.mark.parametrize(
    ("spec", "changes"),
    [
        pytest.param({**HOURLY, "suspend": True}, {}, id="suspended"),
        pytest.param({"schedule": "at noon"}, {}, id="unusable"),
        pytest.param({"at": "2026-03-01T09:00:00Z"}, {}, id="complete"),
        pytest.param(
            LIMITED, {"status": handled(TEN, timer(LIMITED), consecutiveFailures=1)}, id="stopped after failures"
        ),
    ],
)
def test_a_request_is_wanted_also_where_the_schedule_waits_for_nothing(
    spec: dict[str, Any], changes: dict[str, Any]
) -> None:
    scheduled, by_hand = wanted(Entry(pack(timer_object(spec, annotations=ASKED, **changes))), NOW)
    assert scheduled.next_ms is None
    assert (by_hand.ticket, by_hand.next_ms) == (BY_HAND, NOW)


@pytest.mark.parametrize(
    "changes", [{"status": HANDLED}, {"deletionTimestamp": "2026-03-01T11:00:00Z"}], ids=["handled", "being deleted"]
)
def test_a_request_that_is_not_open_is_not_wanted(changes: dict[str, Any]) -> None:
    entry = Entry(pack(timer_object(HOURLY, annotations=ASKED, **changes)))
    assert [one.ticket for one in wanted(entry, NOW)] == [TICKET]


def test_what_fired_last_is_told_and_runs_by_hand_are_no_part_of_it(table: Table) -> None:
    seen(table)
    table.see_job(job(ELEVEN))
    table.see_job(job_by_hand())
    later = job(TWELVE)
    later["metadata"]["annotations"]["redistimer.dev/trigger"] = BACKFILL
    table.see_job(later)
    (one,) = wanted(table.entries[UID], NOW)
    assert (one.mark_ms, one.fired_ms) == (ELEVEN, ELEVEN)


def test_where_only_runs_by_hand_are_known_nothing_has_fired(table: Table) -> None:
    seen(table)
    table.see_job(job_by_hand())
    (one,) = wanted(table.entries[UID], NOW)
    assert (one.mark_ms, one.fired_ms, one.next_ms) == (TEN, 0, ELEVEN)


# Carried over.


async def test_a_request_is_carried_over_and_its_ticket_goes_once_status_says_that_it_was_handled(
    desk: Desk, table: Table
) -> None:
    seen(table, annotations=ASKED)
    await desk.sync.step()
    assert await desk.due_ms(BY_HAND) is not None
    assert await desk.due_ms(TICKET) is not None
    seen(table, annotations=ASKED, resourceVersion="2", status=HANDLED)
    await desk.sync.step()
    assert await desk.known(BY_HAND) is None
    assert await desk.due_ms(BY_HAND) is None
    assert await desk.due_ms(TICKET) is not None


async def test_a_request_that_was_done_keeps_its_ticket_until_status_says_so(desk: Desk, table: Table) -> None:
    """Otherwise the next sync would make a new one of it, and a new run."""
    seen(table, annotations=ASKED)
    await desk.sync.step()
    leases = (await desk.index.claim("token", 10, 0, 10_000)).leases
    (lease,) = [one for one in leases if one.ticket == BY_HAND]
    await desk.index.ack([Done(lease, 1, 1, None)])
    seen(table, annotations=ASKED, resourceVersion="2", generation=2)
    await desk.sync.step()
    assert (await desk.known(BY_HAND) or "").startswith("2 1 ")


async def test_a_request_that_was_replaced_leaves_its_ticket_to_a_worker_to_drop(desk: Desk, table: Table) -> None:
    seen(table, annotations=ASKED)
    await desk.sync.step()
    seen(table, annotations={"redistimer.dev/trigger": "y"}, resourceVersion="2")
    await desk.sync.step()
    assert await desk.due_ms(BY_HAND) is not None
    assert await desk.due_ms(manual_ticket(TICKET, "y")) is not None


# Told by workers, and seen as Jobs.


async def test_a_report_about_a_request_reaches_its_timer(desk: Desk, table: Table) -> None:
    seen(table, annotations=ASKED)
    told = told_of("x", Reason.JOB_ALREADY_ACTIVE)
    assert table.see_report("1-0", told)
    assert table.entries[UID].reports == {"1-0": told}
    seen(table, uid=uid(2))
    assert not table.see_report("2-0", told_of("x", Reason.FORBIDDEN, ticket=manual_ticket(ticket_of(uid(9)), "x")))


def test_a_run_that_is_seen_from_its_beginning_is_fresh_until_status_has_counted_its_end(table: Table) -> None:
    seen(table)
    table.see_job(job_by_hand())
    assert fresh(table)
    table.taken_in(UID, list(table.entries[UID].runs.values()), [])
    assert fresh(table), "it runs still"
    table.see_job(job_by_hand(status=succeeded_at("2026-03-01T11:01:00Z")))
    assert fresh(table)
    table.taken_in(UID, list(table.entries[UID].runs.values()), [])
    assert not fresh(table)
    table.see_job(job_by_hand(status=succeeded_at("2026-03-01T11:01:00Z"), labels={"a": "b"}))
    assert not fresh(table)


def fresh(table: Table) -> bool:
    (run,) = table.entries[UID].runs.values()
    return run.fresh


def test_a_run_whose_end_status_has_not_counted_yet_stays_fresh(table: Table) -> None:
    """It ended while a status was written that calls it active."""
    seen(table)
    table.see_job(job_by_hand())
    taken_in = list(table.entries[UID].runs.values())
    table.see_job(job_by_hand(status=succeeded_at("2026-03-01T11:01:00Z")))
    table.taken_in(UID, taken_in, [])
    assert fresh(table)


@pytest.mark.parametrize("first", ["timer", "job"])
def test_a_run_that_had_ended_before_it_was_seen_is_not_fresh(table: Table, first: str) -> None:
    ended = job_by_hand(status=succeeded_at("2026-03-01T11:01:00Z"))
    if first == "timer":
        seen(table)
    table.see_job(ended)
    if first == "job":
        seen(table)
    assert not fresh(table)


async def test_a_request_goes_all_the_way_from_the_annotation_to_status(desk: Desk, writer: Writer) -> None:
    await writer.start(annotations=ASKED)
    assert "lastHandledTrigger" not in writer.status
    desk.table.see_job(job_by_hand())
    await writer.write()
    assert writer.status["lastHandledTrigger"] == "x"
    assert [entry["name"] for entry in writer.status["active"]] == [manual_job_name("nightly", UID, "x")]
    await desk.sync.step()
    assert await desk.known(BY_HAND) is None
    desk.table.see_job(job_by_hand(status=succeeded_at("2026-03-01T11:01:00Z")))
    for _ in range(3):
        await writer.write()
    assert writer.status["runs"]["succeeded"] == 1
    assert writer.events() == [("Normal", "SuccessfulCreate"), ("Normal", "SawCompletedJob")]


async def test_a_skipped_request_goes_all_the_way_to_status(desk: Desk, writer: Writer) -> None:
    await writer.start(annotations=ASKED)
    await writer.take_in(told_of("x", Reason.JOB_ALREADY_ACTIVE, message="skipped"))
    for _ in range(3):
        await writer.write()
    assert writer.status["lastHandledTrigger"] == "x"
    assert writer.status["runs"]["skipped"] == 1
    assert await writer.stream_length() == 0
    assert writer.events() == [("Warning", "JobAlreadyActive")]


async def test_a_replaced_run_is_told_also_where_its_report_comes_after_the_status_that_shows_what_replaced_it(
    desk: Desk, writer: Writer
) -> None:
    """The watch is quicker than the stream, most often."""
    await writer.start({**HOURLY, "concurrencyPolicy": "Replace"})
    desk.table.see_job(job(ELEVEN))
    await writer.write()
    await writer.tell(ELEVEN, reason=Reason.SUCCESSFUL_DELETE)
    await writer.write()
    await writer.write()
    assert writer.events().count(("Normal", "SuccessfulDelete")) == 1


async def test_a_run_by_hand_is_counted_once_though_redis_is_away_when_status_tells_of_it(
    desk: Desk, writer: Writer
) -> None:
    await writer.start(annotations=ASKED)
    desk.table.see_job(job_by_hand())
    desk.table.see_job(job_by_hand(status=succeeded_at("2026-03-01T11:00:09Z")))
    await writer.tell(ELEVEN, reason=Reason.SUCCESSFUL_DELETE)
    desk.index.away = frozenset({"delete"})
    for _ in range(3):
        await writer.write()
    assert writer.status["runs"]["succeeded"] == 1
    assert writer.events().count(("Normal", "SuccessfulDelete")) == 1
    desk.index.away = frozenset()
    await writer.write()
    assert await writer.stream_length() == 0


# Counting what was quick.


async def test_a_quick_run_by_hand_is_counted_once_also_where_the_answer_to_a_write_is_lost(
    desk: Desk, writer: Writer
) -> None:
    """Written, and told so to nobody: the same is written again, on top of it."""
    await writer.start(annotations=ASKED)
    desk.table.see_job(job_by_hand())
    desk.table.see_job(job_by_hand(status=succeeded_at("2026-03-01T11:00:09Z")))
    for _ in range(4):
        desk.api.lose_answer("PATCH", STATUS)
        await writer.write()
        desk.table.see_timer(desk.api.objects[TIMER])
    await writer.write()
    assert writer.status["runs"]["succeeded"] == 1
    assert writer.status["active"] == []


async def test_a_quick_run_by_hand_that_is_gone_by_then_is_counted_as_well(desk: Desk, writer: Writer) -> None:
    await writer.start(annotations=ASKED)
    desk.table.see_job(job_by_hand())
    desk.table.job_gone(job_by_hand(status=succeeded_at("2026-03-01T11:00:09Z")))
    await writer.write()
    assert await writer.retried_after_s() is not None
    await writer.write()
    assert writer.status["runs"]["succeeded"] == 1
    assert desk.table.entries[UID].runs == {}


async def test_a_quick_run_by_hand_is_kept_until_it_is_counted(desk: Desk, writer: Writer) -> None:
    await writer.start({**HOURLY, "successfulJobsHistoryLimit": 0}, annotations=ASKED)
    job = desk.store_job(job_by_hand())
    desk.table.see_job(job)
    desk.table.see_job({**job, "status": succeeded_at("2026-03-01T11:00:09Z")})
    await writer.write()
    assert writer.deleted() == []
    await writer.write()
    assert (writer.status["runs"]["succeeded"], len(writer.deleted())) == (1, 1)
