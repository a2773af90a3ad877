"""The worker's small loops: renewing leases, reaping those of others, hearing of earlier work."""

import asyncio
import contextlib
import logging
from collections.abc import Callable

from redis.exceptions import RedisError

from controller.index.index import Index, IndexInvalidError
from controller.loops import wall_clock_ms
from controller.observe import metrics
from controller.observe.health import Health
from controller.settings import Settings
from controller.worker.alarm import Alarm
from controller.worker.leases import Leases

log = logging.getLogger(__name__)

_RENEW_BATCH = 500
_REAP_BATCH = 500
_TROUBLE_PAUSE_S = 1.0


class Renewal:
    """Extends the leases that are held, three times within their duration."""

    def __init__(self, index: Index, leases: Leases, health: Health, settings: Settings) -> None:
        self._index = index
        self._leases = leases
        self._health = health
        self._lease_ms = round(settings.lease_seconds * 1000)
        self._pause_s = settings.lease_seconds / 3

    async def step(self) -> bool:
        """Renew all, then sleep. A lease found lost is let go; an index that is away is asked again next time."""
        self._health.beat("renewal")
        held = self._leases.held()
        with contextlib.suppress(RedisError, OSError):
            for start in range(0, len(held), _RENEW_BATCH):
                batch = held[start : start + _RENEW_BATCH]
                asked_at_s = self._leases.now_s()
                still_held = await self._index.renew(batch, self._lease_ms)
                # Handled meanwhile is not lost, and must not be held again either.
                current = {(lease.ticket, lease.token) for lease in self._leases.held()}
                for lease, ours in zip(batch, still_held, strict=True):
                    if (lease.ticket, lease.token) not in current:
                        continue
                    if ours:
                        metrics.LEASES_RENEWED.inc()
                        self._leases.hold([lease], asked_at_s)
                    else:
                        metrics.LEASES_LOST.inc()
                        self._leases.let_go(lease)
        await asyncio.sleep(self._pause_s)
        return True


class Reaper:
    """Puts tickets back to due whose worker has fallen silent."""

    def __init__(self, index: Index, alarm: Alarm, health: Health, settings: Settings) -> None:
        self._index = index
        self._alarm = alarm
        self._health = health
        self._longest_lease_ms = 10 * round(settings.lease_seconds * 1000)
        self._pause_s = settings.reap_seconds

    async def step(self) -> bool:
        """Reap a batch, then sleep, unless there is more."""
        self._health.beat("reaper")
        reaped = 0
        # The poll loop reports both kinds of trouble; here they only mean nothing to reap.
        with contextlib.suppress(IndexInvalidError, RedisError, OSError):
            reaped = await self._index.reap(_REAP_BATCH, self._longest_lease_ms)
        if reaped:
            log.info("leases ran out and were taken back", extra={"count": reaped})
            metrics.LEASES_REAPED.inc(reaped)
            self._alarm.set(0)
        if reaped < _REAP_BATCH:
            await asyncio.sleep(self._pause_s)
        return True


class Hints:
    """Listens for what the controller announces as due earlier than all before. Only a hint: sleep is capped."""

    def __init__(
        self, index: Index, alarm: Alarm, settings: Settings, now_ms: Callable[[], int] = wall_clock_ms
    ) -> None:
        self._index = index
        self._alarm = alarm
        self._now_ms = now_ms
        self._ahead_ms = round(settings.ahead_seconds * 1000)

    async def step(self) -> bool:
        """Listen until the connection breaks; then pause, for the next step to connect again."""
        try:
            async with self._index.redis.pubsub() as subscription:
                await subscription.subscribe(self._index.keys.due)
                while True:
                    message = await subscription.get_message(ignore_subscribe_messages=True, timeout=30)
                    if message is not None:
                        self._heard(message["data"])
        except (RedisError, OSError) as error:
            log.debug("no hints for now: %s", error)
        await asyncio.sleep(_TROUBLE_PAUSE_S)
        return True

    def _heard(self, text: object) -> None:
        try:
            due_ms = float(str(text))
        except ValueError:
            due_ms = self._now_ms()
        self._alarm.set(due_ms - self._ahead_ms)
