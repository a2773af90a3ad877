"""Deleting a timer that outlived its completion: never too early, and never one that has become another."""

from typing import Any

import pytest

from controller.core.instants import rfc3339
from controller.kube import paths
from controller.kube.errors import ApiError, ApiUnreachableError
from tests.unit.core.objects import UID
from tests.unit.kube.stub_api import CONFLICT, NOT_FOUND, TOO_MANY_REQUESTS, Request
from tests.unit.reconcile.desk import ELEVEN, HOURLY, Desk, job, succeeded_at
from tests.unit.reconcile.writer import TIMER, Writer

ONCE = {"at": "2026-03-01T11:00:00Z", "ttlSecondsAfterComplete": 60, "jobTemplate": HOURLY["jobTemplate"]}


@pytest.fixture
def writer(desk: Desk) -> Writer:
    return Writer(desk)


async def complete(desk: Desk, writer: Writer, spec: dict[str, Any] = ONCE, **changes: Any) -> None:
    """Let the timer's only run end, and status say so, at ten seconds past eleven."""
    await writer.start(spec, **changes)
    desk.table.see_job(desk.store_job(job(ELEVEN, status=succeeded_at("2026-03-01T11:00:05Z"))))
    await writer.write()
    assert writer.said("Complete") == ("True", "Complete")
    await desk.ripe(desk.table.to_report)
    desk.api.requests.clear()


async def test_a_complete_timer_stays_until_its_time_is_over(desk: Desk, writer: Writer) -> None:
    await complete(desk, writer)
    desk.clock.set("2026-03-01T11:01:09.999Z")
    await writer.write()
    assert desk.api.requests == []


async def test_it_is_deleted_then_with_its_jobs_and_only_as_it_is_known(desk: Desk, writer: Writer) -> None:
    await complete(desk, writer)
    version = desk.api.objects[TIMER]["metadata"]["resourceVersion"]
    desk.clock.set("2026-03-01T11:01:10Z")
    await writer.write()
    (request,) = desk.api.made("DELETE")
    assert request.path == TIMER
    assert request.body == {
        "propagationPolicy": "Background",
        "preconditions": {"uid": UID, "resourceVersion": version},
    }
    assert TIMER not in desk.api.objects


async def test_it_is_looked_at_again_when_its_time_is_over(desk: Desk, writer: Writer) -> None:
    await complete(desk, writer)
    desk.clock.set("2026-03-01T11:00:40Z")
    await writer.write()
    assert await writer.retried_after_s() == pytest.approx(30, abs=0.11)


async def test_a_timer_whose_time_is_over_at_once_is_deleted_right_after_status_has_said_that_it_is_complete(
    desk: Desk, writer: Writer
) -> None:
    """Whoever waits for that learns of it, and its run is counted."""
    await writer.start({**ONCE, "ttlSecondsAfterComplete": 0})
    desk.table.see_job(desk.store_job(job(ELEVEN, status=succeeded_at("2026-03-01T11:00:05Z"))))
    await writer.write()
    assert desk.journal.index("PATCH status") < desk.journal.index("DELETE nightly")
    (patch,) = writer.patches()
    assert patch["status"]["runs"]["succeeded"] == 1
    assert TIMER not in desk.api.objects


async def test_a_new_leader_deletes_what_the_old_one_did_not_live_to(desk: Desk, writer: Writer) -> None:
    await complete(desk, writer)
    old = desk.api.objects[TIMER]
    desk.table.entries.clear()
    desk.clock.set("2026-03-01T15:00:00Z")
    desk.table.see_timer(old)
    await desk.sync.step()
    await writer.write()
    assert writer.deleted() == [TIMER]


async def test_a_new_leader_waits_as_long_as_the_old_one_would_have(desk: Desk, writer: Writer) -> None:
    await complete(desk, writer)
    old = desk.api.objects[TIMER]
    desk.table.entries.clear()
    desk.clock.set("2026-03-01T11:01:00Z")
    desk.table.see_timer(old)
    await desk.sync.step()
    await desk.ripe(desk.table.to_report)
    await writer.write()
    assert writer.deleted() == []
    assert await writer.retried_after_s() == pytest.approx(10, abs=0.11)


async def test_a_timer_that_was_edited_before_its_time_is_over_lives_on(desk: Desk, writer: Writer) -> None:
    await complete(desk, writer)
    again = {**ONCE, "at": "2026-03-01T13:00:00Z"}
    desk.table.see_timer(desk.store(again, generation=2, status=writer.status))
    desk.clock.set("2026-03-01T11:30:00Z")
    await desk.sync.step()
    await writer.templates.step()
    await writer.write()
    await writer.write()
    assert writer.deleted() == []
    assert writer.status["nextScheduleTime"] == "2026-03-01T13:00:00Z"


