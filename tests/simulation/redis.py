"""Redis, as the simulation's processes reach it: two servers, their data and clocks, and all that befalls them."""

import copy
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from fakeredis._helpers import SimpleError
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from tests.redis.fake_server import IdentifiedServer, _Socket
from tests.simulation import lua
from tests.simulation.loop import Process

Data = dict[bytes, Any]


class Node(IdentifiedServer):
    """One server. Its clock may be off, and jump."""

    def __init__(self, name: str, now_ms: Callable[[], int]) -> None:
        super().__init__()
        self.name = name
        self.offset_ms = 0
        self._true_now_ms = now_ms
        self.socket = _Socket(self, 0, client_class=Redis)

    def now_us(self) -> int:
        return (self._true_now_ms() + self.offset_ms) * 1000

    def data(self) -> Data:
        """A copy of everything."""
        return copy.deepcopy(self.dbs[0]._dict)

    def take(self, data: Data) -> None:
        """Hold this, and nothing else."""
        self.dbs[0]._dict.clear()
        self.dbs[0]._dict.update(copy.deepcopy(data))

    def delete(self, key: str) -> bool:
        """Lose a key; whether it was there."""
        return self.dbs[0]._dict.pop(key.encode(), None) is not None

    def hget(self, key: str, field: str) -> str | None:
        """A field of a hash, read by nobody in the simulation."""
        item = self.dbs[0]._dict.get(key.encode())
        value = None if item is None else item.value.get(field.encode())
        return None if value is None else value.decode()

    def hash(self, key: str) -> dict[str, str]:
        """A whole hash."""
        reply = lua.call(self.socket, "hgetall", key.encode())
        pairs = list(reply.items()) if isinstance(reply, dict) else list(zip(reply[::2], reply[1::2], strict=True))
        return {name.decode(): value.decode() for name, value in pairs}

    def scores(self, key: str) -> dict[str, float]:
        """A whole sorted set."""
        reply = lua.call(self.socket, "zrange", key.encode(), b"0", b"-1", b"withscores")
        flat = [part for one in reply for part in (one if isinstance(one, list) else [one])]
        return {name.decode(): float(score) for name, score in zip(flat[::2], flat[1::2], strict=True)}


class _StreamClock:
    """What names the entries of streams: the clock of the server that makes them."""

    def __init__(self) -> None:
        self.node: Node | None = None

    def time(self) -> float:
        assert self.node is not None
        return self.node.now_us() / 1_000_000


STREAM_CLOCK = _StreamClock()
INTERPRETER = lua.Interpreter()


class Service:
    """The servers behind one address."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self.nodes = (Node("redis-a", now_ms), Node("redis-b", now_ms))
        self.primary = self.nodes[0]
        self.strays: dict[Process, Node] = {}
        """Who still talks to a server that was replaced."""
        self.listeners: list[Callable[[str, str], None]] = []
        self.past: list[Data] = [{}]
        """What the primary held now and then, the youngest last."""

    def of(self, process: Process) -> Node:
        """The server that this process talks to."""
        return self.strays.get(process, self.primary)

    def run(self, node: Node, script: str, keys: Sequence[str], arguments: Sequence[str | int]) -> Any:
        """Run a script on a server."""
        STREAM_CLOCK.node = node
        try:
            texts = [str(one).encode() for one in arguments]
            reply = INTERPRETER.run(node.socket, script, tuple(keys), texts)
        except SimpleError as error:
            raise ResponseError(error.value) from None
        if node is self.primary:
            for channel, message in INTERPRETER.published:
                for listener in self.listeners:
                    listener(channel.decode(), message.decode())
        return reply

    def command(self, node: Node, name: str, *arguments: str | int) -> Any:
        """Run one command on a server."""
        STREAM_CLOCK.node = node
        try:
            return lua.call(node.socket, name, *(str(one).encode() for one in arguments))
        except SimpleError as error:
            raise ResponseError(error.value) from None

    def remember(self) -> None:
        """Keep a snapshot, as a replica or a disk would have it some time later."""
        self.past.append(self.primary.data())
        del self.past[:-8]

    # What befalls them. What is left is a server that knows nothing, or something old.

    def wipe(self) -> None:
        """A restart without data."""
        self.primary.restart()

    def restore(self, age: int) -> None:
        """A restart with an older snapshot."""
        self.primary.restart(keep_data=True)
        self.primary.take(self.past[-1 - min(age, len(self.past) - 1)])

    def fail_over(self, age: int, strays: Sequence[Process] = ()) -> Node:
        """The other server is promoted; so much of the last writes had not reached it. The one that was replaced."""
        old = self.primary
        new = self.nodes[1] if old is self.nodes[0] else self.nodes[0]
        new.take(old.data() if age == 0 else self.past[-min(age, len(self.past))])
        new.replication_id = uuid.uuid4().hex
        self.primary = new
        self.strays = dict.fromkeys(strays, old)
        return old

    def end_of_strays(self) -> None:
        """Nobody talks to the replaced server any more: it has become the replica of the other."""
        for node in set(self.strays.values()):
            node.take(self.primary.data())
            node.replication_id = self.primary.replication_id
        self.strays = {}
