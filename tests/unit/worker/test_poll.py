"""The poll loop, step by step: how much it claims, when it does not, and when it looks again."""

import asyncio
from typing import Any

import pytest

from controller.index.messages import Lease
from controller.kube.errors import ApiUnreachableError
from controller.observe.health import Health
from controller.settings import Settings
from controller.worker.poll import Poll
from tests.redis.tickets import A, B, C, wanted
from tests.unit.clocks import eventually
from tests.unit.watched_index import WatchedIndex
from tests.unit.worker.workbench import AHEAD_MS, RecordedAlarm, Workbench

D = "D" * 22


class SleeplessAlarm(RecordedAlarm):
    """An alarm whose sleeps take no time and are remembered: for how long at most."""

    def __init__(self) -> None:
        super().__init__()
        self.sleeps: list[float] = []

    async def sleep(self, now_ms: int, longest_s: float) -> None:
        self.sleeps.append(longest_s)
        await asyncio.sleep(0)


class Polling:
    """A poll loop and all that it works with."""

    def __init__(self, bench: Workbench, **settings: Any) -> None:
        self.bench = bench
        self.health = Health()
        self.health.clear("start")
        self.alarm = SleeplessAlarm()
        self.handled: list[Lease] = []
        self.settings = Settings(lease_seconds=10, ahead_seconds=AHEAD_MS / 1000, identity="one", **settings)
        self.poll = self.another()

    def another(self) -> Poll:
        """A poll loop of the same identity, as after a restart."""
        bench = self.bench
        handle = self.handled.append
        return Poll(bench.index, bench.leases, bench.pace, self.alarm, self.health, self.settings, handle, bench.clock)

    async def due_now(self, *tickets: str) -> None:
        """Make tickets due."""
        await self.bench.index.sync([wanted(ticket, 1) for ticket in tickets])


@pytest.fixture
def polling(bench: Workbench) -> Polling:
    return Polling(bench)


async def test_what_is_due_is_claimed_held_and_handed_on(polling: Polling) -> None:
    await polling.due_now(A, B)
    assert await polling.poll.step()
    assert {lease.ticket for lease in polling.handled} == {A, B}
    assert polling.bench.leases.held() == polling.handled
    assert all(polling.bench.leases.is_safe(lease) for lease in polling.handled)


async def test_a_lease_is_safe_from_the_asking_on_and_not_from_the_answer(polling: Polling) -> None:
    claim, clock = polling.bench.index.claim, polling.bench.monotonic

    async def slow_claim(*arguments: Any) -> Any:
        reply = await claim(*arguments)
        clock.now_s += 5
        return reply

    polling.bench.index.claim = slow_claim  # type: ignore[method-assign]
    await polling.due_now(A)
    await polling.poll.step()
    clock.now_s += 3
    assert not polling.bench.leases.is_safe(polling.handled[0])


async def test_no_more_is_claimed_than_may_be_prepared(polling: Polling) -> None:
    polling.settings.prepared_limit = 3
    await polling.due_now(A, B, C, D)
    await polling.poll.step()
    assert len(polling.handled) == 3
    assert polling.alarm.sleeps == [], "there may be more: no sleep before the next look"

    blocked = asyncio.create_task(polling.poll.step())
    for _ in range(10):
        await asyncio.sleep(0)
    assert not blocked.done()
    polling.bench.leases.let_go(polling.handled[0])
    await asyncio.wait_for(blocked, 10)
    await polling.poll.step()
    assert len(polling.handled) == 4


async def test_no_more_is_claimed_by_one_call_than_a_batch(polling: Polling) -> None:
    polling.settings.claim_batch = 2
    await polling.due_now(A, B, C)
    await polling.poll.step()
    assert len(polling.handled) == 2
    await polling.poll.step()
    assert len(polling.handled) == 3


