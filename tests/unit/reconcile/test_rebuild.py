"""Rebuilding the index: in which order, what is swept, and when it does not count."""

import pytest

from controller.core.identity import ticket_of
from controller.index.messages import Wanted
from controller.kube import paths
from controller.kube.errors import ApiError, ApiUnreachableError
from controller.reconcile.rebuild import Rebuild
from controller.settings import SettingsError
from tests.unit.core.objects import UID, timer_object
from tests.unit.kube.stub_api import Request
from tests.unit.reconcile.desk import ELEVEN, HOURLY, THIRTEEN, TWELVE, Desk, job, uid

TICKET = ticket_of(UID)
STRAY = ticket_of(uid(99))


@pytest.fixture
def rebuild(desk: Desk) -> Rebuild:
    desk.api.put(paths.CLUSTER_IDENTITY, {"metadata": {"name": "kube-system", "uid": "this-cluster"}})
    return Rebuild(desk.table, desk.api, desk.index, desk.sync)  # type: ignore[arg-type]


async def stray_ticket(desk: Desk) -> None:
    """A ticket of a timer that this controller knows nothing of."""
    await desk.index.sync([Wanted(STRAY, 1, 0, THIRTEEN, "default", "stray")])
    desk.journal.clear()


async def is_valid(desk: Desk) -> bool:
    return (await desk.index.inspect()).valid


async def test_a_lost_index_is_whole_again_afterwards(desk: Desk, rebuild: Rebuild) -> None:
    for number in range(5):
        desk.store(uid=uid(number), name=f"timer-{number}")
    await desk.redis.flushall()
    assert await rebuild.run()
    assert await is_valid(desk)
    for number in range(5):
        assert await desk.due_ms(ticket_of(uid(number))) == ELEVEN
        assert desk.table.entries[uid(number)].synced_generation == 1


async def test_the_steps_come_in_the_order_that_makes_it_safe(desk: Desk, rebuild: Rebuild) -> None:
    await stray_ticket(desk)
    desk.store()
    desk.store_job(job(ELEVEN))
    await rebuild.run()
    assert desk.journal == [
        "GET kube-system",
        "own",
        "begin",
        "tickets",
        "GET jobs",
        "GET redistimers",
        "sync",
        "remove",
        "finish",
    ]


async def test_what_has_a_job_is_not_due_again(desk: Desk, rebuild: Rebuild) -> None:
    desk.clock.set("2026-03-01T12:00:10Z")
    desk.store()
    desk.store_job(job(TWELVE))
    await desk.redis.flushall()
    await rebuild.run()
    assert await desk.due_ms(TICKET) == THIRTEEN


async def test_only_jobs_with_our_label_are_asked_for(desk: Desk, rebuild: Rebuild) -> None:
    await rebuild.run()
    (listing,) = [request for request in desk.api.requests if request.path == paths.ALL_JOBS]
    assert listing.parameters == {"labelSelector": "redistimer.dev/timer-uid"}


async def test_a_ticket_without_a_timer_is_swept_and_others_stay(desk: Desk, rebuild: Rebuild) -> None:
    await stray_ticket(desk)
    desk.store()
    await rebuild.run()
    assert await desk.known(STRAY) is None
    assert await desk.due_ms(STRAY) is None
    assert await desk.known(TICKET) is not None


async def test_a_ticket_that_came_while_timers_were_listed_is_not_swept(desk: Desk, rebuild: Rebuild) -> None:
    desk.store()
    note = desk.api.before
    assert note is not None

    async def somebody_creates_a_timer(request: Request) -> None:
        await note(request)
        if request.path == paths.ALL_TIMERS:
            await stray_ticket(desk)

    desk.api.before = somebody_creates_a_timer
    await rebuild.run()
    assert await desk.known(STRAY) is not None, "the list is older than the ticket, and proves nothing"


