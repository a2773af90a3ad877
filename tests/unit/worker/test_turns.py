"""Whose turn it is: what is due goes before what is prepared, and nothing is confirmed long before it is created."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from controller.core.timer import Timer, parse_timer
from controller.index.messages import Lease, Wanted
from controller.kube import paths
from tests.unit.clocks import eventually
from tests.unit.core.objects import timer_object
from tests.unit.kube.stub_api import Request
from tests.unit.worker.workbench import AHEAD_MS, HOURLY, JOBS_PATH, LEASE_MS, Workbench

Built = Callable[[int], Awaitable[Workbench]]


class Held:
    """Keeps requests of a method waiting until they are let go."""

    def __init__(self, bench: Workbench, method: str) -> None:
        self.waiting = 0
        self.let_go = asyncio.Event()
        self._method = method
        bench.api.before = self._before

    async def _before(self, request: Request) -> None:
        if request.method == self._method:
            self.waiting += 1
            await self.let_go.wait()


@pytest.fixture
async def built() -> AsyncIterator[Built]:
    """A workbench with so many turns."""
    benches = []

    async def built(at_once: int) -> Workbench:
        benches.append(bench := Workbench("2026-03-01T11:00:00Z", at_once))
        await bench.build()
        return bench

    yield built
    for bench in benches:
        await bench.redis.aclose()


async def leased(bench: Workbench, *names: str) -> list[Lease]:
    """Timers that are due at eleven, each held."""
    timers: list[Timer] = []
    for name in names:
        obj = timer_object(HOURLY)
        obj["metadata"] |= {"name": name, "uid": str(uuid.uuid5(uuid.NAMESPACE_URL, name))}
        timers.append(parse_timer(bench.api.put(paths.timer("default", name), obj)))
    await bench.index.sync([Wanted(one.ticket, 1, 0, 1 + at, one.namespace, one.name) for at, one in enumerate(timers)])
    leases = (await bench.index.claim("token", 100, AHEAD_MS, LEASE_MS)).leases
    bench.leases.hold(leases, bench.leases.now_s())
    bench.journal.clear()
    return leases


async def settle() -> None:
    for _ in range(200):
        await asyncio.sleep(0)


async def test_nobody_asks_whether_it_may_fire_before_there_is_a_turn_to(built: Built) -> None:
    bench = await built(2)
    held = Held(bench, "POST")
    firing = [asyncio.create_task(bench.firing.handle(lease)) for lease in await leased(bench, "a", "b", "c", "d")]
    await eventually(lambda: held.waiting == 2)
    await settle()
    assert bench.index.confirmed == 2
    held.let_go.set()
    await asyncio.wait_for(asyncio.gather(*firing), 10)
    assert bench.index.confirmed == 4
    assert len(bench.api.objects) == 8


async def test_runs_that_wait_long_for_their_turn_still_have_all_of_their_lease_for_it(built: Built) -> None:
    bench = await built(1)
    held = Held(bench, "POST")
    first, second = await leased(bench, "a", "b")
    firing = [asyncio.create_task(bench.firing.handle(first)), asyncio.create_task(bench.firing.handle(second))]
    await eventually(lambda: held.waiting == 1)
    # Longer than the second one's lease; it is renewed meanwhile, as leases are.
    bench.monotonic.now_s += 2 * LEASE_MS / 1000
    bench.leases.hold([second], bench.leases.now_s())
    await bench.index.renew([second], LEASE_MS)
    held.let_go.set()
    await asyncio.wait_for(asyncio.gather(*firing), 10)
    assert bench.pace.pause_s() == 0
    assert len([path for path in bench.api.objects if path.startswith(JOBS_PATH)]) == 2


@pytest.mark.parametrize("prepared", [10, 40])
async def test_what_is_prepared_takes_a_third_of_the_turns_at_most(built: Built, prepared: int) -> None:
    bench = await built(9)
    held = Held(bench, "GET")
    names = [f"timer-{number}" for number in range(prepared)]
    reading = [asyncio.create_task(bench.firing.handle(lease)) for lease in await leased(bench, *names)]
    await eventually(lambda: held.waiting == 3)
    await settle()
    assert held.waiting == 3
    held.let_go.set()
    await asyncio.wait_for(asyncio.gather(*reading), 10)
