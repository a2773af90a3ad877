"""Watches the Jobs of timers, and tells the table.

Not by kopf: it makes a queue and a task of each object, and where a thousand Jobs begin at once that costs more than
all that the controller has to do for them.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from controller.core.job import TIMER_UID_LABEL
from controller.kube import paths
from controller.kube.api import ApiServer
from controller.kube.errors import ApiError, ApiUnreachableError
from controller.reconcile.table import Table

log = logging.getLogger(__name__)

_PAUSE_S = 1.0
_OURS = {"labelSelector": TIMER_UID_LABEL}


class JobWatch:
    """Follows all Jobs from one resourceVersion on, over any number of connections."""

    def __init__(self, table: Table, api: ApiServer, started: asyncio.Event) -> None:
        """`started` is set once every change from then on is told; what was before is for the rebuild to list."""
        self._table = table
        self._api = api
        self._started = started
        self._version = ""

    async def step(self) -> bool:
        """Watch for as long as a connection lasts."""
        try:
            if not self._version:
                await self._begin()
            async for change in self._api.watch(paths.ALL_JOBS, self._version, allowWatchBookmarks="true", **_OURS):
                self._see(change["type"], change["object"])
        except ApiError as error:
            if error.status == 410:
                # What happened since is forgotten there: begin anew, with a list.
                self._version = ""
            else:
                log.warning("jobs cannot be watched, trying again: %s", error)
            await asyncio.sleep(_PAUSE_S)
        except ApiUnreachableError as error:
            log.debug("watch of jobs ended: %s", error)
            await asyncio.sleep(_PAUSE_S)
        return True

    async def _begin(self) -> None:
        # The version first: what happens while all are listed is told twice, which does no harm.
        newest = await self._api.get(paths.ALL_JOBS, limit="1", **_OURS)
        if self._started.is_set():
            await list_jobs(self._table, self._api)
        self._version = newest["metadata"]["resourceVersion"]
        self._started.set()

    def _see(self, kind: str, obj: dict[str, Any]) -> None:
        if kind == "DELETED":
            self._table.job_gone(obj)
        elif kind in ("ADDED", "MODIFIED"):
            self._table.see_job(obj)
        # Bookmarks have nothing but this.
        self._version = obj["metadata"]["resourceVersion"]


async def list_jobs(table: Table, api: ApiServer, on_page: Callable[[], object] = lambda: None) -> None:
    """Tell the table of all Jobs there are, and of those that it knows and that are no more."""
    before = [(uid, run.uid) for uid, entry in table.entries.items() for run in entry.runs.values()]
    listed = set()
    async for page in api.pages(paths.ALL_JOBS, **_OURS):
        on_page()
        for job in page:
            table.see_job(job)
            listed.add(job["metadata"]["uid"])
    for timer_uid, job_uid in before:
        if job_uid not in listed:
            table.run_gone(timer_uid, job_uid)
