"""The proxy passes everything on as it is, and harms what it is told to harm, in the way it is told."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from tests.chaos.proxy import AGENT, Proxy, Weather


class Upstream:
    """Takes requests, and counts those that reach it."""

    def __init__(self) -> None:
        self.reached: list[tuple[str, str, bytes, str]] = []
        self.more = asyncio.Event()
        self.asked = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.reached.append((request.method, request.path_qs, body, request.headers["User-Agent"]))
        self.asked.set()
        if "watch" in request.query:
            response = web.StreamResponse()
            await response.prepare(request)
            await response.write(b"first\n")
            await self.more.wait()
            await response.write(b"second\n")
            return response
        return web.Response(body=b"x" * 100_000 if request.path == "/large" else body[::-1])


@asynccontextmanager
async def proxied() -> AsyncIterator[tuple[Upstream, Proxy, aiohttp.ClientSession]]:
    """A server, the proxy before it, and a client of the proxy."""
    upstream = Upstream()
    application = web.Application()
    application.router.add_route("*", "/{anything:.*}", upstream.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    proxy = Proxy(f"http://127.0.0.1:{runner.addresses[0][1]}", None, "seed")
    try:
        url = await proxy.listen("worker-1")
        async with aiohttp.ClientSession(url, timeout=aiohttp.ClientTimeout(total=10)) as client:
            yield upstream, proxy, client
    finally:
        await proxy.close()
        await runner.cleanup()


def always(harm: str) -> Weather:
    """All requests, for a minute."""
    return Weather(harm, 1.0, time.monotonic() + 60)


async def test_requests_and_answers_pass_unchanged_over_one_connection() -> None:
    async with proxied() as (upstream, _, client):
        for number in range(3):
            async with client.post(f"/jobs?n={number}", data=b"abc") as answer:
                assert (answer.status, await answer.read()) == (200, b"cba")
        async with client.get("/large") as answer:
            assert await answer.read() == b"x" * 100_000
    assert [path for _, path, _, _ in upstream.reached] == ["/jobs?n=0", "/jobs?n=1", "/jobs?n=2", "/large"]
    assert {agent for _, _, _, agent in upstream.reached} == {f"{AGENT}worker-1"}


async def test_a_watch_is_passed_on_as_it_comes_and_can_be_cut() -> None:
    async with proxied() as (upstream, proxy, client):
        async with client.get("/timers?watch=1") as answer:
            assert await answer.content.readline() == b"first\n"
            upstream.more.set()
            assert await answer.content.readline() == b"second\n"
        upstream.more.clear()
        async with client.get("/timers?watch=1") as answer:
            assert await answer.content.readline() == b"first\n"
            assert proxy.cut_watches("worker-1") == 1
            with pytest.raises(aiohttp.ClientError):
                await answer.content.readline()


@pytest.mark.parametrize("harm", ["429", "500", "503"])
async def test_a_refusal_never_reaches_the_server(harm: str) -> None:
    async with proxied() as (upstream, proxy, client):
        proxy.set_weather("worker-1", always(harm))
        async with client.post("/jobs", data=b"abc") as answer:
            assert answer.status == int(harm)
            assert ("Retry-After" in answer.headers) == (harm == "429")
    assert upstream.reached == []
    assert proxy.harmed == {harm: 1}


@pytest.mark.parametrize(("harm", "reaches"), [("reset", False), ("blackout", False), ("commit and drop", True)])
async def test_a_broken_connection_leaves_the_client_without_an_answer(harm: str, reaches: bool) -> None:
    async with proxied() as (upstream, proxy, client):
        proxy.set_weather("worker-1", always(harm))
        with pytest.raises(aiohttp.ClientError):
            await client.post("/jobs", data=b"abc")
        assert [body for _, _, body, _ in upstream.reached] == ([b"abc"] if reaches else [])
        proxy.clear()
        async with client.post("/jobs", data=b"def") as answer:
            assert answer.status == 200


async def test_a_request_that_hangs_can_arrive_after_its_sender_has_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.chaos.proxy._HANG_S", 0.2)
    async with proxied() as (upstream, proxy, client):
        proxy.set_weather("worker-1", always("hang"))
        with pytest.raises(aiohttp.ClientError):
            await client.post("/jobs", data=b"abc")
        async with asyncio.timeout(5):
            await upstream.asked.wait()
        assert upstream.reached[0][2] == b"abc"


async def test_only_the_process_that_is_meant_is_harmed() -> None:
    async with proxied() as (_, proxy, client):
        other = await proxy.listen("worker-2")
        proxy.set_weather("worker-2", always("500"))
        async with client.get("/timers") as answer:
            assert answer.status == 200
        async with client.get(f"{other}/timers") as answer:
            assert answer.status == 500
