"""A proxy before the API server, one port for each process of the product, where requests come to grief.

It speaks plain HTTP/1.1 on the product's side and TLS on the other, keeps one upstream connection for each of the
product's, and passes watches on as they come. Who asks is put into the User-Agent, for the audit log to tell.
"""

import asyncio
import contextlib
import random
import ssl
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

AGENT = "chaos/"
_LIMIT = 1 << 20
_HANG_S = 7.0
"""Longer than the product waits for an answer; what hung so long is passed on all the same, to nobody's knowledge."""

_ANSWERS = {
    "429": b'{"kind":"Status","reason":"TooManyRequests","message":"chaos","code":429}',
    "500": b'{"kind":"Status","reason":"InternalError","message":"chaos","code":500}',
    "503": b'{"kind":"Status","reason":"ServiceUnavailable","message":"chaos","code":503}',
}


@dataclass(frozen=True)
class Weather:
    """Until an instant of the monotonic clock, so many of the requests of a process are harmed in this way."""

    harm: str
    part: float
    until_s: float


@dataclass(frozen=True)
class _Head:
    lines: list[bytes]
    fields: dict[bytes, bytes]

    @property
    def first(self) -> bytes:
        return self.lines[0]


class _GoneError(Exception):
    """The other side closed the connection."""


class Proxy:
    """All ports. `harmed` counts requests that were, by kind."""

    def __init__(
        self, server: str, tls: ssl.SSLContext | None, seed: str, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        address = urlsplit(server)
        self._host, self._port = address.hostname or "", address.port or 0
        self._tls = tls
        self._chance = random.Random(seed)
        self._monotonic = monotonic
        self._weather: dict[str, Weather] = {}
        self._open: dict[str, set[asyncio.StreamWriter]] = {}
        self._watches: dict[str, set[asyncio.StreamWriter]] = {}
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.harmed: Counter[str] = Counter()

    async def listen(self, name: str) -> str:
        """Open a port for a process; its URL."""
        self._open[name], self._watches[name] = set(), set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._begin(self._serve(name, reader, writer))

        server = await asyncio.start_server(accept, "127.0.0.1", 0, limit=_LIMIT)
        self._servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        """Stop listening, and end every connection."""
        for server in self._servers:
            server.close()
        for writers in self._open.values():
            for writer in list(writers):
                writer.transport.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def set_weather(self, name: str, weather: Weather) -> None:
        """Harm requests of a process from now on."""
        self._weather[name] = weather
        if weather.harm == "blackout":
            self._abort(self._open[name])

    def cut_watches(self, name: str) -> int:
        """End all watches of a process as a broken network does; how many there were."""
        return self._abort(self._watches[name])

    def clear(self) -> None:
        """No harm to anybody any more."""
        self._weather.clear()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _abort(self, writers: set[asyncio.StreamWriter]) -> int:
        for writer in list(writers):
            writer.transport.abort()
        return len(writers)

    def _harm(self, name: str) -> str:
        weather = self._weather.get(name)
        if weather is None or self._monotonic() > weather.until_s or self._chance.random() > weather.part:
            return ""
        self.harmed[weather.harm] += 1
        return weather.harm

    async def _serve(self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open[name].add(writer)
        upstream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        try:
            while head := await _read_head(reader):
                body = await _read_body(reader, head)
                request = self._rewritten(name, head) + body
                is_watch = b"watch=1" in head.first or b"watch=true" in head.first
                harm = "" if is_watch and self._weather_of(name) != "blackout" else self._harm(name)
                if harm in ("reset", "blackout"):
                    raise _GoneError
                if harm in _ANSWERS:
                    writer.write(_refusal(harm))
                    await writer.drain()
                    continue
                if harm == "delay":
                    await asyncio.sleep(self._chance.uniform(0.1, 4))
                if harm == "hang":
                    self._begin(self._pass_on_late(request))
                    await asyncio.sleep(_HANG_S * 2)
                    raise _GoneError
                if upstream is None or upstream[1].is_closing() or upstream[0].at_eof():
                    upstream = await self._connect()
                upstream[1].write(request)
                await upstream[1].drain()
                if harm == "commit and drop":
                    await _relay(upstream[0], None)
                    raise _GoneError
                if is_watch:
                    self._watches[name].add(writer)
                if not await _relay(upstream[0], writer):
                    raise _GoneError
                self._watches[name].discard(writer)
        except (_GoneError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            writer.transport.abort()
        finally:
            self._open[name].discard(writer)
            self._watches[name].discard(writer)
            for one in (writer, upstream[1] if upstream else writer):
                one.transport.abort()

    def _weather_of(self, name: str) -> str:
        weather = self._weather.get(name)
        return weather.harm if weather and self._monotonic() <= weather.until_s else ""

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self._host, self._port, ssl=self._tls, limit=_LIMIT)

    async def _pass_on_late(self, request: bytes) -> None:
        """What a network can do: the sender has given up long ago, and the request arrives."""
        await asyncio.sleep(self._chance.uniform(0, _HANG_S))
        with contextlib.suppress(OSError, _GoneError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            reader, writer = await self._connect()
            try:
                writer.write(request)
                await writer.drain()
                await _relay(reader, None)
            finally:
                writer.transport.abort()

    def _rewritten(self, name: str, head: _Head) -> bytes:
        dropped = (b"host:", b"user-agent:", b"accept-encoding:")
        kept = [line for line in head.lines if not line.lower().startswith(dropped)]
        own = [f"Host: {self._host}:{self._port}".encode(), f"User-Agent: {AGENT}{name}".encode()]
        return b"\r\n".join([*kept, *own]) + b"\r\n\r\n"


async def _read_head(reader: asyncio.StreamReader) -> _Head | None:
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    lines = raw[:-4].split(b"\r\n")
    pairs = (line.partition(b":") for line in lines[1:])
    return _Head(lines, {key.strip().lower(): value.strip() for key, _, value in pairs})


async def _read_body(reader: asyncio.StreamReader, head: _Head) -> bytes:
    length = int(head.fields.get(b"content-length", b"0"))
    return await reader.readexactly(length) if length else b""


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter | None) -> bool:
    """Pass one answer on as it comes, to nobody without a writer. False where it ended with its connection."""
    head = await _read_head(reader)
    if head is None:
        raise _GoneError

    async def give(data: bytes) -> None:
        if writer is not None:
            writer.write(data)
            await writer.drain()

    await give(b"\r\n".join(head.lines) + b"\r\n\r\n")
    if head.first.split()[1] in (b"204", b"304"):
        return True
    if head.fields.get(b"transfer-encoding", b"").lower() == b"chunked":
        while True:
            size = await reader.readuntil(b"\r\n")
            chunk = await reader.readexactly(int(size.split(b";")[0], 16) + 2)
            await give(size + chunk)
            if len(chunk) == 2:
                return True
    if b"content-length" in head.fields:
        left = int(head.fields[b"content-length"])
        while left:
            data = await reader.read(min(left, 1 << 16))
            if not data:
                raise _GoneError
            left -= len(data)
            await give(data)
        return True
    while data := await reader.read(1 << 16):
        await give(data)
    return False


def _refusal(harm: str) -> bytes:
    body, after = _ANSWERS[harm], b"Retry-After: 1\r\n" if harm == "429" else b""
    head = b"HTTP/1.1 %s Chaos\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n"
    return head % (harm.encode(), after, len(body)) + body
