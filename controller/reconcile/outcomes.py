"""Takes in what workers decided and no Job tells: missed occurrences, refused Jobs."""

import asyncio
import logging

from redis.exceptions import RedisError

from controller.index.index import Index
from controller.observe.health import Health
from controller.reconcile.table import Table

log = logging.getLogger(__name__)

_PAGE = 500
_PAUSE_S = 0.5


class Outcomes:
    """Reads the stream from its start: an entry stays there until status has been written with it."""

    def __init__(self, table: Table, index: Index, health: Health) -> None:
        self._table = table
        self._index = index
        self._health = health
        # None until the first rebuild: before it, a timer that is not known here may well exist.
        self._last_id: str | None = None

    def again(self) -> None:
        """Start over: the stream may be another one now. What is known already is known by its id."""
        self._last_id = "0"

    async def step(self) -> bool:
        """Take in a page, then pause, unless there is more."""
        self._health.beat("outcomes")
        if self._last_id is None:
            await asyncio.sleep(_PAUSE_S)
            return True
        page = []
        try:
            page = await self._index.outcomes(self._last_id, _PAGE)
            unreadable = [report_id for report_id, report in page if report is None]
            if unreadable:
                log.warning("reports that nobody can read were removed", extra={"count": len(unreadable)})
            unwanted = [
                report_id
                for report_id, report in page
                if report is None or not self._table.see_report(report_id, report)
            ]
            await self._index.delete_outcomes(unwanted)
            self._last_id = page[-1][0] if page else self._last_id
        except (RedisError, OSError) as error:
            log.warning("reports could not be read: %s", error)
        if len(page) < _PAGE:
            await asyncio.sleep(_PAUSE_S)
        return True
