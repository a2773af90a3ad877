"""Many callers, one call: what is asked while a call is under way goes together into the next."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Reply = TypeVar("Reply")


class Batch(Generic[Item, Reply]):
    """Turns a call for many into a call for one, without adding a wait: the first caller starts at once.

    An error of the underlying call reaches everybody in its batch.
    """

    def __init__(self, call: Callable[[Sequence[Item]], Awaitable[Sequence[Reply]]], limit: int = 200) -> None:
        self._call = call
        self._limit = limit
        self._waiting: list[tuple[Item, asyncio.Future[Reply]]] = []
        self._runner: asyncio.Task[None] | None = None

    async def __call__(self, item: Item) -> Reply:
        """The reply to this item."""
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
            try:
                replies = await self._call([item for item, _ in batch])
            except Exception as error:
                for _, answer in batch:
                    if not answer.done():
                        answer.set_exception(error)
                continue
            for (_, answer), reply in zip(batch, replies, strict=True):
                if not answer.done():
                    answer.set_result(reply)
