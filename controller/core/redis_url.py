"""Where Redis is, read from a URL: one server, whichever one Sentinels call the primary, or a cluster."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

Node = tuple[str, int]
"""Host and port."""

_PORT = 6379
_SENTINEL_PORT = 26379

ACCEPTED = (
    "redis://host:6379/0, unix:///path, redis+sentinel://host:26379,host:26379/<name of the primary>/0 or "
    "redis+cluster://host:6379,host:6379, with rediss in the place of redis for TLS"
)


class Shape(StrEnum):
    """How the server that holds the index is found."""

    SINGLE = ""
    SOCKET = "unix"
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class Login:
    """Who to log in as; both empty: nobody. Without a name it is Redis's default user."""

    username: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """Where the index is. As text it has no secrets."""

    shape: Shape
    nodes: tuple[Node, ...]
    """The server, the Sentinels, or some of the cluster's nodes; empty for a socket."""
    tls: bool
    db: int
    name: str
    """Path of the socket, or the name by which Sentinels know the primary."""
    login: Login
    sentinel_login: Login
    """For the Sentinels themselves."""

    def __str__(self) -> str:
        if self.shape is Shape.SOCKET:
            return self.name
        where = ",".join(node_text(node) for node in self.nodes)
        if self.shape is Shape.CLUSTER:
            return f"the cluster of {where}"
        return f"{self.name} of Sentinel {where}/{self.db}" if self.shape is Shape.SENTINEL else f"{where}/{self.db}"


def node_text(node: Node) -> str:
    """Host and port as people write them."""
    host, port = node
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parse_redis_url(url: str) -> RedisAddress:
    """The address in a URL; raises ValueError with what is wrong, where that can be told without telling a secret."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise _no_url() from None
    family, _, shape = parts.scheme.partition("+")
    known = (family in ("redis", "rediss") and shape in ("", "sentinel", "cluster")) or parts.scheme == "unix"
    if "://" not in url or not known:
        raise _no_url()
    if "@" in parts.path + parts.query + parts.fragment:
        raise ValueError(
            "is cut short by a /, ? or # before its @: in user name and password write these as %2F, %3F and %23"
        )
    if parts.fragment:
        raise ValueError("has a #, which means nothing here: in user name and password write it as %23")
    return _read(parts, Shape(parts.scheme if parts.scheme == "unix" else shape), tls=family == "rediss")


def _no_url() -> ValueError:
    # What was found is not repeated: it can hold a password.
    return ValueError(f"is no URL of a Redis; write {ACCEPTED}")


def _read(parts: SplitResult, shape: Shape, tls: bool) -> RedisAddress:
    login_text, _, hosts = parts.netloc.rpartition("@")
    username, _, password = login_text.partition(":")
    query = _query(parts.query, shape)
    login = Login(
        unquote(username) or query.get("username", ""),
        unquote(password) or query.get("password", ""),
    )
    sentinel_login = Login(query.get("sentinel_username", ""), query.get("sentinel_password", ""))
    if shape is Shape.SOCKET:
        if hosts or not parts.path:
            raise ValueError("names no socket: write unix:///path/to/redis.sock, with three slashes")
        return RedisAddress(shape, (), False, _db(query.get("db", "")), unquote(parts.path), login, sentinel_login)
    name, db = "", parts.path.removeprefix("/").removesuffix("/")
    if shape is Shape.SENTINEL:
        name, _, db = db.partition("/")
        if not name or (name.isdecimal() and not db):
            raise ValueError(
                "names no primary: write redis+sentinel://host:26379/mymaster, as `sentinel monitor` in sentinel.conf"
            )
    number = _db(db or query.get("db", ""))
    if shape is Shape.CLUSTER and number:
        raise ValueError(f"asks for database {number}: a cluster has only 0, so leave it out")
    if "," in hosts and not all(text.rpartition(":")[0] or text.rpartition(":")[2] for text in hosts.split(",")):
        raise ValueError("names a host or a port that is none: there is a comma too many")
    nodes = tuple(_node(text, _SENTINEL_PORT if shape is Shape.SENTINEL else _PORT) for text in hosts.split(","))
    if shape is Shape.SINGLE and len(nodes) > 1:
        raise ValueError("names several hosts: write redis+sentinel:// or redis+cluster://, whichever they are")
    return RedisAddress(shape, nodes, tls, number, unquote(name), login, sentinel_login)


def _query(text: str, shape: Shape) -> Mapping[str, str]:
    accepted = ["db", "username", "password"]
    accepted += ["sentinel_username", "sentinel_password"] if shape is Shape.SENTINEL else []
    query = dict(parse_qsl(text, keep_blank_values=True))
    for name in query:
        if name not in accepted:
            raise ValueError(
                f"has a parameter that is not known{_shown(name)}: accepted are {', '.join(accepted)}; in values "
                "write & as %26; timeouts are fixed, and for TLS there are --redis-ca-file, --redis-cert-file and "
                "--redis-key-file"
            )
    return query


def _db(text: str) -> int:
    if text and not re.fullmatch(r"[0-9]{1,5}", text):
        raise ValueError("names no database: after the last / there must be its number, as in redis://host:6379/0")
    return int(text or 0)


def _node(text: str, usual_port: int) -> Node:
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]\s]*))(?::([0-9]{1,5}))?", text)
    if not match or not 0 < int(match[3] or usual_port) < 65536:
        # Without an @ a password can stand in the place of the port.
        raise ValueError(
            "names a host or a port that is none: write host, host:6379 or [2001:db8::1]:6379, and where there are "
            "several, commas between them"
        )
    return unquote(match[1] or match[2] or "localhost"), int(match[3] or usual_port)


def _shown(name: str) -> str:
    # Any other can be the rest of a password with an & in it.
    is_option = re.fullmatch(r"(ssl|socket|sentinel|health|retry|max|decode|client)_[a-z_]{1,30}|protocol", name)
    return f" ({name})" if is_option else ""
