"""Health over HTTP: alive, ready, and why not."""

import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest

from controller.observe import metrics
from controller.observe.health import Health, serve_health
from controller.settings import SettingsError
from tests.unit.clocks import Monotonic


class Probe:
    """Somebody who asks for health over HTTP."""

    def __init__(self, session: aiohttp.ClientSession, health: Health, clock: Monotonic) -> None:
        self.health = health
        self.clock = clock
        self._session = session

    async def get(self, path: str) -> tuple[int, str]:
        async with self._session.get(path) as response:
            return response.status, await response.text()


@pytest.fixture
async def probe() -> AsyncIterator[Probe]:
    clock = Monotonic()
    health = Health(stale_after_s=60, monotonic=clock)
    async with (
        serve_health(health, "127.0.0.1", 0, metrics.WORKER) as address,
        aiohttp.ClientSession(address) as session,
    ):
        yield Probe(session, health, clock)


async def test_a_process_without_loops_yet_is_alive_and_not_ready(probe: Probe) -> None:
    assert await probe.get("/healthz") == (200, "ok\n")
    assert await probe.get("/readyz") == (503, "start: is starting\n")


async def test_a_process_without_obstacles_is_ready(probe: Probe) -> None:
    probe.health.clear("start")
    probe.health.clear("what never was an obstacle")
    assert await probe.get("/readyz") == (200, "ok\n")


async def test_each_obstacle_is_named_until_it_is_gone(probe: Probe) -> None:
    probe.health.clear("start")
    probe.health.hinder("index", "is not rebuilt yet")
    probe.health.hinder("api", "does not answer")
    assert await probe.get("/readyz") == (503, "index: is not rebuilt yet\napi: does not answer\n")
    probe.health.clear("index")
    assert await probe.get("/readyz") == (503, "api: does not answer\n")


async def test_what_is_remarked_makes_nobody_unready(probe: Probe) -> None:
    probe.health.clear("start")
    probe.health.remark("namespace a", "is not served: no rights")
    assert await probe.get("/readyz") == (200, "ok\nnamespace a: is not served: no rights\n")
    probe.health.hinder("index", "is not rebuilt yet")
    assert await probe.get("/readyz") == (503, "index: is not rebuilt yet\nnamespace a: is not served: no rights\n")
    probe.health.clear("index")
    probe.health.withdraw("namespace a")
    probe.health.withdraw("namespace b")
    assert await probe.get("/readyz") == (200, "ok\n")


async def test_a_loop_that_makes_no_progress_is_not_healthy_until_it_does(probe: Probe) -> None:
    probe.health.beat("poll")
    probe.clock.now_s += 30
    probe.health.beat("reaper")
    probe.clock.now_s += 31
    assert await probe.get("/healthz") == (500, "stuck: poll\n")
    probe.health.beat("poll")
    assert await probe.get("/healthz") == (200, "ok\n")


async def test_an_obstacle_is_no_reason_for_a_restart(probe: Probe) -> None:
    probe.health.hinder("index", "is away")
    assert (await probe.get("/healthz"))[0] == 200


async def test_metrics_are_served_and_none_names_a_timer(probe: Probe) -> None:
    status, text = await probe.get("/metrics")
    assert status == 200
    assert "redistimer_firing_lag_seconds_bucket" in text
    assert "namespace=" not in text
    assert "timer=" not in text


async def test_a_port_that_is_taken_is_told_of_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"--http-port {port} .*choose a free port"):
            async with serve_health(Health(), "127.0.0.1", port, metrics.WORKER):
                pass
