"""Looks after the index: sees within a second when it was lost, and has it rebuilt."""

import asyncio
import logging
import time
from collections.abc import Callable

from redis.exceptions import RedisError

from controller.index.index import Index
from controller.kube.errors import ApiError, ApiUnreachableError
from controller.observe import metrics
from controller.observe.health import Health
from controller.reconcile.outcomes import Outcomes
from controller.reconcile.rebuild import Rebuild
from controller.settings import SettingsError

log = logging.getLogger(__name__)

_PAUSE_S = 1.0
_OVERDUE_S = 5.0
"""So soon a rebuild follows one that was refused what it should have been allowed."""


class Guardian:
    """Rebuilds at the start, whenever the index is invalid, and every so often in any case."""

    def __init__(
        self,
        index: Index,
        rebuild: Rebuild,
        outcomes: Outcomes,
        health: Health,
        every_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._index = index
        self._rebuild = rebuild
        self._outcomes = outcomes
        self._health = health
        self._every_s = every_s
        self._monotonic = monotonic
        self._rebuilt_at: float | None = None
        self.rebuilt = asyncio.Event()
        """Set by the first rebuild: from then on the index is known to be this cluster's."""

    async def step(self) -> bool:
        """Look once, rebuild where needed, pause."""
        self._health.beat("guardian")
        try:
            state = await self._index.inspect()
            metrics.INDEX_VALID.set(state.valid)
            metrics.TICKETS.set(state.tickets)
            metrics.DUE.set(state.due)
            metrics.OLDEST_DUE.set((state.now_ms - state.oldest_due_ms) / 1000 if state.oldest_due_ms else 0)
            valid = state.valid
            if self._is_time(valid):
                if not valid:
                    self._health.hinder("index", "is being rebuilt")
                if await self._rebuild.run():
                    valid = True
                    self._rebuilt_at = self._monotonic()
                    self.rebuilt.set()
                    self._outcomes.again()
            if valid and self.rebuilt.is_set():
                self._health.clear("index")
        except (ApiError, ApiUnreachableError) as error:
            if isinstance(error, ApiError) and error.status == 404:
                raise SettingsError(
                    "the API server does not know RedisTimers: install crds/redistimers.yaml, then start again"
                ) from None
            self._trouble(f"cannot be rebuilt: {error}")
        except (RedisError, OSError) as error:
            self._trouble(f"cannot be reached: {error}")
            metrics.INDEX_VALID.set(0)
            metrics.forget_backlog()
        await asyncio.sleep(_PAUSE_S)
        return True

    def _is_time(self, valid: bool) -> bool:
        if not valid or self._rebuilt_at is None:
            return True
        return self._monotonic() - self._rebuilt_at >= (_OVERDUE_S if self._rebuild.is_overdue else self._every_s)

    def _trouble(self, why: str) -> None:
        log.warning("index %s", why)
        self._health.hinder("index", why)
