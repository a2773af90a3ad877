"""Posts Events about timers. Warnings always; what is merely said to go well, within a budget."""

import logging
import time
from collections.abc import Callable, Sequence

import orjson

from controller.core.events import EventDraft
from controller.core.instants import rfc3339
from controller.core.timer import API_VERSION, KIND, Timer
from controller.kube import paths
from controller.kube.api import ApiServer
from controller.kube.errors import ApiError, ApiUnreachableError
from controller.loops import wall_clock_ms
from controller.reconcile.table import Entry

log = logging.getLogger(__name__)

BURST = 25
"""So many Normal Events a timer may have at once, and then one every five minutes: the limits of client-go's recorder
(tools/events), so that a timer that fires every second does not flood its namespace."""

_REFILL_S = 300.0
_MESSAGE_LIMIT = 1024


class Herald:
    """Tells a namespace what goes on with its timers. An Event that cannot be written is no error: status says more."""

    def __init__(self, api: ApiServer, identity: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._api = api
        self._identity = identity
        self._monotonic = monotonic

    async def tell(self, entry: Entry, timer: Timer, drafts: Sequence[EventDraft]) -> None:
        """Post these, as far as the budget of this timer goes."""
        for number, draft in enumerate(drafts):
            if draft.kind == "Normal" and not self._may_say(entry):
                continue
            try:
                event = self._event(timer, draft, time.time_ns() + number)
                await self._api.create(paths.events(timer.namespace), orjson.dumps(event))
            except (ApiError, ApiUnreachableError) as error:
                # The condition says the same, and lasts. In a namespace that is being deleted no Event can be made.
                log.info("event not written: %s", error, extra={"timer": f"{timer.namespace}/{timer.name}"})

    def _may_say(self, entry: Entry) -> bool:
        # A moment in the past for each that may still be said at once.
        now = self._monotonic()
        entry.next_event_at_s = max(entry.next_event_at_s, now - BURST * _REFILL_S) + _REFILL_S
        if entry.next_event_at_s <= now:
            return True
        entry.next_event_at_s -= _REFILL_S
        return False

    def _event(self, timer: Timer, draft: EventDraft, unique: int) -> dict[str, object]:
        now = rfc3339(wall_clock_ms() // 1000 * 1000)
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{timer.name}.{unique:x}", "namespace": timer.namespace},
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
