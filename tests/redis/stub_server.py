"""A server that speaks just enough to be connected to, and says and forgets what a test wants."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

Words = list[str]
Answer = Callable[[Words], str | None]
"""A reply as it is sent, or None: hang up without one."""


class StubServer:
    """Redis, Sentinel and cluster node in one; it says that it is its own primary."""

    def __init__(self) -> None:
        self.port = 0
        self.heard: list[Words] = []
        self.role = "master"
        self.answers: dict[str, Answer] = {}

    def count(self, command: str) -> int:
        """How often a command came."""
        return sum(words[0].upper() == command for words in self.heard)

    def answer(self, words: Words) -> str | None:
        command = words[0].upper()
        if command in self.answers:
            return self.answers[command](words)
        host, port = bulk("127.0.0.1"), f":{self.port}\r\n"
        replies = {
            "HELLO": f"%1\r\n{bulk('proto')}:3\r\n",
            "PING": "+PONG\r\n",
            "INFO": bulk(f"# Replication\r\nrole:{self.role}\r\n"),
            "SENTINEL": f"*2\r\n{host}{bulk(str(self.port))}",
            "CLUSTER": f"*1\r\n*3\r\n:0\r\n:16383\r\n*3\r\n{host}{port}{bulk('id')}",
        }
        return replies.get(command, "+OK\r\n")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                words = []
                for _ in range(int(line[1:])):
                    length = int((await reader.readline())[1:])
                    words.append((await reader.readexactly(length + 2))[:-2].decode())
                self.heard.append(words)
                reply = self.answer(words)
                if reply is None:
                    break
                writer.write(reply.encode())
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def bulk(text: str) -> str:
    """A string as it is sent."""
    return f"${len(text)}\r\n{text}\r\n"


@asynccontextmanager
async def stub_server(context: ssl.SSLContext | None = None) -> AsyncIterator[StubServer]:
    """Serve on loopback, with TLS where there is a context."""
    stub = StubServer()
    server = await asyncio.start_server(stub.serve, "127.0.0.1", 0, ssl=context)
    stub.port = server.sockets[0].getsockname()[1]
    yield stub
    server.close()
