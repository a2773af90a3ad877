"""A connection to Redis as the settings say."""

import logging
import ssl
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.connection import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.credentials import CredentialProvider
from redis.exceptions import AuthenticationError
from redis.maint_notifications import MaintNotificationsConfig

from controller.core.redis_url import Login, Node, RedisAddress, Shape, node_text
from controller.index.connection import CarefulSocket, CarefulTcp, MakeContext, Tcp
from controller.index.keys import keys_of
from controller.index.primary import ByCluster, BySentinel, Dial, Fixed, Primary
from controller.settings import Settings

log = logging.getLogger(__name__)

_TIMEOUT_S = 3.0
_ASK_TIMEOUT_S = 1.0
"""For who only has to say where the primary is: another one is asked then."""


def connect_redis(settings: Settings) -> Redis:
    """A client that answers with text, never waits for ever, and leaves repeating to the loops that use it.

    A script whose reply was lost must not run again behind their back: they start from the truth instead.
    """
    address = settings.redis_address
    common: dict[str, Any] = {
        "decode_responses": True,
        # Whoever else writes there must not be able to stop the reading of all the rest.
        "encoding_errors": "replace",
        "retry": Retry(NoBackoff(), 0),
        "driver_info": None,
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }
    tls = _context_maker(settings) if address.tls else None
    ours = {
        **common,
        "client_name": client_name(settings.identity),
        "socket_timeout": _TIMEOUT_S,
        "socket_connect_timeout": _TIMEOUT_S,
        "health_check_interval": 15,
        "db": address.db,
        "credential_provider": _credentials(address.login, settings.redis_username_file, settings.redis_password_file),
    }
    if address.shape is Shape.SOCKET:
        return Redis.from_pool(ConnectionPool(connection_class=CarefulSocket, path=address.name, **ours))

    asked_as = ours["credential_provider"]
    if address.shape is Shape.SENTINEL:
        asked_as = _credentials(address.sentinel_login, None, settings.redis_sentinel_password_file)

    def dial(node: Node) -> Tcp:
        host, port = node
        timeouts = {"socket_timeout": _ASK_TIMEOUT_S, "socket_connect_timeout": _ASK_TIMEOUT_S}
        return Tcp(host=host, port=port, tls=tls, credential_provider=asked_as, **timeouts, **common)

    last: Node | None = None

    async def found(node: Node) -> None:
        nonlocal last
        moved, last = last not in (None, node), node
        if moved:
            log.info("Redis has another primary", extra={"address": node_text(node)})
            # All others lead to the old one, which may not even answer.
            await pool.update_active_connections_for_reconnect()  # type: ignore[no-untyped-call]
            await pool.disconnect(inuse_connections=False)

    ours |= {"primary": _primary(address, settings.installation, dial), "found": found, "tls": tls}
    host, port = address.nodes[0]
    pool: ConnectionPool = ConnectionPool(connection_class=CarefulTcp, host=host, port=port, **ours)
    return Redis.from_pool(pool)


def client_name(identity: str) -> str:
    """How Redis shows the connections of a process."""
    return f"redistimer-{identity}"[:100].replace(" ", "-")


def _primary(address: RedisAddress, installation: str, dial: Dial) -> Primary:
    if address.shape is Shape.SENTINEL:
        return BySentinel(address.nodes, dial, address.name)
    if address.shape is Shape.CLUSTER:
        return ByCluster(address.nodes, dial, key_slot(keys_of(installation).due.encode()))
    return Fixed(address.nodes[0])


def _credentials(login: Login, username_file: Path | None, password_file: Path | None) -> "_Credentials | None":
    is_named = login.username or login.password or username_file or password_file
    return _Credentials(login, username_file, password_file) if is_named else None


class _Credentials(CredentialProvider):
    """Reads what is in files for each connection anew, so that it can be changed while the process runs."""

    def __init__(self, login: Login, username_file: Path | None, password_file: Path | None) -> None:
        self._login = login
        self._username_file = username_file
        self._password_file = password_file

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        username = self._login.username if self._username_file is None else _read("user", self._username_file)
        password = self._login.password if self._password_file is None else _read("password", self._password_file)
        return (username, password) if username else (password,)

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        return self.get_credentials()


def _read(what: str, file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, UnicodeError) as error:
        # Of another kind it would leave a connection behind that is open and has not logged in.
        raise AuthenticationError(f"the {what} cannot be read from {file}: {error}") from None


def _context_maker(settings: Settings) -> MakeContext:
    def make() -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=settings.redis_ca_file)
        if settings.redis_cert_file:
            context.load_cert_chain(settings.redis_cert_file, settings.redis_key_file)
        return context

    return make
