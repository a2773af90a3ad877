"""Rebuilding where only some namespaces are served: nothing else is asked, and of one out of reach nothing is lost."""

from typing import Any

import pytest

from controller.core.identity import ticket_of
from controller.core.reasons import Reason
from controller.core.report import Report
from controller.index.messages import Wanted
from controller.kube import paths
from controller.kube.errors import ApiError, ApiUnreachableError
from controller.reconcile.ownership import Ownership
from controller.reconcile.reach import Reach
from controller.reconcile.rebuild import Rebuild
from tests.unit.core.objects import timer, timer_object
from tests.unit.reconcile.desk import ELEVEN, HOURLY, THIRTEEN, TWELVE, Desk, job, uid

FORBIDDEN = ApiError(403, "Forbidden", "redistimers is forbidden")
A, B, C = (ticket_of(uid(number)) for number in (1, 2, 3))


@pytest.fixture
def reach(desk: Desk) -> Reach:
    return Reach(("a", "b"), desk.health)


@pytest.fixture
def rebuild(desk: Desk, reach: Reach) -> Rebuild:
    """For two namespaces, each with a timer; a third one has one, too."""
    desk.api.put(paths.namespace("system"), {"metadata": {"name": "system", "uid": "home"}})
    for number, namespace in enumerate(("a", "b", "c"), 1):
        store(desk, number, namespace)
    api: Any = desk.api
    ownership = Ownership(api, desk.index, None, "system")
    return Rebuild(desk.table, api, desk.index, desk.sync, desk.monotonic, ownership=ownership, reach=reach)


def store(desk: Desk, number: int, namespace: str, **changes: Any) -> dict[str, Any]:
    obj = timer_object(HOURLY, uid=uid(number), name="report", namespace=namespace, **changes)
    return desk.api.put(paths.timer(namespace, "report"), obj)


def store_job(desk: Desk, number: int, namespace: str, occurrence_ms: int) -> dict[str, Any]:
    owner = timer(HOURLY, uid=uid(number), name="report", namespace=namespace)
    obj = job(occurrence_ms, owner, uid=f"job-{namespace}")
    return desk.api.put(paths.job(namespace, obj["metadata"]["name"]), obj)


async def test_only_the_served_namespaces_are_asked_and_their_timers_indexed(desk: Desk, rebuild: Rebuild) -> None:
    assert await rebuild.run()
    assert {request.path for request in desk.api.requests} == {
        "/api/v1/namespaces/system",
        *(paths.timers(place) for place in ("a", "b")),
        *(paths.jobs(place) for place in ("a", "b")),
    }
    assert [await desk.due_ms(ticket) for ticket in (A, B, C)] == [ELEVEN, ELEVEN, None]


async def test_a_ticket_of_a_namespace_that_is_not_served_any_more_is_swept(desk: Desk, rebuild: Rebuild) -> None:
    await desk.index.sync([Wanted(C, 1, 0, THIRTEEN, "c", "report")])
    await rebuild.run()
    assert await desk.known(C) is None


@pytest.mark.parametrize("refused", [paths.timers("a"), paths.jobs("a")])
async def test_one_that_is_refused_does_not_keep_the_others_from_a_lost_index(
    desk: Desk, rebuild: Rebuild, refused: str
) -> None:
    await desk.redis.flushall()
    desk.api.fail("GET", refused, FORBIDDEN)
    assert await rebuild.run()
    assert (await desk.index.inspect()).valid
    assert await desk.due_ms(B) == ELEVEN


async def test_without_its_jobs_nothing_of_a_namespace_is_carried_over(desk: Desk, rebuild: Rebuild) -> None:
    """What has a Job must not be due again."""
    desk.api.fail("GET", paths.jobs("a"), FORBIDDEN)
    await rebuild.run()
    assert await desk.known(A) is None


async def test_what_the_index_knows_of_a_refused_namespace_stays(desk: Desk, rebuild: Rebuild) -> None:
    await desk.index.sync([Wanted(A, 1, ELEVEN, TWELVE, "a", "report"), Wanted(C, 1, 0, THIRTEEN, "b", "gone")])
    desk.api.fail("GET", paths.timers("a"), FORBIDDEN)
    await rebuild.run()
    assert await desk.due_ms(A) == TWELVE
    assert (await desk.known(A) or "").startswith(f"1 {ELEVEN} ")
    assert await desk.known(C) is None, "its namespace was listed, and it has no timer there"


async def test_what_the_controller_knows_of_a_refused_namespace_stays(desk: Desk, rebuild: Rebuild) -> None:
    store_job(desk, 1, "a", ELEVEN)
    await rebuild.run()
    for place in ("a", "b"):
        del desk.api.objects[paths.timer(place, "report")]
    desk.api.fail("GET", paths.jobs("a"), FORBIDDEN)
    await rebuild.run()
    assert desk.table.entries.keys() == {uid(1)}
    assert [run.gone for run in desk.table.entries[uid(1)].runs.values()] == [False]
    assert await desk.known(A) is not None
    assert await desk.known(B) is None


async def test_a_newer_generation_there_is_believed_to_workers_who_may_read(desk: Desk, rebuild: Rebuild) -> None:
    await rebuild.run()
    await desk.index.sync([Wanted(A, 2, TWELVE, THIRTEEN, "a", "report")])
    desk.api.fail("GET", paths.timers("a"), FORBIDDEN)
    await rebuild.run()
    assert (await desk.known(A) or "").startswith(f"2 {TWELVE} ")


async def test_what_is_known_to_be_out_of_reach_is_not_asked_for(desk: Desk, rebuild: Rebuild, reach: Reach) -> None:
    reach.refuses("a", "jobs", FORBIDDEN)
    assert await rebuild.run()
    assert not {paths.timers("a"), paths.jobs("a")} & {request.path for request in desk.api.requests}
    assert not rebuild.is_overdue, "it will be told when that changes"


async def test_a_refusal_that_those_who_watch_do_not_know_is_asked_for_again_soon(desk: Desk, rebuild: Rebuild) -> None:
    desk.api.fail("GET", paths.timers("a"), FORBIDDEN)
    await rebuild.run()
    assert rebuild.is_overdue
    await rebuild.run()
    assert not rebuild.is_overdue
    assert await desk.due_ms(A) == ELEVEN


@pytest.mark.parametrize("error", [ApiUnreachableError("timeout"), ApiError(500, "InternalError", "no")])
async def test_other_trouble_with_one_namespace_leaves_the_rebuild_unfinished(
    desk: Desk, rebuild: Rebuild, error: Exception
) -> None:
    await desk.redis.flushall()
    desk.api.fail("GET", paths.timers("b"), error)
    with pytest.raises(type(error)):
        await rebuild.run()
    assert not (await desk.index.inspect()).valid


async def test_reports_of_timers_that_may_exist_are_kept_until_all_are_known(desk: Desk, rebuild: Rebuild) -> None:
    report = Report(ticket=A, reason=Reason.MISS_SCHEDULE, generation=1, occurrence_ms=ELEVEN, count=1)
    desk.api.fail("GET", paths.timers("a"), FORBIDDEN)
    await rebuild.run()
    assert desk.table.see_report("1-1", report), "it is not to be removed"
    await rebuild.run()
    assert desk.table.entries[uid(1)].reports == {}
    assert desk.table.see_report("1-1", report)
    assert desk.table.entries[uid(1)].reports.keys() == {"1-1"}
    assert not desk.table.see_report("1-2", report.model_copy(update={"ticket": C}))
