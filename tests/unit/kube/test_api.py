"""The client of the API server, against a small server on loopback."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from controller.kube.api import ApiServer
from controller.kube.errors import ApiError, ApiUnreachableError
from controller.settings import Settings, SettingsError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Connected = AbstractAsyncContextManager[ApiServer]

QUOTA = {
    "kind": "Status",
    "message": "exceeded quota: jobs",
    "reason": "Forbidden",
    "details": {"causes": [{"reason": "QuotaExceeded", "message": "jobs"}, {}]},
}


def kubeconfig(folder: Path, server: str) -> Path:
    """A kubeconfig for this address, with a token. JSON is YAML."""
    file = folder / "kubeconfig"
    file.write_text(
        json.dumps(
            {
                "current-context": "test",
                "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
                "clusters": [{"name": "test", "cluster": {"server": server}}],
                "users": [{"name": "test", "user": {"token": "the-token"}}],
            }
        )
    )
    return file


@pytest.fixture
def serving(tmp_path: Path) -> Callable[[Handler], Connected]:
    """A client of a server whose every answer this handler gives."""

    @asynccontextmanager
    async def serving(handler: Handler) -> AsyncIterator[ApiServer]:
        runner = web.ServerRunner(web.Server(handler), shutdown_timeout=0.1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            address = f"http://127.0.0.1:{runner.addresses[0][1]}"
            settings = Settings(kubeconfig=kubeconfig(tmp_path, address), api_timeout_seconds=0.5)
            async with await ApiServer.connect(settings) as api:
                yield api
        finally:
            await runner.cleanup()

    return serving


def answering(status: int, body: object, **headers: str) -> Handler:
    """A handler that always answers this."""

    async def handler(_: web.Request) -> web.Response:
        text = body if isinstance(body, str) else json.dumps(body)
        return web.Response(status=status, text=text, headers={key.replace("_", "-"): headers[key] for key in headers})

    return handler


async def echo(request: web.Request) -> web.Response:
    """What arrived."""
    return web.json_response(
        {
            "method": request.method,
            "path": request.path,
            "query": dict(request.query),
            "authorization": request.headers.get("Authorization"),
            "type": request.headers.get("Content-Type"),
            "body": await request.json() if request.can_read_body else None,
        }
    )


async def test_a_get_carries_its_parameters_and_the_bearer_token(serving: Callable[[Handler], Connected]) -> None:
    async with serving(echo) as api:
        arrived = await api.get("/api/v1/pods", resourceVersion="0")
    assert (arrived["method"], arrived["path"]) == ("GET", "/api/v1/pods")
    assert arrived["query"] == {"resourceVersion": "0"}
    assert arrived["authorization"] == "Bearer the-token"


async def test_what_is_written_arrives_as_what_it_is(serving: Callable[[Handler], Connected]) -> None:
    async with serving(echo) as api:
        created = await api.create("/jobs", b'{"a":1}')
        replaced = await api.replace("/jobs/x", {"a": 2})
        merged = await api.merge("/jobs/x", {"a": None})
        await api.delete("/jobs/x", {"propagationPolicy": "Background"})
    assert [(answer["method"], answer["type"], answer["body"]) for answer in (created, replaced, merged)] == [
        ("POST", "application/json", {"a": 1}),
        ("PUT", "application/json", {"a": 2}),
        ("PATCH", "application/merge-patch+json", {"a": None}),
    ]


@pytest.mark.parametrize(("only_metadata", "asked"), [(False, "application/json"), (True, "PartialObjectMetadata")])
async def test_of_what_is_created_all_or_only_the_metadata_is_asked_for(
    serving: Callable[[Handler], Connected], only_metadata: bool, asked: str
) -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.json_response({"accept": request.headers["Accept"]}, status=201)

    async with serving(echo) as api:
        answer = await api.create("/apis/batch/v1/namespaces/a/jobs", b"{}", only_metadata=only_metadata)
    assert asked in answer["accept"]


async def test_a_refusal_tells_all_that_the_server_said(serving: Callable[[Handler], Connected]) -> None:
    async with serving(answering(403, QUOTA)) as api:
        with pytest.raises(ApiError) as caught:
            await api.get("/")
    error = caught.value
    assert (error.status, error.reason, error.message) == (403, "Forbidden", "exceeded quota: jobs")
    assert error.causes == ("QuotaExceeded", "")
    assert error.retry_after_s is None
    assert not error.overloaded
    assert str(error) == "403 Forbidden: exceeded quota: jobs"


async def test_an_overloaded_server_says_when_to_come_back(serving: Callable[[Handler], Connected]) -> None:
    async with serving(answering(429, {"message": "busy"}, Retry_After="7")) as api:
        with pytest.raises(ApiError) as caught:
            await api.get("/")
    assert caught.value.retry_after_s == 7
    assert caught.value.overloaded


@pytest.mark.parametrize("body", ["<h1>Bad gateway</h1>", "[]", '{"details": {"causes": ["?"]}}', "é" * 5000, ""])
async def test_a_refusal_that_is_no_status_object_is_still_an_api_error(
    serving: Callable[[Handler], Connected], body: str
) -> None:
    async with serving(answering(502, body, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT")) as api:
        with pytest.raises(ApiError) as caught:
            await api.get("/")
    assert caught.value.status == 502
    assert len(caught.value.message) <= 600
    assert caught.value.retry_after_s is None


async def test_no_answer_in_time_is_an_unreachable_server(serving: Callable[[Handler], Connected]) -> None:
    ending = asyncio.Event()

    async def silent(_: web.Request) -> web.Response:
        await ending.wait()
        return web.Response()

    async with serving(silent) as api:
        with pytest.raises(ApiUnreachableError, match=r"GET /api/v1/pods: \w*Timeout"):
            await api.get("/api/v1/pods")
        ending.set()


async def test_an_answer_that_breaks_off_is_an_unreachable_server(serving: Callable[[Handler], Connected]) -> None:
    async def breaks_off(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"half":')
        assert request.transport is not None
        request.transport.close()
        return response

    async with serving(breaks_off) as api:
        with pytest.raises(ApiUnreachableError):
            await api.get("/")


async def test_a_server_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    async with await ApiServer.connect(Settings(kubeconfig=kubeconfig(tmp_path, "http://127.0.0.1:1"))) as api:
        with pytest.raises(ApiUnreachableError, match="POST /jobs"):
            await api.create("/jobs", b"{}")


async def test_pages_follow_each_other_until_the_last(serving: Callable[[Handler], Connected]) -> None:
    asked: list[dict[str, str]] = []
    tokens = ["second", "third", ""]

    async def paged(request: web.Request) -> web.Response:
        asked.append(dict(request.query))
        token = tokens[len(asked) - 1]
        return web.json_response({"items": [{"page": len(asked)}], "metadata": {"continue": token} if token else {}})

    async with serving(paged) as api:
        pages = [page async for page in api.pages("/jobs", labelSelector="mine")]
    assert pages == [[{"page": 1}], [{"page": 2}], [{"page": 3}]]
    assert [query.get("continue") for query in asked] == [None, "second", "third"]
    assert all(query["labelSelector"] == "mine" and int(query["limit"]) > 0 for query in asked)


async def test_a_page_is_read_as_the_caller_wants_it(serving: Callable[[Handler], Connected]) -> None:
    async def page(request: web.Request) -> web.Response:
        return web.json_response({"items": [1, 2]})

    def no_json(body: bytes) -> object:
        raise ValueError(body)

    async with serving(page) as api:
        pages = [page async for page in api.pages("/jobs", lambda body: {"items": [body]}, labelSelector="mine")]
        assert pages == [[b'{"items": [1, 2]}']]
        with pytest.raises(ApiUnreachableError, match="not a JSON object"):
            [page async for page in api.pages("/jobs", no_json)]


async def test_an_error_on_a_later_page_ends_the_list(serving: Callable[[Handler], Connected]) -> None:
    async def expired(request: web.Request) -> web.Response:
        if "continue" in request.query:
            return web.json_response({"reason": "Expired"}, status=410)
        return web.json_response({"items": [1], "metadata": {"continue": "more"}})

    async with serving(expired) as api:
        with pytest.raises(ApiError, match="410 Expired"):
            [page async for page in api.pages("/jobs")]


@pytest.mark.parametrize("content", [None, "not: [a, kubeconfig", "just text", "{}"])
async def test_credentials_that_cannot_be_used_are_told_of_in_one_sentence(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "kubeconfig"
    if content is not None:
        file.write_text(content)
    with pytest.raises(SettingsError, match="KUBECONFIG") as caught:
        await ApiServer.connect(Settings(kubeconfig=file))
    assert "\n" not in str(caught.value)