async def test_an_edit_that_this_process_has_not_seen_yet_saves_the_timer(desk: Desk, writer: Writer) -> None:
    await complete(desk, writer)
    again = {**ONCE, "at": "2026-03-01T13:00:00Z"}
    edited = desk.store(again, generation=2, status=writer.status)
    desk.clock.set("2026-03-01T11:01:10Z")
    await writer.write()
    assert writer.deleted() == [TIMER]
    assert TIMER in desk.api.objects, "the API server knew better"
    assert await writer.retried_after_s() == pytest.approx(0.5, abs=0.11)
    desk.table.see_timer(edited)
    await desk.sync.step()
    await writer.templates.step()
    await writer.write()
    await writer.write()
    assert TIMER in desk.api.objects


async def test_an_annotation_that_this_process_has_not_seen_yet_saves_it_for_now(desk: Desk, writer: Writer) -> None:
    """It may ask for a run."""
    await complete(desk, writer)
    desk.store(ONCE, status=writer.status, annotations={"redistimer.dev/trigger": "x"})
    desk.clock.set("2026-03-01T11:01:10Z")
    await writer.write()
    assert TIMER in desk.api.objects


async def test_a_timer_of_which_a_run_is_asked_for_is_not_deleted_before_it_has_run(desk: Desk, writer: Writer) -> None:
    await complete(desk, writer)
    asked = desk.store(ONCE, status=writer.status, annotations={"redistimer.dev/trigger": "x"})
    desk.table.see_timer(asked)
    desk.clock.set("2026-03-01T11:01:10Z")
    await writer.write()
    await writer.write()
    assert TIMER in desk.api.objects


@pytest.mark.parametrize(
    ("error", "again_s"),
    [
        (CONFLICT, 0.5),
        (TOO_MANY_REQUESTS, 2.0),
        (ApiUnreachableError("away"), 2.0),
        (ApiError(403, "Forbidden", "you may not delete"), 60.0),
        (NOT_FOUND, None),
    ],
)
async def test_a_timer_that_could_not_be_deleted_is_tried_again_unless_it_is_gone(
    desk: Desk, writer: Writer, error: Exception, again_s: float | None
) -> None:
    await complete(desk, writer)
    desk.clock.set("2026-03-01T11:01:10Z")
    desk.api.fail("DELETE", TIMER, error)
    await writer.write()
    assert len(desk.api.made("DELETE")) == 1
    after_s = await writer.retried_after_s()
    assert after_s == (again_s if again_s is None else pytest.approx(again_s, abs=0.11))


async def test_a_timer_that_somebody_else_deletes_already_is_left_alone(desk: Desk, writer: Writer) -> None:
    await complete(desk, writer)
    going = desk.store(ONCE, status=writer.status, deletionTimestamp="2026-03-01T11:00:30Z")
    desk.table.see_timer(going)
    await desk.sync.step()
    desk.clock.set("2026-03-01T11:30:00Z")
    await writer.write()
    assert writer.deleted() == []


async def test_jobs_beyond_the_limits_go_before_their_timer_does(desk: Desk, writer: Writer) -> None:
    await writer.start({**ONCE, "ttlSecondsAfterComplete": 0, "successfulJobsHistoryLimit": 0})
    ended = desk.store_job(job(ELEVEN, status=succeeded_at("2026-03-01T11:00:05Z")))
    desk.table.see_job(ended)
    await writer.write()
    assert writer.deleted() == [paths.job("default", ended["metadata"]["name"]), TIMER]


async def test_a_completion_is_dated_by_the_status_that_tells_of_it(desk: Desk, writer: Writer) -> None:
    await complete(desk, writer)
    entry = next(one for one in writer.status["conditions"] if one["type"] == "Complete")
    assert entry["lastTransitionTime"] == rfc3339(desk.clock())


async def test_what_outlived_its_completion_is_asked_to_go_once_and_forgotten_when_it_is_gone(
    desk: Desk, writer: Writer
) -> None:
    await complete(desk, writer)
    desk.clock.set("2026-03-01T11:01:10Z")
    deletions: list[Request] = []

    async def watch(request: Request) -> None:
        if request.method == "DELETE":
            deletions.append(request)
            desk.table.timer_deleted(UID)

    desk.api.before = watch
    await writer.write()
    await writer.write()
    assert len(deletions) == 1
