"""The look at the server itself: what is logged and when, and that a replica is left."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from controller.index.connect import connect_redis
from controller.index.connection import ReplicaError
from controller.index.vigil import Vigil
from controller.settings import Settings, SettingsError
from tests.cluster.redis_server import running_redis
from tests.redis.conftest import PROGRAMS
from tests.redis.servers import client_of
from tests.redis.stub_server import StubServer, Words, bulk, stub_server
from tests.unit.clocks import sleepless

NOW_MS = 1_795_000_000_000


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    sleepless(monkeypatch)


class Watched:
    """A vigil over a server that says what a test wants."""

    def __init__(self, stub: StubServer, caplog: pytest.LogCaptureFixture) -> None:
        self.stub = stub
        self._caplog = caplog
        self.info = {"redis_version": "7.2.4", "run_id": "a", "role": "master", "maxmemory_policy": "noeviction"}
        self.ahead_ms = 0
        stub.answers |= {"INFO": self._info, "TIME": self._time}
        settings = Settings.model_validate({"redis-url": f"redis://:secret@127.0.0.1:{stub.port}/3"})
        self.address = f"127.0.0.1:{stub.port}/3"
        self.redis = connect_redis(settings)
        self.vigil = Vigil(self.redis, settings, lambda: NOW_MS)

    def _info(self, words: Words) -> str:
        return bulk("".join(f"{name}:{value}\r\n" for name, value in self.info.items()))

    def _time(self, words: Words) -> str:
        seconds, milliseconds = divmod(NOW_MS + self.ahead_ms, 1000)
        return f"*2\r\n{bulk(str(seconds))}{bulk(str(milliseconds * 1000))}"

    async def look(self) -> list[str]:
        """Look once; what was logged, each with the first letter of its level."""
        self._caplog.clear()
        assert await self.vigil.step()
        records = [record for record in self._caplog.records if record.name == "controller.index.vigil"]
        return [f"{record.levelname[0]} {record.getMessage()}" for record in records]


@pytest.fixture
async def watched(caplog: pytest.LogCaptureFixture) -> AsyncIterator[Watched]:
    caplog.set_level(logging.INFO)
    async with stub_server() as stub, _closing(Watched(stub, caplog)) as watched:
        yield watched


@asynccontextmanager
async def _closing(watched: Watched) -> AsyncIterator[Watched]:
    yield watched
    await watched.redis.aclose()


async def test_a_server_that_is_well_is_named_once(watched: Watched) -> None:
    assert await watched.look() == [
        f"I Redis: Redis 7.2.4 at {watched.address}",
        "I eviction: maxmemory-policy is noeviction",
        "I clock: that of Redis is within 250 ms of this process's",
    ]
    assert await watched.look() == []


async def test_another_server_in_its_place_is_looked_at_anew(watched: Watched) -> None:
    await watched.look()
    watched.info |= {"run_id": "b", "maxmemory_policy": "allkeys-lru"}
    told = await watched.look()
    assert told[0] == f"I Redis: Redis 7.2.4 at {watched.address}"
    assert told[1].startswith("W eviction: maxmemory-policy is allkeys-lru, and there is no maxmemory at which")
    assert "set it to noeviction" in told[1]
    assert len(told) == 3


async def test_a_version_that_lacks_what_the_index_is_made_of_ends_the_process(watched: Watched) -> None:
    watched.info["redis_version"] = "6.0.16"
    with pytest.raises(SettingsError, match=f"Redis 6.0.16 at {watched.address}: needed is Redis 6.2 or newer"):
        await watched.look()


async def test_a_clock_is_told_of_when_it_goes_wrong_and_when_it_is_right_again(watched: Watched) -> None:
    await watched.look()
    watched.ahead_ms = 251
    (told,) = await watched.look()
    assert told.startswith("W clock: this process's is at least 0.3 s behind that of Redis; synchronise clocks")
    assert await watched.look() == []
    watched.ahead_ms = 0
    assert await watched.look() == ["I clock: that of Redis is within 250 ms of this process's"]


async def test_what_a_server_does_not_tell_is_no_trouble(watched: Watched) -> None:
    await watched.redis.ping()
    watched.stub.answers["INFO"] = lambda words: "-NOPERM this user has no permissions\r\n"
    (told,) = await watched.look()
    assert told.startswith("I Redis: version, eviction and clock could not be checked: ")
    assert await watched.look() == []
    watched.stub.answers["INFO"] = lambda words: bulk("run_id:a\r\n")
    assert (await watched.look())[-1] == "I clock: that of Redis is within 250 ms of this process's"


async def test_a_server_that_is_away_is_left_to_others_to_tell_of(watched: Watched) -> None:
    watched.stub.answers["INFO"] = lambda words: None
    assert await watched.look() == []


@pytest.mark.parametrize("program", list(PROGRAMS))
async def test_a_server_that_has_become_a_replica_is_left_without_a_write(
    program: str, caplog: pytest.LogCaptureFixture
) -> None:
    with running_redis(program=PROGRAMS[program]) as server, server.client() as admin:
        async with client_of(server.url) as redis:
            vigil = Vigil(redis, Settings())
            await vigil.step()
            admin.replicaof("127.0.0.1", "1")
            await redis.ping()
            await vigil.step()
            assert "Redis has become a replica" in caplog.text
            with pytest.raises(ReplicaError):
                await redis.ping()
