"""A rebuild goes page by page: what happens between two of them."""

import asyncio
import gc
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from controller.core.identity import ticket_of
from controller.index.messages import Wanted
from controller.kube import paths
from controller.kube.errors import ApiUnreachableError
from controller.reconcile.rebuild import Rebuild
from tests.unit.core.objects import timer_object
from tests.unit.kube.stub_api import Request
from tests.unit.reconcile.desk import ELEVEN, HOURLY, TWELVE, Desk, job, uid


@pytest.fixture
def rebuild(desk: Desk) -> Rebuild:
    desk.api.put(paths.CLUSTER_IDENTITY, {"metadata": {"name": "kube-system", "uid": "this-cluster"}})
    return Rebuild(desk.table, desk.api, desk.index, desk.sync, beat=lambda: desk.journal.append("beat"))  # type: ignore[arg-type]


def stored(desk: Desk, count: int) -> None:
    """So many timers on the API server, which shows two of them on a page."""
    for number in range(count):
        desk.store(uid=uid(number), name=f"timer-{number}")


def at_page(desk: Desk, number: int, happens: object) -> None:
    """Have something happen when the nth page of timers is asked for."""
    pages = 0

    async def before(request: Request) -> None:
        nonlocal pages
        if request.path == paths.ALL_TIMERS:
            pages += 1
            if pages == number:
                happens()  # type: ignore[operator]

    desk.api.before = before


async def test_pages_are_carried_over_as_they_come_and_not_gathered(desk: Desk, rebuild: Rebuild) -> None:
    """One is on its way to Redis, one is read, one is asked for: no more, however many there are."""
    stored(desk, 19)
    await rebuild.run()
    steps = [step for step in desk.journal if step in ("GET redistimers", "sync")]
    assert steps.count("GET redistimers") == steps.count("sync") == 10
    ahead = [steps[: n + 1].count("GET redistimers") - steps[:n].count("sync") for n in range(len(steps))]
    assert max(ahead) <= 3


