"""guarantee: Strict, the controller's part: it keeps the record, has left work done, and deletes who came too late."""

from typing import Any

import pytest

from controller.core.instants import rfc3339
from controller.core.job import UNCOMMITTED_ANNOTATION, job_manifest
from controller.core.timer import Timer
from controller.kube import paths
from controller.reconcile.sync import wanted
from tests.unit.core.objects import UID, handled, ms, timer
from tests.unit.kube.stub_api import CONFLICT
from tests.unit.reconcile.desk import ELEVEN, HOURLY, TEN, TWELVE, Desk, succeeded_at
from tests.unit.reconcile.writer import TIMER, Writer

STRICT = {**HOURLY, "guarantee": "Strict"}
ONE = timer(STRICT)
ENDING_AT_ELEVEN = {
    **{field: value for field, value in STRICT.items() if field != "schedule"},
    "at": rfc3339(ELEVEN),
    "ttlSecondsAfterComplete": 0,
}


@pytest.fixture
def writer(desk: Desk) -> Writer:
    return Writer(desk)


def born(occurrence_ms: int, uid: str = "first", of: Timer = ONE, **changes: Any) -> dict[str, Any]:
    """The Job of an occurrence as it is created: suspended, and not committed."""
    manifest = job_manifest(of, occurrence_ms) | {"status": {}}
    manifest["metadata"] |= {"uid": uid, "resourceVersion": "1", **changes}
    return manifest


def started(job: dict[str, Any], **status: Any) -> dict[str, Any]:
    """The same, once it was committed and started."""
    annotations = {key: text for key, text in job["metadata"]["annotations"].items() if key != UNCOMMITTED_ANNOTATION}
    metadata = {**job["metadata"], "annotations": annotations, "resourceVersion": "2"}
    return {**job, "metadata": metadata, "spec": {**job["spec"], "suspend": False}, "status": status}


def record(occurrence_ms: int, uid: str = "first", **changes: Any) -> dict[str, Any]:
    """What a worker wrote into status."""
    name = born(occurrence_ms)["metadata"]["name"]
    return {"scheduledAt": rfc3339(occurrence_ms), "jobName": name, "jobUid": uid, "started": False, **changes}


def commit(desk: Desk, writer: Writer, occurrence_ms: int, **changes: Any) -> None:
    """A worker commits; the controller sees it in its watch."""
    status = writer.status | {"committedRun": record(occurrence_ms, **changes)}
    desk.table.see_timer(desk.api.put(TIMER, {**desk.api.objects[TIMER], "status": status}))


async def test_a_job_that_may_not_run_yet_is_no_run(desk: Desk, writer: Writer) -> None:
    await writer.start(STRICT)
    desk.table.see_job(born(ELEVEN))
    await writer.write()
    assert writer.status["activeCount"] == 0
    assert "lastScheduleTime" not in writer.status
    assert desk.table.entries[UID].newest_run_ms(desk.clock()) == 0
    assert writer.events() == []


async def test_once_it_is_started_it_is_a_run_and_the_record_says_so(desk: Desk, writer: Writer) -> None:
    await writer.start(STRICT)
    desk.table.see_job(born(ELEVEN))
    commit(desk, writer, ELEVEN)
    desk.table.see_job(started(born(ELEVEN)))
    await writer.write()
    assert writer.status["activeCount"] == 1
    assert writer.status["lastScheduleTime"] == rfc3339(ELEVEN)
    assert writer.status["committedRun"] == record(ELEVEN, started=True)
    desk.table.see_job(started(born(ELEVEN), **succeeded_at("2026-03-01T11:00:09Z")))
    await writer.write()
    assert writer.status["runs"]["succeeded"] == 1
    assert writer.status["committedRun"] == record(ELEVEN, started=True), "it is needed as long as the timer lives"


async def test_a_committed_job_that_was_not_seen_to_start_is_due_now_until_it_was(desk: Desk, writer: Writer) -> None:
    await writer.start(STRICT)
    desk.table.see_job(born(ELEVEN))
    commit(desk, writer, ELEVEN)
    await writer.write()
    assert UID in await desk.ripe(desk.table.to_sync)
    (ticket,) = wanted(desk.table.entries[UID], desk.clock())
    assert (ticket.next_ms, ticket.mark_ms) == (desk.clock(), ELEVEN)
    assert await writer.retried_after_s() == pytest.approx(2, abs=0.2)
    desk.table.see_job(started(born(ELEVEN)))
    await writer.write()
    (ticket,) = wanted(desk.table.entries[UID], desk.clock())
    assert ticket.next_ms == TWELVE


