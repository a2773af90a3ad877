"""The Redis of a run, and what can befall it. Everything here blocks: call it in a thread.

The servers run on a clock that can be moved: libfaketime, preloaded, reads how far from a file.
"""

import contextlib
import importlib.util
import random
import shutil
import threading
from pathlib import Path

import redis

from tests.cluster import StackError
from tests.cluster.processes import Guard
from tests.cluster.redis_server import RedisServer, find_redis_server
from tests.cluster.sentinel import SentinelGroup

_CLOCK = "clock"
_KEYS = ("due", "leased", "lease", "tickets", "epoch", "building", "outcomes")


class RedisRig:
    """One server, or a Sentinel group of two. One thing at a time happens to it."""

    def __init__(self, guard: Guard, sentinel: bool) -> None:
        program = _with_movable_clock(guard.directory / "redis-server")
        self._group = SentinelGroup(guard, program=program) if sentinel else None
        self._single = None if sentinel else RedisServer(guard, program=program, name="redis-0")
        self._snapshot = guard.directory / "older.rdb"
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start, and wait until it answers."""
        (self._group or self._server).start()

    @property
    def has_sentinels(self) -> bool:
        """Whether another server can become the primary."""
        return self._group is not None

    @property
    def url(self) -> str:
        """For REDIS_URL."""
        return self._group.url if self._group else self._server.url

    @property
    def servers(self) -> list[RedisServer]:
        """All data servers."""
        return self._group.servers if self._group else [self._server]

    def make_snapshot(self) -> None:
        """Keep what is there now, for `restore`."""
        with self._lock, contextlib.suppress(redis.RedisError, StackError):
            server = self._primary()
            with server.client() as client:
                client.save()
            (server.directory / "dump.rdb").replace(self._snapshot)

    def restart_empty(self) -> None:
        """Kill the primary and start it again at once, with nothing in it."""
        with self._lock:
            server = self._primary()
            server.kill()
            server.start()
            self._heal()

    def wipe(self) -> None:
        """FLUSHALL, by somebody who meant another server."""
        with self._lock, self._primary().client() as client:
            client.flushall()

    def restore(self) -> None:
        """Kill the primary and start it again with what it held some time ago."""
        with self._lock:
            server = self._primary()
            server.kill()
            dump = server.directory / "dump.rdb"
            if self._snapshot.exists():
                shutil.copy(self._snapshot, dump)
            server.start()
            dump.unlink(missing_ok=True)
            self._heal()

    def fail_over(self, by_crash: bool) -> None:
        """Have another server promoted, while all live or because the primary died."""
        with self._lock:
            if self._group is None:
                return
            self._group.wait_until_whole()
            if by_crash:
                before = self._group.kill_primary()
                self._group.wait_for_other_primary(before)
                self._group.restart_dead()
            else:
                self._group.fail_over()

    def move_clock(self, seconds: float) -> None:
        """Set the primary's clock so far from the true time; 0 sets all right again."""
        with self._lock:
            servers = self.servers if seconds == 0 else [self._primary()]
            for server in servers:
                (server.directory / _CLOCK).write_text(f"{seconds:+.3f}\n")

    def lose_key(self, chance: random.Random, installation: str = "default") -> None:
        """Delete one of the index's keys, as an eviction does."""
        with self._lock, self._primary().client() as client:
            keys = list(client.scan_iter(f"*:{installation}:*"))
            named = sorted(key for key in keys if key.rpartition(":")[2] in _KEYS)
            if named:
                client.delete(chance.choice(named))

    def pause(self) -> None:
        """Have the primary answer nobody; `go_on` with all of them."""
        with self._lock:
            process = self._primary().process
            if process is not None:
                process.send_signal(19)

    def go_on(self) -> None:
        """End every pause."""
        for server in self.servers:
            if server.process is not None:
                server.process.send_signal(18)

    def cut_connections(self, kind: str) -> None:
        """End all connections of a kind: normal or pubsub."""
        with self._lock, self._primary().client() as client:
            client.client_kill_filter(_type=kind, skipme=True)

    def heal(self) -> None:
        """Have everything run again at the true time."""
        self.go_on()
        self.move_clock(0)
        with self._lock:
            self._heal()

    def _heal(self) -> None:
        if self._group:
            self._group.restart_dead()
        elif not self._server.alive:
            self._server.start()

    def _primary(self) -> RedisServer:
        return self._group.primary if self._group else self._server

    @property
    def _server(self) -> RedisServer:
        assert self._single is not None
        return self._single


def _with_movable_clock(path: Path) -> Path:
    """A program that runs the Redis server on a clock of its own: as far off as a file in its folder says."""
    spec = importlib.util.find_spec("libfaketime")
    if spec is None or spec.origin is None:
        raise StackError("no libfaketime found: `make setup` installs it")
    library = Path(spec.origin).parent / "vendor" / "libfaketime" / "src" / "libfaketime.so.1"
    path.write_text(
        "#!/bin/sh\n"
        f"[ -f {_CLOCK} ] || echo +0 > {_CLOCK}\n"
        # The cache would let a moved clock be noticed seconds later. Timeouts inside Redis go by the other clock.
        f"export LD_PRELOAD={library} FAKETIME_TIMESTAMP_FILE={_CLOCK} FAKETIME_NO_CACHE=1\n"
        "export FAKETIME_DONT_FAKE_MONOTONIC=1 DONT_FAKE_MONOTONIC=1\n"
        f'exec {find_redis_server()} "$@"\n'
    )
    path.chmod(0o700)
    return path
