"""What becomes of kopf's lists. kopf lists timers before it watches them, and again whenever a watch was lost.

For each object of a list kopf would make a queue and a task, which costs a millisecond and more: minutes, at 100,000
timers, in which nobody else gets far. So its function that lists is replaced, for the operators of `watch`:

- Its first list is only asked for its resourceVersion. The rebuild lists as well, and begins after that: what is older
  than this version is in the rebuild's list, what is younger comes with the watch.
- Every later list is about what a watch has missed. It is taken in, page by page, right as it arrives.

kopf offers nothing for this. Should it stop calling that function, the first list is given up after a few seconds, and
everything arrives as kopf has it.
"""

import asyncio
import copy
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from contextvars import ContextVar
from typing import Any

import kopf
from kopf._cogs.clients import fetching

Page = tuple[list[Any], str]
"""Objects, and the resourceVersion of the list that they are of."""


class Lists:
    """The lists of one operator, which watches one resource."""

    def __init__(self, see: Callable[[dict[str, Any]], None], started: asyncio.Event) -> None:
        """`see` takes in an object.

        `started` is set once kopf is about to watch: whoever lists after that, and is told what comes here, misses
        nothing.
        """
        self._see = see
        self._started = started

    def follow(self) -> None:
        """Have what is listed in this task, and in those that come from it, go by this."""
        _lists.set(self)

    def give_up(self) -> None:
        """Wait for the first list no longer: if it is still to come, it is a whole one."""
        self._started.set()

    async def fetch(self, settings: kopf.OperatorSettings, **asked: Any) -> AsyncIterator[Page]:
        """In the place of kopf's function: pages without objects."""
        if not self._started.is_set():
            version = await _version(settings=_one_at_a_time(settings), **asked)
            # If it was given up meanwhile, somebody has begun to list, perhaps before this version.
            if not self._started.is_set():
                self._started.set()
                yield [], version
                return
        async for objects, version in _original(settings=settings, **asked):
            for obj in objects:
                self._see(obj)
            yield [], version


async def _version(**asked: Any) -> str:
    async with aclosing(_original(**asked)) as pages:
        _, version = await anext(pages)
    return str(version)


def _one_at_a_time(settings: kopf.OperatorSettings) -> kopf.OperatorSettings:
    """Settings for a list of which only the version is wanted."""
    settings = copy.copy(settings)
    settings.watching = copy.copy(settings.watching)
    settings.watching.chunk_size = 1
    return settings


_lists: ContextVar[Lists | None] = ContextVar("lists", default=None)
_original: Any = fetching.fetch_objs


async def _fetch(**asked: Any) -> AsyncIterator[Page]:
    lists = _lists.get()
    async for page in lists.fetch(**asked) if lists else _original(**asked):
        yield page


fetching.fetch_objs = _fetch
