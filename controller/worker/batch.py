"""Many callers, one call: what is asked while a call is under way goes together into the next."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Reply = TypeVar("Reply")


class Batch(Generic[Item, Reply]):
    """Turns a call for many into a call for one. Who comes alone starts at once.

    An error of the underlying call reaches everybody in its batch.
    """

    def __init__(
        self, call: Callable[[Sequence[Item]], Awaitable[Sequence[Reply]]], limit: int = 200, gap_s: float = 0.0
    ) -> None:
        """Calls begin so many seconds apart, or more: where many come one by one, fewer calls are made for them."""
        self._call = call
        self._limit = limit
        self._gap_s = gap_s
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
        loop = asyncio.get_running_loop()
        while self._waiting:
            began_s = loop.time()
            batch, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
            try:
                replies = await self._call([item for item, _ in batch])
            except Exception as error:
                for _, answer in batch:
                    if not answer.done():
                        answer.set_exception(error)
            else:
                for (_, answer), reply in zip(batch, replies, strict=True):
                    if not answer.done():
                        answer.set_result(reply)
            left_s = began_s + self._gap_s - loop.time()
            if left_s > 0:
                await asyncio.sleep(left_s)
