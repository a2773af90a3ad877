"""A primary, replicas and Sentinels on loopback: what they promise one another is what clients have to live with."""

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from tests.cluster.errors import ComponentError
from tests.cluster.processes import Guard
from tests.cluster.redis_server import RedisServer

NAME = "timers"
_PATIENCE_S = 30.0
_FAILOVER_S = 8.0
_DOWN_AFTER_MS = 500


class SentinelProcess(RedisServer):
    """One Sentinel. What it has learned is in its file, and so outlives a restart."""

    def __init__(self, guard: Guard, name: str, program: Path | None, configuration: str, quick: bool) -> None:
        super().__init__(guard, name=name, program=program)
        self._quick = quick
        self._file = self.directory / "sentinel.conf"
        self._file.write_text(configuration)

    def command(self, port: int) -> list[str | Path]:
        """What is run."""
        # With a port that it is told by flag it would write another line into its file at each start.
        lines = [line for line in self._file.read_text().splitlines() if not line.startswith("port ")]
        self._file.write_text("\n".join([*lines, f"port {port}", ""]))
        return [self._program, self._file, "--sentinel"]

    def _start_on(self, port: int) -> None:
        super()._start_on(port)
        # Before Redis 7 there is no such command.
        with self.client() as client, contextlib.suppress(redis.ResponseError):
            if self._quick:
                client.execute_command("SENTINEL", "DEBUG", "INFO-PERIOD", 200, "PUBLISH-PERIOD", 200)


