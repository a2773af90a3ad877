"""What becomes of kopf's lists. kopf lists timers before it watches them, and again whenever a watch was lost.

For each object of a list kopf would make a queue and a task, which costs a millisecond and more: minutes, at 100,000
timers, in which nobody else gets far. So its function that lists is replaced, for the operators of `watch`:

- Its first list is only asked for its resourceVersion. The rebuild lists as well, and begins after that: what is older
  than this version is in the rebuild's list, what is younger comes with the watch.
- Every later list is about what a watch has missed. It is taken in, page by page, right as it arrives.

Where only some namespaces are served, kopf lists and watches each by itself, and would give up all of them where one is
refused: so that is asked before, and waited for.

kopf offers nothing for this. Should it stop calling that function, the first list is given up after a few seconds, and
everything arrives as kopf has it.
"""

import asyncio
import copy
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from contextvars import ContextVar
from typing import Any

import kopf
from kopf._cogs.clients import errors, fetching, watching

from controller.reconcile.reach import REFUSED_PAUSE_S, Place

Page = tuple[list[Any], str]
"""Objects, and the resourceVersion of the list that they are of."""

_BEGIN_ANEW = {"type": "ERROR", "object": {"code": 410}}
"""What a server says that has forgotten the version to watch from: kopf lists then."""


class Lists:
    """The lists of one operator, which watches one resource."""

    def __init__(
        self,
        see: Callable[[dict[str, Any]], None],
        started: asyncio.Event,
        places: Sequence[Place] = (None,),
        admits: Callable[[str], Awaitable[bool]] | None = None,
    ) -> None:
        """`see` takes in an object.

        `started` is set once kopf is about to watch everywhere: whoever lists after that, and is told what comes here,
        misses nothing. A namespace that `admits` refuses is not waited for.
        """
        self._see = see
        self._started = started
        self._awaited = set(places)
        self._admits = admits

    def follow(self) -> None:
        """Have what is listed in this task, and in those that come from it, go by this."""
        _lists.set(self)

    def give_up(self) -> None:
        """Wait for first lists no longer: those still to come are whole ones."""
        self._started.set()

    async def fetch(self, settings: kopf.OperatorSettings, **asked: Any) -> AsyncIterator[Page]:
        """In the place of kopf's function: pages without objects."""
        place: Place = asked["namespace"]
        while not await self._may_enter(place):
            self._begins(place)
            await asyncio.sleep(REFUSED_PAUSE_S)
        if not self._started.is_set():
            version = await _version(settings=_one_at_a_time(settings), **asked)
            # If it was given up meanwhile, somebody has begun to list, perhaps before this version.
            if not self._started.is_set():
                self._begins(place)
                yield [], version
                return
        async for objects, version in _original(settings=settings, **asked):
            for obj in objects:
                self._see(obj)
            yield [], version

    async def watch(self, **asked: Any) -> AsyncIterator[Any]:
        """In the place of kopf's function, for a namespace: the same, but that a refusal is no end."""
        if await self._may_enter(asked["namespace"]):
            with suppress(errors.APIForbiddenError):
                async for change in _original_watch(**asked):
                    yield change
                return
        yield _BEGIN_ANEW

    async def _may_enter(self, place: Place) -> bool:
        return place is None or self._admits is None or await self._admits(place)

    def _begins(self, place: Place) -> None:
        self._awaited.discard(place)
        if not self._awaited:
            self._started.set()


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
_original_watch: Any = watching.watch_objs


async def _fetch(**asked: Any) -> AsyncIterator[Page]:
    lists = _lists.get()
    async for page in lists.fetch(**asked) if lists else _original(**asked):
        yield page


async def _watch(**asked: Any) -> AsyncIterator[Any]:
    lists = _lists.get()
    async for change in lists.watch(**asked) if lists and asked["namespace"] else _original_watch(**asked):
        yield change


fetching.fetch_objs = _fetch
watching.watch_objs = _watch
