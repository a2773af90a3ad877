"""The client of the API server when that is slow, overloaded, gone, or not what it seems."""

import asyncio
from email.utils import formatdate
from pathlib import Path
from time import time
from typing import Any

import pytest
from aiohttp import web

from controller.kube.errors import ApiError, ApiUnreachableError
from tests.unit.kube.faulty import Handler, serving


def refusing(status: int, body: Any = None, **headers: str) -> Handler:
    """A handler that always answers this."""
    named = {key.replace("_", "-"): value for key, value in headers.items()}

    async def handler(_: web.Request) -> web.Response:
        return web.json_response(body or {}, status=status, headers=named)

    return handler


async def refused(handler: Handler, folder: Path) -> ApiError:
    """The error that a request meets there."""
    async with serving(handler, folder) as api:
        with pytest.raises(ApiError) as caught:
            await api.create("/jobs", b"{}")
    return caught.value


class Slow:
    """A handler that answers once it may, and counts who waits."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.waiting = 0
        self.most = 0
        self.asked = 0
        self.more = asyncio.Event()

    async def __call__(self, _: web.Request) -> web.Response:
        self.asked += 1
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        self.more.set()
        try:
            await self.may_answer.wait()
        finally:
            self.waiting -= 1
        return web.json_response({})

    async def wait_for(self, number: int) -> None:
        """Until so many wait for an answer."""
        while self.waiting < number:
            self.more.clear()
            await self.more.wait()


# How long to stay away.


@pytest.mark.parametrize(("given", "seconds"), [("7", 7), ("0", None), ("1e3", None), ("-5", None), ("9" * 400, None)])
async def test_the_seconds_to_stay_away_are_read(tmp_path: Path, given: str, seconds: float | None) -> None:
    assert (await refused(refusing(429, Retry_After=given), tmp_path)).retry_after_s == seconds


async def test_a_time_of_day_at_which_to_come_back_is_read(tmp_path: Path) -> None:
    error = await refused(refusing(503, Retry_After=formatdate(time() + 3600, usegmt=True)), tmp_path)
    assert error.retry_after_s is not None
    assert 3000 < error.retry_after_s <= 3600


async def test_a_time_of_day_that_is_over_asks_for_nothing(tmp_path: Path) -> None:
    assert (await refused(refusing(503, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"), tmp_path)).retry_after_s is None


@pytest.mark.parametrize("details", [{"retryAfterSeconds": 3}, {"retryAfterSeconds": 3, "causes": None}])
async def test_the_body_can_say_it_as_well(tmp_path: Path, details: dict[str, Any]) -> None:
    error = await refused(refusing(429, {"message": "busy", "details": details}), tmp_path)
    assert (error.retry_after_s, error.message, error.overloaded) == (3, "busy", True)


@pytest.mark.parametrize("details", [[], "x", 5, {"retryAfterSeconds": [1]}, {"causes": 5}, {"causes": [None]}])
async def test_details_that_make_no_sense_are_still_a_refusal(tmp_path: Path, details: object) -> None:
    error = await refused(refusing(429, {"message": "busy", "details": details}), tmp_path)
    assert (error.status, error.retry_after_s) == (429, None)


@pytest.mark.parametrize(
    ("status", "overloaded"), [(429, 1), (500, 0), (502, 1), (503, 1), (504, 1), (403, 0), (422, 0)]
)
async def test_what_is_no_fault_of_what_was_asked_is_told_apart(tmp_path: Path, status: int, overloaded: int) -> None:
    assert (await refused(refusing(status), tmp_path)).overloaded == bool(overloaded)


# Answers of somebody else.


async def test_another_address_is_not_asked_in_its_place(tmp_path: Path) -> None:
    asked: list[str] = []

    async def moved(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=302, headers={"Location": "/elsewhere"})

    error = await refused(moved, tmp_path)
    assert (error.status, asked) == (302, ["/jobs"])


@pytest.mark.parametrize("text", ["[]", "null", "5", '"text"', "", "<html>", '{"a":'])
async def test_an_answer_that_is_no_object_is_no_answer(tmp_path: Path, text: str) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(text=text)

    async with serving(handler, tmp_path) as api:
        with pytest.raises(ApiUnreachableError, match="the answer is not a JSON object"):
            await api.get("/x")


@pytest.mark.parametrize("page", [{}, {"items": None, "metadata": None}, {"items": [], "metadata": {"continue": ""}}])
async def test_a_list_without_items_is_empty(tmp_path: Path, page: dict[str, Any]) -> None:
    async with serving(refusing(200, page), tmp_path) as api:
        assert [one async for one in api.pages("/jobs")] == [[]]


@pytest.mark.parametrize(
    "line", [b"[]", b"null", b'{"type":"ADDED"}', b'{"type":"ERROR","object":5}', b'{"object":[]}']
)
async def test_a_line_of_a_watch_that_is_no_change_is_no_answer(tmp_path: Path, line: bytes) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(line + b"\n")
        return response

    async with serving(handler, tmp_path) as api:
        with pytest.raises(ApiUnreachableError, match="not a change of an object"):
            await anext(api.watch("/jobs", "7"))


# A list that takes too long.


async def test_a_list_whose_token_has_expired_goes_on_where_it_was(tmp_path: Path) -> None:
    answers: dict[str, Any] = {
        "": {"items": [1], "metadata": {"continue": "old"}},
        "old": {"reason": "Expired", "message": "too old", "metadata": {"continue": "new"}},
        "new": {"items": [2], "metadata": {}},
    }

    async def handler(request: web.Request) -> web.Response:
        token = request.query.get("continue", "")
        return web.json_response(answers[token], status=410 if token == "old" else 200)

    async with serving(handler, tmp_path) as api:
        assert [page async for page in api.pages("/jobs")] == [[1], [2]]


async def test_a_list_that_expires_again_and_again_ends(tmp_path: Path) -> None:
    async def handler(request: web.Request) -> web.Response:
        if "continue" not in request.query:
            return web.json_response({"items": [1], "metadata": {"continue": "old"}})
        return web.json_response({"reason": "Expired", "metadata": {"continue": "new"}}, status=410)

    async with serving(handler, tmp_path) as api:
        with pytest.raises(ApiError, match="410 Expired"):
            [page async for page in api.pages("/jobs")]


# No answer.


async def test_a_server_that_drips_does_not_outlast_the_limit(tmp_path: Path) -> None:
    async def drips(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.05)

    async with serving(drips, tmp_path) as api:
        with pytest.raises(ApiUnreachableError, match="Timeout"):
            await api.get("/x")


async def test_what_is_done_but_not_answered_is_no_answer(tmp_path: Path) -> None:
    created: list[bytes] = []

    async def commits_and_drops(request: web.Request) -> web.StreamResponse:
        created.append(await request.read())
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with serving(commits_and_drops, tmp_path) as api:
        with pytest.raises(ApiUnreachableError):
            await api.create("/jobs", b'{"a":1}')
    assert created == [b'{"a":1}'], "and is not asked for again behind anybody's back"


async def test_a_watch_does_not_wait_for_ever_for_its_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controller.kube.api._WATCH_S", 0.1)
    monkeypatch.setattr("controller.kube.api._SILENCE_S", 0.1)
    async with serving(Slow(), tmp_path) as api:
        with pytest.raises(ApiUnreachableError, match="watch /jobs: "):
            await anext(api.watch("/jobs", "7"))


# So many at a time.


async def test_no_more_is_under_way_than_there_may_be_connections_and_the_wait_for_one_costs_no_time_of_the_limit(
    tmp_path: Path,
) -> None:
    """Twelve requests of 0.2 s each, two at a time, with a limit of 0.5 s for each."""
    most = under_way = 0

    async def takes_its_time(_: web.Request) -> web.Response:
        nonlocal most, under_way
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.2)
        under_way -= 1
        return web.json_response({})

    async with serving(takes_its_time, tmp_path, api_connections=2) as api:
        assert await asyncio.gather(*(api.get(f"/{number}") for number in range(12))) == [{}] * 12
    assert most == 2


async def test_a_turn_is_given_back_by_whoever_is_stopped_while_waiting_or_asking(tmp_path: Path) -> None:
    slow = Slow()
    async with serving(slow, tmp_path, api_connections=1, api_timeout_seconds=30) as api:
        asking = [asyncio.create_task(api.get(f"/{number}")) for number in range(3)]
        await slow.wait_for(1)
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        slow.may_answer.set()
        assert await api.get("/next") == {}


# Under a lease.


async def test_who_gives_up_earlier_does_not_wait_for_the_limit(tmp_path: Path) -> None:
    slow = Slow()
    async with serving(slow, tmp_path, api_timeout_seconds=60) as api:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await api.create("/jobs", b"{}")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await api.create("/jobs", b"{}")
        assert slow.asked == 1, "and nothing is asked in no time"
