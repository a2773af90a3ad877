"""Every test of this folder runs twice: on fakeredis, and on a real server."""

from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from controller.index.index import Index
from tests.cluster.redis_server import RedisServer, running_redis
from tests.redis.servers import Fake, Real, Server

INSTALLATION = "test"


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture(params=["fakeredis", "real"])
def start(request: pytest.FixtureRequest) -> Callable[[], Server]:
    """How to come by a server; clients need the event loop of the test."""
    if request.param == "fakeredis":
        return Fake
    process: RedisServer = request.getfixturevalue("redis_server")
    return lambda: Real(process)


@pytest.fixture
async def server(start: Callable[[], Server]) -> AsyncIterator[Server]:
    """An empty server."""
    server = start()
    await server.redis.flushall()
    yield server
    await server.redis.aclose()


@pytest.fixture
async def unbuilt(server: Server) -> Index:
    """An index on which no rebuild has ever ended."""
    return Index(server.redis, INSTALLATION)


@pytest.fixture
async def index(unbuilt: Index) -> Index:
    """An index that is valid and empty."""
    identity = await unbuilt.begin_rebuild("first")
    assert await unbuilt.finish_rebuild("first", identity)
    return unbuilt