async def test_that_holds_for_a_suspended_timer_as_well(desk: Desk, writer: Writer) -> None:
    await writer.start({**STRICT, "suspend": True})
    commit(desk, writer, ELEVEN)
    (ticket,) = wanted(desk.table.entries[UID], desk.clock())
    assert ticket.next_ms == desk.clock()


async def test_what_is_committed_is_decided(desk: Desk, writer: Writer) -> None:
    await writer.start(STRICT)
    commit(desk, writer, ELEVEN)
    await writer.write()
    assert writer.status["handledThrough"] == rfc3339(ELEVEN)
    assert writer.status["nextScheduleTime"] == rfc3339(TWELVE)


async def test_a_timer_is_not_complete_before_its_last_job_was_started(desk: Desk, writer: Writer) -> None:
    """With ttlSecondsAfterComplete 0 it would be deleted, and the Job with it."""
    await writer.start(ENDING_AT_ELEVEN)
    commit(desk, writer, ELEVEN)
    await writer.write()
    assert writer.said("Complete") is None
    desk.table.see_job(started(born(ELEVEN), **succeeded_at("2026-03-01T11:00:09Z")))
    await writer.write()
    assert writer.deleted() == [TIMER]


async def test_who_came_too_late_is_deleted_in_the_version_that_was_seen(desk: Desk, writer: Writer) -> None:
    await writer.start(STRICT)
    commit(desk, writer, ELEVEN, uid="first", started=True)
    late = desk.store_job(born(ELEVEN, "late"))
    desk.table.see_job(late)
    await writer.write()
    (deletion,) = desk.api.made("DELETE")
    assert deletion.path == paths.job("default", late["metadata"]["name"])
    version = late["metadata"]["resourceVersion"]
    assert deletion.body["preconditions"] == {"uid": "late", "resourceVersion": version}


async def test_a_late_job_that_has_changed_since_it_was_seen_is_looked_at_again(desk: Desk, writer: Writer) -> None:
    await writer.start(STRICT)
    commit(desk, writer, ELEVEN, uid="first", started=True)
    late = desk.store_job(born(ELEVEN, "late"))
    desk.table.see_job(late)
    desk.api.fail("DELETE", paths.job("default", late["metadata"]["name"]), CONFLICT)
    await writer.write()
    await writer.write()
    assert len(writer.deleted()) == 2


async def test_a_job_whose_occurrence_was_decided_otherwise_is_deleted(desk: Desk, writer: Writer) -> None:
    """Its timer was edited, say, before it was committed."""
    await writer.start(STRICT, status=handled(ELEVEN, ONE))
    desk.table.see_job(desk.store_job(born(ELEVEN)))
    await writer.write()
    assert len(writer.deleted()) == 1


async def test_a_job_of_an_older_generation_is_deleted(desk: Desk, writer: Writer) -> None:
    """Its timer was suspended, say, just before its time came; nothing is decided about that any more."""
    suspended = {**STRICT, "suspend": True}
    await writer.start(suspended, generation=2, status=handled(TEN, timer(suspended, generation=2)))
    desk.table.see_job(desk.store_job(born(TWELVE)))
    await writer.write()
    assert len(writer.deleted()) == 1


@pytest.mark.parametrize("occurrence_ms", [TWELVE, ELEVEN], ids=["not decided", "committed itself"])
async def test_a_job_that_may_still_be_started_is_left_alone(desk: Desk, writer: Writer, occurrence_ms: int) -> None:
    await writer.start(STRICT, status=handled(TEN, ONE))
    commit(desk, writer, ELEVEN)
    desk.table.see_job(desk.store_job(born(occurrence_ms)))
    await writer.write()
    assert writer.deleted() == []


async def test_an_uncommitted_job_that_is_gone_is_forgotten(desk: Desk, writer: Writer) -> None:
    await writer.start(STRICT)
    desk.table.see_job(born(ELEVEN))
    desk.table.job_gone(born(ELEVEN))
    assert desk.table.entries[UID].runs == {}


