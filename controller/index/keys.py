"""The keys of one installation's index."""

from typing import NamedTuple

LAYOUT = "rt2"
"""The layout's version: a change of it starts a new index beside the old one."""


class Keys(NamedTuple):
    """All keys, in the order in which the scripts take the first seven."""

    due: str
    """Sorted set: ticket -> when to look at its timer, ms since the epoch."""
    leased: str
    """Sorted set: ticket -> when its lease expires, ms since the epoch."""
    lease: str
    """Hash: ticket -> fencing token of the worker that holds it."""
    tickets: str
    """Hash: ticket -> `<generation> <high-water mark ms> <mark minus last fired, ms> <namespace>/<name>`."""
    epoch: str
    """Which server and history the last finished rebuild was made on; absent or foreign: do not claim."""
    building: str
    """Nonce of the rebuild under way."""
    outcomes: str
    """Stream of reports that leave no Job, bounded."""
    owner: str
    """UID of the cluster that this index serves."""


def keys_of(installation: str, shard: int = 0) -> Keys:
    """The keys of an installation. They share one hash tag, so that every script is legal on Redis Cluster."""
    return Keys(*(f"{{{LAYOUT}:{installation}:{shard}}}:{name}" for name in Keys._fields))
