"""What a simulated process has in the place of a client of Redis: the part of redis-py that the index uses."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from types import SimpleNamespace
from typing import Any

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from tests.simulation.loop import Process
from tests.simulation.network import Fate, Network
from tests.simulation.redis import Node, Service

_LIMIT_S = 3.0


@dataclass(frozen=True)
class _Script:
    """A script that has been read."""

    name: str
    text: str

    def read_text(self) -> str:
        return self.text


class _Scripts:
    """The folder of the scripts, read once."""

    def __init__(self) -> None:
        folder = files("controller.index") / "scripts"
        self._scripts = {one.name: _Script(one.name, one.read_text()) for one in folder.iterdir()}

    def __truediv__(self, name: str) -> _Script:
        return self._scripts[name]

    def iterdir(self) -> Iterator[_Script]:
        return iter(self._scripts.values())


SCRIPTS = _Scripts()
VERBS = {
    (SCRIPTS / "_common.lua").text + script.text: script.name.removesuffix(".lua")
    for script in SCRIPTS.iterdir()
    if not script.name.startswith("_")
}
"""The text of each script, with what is put in front of it -> its name."""

Executed = Callable[[Process, Node, str, Sequence[Any], Any], None]
"""Hears of each script that a server has run: who, where, verb, arguments, reply."""


class Client:
    """A connection of one process. `edit` gives the text of a script to run in its place: how rules are taken away."""

    def __init__(
        self,
        process: Process,
        service: Service,
        network: Network,
        executed: Executed,
        edit: Callable[[str, str], str] = lambda verb, text: text,
    ) -> None:
        self._process = process
        self._service = service
        self._network = network
        self._executed = executed
        self._edit = edit
        # An address that is always the same: nobody else has to be asked where the primary is.
        self.connection_pool = SimpleNamespace(connection_kwargs={})

    def register_script(self, text: str) -> Callable[..., Awaitable[Any]]:
        verb = VERBS[text]
        text = self._edit(verb, text)

        def run(keys: Sequence[str], args: Sequence[str | int]) -> Awaitable[Any]:
            def execute(node: Node) -> Any:
                reply = self._service.run(node, text, keys, args)
                self._executed(self._process, node, verb, args, reply)
                return reply

            return self._request(verb, execute)

        return run

    async def hscan(self, key: str, cursor: int, count: int) -> tuple[int, dict[str, str]]:
        del cursor, count
        return await self._request("tickets", lambda node: (0, node.hash(key)))

    async def set(self, key: str, value: str, nx: bool = False) -> bool | None:
        options = ("NX",) if nx else ()
        reply = await self._command("own", "set", key, value, *options)
        return None if reply is None else True

    async def get(self, key: str) -> str | None:
        return _text(await self._command("owner", "get", key))

    async def getrange(self, key: str, start: int, end: int) -> str | None:
        return _text(await self._command("owner", "getrange", key, start, end))

    async def type(self, key: str) -> str | None:
        reply = await self._command("owner", "type", key)
        return _text(getattr(reply, "value", reply))

    async def info(self, section: str) -> dict[str, str]:
        del section
        return await self._request("info", lambda node: {"run_id": node.run_id, "role": "master"})

    async def time(self) -> tuple[int, int]:
        return await self._request("time", lambda node: divmod(node.now_us(), 1_000_000))

    async def xrange(self, key: str, least: str, count: int) -> list[tuple[str, Mapping[str, str]]]:
        entries = []
        for entry_id, flat in await self._command("outcomes", "xrange", key, least, "+", "COUNT", count):
            words = [word.decode(errors="replace") for word in flat]
            entries.append((entry_id.decode(), dict(zip(words[::2], words[1::2], strict=True))))
        return entries

    async def xdel(self, key: str, *ids: str) -> int:
        return int(await self._command("forget", "xdel", key, *ids))

    @asynccontextmanager
    async def pubsub(self) -> AsyncIterator["Subscription"]:
        subscription = Subscription(self)
        try:
            yield subscription
        finally:
            subscription.close()

    def _command(self, what: str, name: str, *arguments: str | int) -> Awaitable[Any]:
        return self._request(what, lambda node: self._service.command(node, name, *arguments))

    def _request(self, what: str, execute: Callable[[Node], Any]) -> Awaitable[Any]:
        def carry_out() -> Any:
            return execute(self._service.of(self._process))

        return self._network.request(self._process, "redis", what, carry_out, _LIMIT_S, _error)


class Subscription:
    """Hints, as far as they arrive: the simulation loses some, and all while the server is away."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._heard: asyncio.Queue[str] = asyncio.Queue()
        self._channel = ""

    async def subscribe(self, channel: str) -> None:
        await self._client._request("subscribe", lambda node: None)
        self._channel = channel
        self._client._service.listeners.append(self._hear)

    async def get_message(
        self,
        ignore_subscribe_messages: bool,
        timeout: float,  # noqa: ASYNC109
    ) -> Mapping[str, str] | None:
        del ignore_subscribe_messages
        try:
            async with asyncio.timeout(timeout):
                return {"data": await self._heard.get()}
        except TimeoutError:
            return None

    def close(self) -> None:
        if self._hear in self._client._service.listeners:
            self._client._service.listeners.remove(self._hear)

    def _hear(self, channel: str, message: str) -> None:
        if channel == self._channel and not self._client._process.dead:
            self._client._network.tell(self._client._process, self._heard.put_nowait, message)


def _text(reply: bytes | None) -> str | None:
    return None if reply is None else reply.decode()


def _error(fate: Fate) -> Exception:
    if fate in (Fate.HUNG, Fate.SILENT):
        return RedisTimeoutError("Timeout reading from socket")
    return RedisConnectionError("Connection reset by peer")
