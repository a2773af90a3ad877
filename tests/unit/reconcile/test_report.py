"""Writing status: when, what, in which order with what goes with it, and what comes of refusals."""

import asyncio

import pytest

from controller.core.instants import rfc3339
from controller.core.reasons import Reason
from controller.kube import paths
from controller.kube.errors import ApiError, ApiUnreachableError
from controller.reconcile.outcomes import PATIENCE_S
from tests.unit.core.objects import OTHER_UID, UID, report, timer, timer_object
from tests.unit.kube.stub_api import CONFLICT, NOT_FOUND, TOO_MANY_REQUESTS, Request
from tests.unit.reconcile.desk import ELEVEN, FAILED, HOURLY, THIRTEEN, TWELVE, Desk, job, succeeded_at, uid
from tests.unit.reconcile.writer import STATUS, TIMER, Writer


@pytest.fixture
def writer(desk: Desk) -> Writer:
    return Writer(desk)


async def test_an_edit_that_has_not_reached_the_index_is_not_acknowledged(desk: Desk, writer: Writer) -> None:
    desk.table.see_timer(desk.store())
    await writer.step()
    assert desk.api.made("PATCH") == []
    await desk.sync.step()
    await writer.templates.step()
    desk.monotonic.now_s += 1
    await writer.step()
    assert writer.status["observedGeneration"] == 1


async def test_a_later_edit_has_to_reach_the_index_as_well(desk: Desk, writer: Writer) -> None:
    await writer.start()
    desk.table.see_timer(desk.store(generation=2, status=writer.status))
    await writer.write()
    assert desk.api.made("PATCH") == []
    await desk.sync.step()
    await writer.templates.step()
    await writer.write()
    assert writer.status["observedGeneration"] == 2


async def test_a_patch_names_the_version_it_is_based_on_and_only_what_changed(desk: Desk, writer: Writer) -> None:
    await writer.start()
    version = desk.api.objects[TIMER]["metadata"]["resourceVersion"]
    desk.table.see_job(job(ELEVEN))
    await writer.write()
    (patch,) = writer.patches()
    assert patch["metadata"] == {"resourceVersion": version}
    assert set(patch["status"]) == {"active", "activeCount", "lastScheduleTime", "handledThrough", "nextScheduleTime"}
    assert writer.status["lastScheduleTime"] == rfc3339(ELEVEN)


async def test_a_status_tells_all_that_was_reported_before_it_was_written(desk: Desk, writer: Writer) -> None:
    """Redis may be gone by the next one."""
    await writer.start()
    missed = report(timer(HOURLY), ELEVEN, Reason.MISS_SCHEDULE)
    await desk.redis.xadd(desk.index.keys.outcomes, {"report": missed.model_dump_json()})
    desk.clock.set("2026-03-01T12:00:10Z")
    desk.table.see_job(job(TWELVE))
    await writer.write()
    assert writer.status["handledThrough"] == rfc3339(TWELVE)
    assert writer.status["runs"]["missed"] == 1


async def test_a_status_waits_while_redis_does_not_tell_what_was_reported_but_not_for_ever(
    desk: Desk, writer: Writer, pauses: list[float]
) -> None:
    await writer.start()
    desk.index.away = frozenset({"outcomes"})
    desk.table.see_job(job(ELEVEN))
    await writer.write()
    assert desk.api.made("PATCH") == []
    assert pauses[-1] == 0.5
    desk.monotonic.now_s += PATIENCE_S + 1
    await writer.step()
    assert writer.status["handledThrough"] == rfc3339(ELEVEN)


async def test_one_status_that_waits_for_its_answer_holds_up_no_other(desk: Desk, writer: Writer) -> None:
    await writer.start()
    release, arrived = asyncio.Event(), asyncio.Event()
    before = desk.api.before

    async def hang(request: Request) -> None:
        await before(request)
        if request.path == STATUS:
            arrived.set()
            await release.wait()

    desk.api.before = hang
    desk.table.see_job(job(ELEVEN))
    desk.table.to_report.add(UID)
    await writer.report.step()
    await arrived.wait()
    desk.table.to_report.add(UID)
    await writer.report.step()
    assert len(desk.api.made("PATCH")) == 1, "the same timer has to wait, or its versions would conflict"
    other = timer_object(HOURLY, name="other", uid=OTHER_UID)
    desk.table.see_timer(desk.api.put(paths.timer("default", "other"), other))
    await desk.sync.step()
    await writer.templates.step()
    await writer.report.step()
    hanging, quick = writer.report.under_way
    await quick
    assert "status" in desk.api.objects[paths.timer("default", "other")]
    release.set()
    await hanging
    assert await writer.retried_after_s() is not None, "and comes to its turn later"


