"""Which server to write to: always the same one, whichever Sentinels name, or whichever node of a cluster has a slot.

It is asked for each connection anew, and so a failover is followed by connecting again.
"""

from collections.abc import Callable
from typing import Any, Protocol

from redis.asyncio.connection import Connection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from controller.core.redis_url import Node, node_text

Dial = Callable[[Node], Connection]
"""Makes a connection to ask with."""


class Primary(Protocol):
    """Knows where the server is that holds the index."""

    async def find(self) -> Node:
        """Where it is now. Raises RedisError."""

    def distrust(self) -> None:
        """What was found last was wrong: ask somebody else next time."""


class Fixed:
    """The one that the URL names."""

    def __init__(self, node: Node) -> None:
        self._node = node

    async def find(self) -> Node:
        return self._node

    def distrust(self) -> None:
        """There is nobody else."""


class Asked:
    """Told by the first of some servers that knows."""

    def __init__(self, nodes: tuple[Node, ...], dial: Dial, what: str) -> None:
        self._nodes = list(nodes)
        self._dial = dial
        self._what = what

    async def find(self) -> Node:
        refusals = []
        for node in list(self._nodes):
            try:
                return await self._ask(node)
            except (RedisError, OSError) as error:
                refusals.append(
                    f"{node_text(node)}: {' '.join(str(error).split()).rstrip('.') or type(error).__name__}"
                )
                self._demote(node)
        raise RedisConnectionError(f"nobody says where {self._what} is ({'; '.join(sorted(refusals))})")

    def distrust(self) -> None:
        # It knows of a failover later than others do, or never will.
        self._demote(self._nodes[0])

    def _demote(self, node: Node) -> None:
        # Somebody else may have been told of other nodes meanwhile.
        if node in self._nodes:
            self._nodes.remove(node)
            self._nodes.append(node)

    async def _ask(self, node: Node) -> Node:
        connection = self._dial(node)
        try:
            await connection.connect()  # type: ignore[no-untyped-call]
            return await self._answer(node, connection)
        finally:
            await connection.disconnect(nowait=True)

    async def _answer(self, node: Node, connection: Connection) -> Node:
        raise NotImplementedError


class BySentinel(Asked):
    """The primary that Sentinels know by this name."""

    def __init__(self, nodes: tuple[Node, ...], dial: Dial, name: str) -> None:
        super().__init__(nodes, dial, f"{name!r}")
        self._name = name

    async def _answer(self, node: Node, connection: Connection) -> Node:
        told = await _call(connection, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._name)
        if not told:
            raise RedisConnectionError(f"does not know {self._name!r}")
        return str(told[0]), int(told[1])


class ByCluster(Asked):
    """The node of a cluster that has this slot. Nodes that are told of are asked, too, from then on."""

    def __init__(self, nodes: tuple[Node, ...], dial: Dial, slot: int) -> None:
        super().__init__(nodes, dial, f"slot {slot}")
        self._slot = slot
        self._named = nodes

    async def _answer(self, node: Node, connection: Connection) -> Node:
        ranges = [(first, last, servers) for first, last, *servers in await _call(connection, "CLUSTER", "SLOTS")]
        # A node that does not know its own address gives none: it is where it was asked.
        known = [(str(host or node[0]), int(port)) for _, _, servers in ranges for host, port, *_ in servers]
        self._nodes = list(dict.fromkeys([node, *known, *self._named]))
        for first, last, servers in ranges:
            if first <= self._slot <= last:
                host, port, *_ = servers[0]
                return str(host or node[0]), int(port)
        raise RedisConnectionError(f"no node has slot {self._slot}")


async def _call(connection: Connection, *words: str) -> Any:
    await connection.send_command(*words, check_health=False)
    return await connection.read_response()
