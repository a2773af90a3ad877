"""Hints, heard from a real server: a subscription lives by its connection, which no stand-in has."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from controller.index import connect
from controller.index.index import Index
from controller.settings import Settings
from controller.worker.upkeep import Hints
from tests.cluster.redis_server import RedisServer, running_redis
from tests.redis.tickets import A, wanted
from tests.unit.clocks import eventually
from tests.unit.worker.workbench import RecordedAlarm

AHEAD_MS = 3_000


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture
async def index(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Index]:
    monkeypatch.setattr(connect, "_TIMEOUT_S", 0.2)
    monkeypatch.setattr("controller.worker.upkeep._TROUBLE_PAUSE_S", 0)
    settings = Settings.model_validate({"redis-url": redis_server.url})
    async with connect.connect_redis(settings) as redis:
        await redis.flushall()
        yield Index(redis, "test")


@pytest.fixture
def alarm() -> RecordedAlarm:
    return RecordedAlarm()


@pytest.fixture
async def listening(index: Index, alarm: RecordedAlarm) -> "AsyncIterator[asyncio.Task[bool]]":
    """A step that listens."""
    step = asyncio.create_task(Hints(index, alarm, Settings(ahead_seconds=AHEAD_MS / 1000)).step())
    await eventually(lambda: subscribers(index))
    yield step
    step.cancel()
    await asyncio.gather(step, return_exceptions=True)


async def subscribers(index: Index) -> int:
    """How many listen."""
    ((_, number),) = await index.redis.pubsub_numsub(index.keys.due)
    return int(number)


@pytest.mark.usefixtures("listening")
async def test_an_earlier_due_time_is_heard_and_looked_at_ahead_of_it(index: Index, alarm: RecordedAlarm) -> None:
    due_ms = 4_000_000_000_000
    await index.sync([wanted(A, due_ms)])
    await eventually(lambda: alarm.named)
    assert alarm.named == [due_ms - AHEAD_MS]


@pytest.mark.usefixtures("listening")
async def test_a_hint_that_makes_no_sense_is_a_reason_to_look_and_no_harm(index: Index, alarm: RecordedAlarm) -> None:
    await index.redis.publish(index.keys.due, "soon")
    await index.redis.publish(index.keys.due, "5")
    await eventually(lambda: len(alarm.named) == 2)
    assert alarm.named[1] == 5 - AHEAD_MS


async def test_a_subscription_that_is_idle_for_longer_than_the_socket_timeout_stays(
    listening: "asyncio.Task[bool]", index: Index, alarm: RecordedAlarm
) -> None:
    ended, _ = await asyncio.wait([listening], timeout=0.8)
    assert not ended
    await index.redis.publish(index.keys.due, "5")
    await eventually(lambda: alarm.named)


async def test_a_connection_that_breaks_ends_the_step_and_not_the_loop(
    listening: "asyncio.Task[bool]", index: Index
) -> None:
    await index.redis.client_kill_filter(_type="pubsub")
    assert await asyncio.wait_for(listening, 10) is True
