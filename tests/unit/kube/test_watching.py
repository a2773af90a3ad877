"""Watching a collection, against a small server on loopback."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from kubernetes.aio.client.configuration import Configuration

from controller.kube.api import ApiServer
from controller.kube.errors import ApiError, ApiUnreachableError
from controller.settings import Settings

PATH = "/apis/batch/v1/namespaces/default/jobs"


@asynccontextmanager
async def serving(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[ApiServer]:
    """A client of a server whose every answer this handler gives."""
    runner = web.ServerRunner(web.Server(handler), shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        configuration = Configuration(host=f"http://127.0.0.1:{runner.addresses[0][1]}")
        configuration.api_key = {"BearerToken": "the-token"}
        configuration.api_key_prefix = {"BearerToken": "Bearer"}
        async with ApiServer(configuration, Settings()) as api:
            yield api
    finally:
        await runner.cleanup()


def event(kind: str, **obj: Any) -> bytes:
    return json.dumps({"type": kind, "object": obj}).encode() + b"\n"


async def watched(*chunks: bytes) -> list[tuple[str, Any]]:
    """What a watch makes of these pieces of an answer."""

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
            await asyncio.sleep(0)
        return response

    async with serving(handler) as api:
        return [(one["type"], one["object"]) async for one in api.watch(PATH, "7")]


async def test_it_asks_for_changes_after_a_version_under_its_own_name() -> None:
    asked: list[web.Request] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        asked.append(request)
        return web.Response()

    async with serving(handler) as api:
        assert [one async for one in api.watch(PATH, "7", labelSelector="a=b")] == []
    (request,) = asked
    query = dict(request.query)
    assert int(query.pop("timeoutSeconds")) > 0
    assert (request.method, request.path) == ("GET", PATH)
    assert query == {"watch": "1", "resourceVersion": "7", "labelSelector": "a=b"}
    assert request.headers["Authorization"] == "Bearer the-token"


async def test_changes_come_one_by_one_however_they_are_cut_into_pieces() -> None:
    text = event("ADDED", name="a") + event("MODIFIED", name="ü" * 3) + event("DELETED", name="c")
    expected = [("ADDED", {"name": "a"}), ("MODIFIED", {"name": "üüü"}), ("DELETED", {"name": "c"})]
    assert await watched(text) == expected
    assert await watched(*(text[at : at + 7] for at in range(0, len(text), 7))) == expected


async def test_an_object_may_be_longer_than_any_buffer() -> None:
    ((kind, obj),) = await watched(event("ADDED", name="x" * 3_000_000))
    assert (kind, len(obj["name"])) == ("ADDED", 3_000_000)


async def test_an_error_among_the_changes_is_raised() -> None:
    with pytest.raises(ApiError) as raised:
        await watched(event("ADDED", name="a"), event("ERROR", code=410, reason="Expired", message="too old"))
    assert (raised.value.status, raised.value.reason, raised.value.message) == (410, "Expired", "too old")


async def test_a_refusal_is_raised() -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.json_response({"reason": "Forbidden", "message": "not you"}, status=403)

    async with serving(handler) as api:
        with pytest.raises(ApiError, match="not you"):
            await anext(api.watch(PATH, "7"))


async def test_what_is_no_json_is_no_answer() -> None:
    with pytest.raises(ApiUnreachableError, match="the answer is not JSON"):
        await watched(b"<html>\n")


async def test_a_connection_that_breaks_is_no_answer() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(event("ADDED", name="a"))
        assert request.transport is not None
        request.transport.abort()
        return response

    async with serving(handler) as api:
        changes = api.watch(PATH, "7")
        assert (await anext(changes))["type"] == "ADDED"
        with pytest.raises(ApiUnreachableError, match=f"watch {PATH}: "):
            await anext(changes)
