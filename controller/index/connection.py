"""Connections that only ever write to a primary, and that leave it as soon as it is none any more."""

import ssl
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from redis.asyncio.connection import AbstractConnection, Connection, UnixDomainSocketConnection
from redis.connection import HiredisRespSerializer
from redis.exceptions import AskError, ClusterDownError, MovedError, ReadOnlyError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError

from controller.core.redis_url import Node
from controller.index.primary import Primary

MakeContext = Callable[[], ssl.SSLContext]

_PACKER = HiredisRespSerializer()


class Tcp(Connection):
    """A connection to one node, with TLS where there is a context. Its files are read for each connection anew."""

    def __init__(self, *, tls: MakeContext | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._tls = tls

    def _connection_arguments(self) -> Mapping[str, Any]:
        arguments = super()._connection_arguments()
        return {**arguments, "ssl": self._tls()} if self._tls else arguments


class _Careful(AbstractConnection):
    """Refuses replicas, and gives up a server that has become one."""

    def pack_command(self, *args: Any) -> list[bytes]:
        """In C, as the library's other connections do: scripts have hundreds of arguments."""
        packed: list[bytes] = _PACKER.pack(*args)
        return packed

    async def on_connect_check_health(self, check_health: bool = True) -> None:
        await super().on_connect_check_health(check_health)
        await self.send_command("INFO", "replication", check_health=False)
        try:
            told = await super().read_response()
        except ResponseError:
            return  # Who may not ask is told so by the scripts, which ask as well.
        if "role:slave" in str(told):
            raise ReplicaError(self._host_error())

    async def read_response(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return await super().read_response(*args, **kwargs)
        except AskError as error:
            if isinstance(error, MovedError):
                await self._leave()
            raise RedisConnectionError(f"the cluster is moving the index to another node ({error})") from None
        except ClusterDownError:
            await self._leave()
            raise
        except ResponseError as error:
            # Within a script Redis 6.2 puts its own words around it.
            if not isinstance(error, ReadOnlyError) and "-READONLY " not in str(error):
                raise
            await self._leave()
            raise ReplicaError(self._host_error()) from None

    async def _leave(self) -> None:
        await self.disconnect(nowait=True)


class ReplicaError(RedisConnectionError):
    """A server is a replica: what is written there is lost, and what is read there may be old."""

    def __init__(self, where: str) -> None:
        super().__init__(
            f"{where} is a replica: name the primary, or let Sentinel say which it is (redis+sentinel://...)"
        )


class CarefulSocket(_Careful, UnixDomainSocketConnection):
    """Through a Unix socket."""


class CarefulTcp(_Careful, Tcp):
    """To the primary, wherever it is at the time of connecting."""

    def __init__(self, *, primary: Primary, found: Callable[[Node], Awaitable[None]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._primary = primary
        self._found = found

    async def _connect(self) -> None:
        node = await self._primary.find()
        await self._found(node)
        self.host, self.port = node
        try:
            await super()._connect()  # type: ignore[no-untyped-call]
        except Exception:
            self._primary.distrust()
            raise

    async def on_connect_check_health(self, check_health: bool = True) -> None:
        try:
            await super().on_connect_check_health(check_health)
        except ReplicaError:
            self._primary.distrust()
            raise

    async def _leave(self) -> None:
        await super()._leave()
        self._primary.distrust()
