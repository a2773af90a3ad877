"""The Jobs of one timer, kept in view: listed, watched, and listed again whenever the watch ends."""

import asyncio
from collections.abc import Callable
from typing import Any

from controller.core.backfill import Ended, Tally
from controller.core.job import TIMER_UID_LABEL, Run, parse_run
from controller.core.timer import Timer
from controller.kube import paths
from controller.kube.api import ApiServer
from controller.kube.errors import ApiError, ApiUnreachableError

_PAGE = 500
_GONE = 410
_PAUSES_S = (1.0, 2.0, 4.0, 8.0)


async def list_runs(api: ApiServer, timer: Timer) -> tuple[list[Run], str]:
    """All Jobs of a timer, and the resourceVersion at which they were so."""
    parameters = {"labelSelector": f"{TIMER_UID_LABEL}={timer.uid}", "limit": str(_PAGE)}
    runs: list[Run] = []
    while True:
        page = await api.get(paths.jobs(timer.namespace), **parameters)
        runs += [run for item in page["items"] if (run := run_of(timer, item)) is not None]
        parameters["continue"] = page["metadata"].get("continue", "")
        if not parameters["continue"]:
            return runs, page["metadata"]["resourceVersion"]


def run_of(timer: Timer, job: dict[str, Any]) -> Run | None:
    """The Run of a Job, or None where this timer does not own it."""
    run = parse_run(job)
    return run if run is not None and run.timer_uid == timer.uid else None


class JobsInView:
    """Keeps a Tally true. `on_change` is called after whatever may have changed it, `on_end` with each end."""

    def __init__(
        self,
        api: ApiServer,
        timer: Timer,
        tally: Tally,
        on_change: Callable[[], None],
        on_end: Callable[[Ended], None],
        on_trouble: Callable[[str], None],
    ) -> None:
        self._api = api
        self._timer = timer
        self._tally = tally
        self._on_change = on_change
        self._on_end = on_end
        self._on_trouble = on_trouble
        self.complete = False
        """Whether all Jobs have been listed once."""

    async def follow(self) -> None:
        """Do so until cancelled. Raises ApiError where the API server refuses it; what may pass is waited for."""
        failures = 0
        while True:
            try:
                version = await self._list()
                failures = 0
                await self._watch(version)
            except ApiError as error:
                if error.status == _GONE:
                    continue
                if not error.overloaded:
                    raise
                await self._wait_a_while(error, failures)
                failures += 1
            except ApiUnreachableError as error:
                await self._wait_a_while(error, failures)
                failures += 1

    def see(self, run: Run) -> None:
        """A Job as an answer to a request shows it."""
        self._tell(self._tally.see(run))

    async def _list(self) -> str:
        before = self._tally.active_uids()
        runs, version = await list_runs(self._api, self._timer)
        for ended in self._tally.listed(runs, before):
            self._on_end(ended)
        self.complete = True
        self._on_change()
        return version

    async def _watch(self, version: str) -> None:
        selector = f"{TIMER_UID_LABEL}={self._timer.uid}"
        async for event in self._api.watch(paths.jobs(self._timer.namespace), version, labelSelector=selector):
            run = run_of(self._timer, event["object"])
            if run is not None:
                # A Job that loses its label is deleted as far as a watch goes by it. That is as good as gone.
                self._tell(self._tally.gone(run) if event["type"] == "DELETED" else self._tally.see(run))

    def _tell(self, ended: Ended | None) -> None:
        if ended is not None:
            self._on_end(ended)
        self._on_change()

    async def _wait_a_while(self, error: Exception, failures: int) -> None:
        pause_s = _PAUSES_S[min(failures, len(_PAUSES_S) - 1)]
        if failures:
            self._on_trouble(f"the Jobs cannot be watched now, trying again in {pause_s:.0f} s: {error}")
        await asyncio.sleep(pause_s)
