"""The stubs' HTTP server: requests found in bytes, however these arrive, and answers that clients understand."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.bench.stub.http import BadRequestError, Connection, Parser, Request, answer, piece

POST = b"POST /apis/batch/v1/namespaces/bench/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n" + b'{"a":1}'
GET = b"GET /apis?watch=1&limit=500 HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip, deflate\r\n\r\n"


def test_requests_are_found_one_after_the_other() -> None:
    first, second = Parser().feed(POST + GET)

    assert first == Request("POST", "/apis/batch/v1/namespaces/bench/jobs", "", b'{"a":1}')
    assert (second.method, second.path, second.parameters()) == ("GET", "/apis", {"watch": "1", "limit": "500"})


def test_a_request_is_found_when_its_last_byte_has_come() -> None:
    parser = Parser()

    found = [list(parser.feed(POST[at : at + 1])) for at in range(len(POST))]

    assert [len(requests) for requests in found] == [0] * (len(POST) - 1) + [1]
    assert found[-1][0].body == b'{"a":1}'


def test_whether_a_client_takes_gzip_is_known() -> None:
    (plain,), (packed,) = Parser().feed(POST), Parser().feed(GET)

    assert not plain.takes_gzip
    assert packed.takes_gzip


def test_whether_a_client_wants_no_more_than_metadata_is_known() -> None:
    head = b"POST / HTTP/1.1\r\nAccept: application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1\r\n\r\n"
    (whole,), (metadata,) = Parser().feed(GET), Parser().feed(head)

    assert not whole.only_metadata
    assert metadata.only_metadata


def test_a_body_that_speaks_of_gzip_does_not_ask_for_it() -> None:
    (request,) = Parser().feed(b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\ngzip")

    assert not request.takes_gzip


@pytest.mark.parametrize(
    "data",
    [
        b"hello\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"a" * 70_000,
    ],
)
def test_what_is_no_request_is_refused(data: bytes) -> None:
    with pytest.raises(BadRequestError):
        list(Parser().feed(data))


def test_an_answer_says_how_long_it_is_and_whether_it_is_packed() -> None:
    plain, packed = answer(201, b"{}"), answer(200, b"\x1f\x8b", gzipped=True)

    assert plain.startswith(b"HTTP/1.1 201 Created\r\n")
    assert plain.endswith(b"\r\nContent-Length: 2\r\n\r\n{}")
    assert b"gzip" not in plain
    assert b"\r\nContent-Encoding: gzip\r\n" in packed


def test_a_piece_has_its_length_in_front() -> None:
    assert piece(b"x" * 26) == b"1a\r\n" + b"x" * 26 + b"\r\n"


async def test_a_client_keeps_its_connection_and_reads_streams() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one\n"
        yield b"two\n"

    connections: list[Connection] = []

    def handle(request: Request) -> bytes | AsyncIterator[bytes]:
        return pieces() if request.path == "/stream" else answer(200, request.body or b"{}")

    def connect() -> Connection:
        connections.append(Connection(handle))
        return connections[-1]

    server = await asyncio.get_running_loop().create_server(connect, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, aiohttp.ClientSession() as session:
        for body in (b'{"n":1}', b'{"n":2}'):
            async with session.post(url, data=body) as response:
                assert await response.read() == body
        async with session.get(f"{url}/stream") as response:
            assert await response.read() == b"one\ntwo\n"

    assert len(connections) == 1