async def test_what_a_worker_writes_into_status_is_no_acknowledgement_of_an_edit(desk: Desk, writer: Writer) -> None:
    """An edit that set fields has its time in managedFields, whoever wrote status after it."""
    fields: list[dict[str, Any]] = [
        {"time": "2026-03-01T11:00:00Z", "fieldsV1": {"f:spec": {"f:schedule": {}}}},
        {
            "time": "2026-03-01T10:00:01Z",
            "subresource": "status",
            "fieldsV1": {"f:status": {"f:observedGeneration": {}}},
        },
        {"time": "2026-03-01T11:00:05Z", "subresource": "status", "fieldsV1": {"f:status": {"f:committedRun": {}}}},
    ]
    edited = timer(
        STRICT,
        generation=2,
        managedFields=fields,
        status={**handled(TEN, ONE), "timingHash": "another", "committedRun": record(TEN, started=True)},
    )
    assert edited.status_written_ms == ms("2026-03-01T10:00:01Z")


# What is seen late, or twice.


async def test_a_job_that_status_knows_to_be_started_is_active_before_it_is_seen_to_be(
    desk: Desk, writer: Writer
) -> None:
    """A worker that looked after it has put it on record, while the Jobs' watch is behind."""
    await writer.start(ENDING_AT_ELEVEN)
    desk.store_job(started(born(ELEVEN)))
    desk.table.see_job(born(ELEVEN))
    commit(desk, writer, ELEVEN, started=True)
    await writer.write()
    assert writer.said("Complete") is None
    assert writer.deleted() == []


async def test_a_complete_timer_with_a_job_that_was_not_seen_yet_is_not_deleted(desk: Desk, writer: Writer) -> None:
    """It would take the Job with it."""
    await writer.start(ENDING_AT_ELEVEN)
    desk.store_job(started(born(ELEVEN)))
    commit(desk, writer, ELEVEN, started=True)
    await writer.write()
    assert writer.deleted() == []
    desk.store_job(started(born(ELEVEN), **succeeded_at("2026-03-01T11:00:09Z")))
    await writer.write()
    assert writer.deleted() == [TIMER]


async def test_a_started_run_does_not_become_uncommitted_again(desk: Desk, writer: Writer) -> None:
    """A list can show an older moment than the watch."""
    await writer.start(STRICT)
    commit(desk, writer, ELEVEN)
    desk.table.see_job(started(born(ELEVEN)))
    await writer.write()
    desk.table.see_job(born(ELEVEN))
    await writer.write()
    desk.table.see_job(started(born(ELEVEN), **succeeded_at("2026-03-01T11:00:09Z")))
    await writer.write()
    assert writer.status["runs"]["succeeded"] == 1


async def test_what_is_committed_was_not_missed_whatever_a_worker_said_before(desk: Desk, writer: Writer) -> None:
    await writer.start(STRICT)
    desk.clock.set("2026-03-01T12:00:01Z")
    desk.table.see_job(born(ELEVEN))
    commit(desk, writer, ELEVEN)
    await writer.tell(ELEVEN)
    await writer.write()
    assert writer.status["runs"]["missed"] == 0


@pytest.mark.parametrize(("open_again", "deleted"), [(True, 0), (False, 1)], ids=["open again", "replaced"])
async def test_the_job_of_a_replaced_request_is_deleted_unless_that_is_asked_for_again(
    desk: Desk, writer: Writer, open_again: bool, deleted: int
) -> None:
    """The controller may not have seen yet that it is."""
    await writer.start(STRICT, annotations={"redistimer.dev/trigger": "B"})
    if open_again:
        obj = desk.api.objects[TIMER]
        desk.api.put(TIMER, {**obj, "metadata": {**obj["metadata"], "annotations": {"redistimer.dev/trigger": "A"}}})
    job = job_manifest(ONE, ELEVEN, "A") | {"status": {}}
    job["metadata"] |= {"uid": "x", "creationTimestamp": "2026-03-01T11:00:00Z"}
    desk.table.see_job(desk.store_job(job))
    await writer.write()
    assert len(writer.deleted()) == deleted