async def test_a_timer_that_is_created_after_the_list_was_made_is_not_taken_for_deleted(
    desk: Desk, rebuild: Rebuild
) -> None:
    async def watch_sees_a_new_one(request: Request) -> None:
        if request.path == paths.ALL_TIMERS:
            desk.table.see_timer(timer_object(HOURLY))

    desk.api.before = watch_sees_a_new_one
    await rebuild.run()
    assert UID in desk.table.entries
    assert await desk.known(TICKET) is not None


async def test_deletions_that_the_watch_missed_are_found(desk: Desk, rebuild: Rebuild) -> None:
    desk.store(uid=uid(1), name="stays")
    desk.table.see_timer(timer_object(HOURLY))
    for number in (1, 2):
        desk.table.see_timer(timer_object(HOURLY, uid=uid(number), name=f"timer-{number}"))
    await desk.sync.step()
    await rebuild.run()
    assert set(desk.table.entries) == {uid(1)}
    assert await desk.known(TICKET) is None
    assert await desk.known(ticket_of(uid(1))) is not None


async def test_deletions_of_jobs_that_the_watch_missed_are_found(desk: Desk, rebuild: Rebuild) -> None:
    desk.table.see_timer(desk.store())
    desk.table.see_job(job(ELEVEN))
    desk.table.see_job(desk.store_job(job(TWELVE)))
    await rebuild.run()
    gone = {run.occurrence_ms: run.gone for run in desk.table.entries[UID].runs.values()}
    assert gone == {ELEVEN: True, TWELVE: False}


async def test_what_the_watch_has_seen_since_is_not_undone_by_an_older_list(desk: Desk, rebuild: Rebuild) -> None:
    stored = desk.store()

    async def watch_sees_an_edit(request: Request) -> None:
        if request.path == paths.ALL_TIMERS:
            desk.table.see_timer(
                timer_object({**HOURLY, "suspend": True}, generation=2, resourceVersion="99999") | {"status": {}}
            )

    desk.api.before = watch_sees_an_edit
    await rebuild.run()
    assert stored["metadata"]["generation"] == 1
    assert (await desk.known(TICKET) or "").startswith("2 ")
    assert await desk.due_ms(TICKET) is None


@pytest.mark.parametrize("overtaken_by", ["another rebuild", "another server"])
async def test_a_rebuild_that_was_overtaken_does_not_count(desk: Desk, rebuild: Rebuild, overtaken_by: str) -> None:
    desk.server.fail_over()

    async def overtake(request: Request) -> None:
        if request.path == paths.ALL_TIMERS:
            if overtaken_by == "another server":
                desk.server.fail_over()
            else:
                await desk.index.begin_rebuild("another")

    desk.api.before = overtake
    assert not await rebuild.run()
    assert not await is_valid(desk)
    desk.api.before = None
    assert await rebuild.run()
    assert await is_valid(desk)


@pytest.mark.parametrize("path", [paths.ALL_JOBS, paths.ALL_TIMERS])
@pytest.mark.parametrize("error", [ApiUnreachableError("away"), ApiError(410, "Expired", "too old")])
async def test_an_error_leaves_a_lost_index_invalid(desk: Desk, rebuild: Rebuild, path: str, error: Exception) -> None:
    desk.server.fail_over()
    desk.api.fail("GET", path, error)
    with pytest.raises(type(error)):
        await rebuild.run()
    assert not await is_valid(desk)


async def test_the_index_of_another_cluster_is_left_alone(desk: Desk, rebuild: Rebuild) -> None:
    await desk.index.claim_ownership("another-cluster")
    await stray_ticket(desk)
    with pytest.raises(SettingsError, match=r"another cluster \(another-cluster\).*--installation"):
        await rebuild.run()
    assert await desk.known(STRAY) is not None
    assert "begin" not in desk.journal


async def test_the_index_of_this_cluster_is_recognised_by_the_next_leader(desk: Desk, rebuild: Rebuild) -> None:
    assert await rebuild.run()
    assert await Rebuild(desk.table, desk.api, desk.index, desk.sync).run()  # type: ignore[arg-type]
