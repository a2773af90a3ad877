"""Posts Events about timers: in the background, within a budget, so that neither status nor the cluster waits."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from controller.core.events import EventDraft
from controller.core.instants import rfc3339
from controller.core.timer import API_VERSION, KIND, Timer
from controller.kube import paths
from controller.kube.api import ApiServer
from controller.kube.errors import ApiError, ApiUnreachableError
from controller.loops import wall_clock_ms
from controller.observe import metrics
from controller.observe.health import Health

log = logging.getLogger(__name__)

BURST = 25
"""So many Events of a type a timer may have at once, and then one every five minutes: the limits of client-go's
recorder (tools/record), so that a timer that fires every second does not flood its namespace. Status counts all."""

_REFILL_S = 300.0
LONGEST_QUEUE = 2_000
"""Of each type. An API server that is slow takes fewer than there are: what is older than these is old news."""

_IDLE_S = 5.0
_MESSAGE_LIMIT = 1024
_REMEMBERED = 100_000

_Event = dict[str, Any]


class Herald:
    """Tells namespaces what goes on with their timers; what went wrong before what went well."""

    def __init__(
        self,
        api: ApiServer,
        health: Health,
        identity: str,
        per_second: float,
        monotonic: Callable[[], float] = time.monotonic,
        now_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self._api = api
        self._health = health
        self._identity = identity
        self._pause_s = 1 / per_second
        self._monotonic = monotonic
        self._now_ms = now_ms
        self._warnings: deque[_Event] = deque(maxlen=LONGEST_QUEUE)
        self._normal: deque[_Event] = deque(maxlen=LONGEST_QUEUE)
        self._more = asyncio.Event()
        self._used_up: dict[tuple[str, str], float] = {}

    def tell(self, timer: Timer, drafts: Sequence[EventDraft]) -> None:
        """Have these posted, as far as the timer's budget goes. An Event is never the only place that says so."""
        for draft in drafts:
            if not self._may_say(timer.uid, draft.kind):
                metrics.EVENTS.labels("over budget").inc()
                continue
            queue = self._warnings if draft.kind == "Warning" else self._normal
            if len(queue) == queue.maxlen:
                # The oldest one has to go.
                metrics.EVENTS.labels("over budget").inc()
            queue.append(self._event(timer, draft))
            self._more.set()

    @property
    def waiting(self) -> int:
        """How many Events are still to be posted."""
        return len(self._warnings) + len(self._normal)

    async def step(self) -> bool:
        """Post one, then leave the API server to others for a moment."""
        self._health.beat("events")
        self._more.clear()
        if not self._warnings and not self._normal:
            try:
                async with asyncio.timeout(_IDLE_S):
                    await self._more.wait()
            except TimeoutError:
                pass
            return True
        event = (self._warnings or self._normal).popleft()
        namespace = event["metadata"]["namespace"]
        try:
            await self._api.create(paths.events(namespace), orjson.dumps(event))
            metrics.EVENTS.labels("written").inc()
        except (ApiError, ApiUnreachableError) as error:
            # The condition says the same, and lasts. In a namespace that is being deleted no Event can be made.
            metrics.EVENTS.labels("failed").inc()
            log.info("event not written: %s", error, extra={"timer": f"{namespace}/{event['involvedObject']['name']}"})
        await asyncio.sleep(self._pause_s)
        return True

    def _may_say(self, uid: str, kind: str) -> bool:
        # A bucket is kept as the moment up to which it is used up: in the past, for as many as may still be said.
        now = self._monotonic()
        used_up = max(self._used_up.pop((uid, kind), -_REFILL_S * BURST), now - _REFILL_S * BURST)
        allowed = used_up + _REFILL_S <= now
        self._used_up[uid, kind] = used_up + _REFILL_S * allowed
        if len(self._used_up) > _REMEMBERED:
            del self._used_up[next(iter(self._used_up))]
        return allowed

    def _event(self, timer: Timer, draft: EventDraft) -> _Event:
        now = rfc3339(self._now_ms() // 1000 * 1000)
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{timer.name}.{time.time_ns():x}", "namespace": timer.namespace},
            "involvedObject": {
                "apiVersion": API_VERSION,
                "kind": KIND,
                "namespace": timer.namespace,
                "name": timer.name,
                "uid": timer.uid,
                "resourceVersion": timer.resource_version,
            },
            "type": draft.kind,
            "reason": draft.reason,
            "message": draft.message[:_MESSAGE_LIMIT],
            "source": {"component": "redistimer-controller", "host": self._identity},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
