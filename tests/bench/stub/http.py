"""A small, fast HTTP/1.1 server: connections are kept, bodies are bytes, and an answer may be a stream of pieces."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl

_END_OF_HEAD = b"\r\n\r\n"
_LONGEST_HEAD = 65_536
_REASONS = {200: "OK", 201: "Created", 400: "Bad Request", 404: "Not Found", 409: "Conflict"}


class BadRequestError(Exception):
    """What arrived is not a request that this server understands."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request; `query` is what stands behind the question mark, as it came."""

    method: str
    path: str
    query: str
    body: bytes
    takes_gzip: bool = False
    only_metadata: bool = False
    """Whether it asks for no more than the metadata of objects."""

    def parameters(self) -> dict[str, str]:
        """The query, read."""
        return dict(parse_qsl(self.query, keep_blank_values=True))


class Parser:
    """Finds requests in the bytes of one connection."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Request]:
        """The requests that are complete with these bytes. Raises BadRequestError."""
        self._rest = self._rest + data if self._rest else data
        while (end := self._rest.find(_END_OF_HEAD)) >= 0:
            head = self._rest[:end]
            start, after = end + len(_END_OF_HEAD), end + len(_END_OF_HEAD) + _body_length(head)
            if len(self._rest) < after:
                return
            method, target = _request_line(head)
            path, _, query = target.partition("?")
            body, self._rest = self._rest[start:after], self._rest[after:]
            yield Request(method, path, query, body, b"gzip" in head, b"as=PartialObjectMetadata" in head)
        if len(self._rest) > _LONGEST_HEAD:
            raise BadRequestError("a request without an end of its head")


def _request_line(head: bytes) -> tuple[str, str]:
    words = head.partition(b"\r\n")[0].split(b" ")
    if len(words) != 3:
        raise BadRequestError("no request line")
    return words[0].decode("latin-1"), words[1].decode("latin-1")


def _body_length(head: bytes) -> int:
    lower = head.lower()
    if b"\r\ntransfer-encoding:" in lower:
        raise BadRequestError("a body in pieces")
    at = lower.find(b"\r\ncontent-length:")
    if at < 0:
        return 0
    text = lower[at + len(b"\r\ncontent-length:") :].partition(b"\r\n")[0].strip()
    if not text.isdigit():
        raise BadRequestError("no length of the body")
    return int(text)


def answer(status: int, body: bytes, gzipped: bool = False) -> bytes:
    """A complete answer with a JSON body, which may be compressed already."""
    encoding = "Content-Encoding: gzip\r\n" if gzipped else ""
    head = f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: application/json\r\n{encoding}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def piece(data: bytes) -> bytes:
    """A part of a body whose length is not known ahead."""
    return b"%x\r\n%b\r\n" % (len(data), data)


Pieces = AsyncIterator[bytes]
Handler = Callable[[Request], bytes | Pieces]
"""Answers a request: with a complete answer, or with the pieces of a body as they come."""

_STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


class Connection(asyncio.Protocol):
    """One connection. Requests are answered in turn; nothing is read from it any more once a stream has begun."""

    def __init__(self, handle: Handler) -> None:
        self._handle = handle
        self._parser = Parser()
        self._transport: asyncio.Transport
        self._writable = asyncio.Event()
        self._stream: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        if self._stream is not None:
            return
        try:
            for request in self._parser.feed(data):
                reply = self._handle(request)
                if isinstance(reply, bytes):
                    self._transport.write(reply)
                else:
                    self._stream = asyncio.get_running_loop().create_task(self._send(reply))
                    return
        except BadRequestError as error:
            self._transport.write(answer(400, str(error).encode()))
            self._transport.close()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._writable.set()
        if self._stream is not None:
            self._stream.cancel()

    async def _send(self, pieces: Pieces) -> None:
        self._transport.write(_STREAM_HEAD)
        async for data in pieces:
            await self._writable.wait()
            self._transport.write(piece(data))
        self._transport.write(piece(b""))
        self._transport.close()
