"""A controller that stands by: leads as soon as it can, and says meanwhile whether it could."""

import asyncio

import pytest

from controller.kube.errors import ApiUnreachableError
from controller.kube.leadership import Leadership
from controller.reconcile.standby import Standby
from tests.unit.kube.stub_api import Request
from tests.unit.reconcile.desk import Desk


def strive(desk: Desk, name: str) -> Leadership:
    return Leadership(desk.api, "system", "default", name, 15, desk.monotonic)  # type: ignore[arg-type]


@pytest.fixture
def stopping() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
def standby(desk: Desk, stopping: asyncio.Event, monkeypatch: pytest.MonkeyPatch) -> Standby:
    """Its pauses take no time."""

    async def pause(seconds: float, stopping: asyncio.Event) -> None:
        await asyncio.sleep(0)

    monkeypatch.setattr("controller.reconcile.standby.pause", pause)
    return Standby(strive(desk, "b"), desk.index, desk.health, stopping)


@pytest.fixture
async def led(desk: Desk) -> None:
    """Somebody else leads."""
    assert await strive(desk, "a").step()


async def test_a_lease_that_is_free_is_taken(standby: Standby) -> None:
    assert not await standby.strive()


@pytest.mark.usefixtures("led")
async def test_whoever_stands_by_goes_on_striving(standby: Standby) -> None:
    assert await standby.strive()


@pytest.mark.usefixtures("led")
async def test_it_is_ready_once_both_api_server_and_redis_have_answered(
    desk: Desk, standby: Standby, stopping: asyncio.Event
) -> None:
    desk.health.hinder("start", "is starting")
    waiting = asyncio.create_task(standby.wait())
    seen = []
    while desk.health.obstacles:
        seen.append(set(desk.health.obstacles))
        await asyncio.sleep(0)
    assert seen[0] == {"start"}
    assert {"api", "index"} in seen
    stopping.set()
    await waiting


@pytest.mark.usefixtures("led")
async def test_an_api_server_that_is_away_makes_it_unready(desk: Desk, standby: Standby) -> None:
    async def refuse(request: Request) -> None:
        raise ApiUnreachableError("connection refused")

    before, desk.api.before = desk.api.before, refuse
    assert await standby.strive()
    assert desk.health.obstacles == {"api": "connection refused"}
    desk.api.before = before
    await standby.strive()
    assert desk.health.obstacles == {}


async def test_a_redis_that_is_away_makes_it_unready(desk: Desk, standby: Standby) -> None:
    desk.index.away = frozenset({"inspect"})
    assert await standby.look()
    assert "cannot be reached" in desk.health.obstacles["index"]
    desk.index.away = frozenset()
    await standby.look()
    assert desk.health.obstacles == {}


async def test_an_index_that_is_to_be_rebuilt_is_work_for_a_leader_and_no_obstacle(
    desk: Desk, standby: Standby
) -> None:
    desk.server.fail_over()
    await standby.look()
    assert desk.health.obstacles == {}


async def test_a_redis_that_is_away_keeps_nobody_from_leading(desk: Desk, standby: Standby) -> None:
    desk.index.away = frozenset({"inspect"})
    await standby.wait()
    assert desk.api.objects[next(iter(desk.api.objects))]["spec"]["holderIdentity"] == "b"