class SentinelGroup:
    """One primary, its replicas, and Sentinels that agree by majority.

    Sentinels look every ten seconds who is whose replica, and so demote an old primary that late. `quick` ones do it
    within one; that takes a Redis 7 or newer, or a Valkey, as `sentinel_program`.
    """

    def __init__(
        self,
        guard: Guard,
        replicas: int = 1,
        sentinels: int = 3,
        password: str | None = None,
        program: Path | None = None,
        down_after_ms: int = _DOWN_AFTER_MS,
        sentinel_program: Path | None = None,
        quick: bool = False,
    ) -> None:
        self._down_after_ms = down_after_ms
        self._sentinel_program = sentinel_program or program
        self._quick = quick
        self._guard = guard
        self._password = password
        self._program = program
        self._sentinel_count = sentinels
        login = ["--masterauth", password] if password else []
        # A replica takes in its primary's data at once, and a restarted primary cannot come back before anybody saw.
        quick = ["--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"]
        self.servers = [
            RedisServer(guard, password, name=f"redis-{number}", program=program, flags=[*quick, *login])
            for number in range(1 + replicas)
        ]
        self.sentinels: list[SentinelProcess] = []

    @property
    def url(self) -> str:
        """redis+sentinel://, password included."""
        login = f":{self._password}@" if self._password else ""
        where = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{login}{where}/{NAME}/0"

    @property
    def primary(self) -> RedisServer:
        """The server that most Sentinels call the primary; its process may be gone."""
        ports = [port for port in (self._told(sentinel) for sentinel in self.sentinels) if port is not None]
        if not ports:
            raise ComponentError("no Sentinel answers")
        port = max(set(ports), key=ports.count)
        return next(server for server in self.servers if server.port == port)

    def start(self) -> None:
        """Start all, and wait until a failover is possible."""
        first, *others = self.servers
        first.start()
        for replica in others:
            replica.start()
            # Not by a flag, which would make it a replica again after every restart, whatever it had become.
            with replica.client() as client:
                client.replicaof("127.0.0.1", str(first.port))
        for number in range(self._sentinel_count):
            name, configuration = f"sentinel-{number}", self._configuration(first)
            sentinel = SentinelProcess(self._guard, name, self._sentinel_program, configuration, self._quick)
            self.sentinels.append(sentinel)
            sentinel.start()
        self.wait_until_whole()

    def stop(self) -> None:
        """End all of them."""
        for process in [*self.sentinels, *self.servers]:
            if process.alive:
                process.kill()

    def fail_over(self) -> RedisServer:
        """Have the Sentinels promote a replica while all are alive; return the new primary once all agree.

        The old one believes to be primary still, until they tell it.
        """
        before = self.primary
        with self.sentinels[0].client() as sentinel:
            for is_last in (False, False, True):
                self._wait(lambda: self._accepted(sentinel), "a Sentinel accepts to fail over")
                try:
                    return self.wait_for_other_primary(before, _PATIENCE_S if is_last else _FAILOVER_S)
                except ComponentError:
                    # On a busy machine the new one can seem down at once, and Sentinels go back to the old one.
                    if is_last:
                        raise
        raise AssertionError

    def kill_primary(self) -> RedisServer:
        """End the primary as a crash does; return it at once, and `wait_for_other_primary(it)` the next one."""
        primary = self.primary
        primary.kill()
        return primary

    def wait_for_other_primary(self, before: RedisServer, patience_s: float = _PATIENCE_S) -> RedisServer:
        """Wait until all Sentinels call another server the primary, and it says so itself."""

        def new() -> RedisServer | None:
            told = {self._told(sentinel) for sentinel in self.sentinels if sentinel.alive}
            found = [server for server in self.servers if {server.port} == told and server is not before]
            return found[0] if found and self._role(found[0]) == "master" else None

        found = self._wait(new, "the Sentinels promote a replica", patience_s)
        assert found is not None
        return found

    def restart_dead(self) -> None:
        """Start again whatever has ended. A server comes back empty; in about ten seconds it is made a replica."""
        for process in [*self.servers, *self.sentinels]:
            if not process.alive:
                process.start()

    def wait_until_whole(self) -> None:
        """Wait until all run, each replica follows the primary, and each Sentinel knows all: a failover is possible."""
        self._wait(self._is_whole, "the group is whole")

    def _is_whole(self) -> bool:
        processes = [*self.servers, *self.sentinels]
        if not all(process.alive for process in processes):
            return False
        others = len(self.servers) - 1
        try:
            primary = self.primary
            with primary.client() as client:
                told = client.info("replication")
                online = [told[f"slave{n}"]["state"] for n in range(told["connected_slaves"])]
            if told["role"] != "master" or online != ["online"] * others:
                return False
            for sentinel in self.sentinels:
                with sentinel.client() as client:
                    state = client.sentinel_master(NAME)
                    replicas = client.sentinel_slaves(NAME)
                # One that it takes for a primary still, it would demote as soon as it is promoted again.
                good = [one for one in replicas if (one["flags"], one["role-reported"]) == ("slave", "slave")]
                if (state["port"], state["flags"]) != (primary.port, "master") or len(good) != others:
                    return False
                if state["num-other-sentinels"] != self._sentinel_count - 1:
                    return False
        except redis.RedisError:
            return False
        return True

    def _configuration(self, primary: RedisServer) -> str:
        lines = [
            "bind 127.0.0.1",
            f"dir {self._guard.directory}",
            f"sentinel monitor {NAME} 127.0.0.1 {primary.port} {self._sentinel_count // 2 + 1}",
            f"sentinel down-after-milliseconds {NAME} {self._down_after_ms}",
            # Also twice this long is how long another failover has to wait for.
            f"sentinel failover-timeout {NAME} 3000",
            f"sentinel parallel-syncs {NAME} 5",
        ]
        if self._password:
            lines.append(f"sentinel auth-pass {NAME} {self._password}")
        return "\n".join([*lines, ""])

    def _told(self, sentinel: RedisServer) -> int | None:
        try:
            with sentinel.client() as client:
                told = client.sentinel_get_master_addr_by_name(NAME)
        except redis.RedisError:
            return None
        return int(told[1]) if told else None

    def _role(self, server: RedisServer) -> str:
        try:
            with server.client() as client:
                return str(client.info("replication")["role"])
        except redis.RedisError:
            return ""

    def _accepted(self, sentinel: redis.Redis) -> bool:
        try:
            sentinel.sentinel_failover(NAME)
        except redis.ResponseError:  # one is under way, or no replica is good enough yet
            return False
        return True

    def _wait(self, condition: Callable[[], object], what: str, patience_s: float = _PATIENCE_S) -> object:
        deadline = time.monotonic() + patience_s
        while not (found := condition()):
            if time.monotonic() > deadline:
                tails = "\n".join(
                    f"{one.process.name}:\n{one.process.log_tail(5)}" for one in self.sentinels if one.process
                )
                raise ComponentError(f"not within {patience_s:g} s: {what}\n{tails}")
            time.sleep(0.02)
        return found


@contextmanager
def running_sentinel(
    replicas: int = 1,
    sentinels: int = 3,
    password: str | None = None,
    program: Path | None = None,
    down_after_ms: int = _DOWN_AFTER_MS,
    sentinel_program: Path | None = None,
    quick: bool = False,
) -> Iterator[SentinelGroup]:
    """Run a group without the rest of a stack; it is gone afterwards, whatever happens."""
    with Guard() as guard:
        group = SentinelGroup(guard, replicas, sentinels, password, program, down_after_ms, sentinel_program, quick)
        group.start()
        yield group
