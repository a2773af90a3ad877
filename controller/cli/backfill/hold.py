"""The hold on a timer while it is backfilled: it is the same one, and progress on record there is one's own.

Killed anywhere, a backfill leaves at most one Job that the record does not know of; the next attempt finds that by its
name.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Protocol, TypeVar

from controller.core.backfill import BACKFILL_ANNOTATION, Record, annotation_of, read_record, what_says_when
from controller.core.instants import rfc3339
from controller.core.timer import Timer
from controller.kube import paths
from controller.kube.api import ApiServer
from controller.kube.errors import ApiError

_ATTEMPTS = 20

_Answer = TypeVar("_Answer")


class StopError(Exception):
    """The backfill ends here; the message says why, and nothing where somebody pressed Ctrl-C."""

    def __init__(self, message: str = "", to_be_continued: bool = True) -> None:
        super().__init__(message)
        self.to_be_continued = to_be_continued


class Steadily(Protocol):
    """Makes a request, and makes it again while the API server has no time for it."""

    async def __call__(self, ask: Callable[[], Awaitable[_Answer]]) -> _Answer: ...


class Hold:
    """A timer, from the moment at which it was read for a plan. Raises StopError where it is not that one any more."""

    def __init__(
        self, api: ApiServer, timer: Timer, obj: Mapping[str, Any], record: Record, steadily: Steadily
    ) -> None:
        self._api = api
        self._steadily = steadily
        self._owner = f"{timer.namespace}/{timer.name}"
        self._path = paths.timer(timer.namespace, timer.name)
        self._uid = timer.uid
        self._when = what_says_when(obj)
        self._version: str = obj["metadata"]["resourceVersion"]
        self._text = annotation_of(obj)
        self.record = record
        """As last written; before that, what `take` will write."""

    async def take(self) -> None:
        """Put the record there: whoever was at it before finds it and stops."""
        await self._write(self.record)

    async def advance(self, through_ms: int) -> None:
        """Put on record that every nominal time so far has its Job."""
        await self._write(self.record.through(through_ms))

    async def read(self) -> dict[str, Any]:
        """The timer as it is now."""
        return await self._read(self._text)

    async def still_exists(self) -> dict[str, Any]:
        """The timer as it is now, whatever else has become of it."""
        try:
            obj = await self._steadily(partial(self._api.get, self._path))
        except ApiError as error:
            if error.status != 404:
                raise
            raise self._deleted() from None
        if obj["metadata"]["uid"] != self._uid or "deletionTimestamp" in obj["metadata"]:
            raise self._deleted()
        return obj

    async def _write(self, record: Record) -> None:
        text = record.text()
        for _ in range(_ATTEMPTS):
            patch = {"metadata": {"resourceVersion": self._version, "annotations": {BACKFILL_ANNOTATION: text}}}
            try:
                obj = await self._steadily(partial(self._api.merge, self._path, patch))
            except ApiError as error:
                if error.status == 404:
                    raise self._deleted() from None
                if error.status != 409:
                    raise
                # Mostly the controller has written status. An own write whose answer was lost shows here, too.
                obj = await self._read(self._text, text)
            if annotation_of(obj) == text:
                self._version, self._text, self.record = obj["metadata"]["resourceVersion"], text, record
                return
        raise StopError(f"the timer {self._owner} changes faster than it can be written to")

    async def _read(self, *expected: str | None) -> dict[str, Any]:
        obj = await self.still_exists()
        if what_says_when(obj) != self._when:
            raise StopError(
                "the schedule was changed meanwhile, and the nominal times are those of the former one: the same "
                "command goes on with the new ones"
            )
        found = annotation_of(obj)
        if found not in expected:
            raise _relieved(found)
        self._version = obj["metadata"]["resourceVersion"]
        return obj

    def _deleted(self) -> StopError:
        return StopError(f"the timer {self._owner} was deleted meanwhile, and its Jobs go with it", False)


def _relieved(found: str | None) -> StopError:
    record = read_record(found) if found else None
    if record is None:
        return StopError("the record of this backfill was taken off the timer meanwhile, or written over")
    return StopError(
        f"somebody has begun a backfill of this timer meanwhile, from {rfc3339(record.span.from_ms)} to "
        f"{rfc3339(record.span.to_ms)}: this one leaves it to that",
        to_be_continued=False,
    )
