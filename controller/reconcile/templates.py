"""Checks each jobTemplate once per generation, by creating its Job as a dry run: a typo is known when it is applied."""

import asyncio
import logging
import time
from collections.abc import Callable

from controller.core.job import job_manifest
from controller.core.nesting import write_json
from controller.core.template import TemplateCheck, accepted, refused, unanswered
from controller.core.timer import Timer, parse_timer
from controller.kube import paths
from controller.kube.api import ApiServer
from controller.kube.errors import ApiError, ApiUnreachableError
from controller.observe.health import Health
from controller.reconcile.table import Table

log = logging.getLogger(__name__)

_AT_ONCE = 8
_TROUBLE_PAUSE_S = 5.0
_NAME_LIMIT = 50


class Templates:
    """Dry runs, so many a second: a hundred thousand timers applied at once must not keep the API server busy."""

    def __init__(
        self,
        table: Table,
        api: ApiServer,
        health: Health,
        per_second: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._table = table
        self._api = api
        self._health = health
        self._per_second = per_second
        self._monotonic = monotonic

    async def step(self) -> bool:
        """Check a handful of templates side by side, then wait as long as the rate says."""
        uids = await self._table.to_check.take(_AT_ONCE)
        self._health.beat("templates")
        started = self._monotonic()
        await asyncio.gather(*(self._try(uid) for uid in uids))
        await asyncio.sleep(max(0.0, len(uids) / self._per_second - (self._monotonic() - started)))
        return True

    async def _try(self, uid: str) -> None:
        entry = self._table.entries.get(uid)
        if entry is None:
            return
        timer = entry.timer
        keys = {"timer": f"{timer.namespace}/{timer.name}"}
        try:
            found = await self._check(timer)
        except (ApiError, ApiUnreachableError) as error:
            log.warning("template not checked, trying again: %s", error, extra=keys)
            self._table.to_check.add(uid, _TROUBLE_PAUSE_S)
            return
        except Exception:
            # Status does not wait for what will not come.
            log.exception("unexpected error, template not checked", extra=keys)
            found = unanswered(timer.generation, "an unexpected error, see the log of the controller")
        if found is not None:
            self._table.template_checked(uid, found)

    async def _check(self, timer: Timer) -> TemplateCheck | None:
        """What the API server says; None where the timer is another one by now, of which news are on the way."""
        # Templates are not kept in the table: they are by far the largest part of a timer.
        try:
            whole = parse_timer(await self._api.get(paths.timer(timer.namespace, timer.name)))
        except ApiError as error:
            if error.status == 404:
                return None
            raise
        if whole.uid != timer.uid or whole.generation != timer.generation:
            return None
        manifest = job_manifest(whole, timer.created_ms)
        manifest["metadata"]["generateName"] = f"{manifest['metadata'].pop('name')[:_NAME_LIMIT]}-"
        body = write_json(manifest)
        try:
            await self._api.create(paths.jobs(timer.namespace), body, dryRun="All", fieldValidation="Strict")
        except ApiError as error:
            if error.overloaded:
                raise
            return refused(timer.generation, error.status, error.message, error.causes)
        except ApiUnreachableError as error:
            # The timer could be read just before: a webhook that takes too long answers for the server.
            return unanswered(timer.generation, str(error))
        return accepted(timer.generation)
