"""A leader, wired together: what it does first."""

import asyncio
from typing import Any

from controller.kube import paths
from controller.observe.health import Health
from controller.reconcile.main import Controller
from controller.reconcile.table import Table
from controller.settings import Settings
from tests.redis.fake_server import IdentifiedServer, fake_client
from tests.unit.core.objects import timer_object
from tests.unit.kube.stub_api import Request, StubApi
from tests.unit.reconcile.desk import HOURLY, uid

TIMERS = 40


async def statuses_written_by(identity: str) -> list[str]:
    """Whose statuses a new leader of a cluster of many timers writes, in its order."""
    written: list[str] = []
    stopping = asyncio.Event()

    async def note(request: Request) -> None:
        if request.path.endswith("/status") and request.path not in written:
            written.append(request.path)
            if len(written) == TIMERS:
                stopping.set()

    async def watch(_: Table, started: asyncio.Event, stop: asyncio.Event) -> None:
        started.set()
        await stop.wait()

    api: Any = StubApi()
    api.before = note
    api.page_size = TIMERS
    api.put(paths.CLUSTER_IDENTITY, {"metadata": {"name": "kube-system", "uid": "cluster"}})
    for number in range(TIMERS):
        obj = timer_object(HOURLY, name=f"timer-{number:02}", uid=uid(number))
        api.put(paths.timer("default", obj["metadata"]["name"]), obj)
    redis = fake_client(IdentifiedServer())
    settings = Settings(identity=identity, template_checks_per_second=10_000)
    async with asyncio.timeout(60):
        await Controller(api, redis, settings, Health(), watch).run(stopping)
    await redis.aclose()
    return written


async def test_no_timer_is_always_the_last_whose_status_a_new_leader_writes() -> None:
    """Leaders can be gone before they come to the end, again and again."""
    one, another = await statuses_written_by("one"), await statuses_written_by("another")
    assert sorted(one) == sorted(another)
    assert one != sorted(one)
    assert one != another
