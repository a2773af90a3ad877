"""What kopf reads of an API server may be nested as deep as anybody likes."""

import asyncio
import json
from typing import Any, Self

import pytest
from kopf._cogs.clients import api, fetching

import controller.reconcile.watch  # noqa: F401 - as the product has it

DEEP = b"[" * 5_000 + b"]" * 5_000


class Response:
    """An answer of which kopf has the headers."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def read(self) -> bytes:
        return self._body


async def test_a_list_is_read_whatever_is_nested_in_one_of_its_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    async def request(**how: Any) -> Response:
        asked.append(how)
        return Response(b'{"items": [{"deep": %b}, {"name": "other"}]}' % DEEP)

    monkeypatch.setattr(api, "request", request)
    listed = await fetching.api.get(url="/timers", settings="settings")
    assert listed["items"][1] == {"name": "other"}
    assert asked == [{"method": "get", "url": "/timers", "settings": "settings"}]


async def test_lines_of_a_watch_are_ones_that_can_be_parsed() -> None:
    lines = [b'{"type": "ADDED", "object": {"deep": %b, "name": "deep"}}' % DEEP, b'{"type": "ADDED", "object": {}}']

    class Content:
        async def iter_chunked(self, size: int) -> Any:
            for chunk in (b"\n".join(lines)[:9_000], b"\n".join(lines)[9_000:] + b"\n"):
                await asyncio.sleep(0)
                yield chunk

    read = [json.loads(line) async for line in api.iter_jsonlines(Content())]  # type: ignore[arg-type]
    assert read[0]["object"]["name"] == "deep"
    assert read[1] == json.loads(lines[1])
