"""Free loopback ports."""

import random
import socket

# Below 32768, where Linux begins to number outgoing connections: a server that is restarted on its port
# never finds it occupied by somebody's client connection.
_RANGE = range(20_000, 32_000)
_ADDRESS_IN_USE = ("address already in use", "Address already in use")


def free_ports(count: int) -> list[int]:
    """Return ``count`` different TCP ports of 127.0.0.1 that nobody listens on right now."""
    found: list[int] = []
    for port in random.sample(_RANGE, len(_RANGE)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise OSError(f"no {count} free ports in {_RANGE.start}-{_RANGE.stop}")


def says_port_taken(log: str) -> bool:
    """Tell whether a component's log says that somebody else has its port."""
    return any(phrase in log for phrase in _ADDRESS_IN_USE)