async def test_redis_has_its_turn_while_what_comes_next_is_read(
    desk: Desk, rebuild: Rebuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(desk, 4)
    all_seen = asyncio.Event()
    see, sync = desk.table.see_timer, desk.index.sync

    def seeing(obj: Mapping[str, Any]) -> None:
        see(obj)
        if obj["metadata"]["uid"] == uid(3):
            all_seen.set()

    async def slow(wanted: Iterable[Wanted]) -> None:
        async with asyncio.timeout(10):
            await all_seen.wait()
        await sync(wanted)

    monkeypatch.setattr(desk.table, "see_timer", seeing)
    monkeypatch.setattr(desk.index, "sync", slow)
    assert await rebuild.run()


async def test_the_next_page_is_asked_for_while_one_is_carried_over(
    desk: Desk, rebuild: Rebuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(desk, 4)
    asked_for_second = asyncio.Event()
    at_page(desk, 2, asked_for_second.set)
    sync = desk.index.sync

    async def slow(wanted: Iterable[Wanted]) -> None:
        async with asyncio.timeout(10):
            await asked_for_second.wait()
        await sync(wanted)

    monkeypatch.setattr(desk.index, "sync", slow)
    assert await rebuild.run()


@pytest.mark.parametrize("number", [1, 2, 3])
async def test_a_page_that_does_not_come_ends_the_rebuild_and_leaves_nothing_running(
    desk: Desk, rebuild: Rebuild, number: int
) -> None:
    stored(desk, 5)

    def fail() -> None:
        raise ApiUnreachableError("away")

    at_page(desk, number, fail)
    with pytest.raises(ApiUnreachableError):
        await rebuild.run()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_what_was_carried_over_is_not_carried_once_more(desk: Desk, rebuild: Rebuild) -> None:
    stored(desk, 3)
    await rebuild.run()
    assert len(desk.table.to_sync) == 0


async def test_what_changes_after_its_page_was_carried_over_is_carried_again(desk: Desk, rebuild: Rebuild) -> None:
    stored(desk, 8)
    edited = timer_object({**HOURLY, "suspend": True}, uid=uid(0), name="timer-0", generation=2, resourceVersion="9999")
    at_page(desk, 4, lambda: desk.table.see_timer(edited | {"status": {}}))
    await rebuild.run()
    assert await desk.ripe(desk.table.to_sync) == {uid(0)}


async def test_what_is_deleted_after_its_page_was_carried_over_loses_its_ticket(desk: Desk, rebuild: Rebuild) -> None:
    stored(desk, 8)
    at_page(desk, 4, lambda: desk.table.timer_deleted(uid(0)))
    await rebuild.run()
    await desk.sync.step()
    assert await desk.known(ticket_of(uid(0))) is None
    assert await desk.known(ticket_of(uid(1))) is not None


async def test_what_changes_on_its_way_to_the_index_arrives_as_it_is_by_then(desk: Desk, rebuild: Rebuild) -> None:
    """Its page was read, and Redis is not asked yet."""
    stored(desk, 4)
    edited = timer_object({**HOURLY, "suspend": True}, uid=uid(0), name="timer-0", generation=2, resourceVersion="9999")

    def change() -> None:
        assert uid(0) in desk.table.entries
        desk.table.see_timer(edited | {"status": {}})
        desk.table.timer_deleted(uid(1))

    at_page(desk, 2, change)
    await rebuild.run()
    assert await desk.due_ms(ticket_of(uid(0))) is None
    assert await desk.known(ticket_of(uid(0))) is not None
    assert await desk.known(ticket_of(uid(1))) is None


async def test_what_is_deleted_before_its_page_comes_is_not_brought_back(desk: Desk, rebuild: Rebuild) -> None:
    stored(desk, 4)
    await desk.index.sync([Wanted(ticket_of(uid(3)), 1, 0, ELEVEN, "default", "timer-3")])
    at_page(desk, 2, lambda: desk.table.timer_deleted(uid(3)))
    await rebuild.run()
    assert uid(3) not in desk.table.entries
    assert await desk.known(ticket_of(uid(3))) is None


async def test_what_only_the_watch_has_seen_is_carried_over_as_well(desk: Desk, rebuild: Rebuild) -> None:
    stored(desk, 3)
    young = timer_object(HOURLY, uid=uid(7), name="young", resourceVersion="9999")
    at_page(desk, 1, lambda: desk.table.see_timer(young))
    await rebuild.run()
    assert await desk.due_ms(ticket_of(uid(7))) == ELEVEN
    assert desk.table.entries[uid(7)].synced_generation == 1


async def test_a_forged_ticket_begins_anew_on_whatever_page_its_timer_is(desk: Desk, rebuild: Rebuild) -> None:
    stored(desk, 5)
    for number in (0, 4):
        await desk.index.sync([Wanted(ticket_of(uid(number)), 9, TWELVE, None, "default", f"timer-{number}")])
    junk: list[int] = []
    desk.index.on_junk = junk.append
    await rebuild.run()
    assert junk == [1, 1]
    for number in (0, 4):
        assert await desk.due_ms(ticket_of(uid(number))) == ELEVEN


async def test_what_redis_does_not_take_stays_queued(
    desk: Desk, rebuild: Rebuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rebuild of a valid index may fail, and the next one comes minutes later."""
    stored(desk, 2)

    async def away(wanted: object) -> None:
        raise RedisConnectionError

    monkeypatch.setattr(desk.index, "sync", away)
    with pytest.raises(RedisConnectionError):
        await rebuild.run()
    assert await desk.ripe(desk.table.to_sync) == {uid(0), uid(1)}
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("number", [1, 2, 3])
async def test_whichever_page_redis_does_not_take_the_rebuild_is_not_finished(
    desk: Desk, rebuild: Rebuild, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    stored(desk, 6)
    sync, calls = desk.index.sync, 0

    async def away_once(wanted: Iterable[Wanted]) -> None:
        nonlocal calls
        calls += 1
        if calls == number:
            raise RedisConnectionError
        await sync(wanted)

    monkeypatch.setattr(desk.index, "sync", away_once)
    with pytest.raises(RedisConnectionError):
        await rebuild.run()
    assert "finish" not in desk.journal


async def test_what_redis_has_not_answered_yet_when_a_page_does_not_come_stays_queued(
    desk: Desk, rebuild: Rebuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(desk, 3)

    async def silent(wanted: object) -> None:
        await asyncio.Event().wait()

    def fail() -> None:
        raise ApiUnreachableError("away")

    monkeypatch.setattr(desk.index, "sync", silent)
    at_page(desk, 2, fail)
    with pytest.raises(ApiUnreachableError):
        await rebuild.run()
    assert await desk.ripe(desk.table.to_sync) == {uid(0), uid(1)}
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_tickets_of_timers_that_were_carried_over_are_not_looked_through_at_the_end(
    desk: Desk, rebuild: Rebuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred thousand at once would keep everybody else waiting, and so cost the leadership."""
    stored(desk, 5)
    await rebuild.run()
    stray = ticket_of(uid(99))
    await desk.index.sync([Wanted(stray, 1, 0, ELEVEN, "default", "stray")])
    asked: list[str] = []

    def has(ticket: str) -> bool:
        asked.append(ticket)
        return False

    monkeypatch.setattr(desk.table, "has", has)
    assert await rebuild.run()
    assert asked == [stray]
    assert await desk.known(ticket_of(uid(3))) is not None


@pytest.mark.parametrize("fails", [False, True])
async def test_garbage_is_collected_as_usual_afterwards(desk: Desk, rebuild: Rebuild, fails: bool) -> None:
    usual = gc.get_threshold()
    seen = []
    at_page(desk, 1, lambda: seen.append(gc.get_threshold()))
    if fails:
        desk.api.fail("GET", paths.ALL_TIMERS, RedisConnectionError())
        with pytest.raises(RedisConnectionError):
            await rebuild.run()
    else:
        await rebuild.run()
    assert seen != [usual]
    assert gc.get_threshold() == usual


async def test_a_rebuild_shows_with_each_page_that_it_makes_progress(desk: Desk, rebuild: Rebuild) -> None:
    """It takes minutes with very many timers: whoever asks whether the process is stuck must be told no."""
    stored(desk, 6)
    for hour in (ELEVEN, TWELVE):
        desk.store_job(job(hour, name=f"job-{hour}"))
    await rebuild.run()
    steps = [step for step in desk.journal if step in ("GET jobs", "GET redistimers", "beat")]
    assert steps.count("beat") == 1 + 3
    assert steps[:2] == ["GET jobs", "beat"]
