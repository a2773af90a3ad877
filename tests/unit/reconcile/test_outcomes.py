"""Taking in workers' reports: each stays in the stream until status says what it says."""

import asyncio
from typing import Any

import pytest

from controller.core.report import Report
from controller.reconcile.outcomes import PATIENCE_S, Outcomes
from tests.unit.core.objects import OTHER_UID, UID, report, timer, timer_object
from tests.unit.reconcile.desk import ELEVEN, HOURLY, TWELVE, Desk


@pytest.fixture
def outcomes(desk: Desk, pauses: list[float]) -> Outcomes:
    """After a first rebuild."""
    outcomes = Outcomes(desk.table, desk.index, desk.health, desk.monotonic)
    outcomes.again()
    return outcomes


async def tell(desk: Desk, *reports: Report | str) -> list[str]:
    """Put reports, or texts in their place, into the stream; their ids."""
    texts = [one if isinstance(one, str) else one.model_dump_json() for one in reports]
    return [await desk.redis.xadd(desk.index.keys.outcomes, {"report": text}) for text in texts]


async def stream(desk: Desk) -> list[str]:
    """The ids that are still in the stream."""
    entries: Any = await desk.redis.xrange(desk.index.keys.outcomes)
    return [entry_id for entry_id, _ in entries]


async def test_reports_of_known_timers_are_taken_in_and_stay_until_status_is_written(
    desk: Desk, outcomes: Outcomes, pauses: list[float]
) -> None:
    desk.table.see_timer(timer_object(HOURLY))
    ids = await tell(desk, report(timer(HOURLY), ELEVEN), report(timer(HOURLY), TWELVE))
    assert await outcomes.step()
    assert list(desk.table.entries[UID].reports) == ids
    assert await stream(desk) == ids
    assert pauses == [0.5]


async def test_what_was_taken_in_is_not_taken_in_again(desk: Desk, outcomes: Outcomes) -> None:
    desk.table.see_timer(timer_object(HOURLY))
    ids = await tell(desk, report(timer(HOURLY), ELEVEN))
    await outcomes.step()
    desk.table.taken_in(UID, [], ids)
    await outcomes.step()
    assert desk.table.entries[UID].reports == {}


async def test_after_a_rebuild_all_that_is_there_is_taken_in_again(desk: Desk, outcomes: Outcomes) -> None:
    desk.table.see_timer(timer_object(HOURLY))
    await tell(desk, report(timer(HOURLY), ELEVEN))
    await outcomes.step()
    await desk.redis.flushall()
    (fresh,) = await tell(desk, report(timer(HOURLY), TWELVE))
    outcomes.again()
    await outcomes.step()
    assert fresh in desk.table.entries[UID].reports


async def test_reports_about_timers_that_do_not_exist_are_removed(desk: Desk, outcomes: Outcomes) -> None:
    desk.table.see_timer(timer_object(HOURLY))
    _, kept = await tell(desk, report(timer(HOURLY, uid=OTHER_UID), ELEVEN), report(timer(HOURLY), ELEVEN))
    await outcomes.step()
    assert await stream(desk) == [kept]


@pytest.mark.parametrize("text", ["", "no json", '{"ticket": "x"}', '{"reason": "Because"}'])
async def test_what_nobody_can_read_is_removed_and_in_nobodys_way(desk: Desk, outcomes: Outcomes, text: str) -> None:
    desk.table.see_timer(timer_object(HOURLY))
    _, kept = await tell(desk, text, report(timer(HOURLY), ELEVEN))
    await outcomes.step()
    assert await stream(desk) == [kept]
    assert list(desk.table.entries[UID].reports) == [kept]


async def test_before_the_first_rebuild_nothing_is_read_and_so_nothing_is_lost(desk: Desk, pauses: list[float]) -> None:
    ids = await tell(desk, report(timer(HOURLY), ELEVEN))
    young = Outcomes(desk.table, desk.index, desk.health)
    assert await young.step()
    assert await stream(desk) == ids
    desk.table.see_timer(timer_object(HOURLY))
    young.again()
    await young.step()
    assert list(desk.table.entries[UID].reports) == ids


async def test_all_pages_are_read_at_once(
    desk: Desk, outcomes: Outcomes, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controller.reconcile.outcomes._PAGE", 2)
    desk.table.see_timer(timer_object(HOURLY))
    ids = await tell(desk, *(report(timer(HOURLY), ELEVEN + number) for number in range(3)))
    await outcomes.step()
    assert list(desk.table.entries[UID].reports) == ids
    assert pauses == [0.5]


@pytest.mark.parametrize("verb", ["outcomes", "delete"])
async def test_an_index_that_is_away_ends_nothing(desk: Desk, outcomes: Outcomes, verb: str) -> None:
    await tell(desk, "nonsense")
    desk.index.away = frozenset({verb})
    assert await outcomes.step()
    desk.index.away = frozenset()
    await outcomes.step()
    assert await stream(desk) == []


async def test_whoever_catches_up_knows_what_was_reported_before_also_where_somebody_else_is_reading(
    desk: Desk, outcomes: Outcomes, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, go_on, has_begun = desk.index.outcomes, asyncio.Event(), asyncio.Event()

    async def slow(after_id: str, count: int) -> list[tuple[str, Report | None]]:
        page = await read(after_id, count)
        has_begun.set()
        await go_on.wait()
        return page

    monkeypatch.setattr(desk.index, "outcomes", slow)
    desk.table.see_timer(timer_object(HOURLY))
    reading = asyncio.create_task(outcomes.catch_up())
    await has_begun.wait()
    ids = await tell(desk, report(timer(HOURLY), TWELVE))
    asyncio.get_running_loop().call_soon(go_on.set)
    assert await outcomes.catch_up()
    assert list(desk.table.entries[UID].reports) == ids
    assert await reading


async def test_many_who_catch_up_at_a_time_share_reads(
    desk: Desk, outcomes: Outcomes, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = 0

    async def slow(after_id: str, count: int) -> list[Any]:
        nonlocal reads
        reads += 1
        await asyncio.sleep(0)
        return []

    monkeypatch.setattr(desk.index, "outcomes", slow)
    assert all(await asyncio.gather(*(outcomes.catch_up() for _ in range(8))))
    assert reads == 2, "the first had begun when the others asked"


async def test_where_redis_does_not_tell_there_is_something_to_wait_for_but_not_for_ever(
    desk: Desk, outcomes: Outcomes
) -> None:
    desk.index.away = frozenset({"outcomes"})
    assert not await outcomes.catch_up()
    desk.monotonic.now_s += PATIENCE_S + 1
    desk.journal.clear()
    assert await outcomes.catch_up()
    assert desk.journal == [], "whoever waits for an answer that does not come writes no status"
    desk.index.away = frozenset()
    await outcomes.step()
    desk.index.away = frozenset({"outcomes"})
    assert not await outcomes.catch_up(), "it has answered since"