async def test_it_sleeps_until_the_next_is_to_be_prepared_by_the_clock_of_the_index(polling: Polling) -> None:
    now_ms = polling.bench.clock()
    polling.bench.server.now_us = lambda: (now_ms + 60_000) * 1000  # type: ignore[method-assign]
    await polling.bench.index.sync([wanted(A, now_ms + 60_000 + AHEAD_MS + 700)])
    await polling.poll.step()
    assert polling.handled == []
    assert polling.alarm.named == [now_ms + 700]
    assert polling.alarm.sleeps == [AHEAD_MS / 2000], "hints may get lost: it looks before anything could be late"


async def test_it_sleeps_where_nothing_is_due_at_all(polling: Polling) -> None:
    await polling.poll.step()
    assert polling.alarm.named == []
    assert len(polling.alarm.sleeps) == 1


async def test_an_earlier_instant_wakes_it(polling: Polling) -> None:
    polling.settings = Settings(ahead_seconds=60, lease_seconds=61)
    polling.alarm = RecordedAlarm()  # type: ignore[assignment]
    step = asyncio.create_task(polling.another().step())
    await eventually(lambda: polling.bench.journal and polling.bench.journal[-1][0] == "claim")
    for _ in range(20):
        await asyncio.sleep(0)
    assert not step.done()
    polling.alarm.set(0)
    await asyncio.wait_for(step, 10)


async def test_what_is_named_while_the_claim_is_under_way_is_not_forgotten(polling: Polling) -> None:
    polling.settings = Settings(ahead_seconds=60, lease_seconds=61)
    polling.alarm = RecordedAlarm()  # type: ignore[assignment]
    claim = polling.bench.index.claim

    async def claim_with_news(*arguments: Any) -> Any:
        polling.alarm.set(0)
        return await claim(*arguments)

    polling.bench.index.claim = claim_with_news  # type: ignore[method-assign]
    await asyncio.wait_for(polling.another().step(), 10)


async def test_nothing_is_claimed_from_an_invalid_index(polling: Polling, pauses: list[float]) -> None:
    await polling.due_now(A)
    polling.bench.server.fail_over()
    assert await polling.poll.step()
    assert polling.handled == []
    assert len(polling.bench.leases) == 0
    assert "not rebuilt" in polling.health.obstacles["index"]
    assert pauses == [0.5]


async def test_an_index_that_is_away_is_an_obstacle_until_it_answers(polling: Polling, pauses: list[float]) -> None:
    polling.bench.index.away = frozenset({"claim"})
    assert await polling.poll.step()
    assert "does not answer" in polling.health.obstacles["index"]
    polling.bench.index.away = frozenset()
    await polling.poll.step()
    assert polling.health.obstacles == {}


async def test_nothing_is_claimed_while_the_api_server_needs_a_pause(polling: Polling, pauses: list[float]) -> None:
    await polling.due_now(A)
    pause_s = polling.bench.pace.slow_down(ApiUnreachableError("away"))
    assert await polling.poll.step()
    assert polling.handled == []
    assert "api" in polling.health.obstacles
    assert pauses == [pause_s]
    polling.bench.monotonic.now_s += pause_s
    await polling.poll.step()
    assert len(polling.handled) == 1
    assert polling.health.obstacles == {}


async def test_tokens_never_repeat_not_even_for_a_process_of_the_same_name(
    polling: Polling, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens: list[str] = []
    claim = WatchedIndex.claim

    async def noted_claim(self: WatchedIndex, token: str, *arguments: int) -> Any:
        tokens.append(token)
        return await claim(self, token, *arguments)

    monkeypatch.setattr(WatchedIndex, "claim", noted_claim)
    for poll in (polling.poll, polling.another(), polling.another()):
        for _ in range(5):
            await poll.step()
    assert len(set(tokens)) == 15
    assert all(token.startswith("one.") for token in tokens), "a log of a token tells whose it is"


async def test_each_step_shows_that_the_loop_is_alive(polling: Polling, bench: Workbench) -> None:
    polling.health = Health(stale_after_s=60, monotonic=bench.monotonic)
    poll = polling.another()
    await poll.step()
    bench.monotonic.now_s += 61
    assert polling.health.stuck() == ["poll"]
    await poll.step()
    assert polling.health.stuck() == []
