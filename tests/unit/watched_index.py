"""The index, watched by a test: it tells what it is asked, and can be away."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from controller.index.index import Index
from controller.index.messages import Fire, Known


class WatchedIndex(Index):
    """The real index. `told` hears each verb before it runs; what `away` names does not answer."""

    def __init__(self, redis: "Redis", told: Callable[[str], object] = lambda verb: None) -> None:
        super().__init__(redis, "test")
        self.told = told
        self.away: frozenset[str] = frozenset()
        self.before_confirm: Callable[[], Awaitable[None]] | None = None
        self.confirmed = 0
        """How many fires were asked about."""

    async def build(self) -> None:
        """Make it valid."""
        assert await self.finish_rebuild("first", await self.begin_rebuild("first"))

    async def sweep(self) -> dict[str, Known]:
        self._ask("tickets")
        return await super().sweep()

    async def confirm(self, fires: Sequence[Fire]) -> list[str]:
        self.confirmed += len(fires)
        return await super().confirm(fires)

    async def _run(self, verb: str, *arguments: str | int) -> Any:
        if verb != "sweep":
            self._ask(verb)
        if verb == "confirm" and self.before_confirm is not None:
            await self.before_confirm()
        return await super()._run(verb, *arguments)

    async def claim_ownership(self, cluster_uid: str) -> str:
        self._ask("own")
        return await super().claim_ownership(cluster_uid)

    async def delete_outcomes(self, ids: Any) -> None:
        self._ask("delete")
        await super().delete_outcomes(ids)

    def _ask(self, verb: str) -> None:
        if verb in self.away:
            raise RedisConnectionError("connection refused")
        self.told(verb)
