"""Every test of this folder runs on fakeredis and on real servers: each version at hand, Sentinel, a cluster."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack

import pytest

from controller.index.index import Index
from tests.cluster.redis_cluster import running_cluster
from tests.cluster.redis_programs import redis_programs
from tests.cluster.redis_server import RedisServer, running_redis
from tests.cluster.sentinel import running_sentinel
from tests.redis.servers import INSTALLATION, Clustered, Fake, Real, Sentineled, Server

PROGRAMS = redis_programs()
OLDEST, *_, NEWEST = [*PROGRAMS, *PROGRAMS]

SHAPES = ("sentinel", "cluster")

Start = Callable[[], Server]


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


class _Servers:
    """Starts each kind of server when the first test asks for it."""

    def __init__(self, resources: ExitStack) -> None:
        self._resources = resources
        self._started: dict[str, Start] = {"fakeredis": Fake}

    def start(self, name: str) -> Start:
        if name not in self._started:
            self._started[name] = self._new(name)
        return self._started[name]

    def _new(self, name: str) -> Start:
        if name == "sentinel":
            # A restart is to be over before a Sentinel takes it for a death.
            programs = {"program": PROGRAMS[OLDEST], "sentinel_program": PROGRAMS[NEWEST]}
            running = running_sentinel(**programs, down_after_ms=20_000, quick=True)
            group = self._resources.enter_context(running)
            return lambda: Sentineled(group)
        if name == "cluster":
            cluster = self._resources.enter_context(running_cluster(program=PROGRAMS[NEWEST]))
            return lambda: Clustered(cluster)
        process = self._resources.enter_context(running_redis(program=PROGRAMS[name]))
        return lambda: Real(process)


@pytest.fixture(scope="session")
def servers() -> Iterator[_Servers]:
    with ExitStack() as resources:
        yield _Servers(resources)


@pytest.fixture(params=["fakeredis", *PROGRAMS, *SHAPES])
def start(request: pytest.FixtureRequest, servers: _Servers) -> Start:
    """How to come by a server; clients need the event loop of the test."""
    return servers.start(request.param)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What others write into the index is the same however it is reached: that is not tried in every shape."""
    spared = [item for item in items if item.path.name.startswith("test_hostile_") and _shape(item) in SHAPES]
    if spared:
        config.hook.pytest_deselected(items=spared)
        items[:] = [item for item in items if item not in set(spared)]


def _shape(item: pytest.Item) -> object:
    callspec = getattr(item, "callspec", None)
    return callspec.params.get("start") if callspec else None


@pytest.fixture
async def server(start: Start) -> AsyncIterator[Server]:
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