async def test_nothing_is_written_where_nothing_changed(desk: Desk, writer: Writer) -> None:
    await writer.start()
    await writer.write()
    assert desk.api.requests == []


async def test_the_same_runs_and_reports_are_counted_once(desk: Desk, writer: Writer) -> None:
    desk.clock.set("2026-03-01T13:00:10Z")
    await writer.start()
    desk.table.see_job(job(THIRTEEN, status=FAILED))
    await writer.tell(TWELVE)
    for _ in range(3):
        await writer.write()
    assert writer.status["runs"] == {"succeeded": 0, "failed": 1, "missed": 1, "skipped": 0}
    assert len(desk.api.made("PATCH")) == 1


async def test_after_a_conflict_the_newer_version_is_the_base(desk: Desk, writer: Writer) -> None:
    await writer.start()
    newer = desk.store(labels={"touched": "yes"}, status=writer.status)  # the watch has not shown it yet
    desk.table.see_job(job(ELEVEN))
    await writer.write()
    assert "lastScheduleTime" not in writer.status
    assert await writer.retried_after_s() == pytest.approx(0.5, abs=0.11)
    desk.table.see_timer(newer)
    await writer.write()
    assert writer.status["lastScheduleTime"] == rfc3339(ELEVEN)
    assert desk.api.objects[TIMER]["metadata"]["labels"] == {"touched": "yes"}


@pytest.mark.parametrize(
    ("error", "again_s"),
    [
        (CONFLICT, 0.5),
        (TOO_MANY_REQUESTS, 2.0),
        (ApiUnreachableError("away"), 2.0),
        (ApiError(403, "Forbidden", "no rights"), 60.0),
        (RuntimeError("a fault of ours"), 60.0),
        (NOT_FOUND, None),
    ],
)
async def test_a_status_that_was_not_written_is_written_again_later_unless_its_timer_is_gone(
    desk: Desk, writer: Writer, error: Exception, again_s: float | None, caplog: pytest.LogCaptureFixture
) -> None:
    await writer.start()
    desk.monotonic.now_s += 10
    await desk.ripe(desk.table.to_report)
    await writer.tell(ELEVEN)
    desk.api.fail("PATCH", STATUS, error)
    desk.table.see_job(job(ELEVEN))
    desk.monotonic.now_s += 1
    assert await writer.step()
    after_s = await writer.retried_after_s()
    assert after_s == (again_s if again_s is None else pytest.approx(again_s, abs=0.11))
    assert await writer.stream_length() == 1, "what status does not say yet must not be forgotten"
    assert len(desk.table.entries[UID].reports) == 1


async def test_reports_are_forgotten_only_after_status_says_what_they_say(desk: Desk, writer: Writer) -> None:
    await writer.start()
    await writer.tell(ELEVEN)
    await writer.write()
    assert writer.status["lastMissedTime"] == rfc3339(ELEVEN)
    assert await writer.stream_length() == 0
    assert desk.table.entries[UID].reports == {}
    assert desk.journal.index("PATCH status") < desk.journal.index("delete")


async def test_surplus_jobs_are_deleted_only_after_status_has_counted_them(desk: Desk, writer: Writer) -> None:
    desk.clock.set("2026-03-01T13:00:10Z")
    await writer.start({**HOURLY, "successfulJobsHistoryLimit": 1})
    for occurrence_ms in (ELEVEN, TWELVE, THIRTEEN):
        done = job(occurrence_ms, status=succeeded_at("2026-03-01T13:00:05Z"))
        desk.table.see_job(desk.store_job(done))
    desk.api.fail("PATCH", STATUS, CONFLICT)
    await writer.write()
    assert desk.api.made("DELETE") == []

    await writer.write()
    assert writer.status["runs"]["succeeded"] == 3
    deleted = desk.api.made("DELETE")
    assert [request.path for request in deleted] == [
        paths.job("default", job(occurrence_ms)["metadata"]["name"]) for occurrence_ms in (ELEVEN, TWELVE)
    ]
    assert deleted[0].body == {"propagationPolicy": "Background", "preconditions": {"uid": f"job-{ELEVEN}"}}
    first_delete = next(act for act in desk.journal if act.startswith("DELETE"))
    assert len(desk.journal) - 1 - desk.journal[::-1].index("PATCH status") < desk.journal.index(first_delete)

    await writer.write()
    await writer.write()
    assert len(desk.api.made("DELETE")) == 2
    assert writer.status["runs"]["succeeded"] == 3


