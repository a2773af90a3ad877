"""Whose index it is: each of two clusters that share one by mistake would sweep the other's tickets.

A cluster is known by the UID of its namespace kube-system: it exists in each, and nobody recreates it. To read that
takes rights on the whole cluster; an installation that serves only some namespaces has none, and is known by the UID
of its own.

So the same installation changes its name when it is changed from one to the other. What it was called before is noted
at its Lease, where only this cluster writes: an index that has that name is still ours.
"""

import logging

from controller.index.index import Index
from controller.kube import paths
from controller.kube.api import ApiServer
from controller.kube.leadership import INDEX_OWNER, Leadership
from controller.settings import SettingsError

log = logging.getLogger(__name__)


class Ownership:
    """Of one index, for the cluster of this API server."""

    def __init__(
        self, api: ApiServer, index: Index, leadership: Leadership | None = None, home: str | None = None
    ) -> None:
        """`home` is the controller's own namespace, where that is all that it may read."""
        self._api = api
        self._index = index
        self._leadership = leadership
        self._home = home
        self._uid: str | None = None

    async def claim(self) -> None:
        """Make sure that no other cluster uses this index. Raises SettingsError where one does."""
        if self._uid is None:
            path = paths.CLUSTER_IDENTITY if self._home is None else paths.namespace(self._home)
            self._uid = str((await self._api.get(path))["metadata"]["uid"])
        owner, key = await self._index.claim_ownership(self._uid), self._index.keys.owner
        noted = self._leadership.notes if self._leadership else {}
        if owner != self._uid and owner == noted.get(INDEX_OWNER):
            log.info("index was ours under another name", extra={"before": owner, "now": self._uid})
            await self._index.take_ownership(self._uid)
        elif owner != self._uid:
            who = "cluster" if self._home is None else "cluster or namespace"
            raise SettingsError(
                f"the index {key!r} belongs to another {who} ({owner}), and this one is {self._uid}: "
                f"give each {who} its own Redis database or its own --installation name. "
                f"If that {who} is gone, delete the key {key!r}"
            )
        if self._leadership:
            self._leadership.note(INDEX_OWNER, self._uid)
