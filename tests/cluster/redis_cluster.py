"""A Redis Cluster on loopback: three primaries, and a replica of the one that has nearly all slots."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from tests.cluster.errors import ComponentError
from tests.cluster.processes import Guard
from tests.cluster.redis_server import RedisServer

_PATIENCE_S = 30.0
_NODE_TIMEOUT_MS = 1000
# The other two only vote, and answer that they do not have a slot.
_SLOTS = (range(16_382), range(16_382, 16_383), range(16_383, 16_384))


class RedisCluster:
    """Its nodes: the three primaries of the beginning, then the replica of the first."""

    def __init__(self, guard: Guard, password: str | None = None, program: Path | None = None) -> None:
        self._password = password
        flags = ["--cluster-enabled", "yes", "--cluster-node-timeout", str(_NODE_TIMEOUT_MS)]
        flags += ["--cluster-config-file", "nodes.conf", "--cluster-require-full-coverage", "no"]
        flags += ["--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0"]
        flags += ["--masterauth", password] if password else []
        self.nodes = [
            RedisServer(guard, password, name=f"node-{number}", program=program, flags=flags) for number in range(4)
        ]

    @property
    def url(self) -> str:
        """redis+cluster://, password included. The node that has the index is not the first to be asked."""
        login = f":{self._password}@" if self._password else ""
        where = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes[1:])
        return f"redis+cluster://{login}{where}"

    @property
    def primary(self) -> RedisServer:
        """The node that has nearly all slots, as it says itself."""
        found = [
            node for node in (self.nodes[0], self.nodes[3]) if node.alive and self._ask(node)("ROLE")[0] == "master"
        ]
        if len(found) != 1:
            raise ComponentError(f"{len(found)} nodes call themselves primary of the same slots")
        return found[0]

    def start(self) -> None:
        """Start all nodes, make them one cluster, and wait until all agree."""
        for node in self.nodes:
            node.start()
        ids = [self._ask(node)("CLUSTER", "MYID") for node in self.nodes]
        for epoch, (node, slots) in enumerate(zip(self.nodes, _SLOTS, strict=False), start=1):
            self._ask(node)("CLUSTER", "SET-CONFIG-EPOCH", epoch)
            self._ask(node)("CLUSTER", "ADDSLOTS", *slots)
        for node in self.nodes[1:]:
            self._ask(self.nodes[0])("CLUSTER", "MEET", "127.0.0.1", node.port)
        self._wait(lambda: all(self._knows(node, ids) for node in self.nodes), "all nodes know one another")
        self._ask(self.nodes[3])("CLUSTER", "REPLICATE", ids[0])
        self.wait_until_whole()

    def fail_over(self) -> RedisServer:
        """Have the replica take over while all are alive, without loss; return it once it has."""
        before = self.primary
        replica = self._other(before)
        self._ask(replica)("CLUSTER", "FAILOVER")
        self._wait(lambda: self._role(replica) == "master", "the replica takes over")
        self.wait_until_whole()
        return replica

    def kill_primary(self) -> RedisServer:
        """End the primary as a crash does; return it at once, and `wait_for_other_primary(it)` the next one."""
        primary = self.primary
        primary.kill()
        return primary

    def wait_for_other_primary(self, before: RedisServer) -> RedisServer:
        """Wait until the replica has taken over from a dead primary."""
        replica = self._other(before)
        self._wait(lambda: self._role(replica) == "master", "the replica takes over")
        return replica

    def wait_until_whole(self) -> None:
        """Wait until all nodes run, agree that all is well, and the replica follows."""
        self._wait(self._is_whole, "the cluster is whole")

    def _is_whole(self) -> bool:
        if not all(node.alive for node in self.nodes):
            return False
        try:
            states = ["cluster_state:ok" in str(self._ask(node)("CLUSTER", "INFO")) for node in self.nodes]
            roles = sorted(self._role(node) for node in (self.nodes[0], self.nodes[3]))
            replica = next(node for node in (self.nodes[0], self.nodes[3]) if self._role(node) == "slave")
            # Each node has to have heard who is whose replica, or it would send clients the wrong way.
            seen = [str(self._ask(node)("CLUSTER", "SLOTS")[0][2][1]) for node in self.nodes]
            link = self._ask(replica)("ROLE")[3]
        except (redis.RedisError, StopIteration):
            return False
        return (
            all(states)
            and roles == ["master", "slave"]
            and set(seen) == {str(self._other(replica).port)}
            and link == "connected"
        )

    def _other(self, node: RedisServer) -> RedisServer:
        return self.nodes[3] if node is self.nodes[0] else self.nodes[0]

    def _knows(self, node: RedisServer, ids: list[str]) -> bool:
        told = str(self._ask(node)("CLUSTER", "NODES"))
        return all(one in told for one in ids) and "handshake" not in told

    def _role(self, node: RedisServer) -> str:
        try:
            return str(self._ask(node)("ROLE")[0])
        except redis.RedisError:
            return ""

    def _ask(self, node: RedisServer) -> Callable[..., Any]:
        def ask(*words: object) -> Any:
            with node.client() as client:
                # Its own reading of replies differs from command to command, and from version to version.
                client.response_callbacks.clear()
                return client.execute_command(*words)

        return ask

    def _wait(self, condition: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while not condition():
            if time.monotonic() > deadline:
                tails = "\n".join(
                    f"{one.process.name}:\n{one.process.log_tail(5)}" for one in self.nodes if one.process
                )
                raise ComponentError(f"not within {_PATIENCE_S:g} s: {what}\n{tails}")
            time.sleep(0.02)


@contextmanager
def running_cluster(password: str | None = None, program: Path | None = None) -> Iterator[RedisCluster]:
    """Run a cluster without the rest of a stack; it is gone afterwards, whatever happens."""
    with Guard() as guard:
        cluster = RedisCluster(guard, password, program)
        cluster.start()
        yield cluster