@pytest.mark.parametrize("error", [NOT_FOUND, CONFLICT], ids=["gone already", "a namesake has its place"])
async def test_a_surplus_job_that_is_gone_already_is_fine(desk: Desk, writer: Writer, error: ApiError) -> None:
    await writer.start({**HOURLY, "successfulJobsHistoryLimit": 0})
    desk.table.see_job(desk.store_job(job(ELEVEN, status=succeeded_at("2026-03-01T11:00:05Z"))))
    desk.api.fail("DELETE", paths.job("default", job(ELEVEN)["metadata"]["name"]), error)
    await writer.write()
    await writer.write()
    assert len(desk.api.made("DELETE")) == 1
    assert desk.table.entries[UID].runs == {}


async def test_each_trouble_is_told_in_one_event(desk: Desk, writer: Writer) -> None:
    await writer.start()
    await writer.tell(ELEVEN, reason=Reason.QUOTA_EXCEEDED)
    await writer.write()
    await writer.tell(ELEVEN, reason=Reason.QUOTA_EXCEEDED)
    await writer.write()
    assert writer.events() == [("Warning", "QuotaExceeded")]


async def test_a_miss_and_a_refusal_at_once_are_two_events(desk: Desk, writer: Writer) -> None:
    desk.clock.set("2026-03-01T12:00:10Z")
    await writer.start()
    await writer.tell(ELEVEN)
    await writer.tell(TWELVE, reason=Reason.FORBIDDEN)
    await writer.write()
    await writer.write()
    assert sorted(writer.events()) == [("Warning", "Forbidden"), ("Warning", "MissSchedule")]


async def test_an_event_of_a_status_that_was_not_written_is_not_told(desk: Desk, writer: Writer) -> None:
    await writer.start()
    await writer.tell(ELEVEN)
    desk.api.fail("PATCH", STATUS, CONFLICT)
    await writer.write()
    assert writer.events() == []
    await writer.write()
    assert writer.events() == [("Warning", "MissSchedule")]


async def test_one_timer_that_cannot_be_written_delays_no_other(
    desk: Desk, writer: Writer, caplog: pytest.LogCaptureFixture
) -> None:
    desk.table.see_timer(desk.store())
    desk.table.see_timer(desk.store(uid=uid(2), name="other"))
    await desk.sync.step()
    await writer.templates.step()
    desk.api.fail("PATCH", STATUS, RuntimeError("a fault of ours"))
    await writer.step()
    assert desk.api.objects[paths.timer("default", "other")]["status"]["observedGeneration"] == 1


async def test_a_timer_that_was_deleted_meanwhile_is_left_alone(desk: Desk, writer: Writer) -> None:
    await writer.start()
    desk.table.timer_deleted(UID)
    await writer.write()
    assert desk.api.requests == []


async def test_a_timer_that_cannot_be_used_says_so(desk: Desk, writer: Writer) -> None:
    desk.table.see_timer(desk.store({**HOURLY, "schedule": "at noon"}))
    await desk.sync.step()
    await writer.step()
    ready = writer.status["conditions"][0]
    assert (ready["type"], ready["status"], ready["reason"]) == ("Ready", "False", "InvalidSchedule")
    assert writer.events() == [("Warning", "InvalidSchedule")]


async def test_while_redis_is_away_reports_are_kept_and_cleaned_up_later(desk: Desk, writer: Writer) -> None:
    await writer.start()
    await writer.tell(ELEVEN)
    desk.index.away = frozenset({"delete"})
    await writer.write()
    assert writer.status["runs"]["missed"] == 1
    assert await writer.stream_length() == 1
    desk.index.away = frozenset()
    desk.monotonic.now_s += 5
    await writer.step()
    assert await writer.stream_length() == 0
    assert writer.events() == [("Warning", "MissSchedule")]
