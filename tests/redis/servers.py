"""One handle for every kind of server, so that one suite can hold them all to the same contract."""

import asyncio
from pathlib import Path
from typing import Protocol

from redis.asyncio import Redis

from controller.index.connect import connect_redis
from controller.settings import Settings
from tests.cluster.redis_cluster import RedisCluster
from tests.cluster.redis_server import RedisServer
from tests.cluster.sentinel import SentinelGroup
from tests.redis.fake_server import IdentifiedServer, fake_client

INSTALLATION = "test"


class Server(Protocol):
    """A server that a test has for itself."""

    redis: Redis

    async def now_ms(self) -> int:
        """The server's time."""

    async def pass_ms(self, duration_ms: int) -> None:
        """Return once that much time has passed on the server."""

    async def restart(self) -> None:
        """A crash and a new start, without data."""

    async def restart_from_snapshot(self) -> None:
        """A crash and a new start with all data of just before."""

    async def fail_over(self) -> None:
        """The same process with the same data, but promoted from replica to primary: a new history."""


class Fake:
    """A fakeredis server."""

    def __init__(self) -> None:
        self.server = IdentifiedServer()
        self.redis: Redis = fake_client(self.server)

    async def now_ms(self) -> int:
        return self.server.now_us() // 1000

    async def pass_ms(self, duration_ms: int) -> None:
        self.server.clock_ms = await self.now_ms() + duration_ms

    async def restart(self) -> None:
        self.server.restart()

    async def restart_from_snapshot(self) -> None:
        self.server.restart(keep_data=True)

    async def fail_over(self) -> None:
        self.server.fail_over()


def client_of(url: str) -> Redis:
    """A client of the product, to be closed by the caller."""
    return connect_redis(Settings.model_validate({"redis-url": url, "installation": INSTALLATION}))


class Real:
    """A process of redis-server or valkey-server."""

    def __init__(self, server: RedisServer, url: str = "") -> None:
        self.server = server
        self.redis = client_of(url or server.url)

    async def now_ms(self) -> int:
        seconds, microseconds = await self.redis.time()
        return int(seconds) * 1000 + int(microseconds) // 1000

    async def pass_ms(self, duration_ms: int) -> None:
        end_ms = await self.now_ms() + duration_ms
        left_ms = duration_ms
        while left_ms > 0:
            await asyncio.sleep(left_ms / 1000)
            left_ms = end_ms - await self.now_ms()

    async def restart(self) -> None:
        (await self._snapshot()).unlink(missing_ok=True)
        await self._crash_and_start()

    async def restart_from_snapshot(self) -> None:
        await self.redis.save()
        await self._crash_and_start()
        (await self._snapshot()).unlink()

    async def fail_over(self) -> None:
        # A replica of nobody: port 1 is never answered.
        await self.redis.replicaof("127.0.0.1", 1)
        await self.redis.replicaof("NO", "ONE")

    async def _crash_and_start(self) -> None:
        self.server.kill()
        self.server.start()
        await self._settled()

    async def _settled(self) -> None:
        # What tests are about comes after the client has noticed.
        await self.redis.connection_pool.disconnect()

    async def _snapshot(self) -> Path:
        folder, name = await self.redis.config_get("dir"), await self.redis.config_get("dbfilename")
        return Path(folder["dir"], name["dbfilename"])


class Sentineled(Real):
    """The primary of a group with Sentinels."""

    def __init__(self, group: SentinelGroup) -> None:
        self._group = group
        super().__init__(group.primary, group.url)

    async def fail_over(self) -> None:
        self.server = self._group.fail_over()
        await self._settled()

    async def _settled(self) -> None:
        # The first replica that comes makes a primary begin a new history: another loss, of which tests know nothing.
        self._group.wait_until_whole()
        await super()._settled()


class Clustered(Real):
    """The node of a cluster that has the index."""

    def __init__(self, cluster: RedisCluster) -> None:
        self._cluster = cluster
        super().__init__(cluster.primary, cluster.url)

    async def fail_over(self) -> None:
        self.server = self._cluster.fail_over()
        await self._settled()

    async def _settled(self) -> None:
        self._cluster.wait_until_whole()
        await super()._settled()
