"""A leader, wired together: what it does first."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from controller.core.job import job_manifest
from controller.core.timer import Timer, parse_timer
from controller.index.index import Index
from controller.kube import paths
from controller.loops import Clock as LoopsClock
from controller.observe.health import Health
from controller.reconcile.main import Controller
from controller.reconcile.table import Table
from controller.settings import Settings
from tests.redis.fake_server import IdentifiedServer, fake_client
from tests.unit.core.objects import ms, report, timer_object
from tests.unit.kube.stub_api import Request, StubApi
from tests.unit.reconcile.desk import ELEVEN, HOURLY, uid

NOW = "2026-03-01T11:00:10Z"

TIMERS = 40


class Cluster:
    """Many timers, an index, and leaders that follow one another."""

    def __init__(self) -> None:
        self.api: Any = StubApi()
        self.api.before = self._note
        self.api.page_size = TIMERS
        self.api.put(paths.CLUSTER_IDENTITY, {"metadata": {"name": "kube-system", "uid": "cluster"}})
        self.server = IdentifiedServer()
        self.server.now_us = lambda: ms(NOW) * 1000  # type: ignore[method-assign]
        self.redis = fake_client(self.server)
        self.stopping = asyncio.Event()
        self.enough = TIMERS
        self.health = Health()
        self.obstacles: dict[str, str] = {}
        """To being ready, when the leader asked for timers."""
        self.written: list[str] = []
        """The names of timers whose statuses the last leader wrote, in its order."""
        for number in range(TIMERS):
            self.store(number)

    def store(self, number: int, **status: Any) -> Timer:
        obj = timer_object(HOURLY, name=f"timer-{number:02}", uid=uid(number), status=status)
        self.api.put(paths.timer("default", obj["metadata"]["name"]), obj)
        return parse_timer(obj)

    async def lead(self, identity: str) -> None:
        """Until this leader has written enough."""
        self.written.clear()
        self.stopping.clear()

        async def watch(_: Table, started: asyncio.Event, stop: asyncio.Event) -> None:
            started.set()
            await stop.wait()

        settings = Settings(identity=identity, template_checks_per_second=10_000)
        clock = LoopsClock(now_ms=lambda: ms(NOW))
        async with asyncio.timeout(60):
            await Controller(self.api, self.redis, settings, self.health, watch, clock).run(self.stopping)

    async def _note(self, request: Request) -> None:
        if request.path == paths.ALL_TIMERS:
            self.obstacles = dict(self.health.obstacles)
        if request.path.endswith("/status"):
            name = request.path.split("/")[-2]
            if name not in self.written:
                self.written.append(name)
            if len(self.written) == self.enough:
                self.stopping.set()


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    cluster = Cluster()
    yield cluster
    await cluster.redis.aclose()


async def test_no_timer_is_always_the_last_whose_status_a_new_leader_writes(cluster: Cluster) -> None:
    """Leaders can be gone before they come to the end, again and again."""
    orders = []
    for identity in ("one", "another"):
        for number in range(TIMERS):
            cluster.store(number)
        await cluster.lead(identity)
        orders.append(cluster.written[:])
    one, another = orders
    assert sorted(one) == sorted(another)
    assert one != sorted(one)
    assert one != another


async def test_a_new_leader_begins_with_what_only_redis_knows_and_then_with_what_is_furthest_behind(
    cluster: Cluster,
) -> None:
    behind = {31: 5, 7: 2, 22: 7, 3: 4, 38: 1, 15: 6, 26: 3}
    for number, handled in behind.items():
        told_until = {"handledThrough": f"2026-03-01T{handled:02}:00:00Z", "observedGeneration": 1}
        job = job_manifest(cluster.store(number, **told_until), ELEVEN)
        job["metadata"]["uid"] = f"job-{number}"
        cluster.api.put(paths.job("default", job["metadata"]["name"]), job)
    told = report(cluster.store(13, handledThrough="2026-03-01T10:00:00Z", observedGeneration=1), ELEVEN)
    await cluster.redis.xadd(Index(cluster.redis, "default").keys.outcomes, {"report": told.model_dump_json()})
    cluster.enough = 1 + len(behind)
    await cluster.lead("one")
    longest_first = sorted(behind, key=lambda number: behind[number])
    assert cluster.written[: cluster.enough] == [f"timer-{number:02}" for number in (13, *longest_first)]


async def test_a_leader_is_ready_once_it_has_read_the_cluster(cluster: Cluster) -> None:
    await cluster.lead("one")
    for number in range(TIMERS):
        cluster.store(number)
    await cluster.lead("another")
    assert cluster.obstacles == {"index": "is not read through by this leader yet"}
    assert cluster.health.obstacles == {}
