"""fakeredis with what the index needs beyond it: an identity that restarts and failovers change, and a clock."""

import time
import uuid

from fakeredis import FakeAsyncRedis, FakeServer
from fakeredis._commands import command
from fakeredis._socket import AsyncFakeSocket
from fakeredis.aioredis import FakeAsyncRedisConnection, FakeReader, FakeWriter


class IdentifiedServer(FakeServer):
    """A FakeServer that answers INFO, and whose time can be set.

    `clock_ms` is the time of the server in milliseconds; None is the time of the machine.
    """

    def __init__(self) -> None:
        super().__init__(version=(7,))
        self.run_id = uuid.uuid4().hex
        self.replication_id = uuid.uuid4().hex
        self.clock_ms: int | None = None

    def restart(self, *, keep_data: bool = False) -> None:
        """Come back as another process: empty, or with a snapshot of everything."""
        self.run_id = uuid.uuid4().hex
        self.script_cache.clear()
        if not keep_data:
            self.replication_id = uuid.uuid4().hex
            with self.lock:
                for database in self.dbs.values():
                    database.clear()

    def fail_over(self) -> None:
        """Go on with another history of writes, as a replica does when it is promoted."""
        self.replication_id = uuid.uuid4().hex

    def now_us(self) -> int:
        """The server's time in microseconds."""
        return time.time_ns() // 1000 if self.clock_ms is None else self.clock_ms * 1000


class _Socket(AsyncFakeSocket):
    _server: IdentifiedServer

    @command(name="INFO", fixed=(), repeat=(bytes,))
    def info(self, *_sections: bytes) -> bytes:
        server = self._server
        return (
            f"# Server\r\nrun_id:{server.run_id}\r\n\r\n# Replication\r\nmaster_replid:{server.replication_id}\r\n"
        ).encode()

    def time(self) -> list[bytes]:
        seconds, microseconds = divmod(self._server.now_us(), 1_000_000)
        return [str(seconds).encode(), str(microseconds).encode()]


class _Connection(FakeAsyncRedisConnection):
    async def _connect(self) -> None:
        self._sock = _Socket(self._server, self.db, client_class=self._client_class, client_info=self._client_info)
        self._reader, self._writer = FakeReader(self._sock), FakeWriter(self._sock)


def fake_client(server: IdentifiedServer) -> FakeAsyncRedis:
    """A client of this server, to be closed by the caller."""
    return FakeAsyncRedis(server=server, connection_class=_Connection, decode_responses=True, encoding_errors="replace")
