"""The poll-and-lock loop: claim what is due soon, hand each lease on, sleep until the next is due."""

import asyncio
import itertools
import logging
import secrets
from collections.abc import Callable

from redis.exceptions import AuthenticationError, RedisError

from controller.index.index import Index, IndexInvalidError
from controller.index.messages import Lease
from controller.loops import wall_clock_ms
from controller.observe import metrics
from controller.observe.health import Health
from controller.settings import Settings
from controller.worker.alarm import Alarm
from controller.worker.leases import Leases
from controller.worker.pace import Pace

log = logging.getLogger(__name__)

_TROUBLE_PAUSE_S = 0.5


class Poll:
    """Claims leases and passes each to `handle`."""

    def __init__(
        self,
        index: Index,
        leases: Leases,
        pace: Pace,
        alarm: Alarm,
        health: Health,
        settings: Settings,
        handle: Callable[[Lease], None],
        now_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self._index = index
        self._leases = leases
        self._pace = pace
        self._alarm = alarm
        self._health = health
        self._settings = settings
        self._handle = handle
        self._now_ms = now_ms
        # A token is new with every claim, and with every process: it must never match one from before a wipe.
        process = f"{settings.identity}.{secrets.token_hex(4)}"
        self._tokens = (f"{process}.{number}" for number in itertools.count(1))
        # Capped, so that nothing depends on a hint: whatever is due gets found before its time all the same.
        self._longest_sleep_s = settings.ahead_seconds / 2

    async def step(self) -> bool:
        """Claim once, then sleep until it is worth claiming again. Always True: the caller decides when to end."""
        self._health.beat("poll")
        pause_s = self._pace.pause_s()
        if pause_s > 0:
            self._health.hinder("api", "does not answer, or has no time")
            await asyncio.sleep(min(pause_s, 1))
            return True
        self._health.clear("api")
        free = min(self._settings.claim_batch, self._settings.prepared_limit - len(self._leases))
        if free <= 0:
            await self._leases.fewer()
            return True
        self._alarm.reset()
        asked_at_s = self._leases.now_s()
        try:
            claim = await self._index.claim(
                next(self._tokens),
                free,
                round(self._settings.ahead_seconds * 1000),
                round(self._settings.lease_seconds * 1000),
            )
        except IndexInvalidError:
            self._trouble("is not rebuilt yet: workers wait for a controller")
            await asyncio.sleep(_TROUBLE_PAUSE_S)
            return True
        except AuthenticationError as error:
            self._trouble(f"does not let us in ({error}): see --redis-username and --redis-password-file")
            await asyncio.sleep(_TROUBLE_PAUSE_S)
            return True
        except (RedisError, OSError) as error:
            self._trouble(f"does not answer: {error}")
            await asyncio.sleep(_TROUBLE_PAUSE_S)
            return True
        self._well()
        metrics.CLAIMED.inc(len(claim.leases))
        self._leases.hold(claim.leases, asked_at_s)
        for lease in claim.leases:
            self._handle(lease)
        if len(claim.leases) < free:
            if claim.next_due_ms is not None:
                # The server's clock found this due time: sleep by the difference, not by two clocks.
                ahead_ms = round(self._settings.ahead_seconds * 1000)
                self._alarm.set(self._now_ms() + claim.next_due_ms - claim.now_ms - ahead_ms)
            await self._alarm.sleep(self._now_ms(), self._longest_sleep_s)
        return True

    def _trouble(self, why: str) -> None:
        if self._health.obstacles.get("index") != why:
            log.warning("index %s", why, extra={"worker": self._settings.identity})
        self._health.hinder("index", why)
        metrics.INDEX_VALID.set(0)

    def _well(self) -> None:
        if self._health.obstacles.pop("index", None):
            log.info("index is ready", extra={"worker": self._settings.identity})
        metrics.INDEX_VALID.set(1)
