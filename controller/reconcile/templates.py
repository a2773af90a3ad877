"""Checks each jobTemplate once per generation, by creating its Job as a dry run: a typo is known when it is applied."""

import time
from collections.abc import Callable

import orjson

from controller.core.conditions import condition
from controller.core.job import job_manifest
from controller.core.template import TemplateCheck, accepted, refused
from controller.core.timer import Timer, parse_timer
from controller.kube import paths
from controller.kube.api import ApiServer
from controller.kube.errors import ApiError

_BURST_S = 1.0


class Templates:
    """Dry runs, so many a second: a hundred thousand timers applied at once must not keep the API server busy."""

    def __init__(self, api: ApiServer, per_second: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._api = api
        self._interval_s = 1 / per_second
        self._monotonic = monotonic
        self._free_at_s = 0.0
        self._turns: dict[str, float] = {}

    async def look(self, timer: Timer) -> TemplateCheck | float | None:
        """What a check finds; or in how many seconds it is this timer's turn; or None where no check is needed.

        Raises ApiUnreachableError, and ApiError where the server has no capacity.
        """
        if not _is_unchecked(timer):
            self._turns.pop(timer.uid, None)
            return None
        now = self._monotonic()
        if timer.uid not in self._turns:
            self._turns[timer.uid] = self._next_turn(now)
        wait_s = self._turns[timer.uid] - now
        if wait_s > 0:
            return wait_s
        del self._turns[timer.uid]
        return await self._check(timer)

    def forget(self, uid: str) -> None:
        """This timer is gone."""
        self._turns.pop(uid, None)

    def _next_turn(self, now: float) -> float:
        self._free_at_s = max(self._free_at_s, now - _BURST_S) + self._interval_s
        return self._free_at_s

    async def _check(self, timer: Timer) -> TemplateCheck | None:
        # Templates are not kept in the table: they are by far the largest part of a timer.
        whole = parse_timer(await self._api.get(paths.timer(timer.namespace, timer.name)))
        if whole.uid != timer.uid or whole.generation != timer.generation:
            # News of this are on the way, and bring it here again.
            return None
        manifest = job_manifest(whole, timer.created_ms)
        manifest["metadata"]["generateName"] = f"{manifest['metadata'].pop('name')[:50]}-"
        try:
            await self._api.create(
                paths.jobs(timer.namespace), orjson.dumps(manifest), dryRun="All", fieldValidation="Strict"
            )
        except ApiError as error:
            if error.overloaded:
                raise
            return refused(timer.generation, error.status, error.message, error.causes)
        return accepted(timer.generation)


def _is_unchecked(timer: Timer) -> bool:
    if timer.problem is not None or timer.being_deleted:
        return False
    return condition(timer.status, "TemplateValid").get("observedGeneration") != timer.generation
