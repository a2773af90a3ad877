"""Takes in what workers decided and no Job tells: missed occurrences, refused Jobs."""

import asyncio
import logging
import time
from collections.abc import Callable

from redis.exceptions import RedisError

from controller.index.index import Index
from controller.observe.health import Health
from controller.reconcile.table import Table

log = logging.getLogger(__name__)

_PAGE = 500
_PAUSE_S = 0.5
PATIENCE_S = 30.0
"""Reports that Redis does not give out are not waited for any longer."""


class Outcomes:
    """Reads the stream from its start: an entry stays there until status has been written with it."""

    def __init__(
        self, table: Table, index: Index, health: Health, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._table = table
        self._index = index
        self._health = health
        self._monotonic = monotonic
        self._turn = asyncio.Lock()
        self._reads = 0
        self._is_known = False
        self._known_at_s = monotonic()
        # None until the first rebuild: before it, a timer that is not known here may well exist.
        self._last_id: str | None = None
        self._anew = False

    def again(self) -> None:
        """Start over: the stream may be another one now. What is known already is known by its id."""
        self._anew = True

    async def step(self) -> bool:
        """Take in what there is, then pause."""
        await self._take_in()
        await asyncio.sleep(_PAUSE_S)
        return True

    async def catch_up(self) -> bool:
        """Take in all that was reported before now; whether there is nothing more to wait for.

        A status that goes beyond a report without it would leave Redis alone with it, to be lost. Where Redis has
        been away for long, status goes on all the same.
        """
        if self._monotonic() - self._known_at_s > PATIENCE_S:
            return True
        return await self._take_in()

    async def _take_in(self) -> bool:
        # Many ask at a time: any read serves that has begun since they did.
        enough = self._reads + 1
        async with self._turn:
            if self._reads < enough:
                self._reads += 1
                self._is_known = await self._read()
                if self._is_known:
                    self._known_at_s = self._monotonic()
            return self._is_known

    async def _read(self) -> bool:
        try:
            while await self._read_page():
                pass
        except (RedisError, OSError) as error:
            log.warning("reports could not be read: %s", error)
            return False
        return True

    async def _read_page(self) -> bool:
        """Whether there is more."""
        self._health.beat("outcomes")
        if self._anew:
            self._anew, self._last_id = False, "0"
        if self._last_id is None:
            return False
        page = await self._index.outcomes(self._last_id, _PAGE)
        unreadable = [report_id for report_id, report in page if report is None]
        if unreadable:
            log.warning("reports that nobody can read were removed", extra={"count": len(unreadable)})
        unwanted = [
            report_id for report_id, report in page if report is None or not self._table.see_report(report_id, report)
        ]
        if unwanted:
            await self._index.delete_outcomes(unwanted)
        self._last_id = page[-1][0] if page else self._last_id
        return len(page) == _PAGE
