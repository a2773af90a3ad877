"""Watches the Jobs of timers, and tells the table.

Not by kopf: it makes a queue and a task of each object, and where a thousand Jobs begin at once that costs more than
all that the controller has to do for them.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

from controller.core.job import TIMER_UID_LABEL
from controller.kube import paths
from controller.kube.api import ApiServer
from controller.kube.errors import ApiError, ApiUnreachableError
from controller.reconcile.reach import REFUSED_PAUSE_S, Place, Reach
from controller.reconcile.table import Table

log = logging.getLogger(__name__)

OURS = {"labelSelector": TIMER_UID_LABEL}
"""What asks for the Jobs of timers only."""

Pages = AsyncIterator[list[dict[str, Any]]]

_PAUSE_S = 1.0
_WHAT = "jobs"


class JobWatch:
    """Follows all Jobs of a place from one resourceVersion on, over any number of connections."""

    def __init__(
        self, table: Table, api: ApiServer, started: asyncio.Event, reach: Reach | None = None, place: Place = None
    ) -> None:
        """`started` is set once every change from then on is told, and what was before is for the rebuild to list.

        Or once the place is out of reach: nobody waits for it. When it is not any more, all is told.
        """
        self._table = table
        self._api = api
        self._started = started
        self._reach = reach or Reach()
        self._place = place
        self._version = ""

    @property
    def has_begun(self) -> bool:
        """Whether all Jobs there are told, or are for the rebuild to list."""
        return bool(self._version)

    async def step(self) -> bool:
        """Watch for as long as a connection lasts."""
        try:
            if not self._version:
                await self._begin()
            jobs = paths.jobs(self._place)
            async for change in self._api.watch(jobs, self._version, allowWatchBookmarks="true", **OURS):
                self._see(change["type"], change["object"])
        except ApiError as error:
            pause_s = _PAUSE_S
            if error.status == 410:
                # What happened since is forgotten there: begin anew, with a list.
                self._version = ""
            elif self._reach.refuses(self._place, _WHAT, error):
                self._version, pause_s = "", REFUSED_PAUSE_S
                self._started.set()
            else:
                log.warning("jobs cannot be watched, trying again: %s", error)
            await asyncio.sleep(pause_s)
        except ApiUnreachableError as error:
            log.debug("watch of jobs ended: %s", error)
            await asyncio.sleep(_PAUSE_S)
        return True

    async def _begin(self) -> None:
        # The version first: what happens while all are listed is told twice, which does no harm.
        newest = await self._api.get(paths.jobs(self._place), limit="1", **OURS)
        if self._started.is_set():
            pages = self._api.pages(paths.jobs(self._place), **OURS)
            await list_jobs(self._table, pages, lambda namespace: self._place in (None, namespace))
        self._version = newest["metadata"]["resourceVersion"]
        self._started.set()
        self._reach.grants(self._place, _WHAT)

    def _see(self, kind: str, obj: dict[str, Any]) -> None:
        if kind == "DELETED":
            self._table.job_gone(obj)
        elif kind in ("ADDED", "MODIFIED"):
            self._table.see_job(obj)
        # Bookmarks have nothing but this.
        self._version = obj["metadata"]["resourceVersion"]


async def list_jobs(table: Table, pages: Pages, covers: Callable[[str], bool] = lambda namespace: True) -> None:
    """Tell the table of all Jobs on these pages, and of those that it knows and that are no more.

    `covers` says, once there are no more pages, whether all Jobs of a namespace were on them.
    """
    before = [(uid, run) for uid, entry in table.entries.items() for run in entry.runs.values()]
    listed = set()
    async for page in pages:
        for job in page:
            table.see_job(job)
            listed.add(job["metadata"]["uid"])
    for timer_uid, run in before:
        if run.uid not in listed and covers(run.namespace):
            table.run_gone(timer_uid, run.uid)
