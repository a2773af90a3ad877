"""Namespaces whose timers this worker does not fire: those that it is not to serve, and those that it may not read.

Their tickets are given back, for another worker may know better: while settings or rights are being changed, workers
differ. But each look costs something, and there can be many tickets: so the longer that lasts, the more seldom they are
looked at, and once a minute in the end.
"""

import logging
from collections.abc import Callable, Sequence

from controller.core.refusal import try_again_ms
from controller.kube.errors import ApiError
from controller.loops import wall_clock_ms
from controller.observe.health import Health

log = logging.getLogger(__name__)

_OTHERS = ""
"""All that are not served: their names come from Redis, and there may be any number of them."""


class Refusals:
    """What of the namespaces that a worker serves, none of them being all, is refused, and since when."""

    def __init__(
        self,
        namespaces: Sequence[str] = (),
        health: Health | None = None,
        now_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self._served = frozenset(namespaces)
        self._health = health or Health()
        self._now_ms = now_ms
        self._since_ms: dict[str, int] = {}

    def serves(self, namespace: str) -> bool:
        """Whether timers there are to be fired by this worker at all."""
        return not self._served or namespace in self._served

    def turn_away(self, namespace: str) -> int:
        """There was a ticket of a namespace that is not served; when to look at it again, ms since the epoch."""
        if _OTHERS not in self._since_ms:
            log.warning("tickets of namespaces that are not served are given back", extra={"namespace": namespace})
        return self._look_ms(_OTHERS)

    def refuses(self, namespace: str, error: Exception) -> int | None:
        """When to look again, where an answer says that nothing may be read there; None where it does not."""
        # Where all are served, a refusal is about all of them, and passes: an API server has just started.
        if namespace not in self._served or not isinstance(error, ApiError) or error.status != 403:
            return None
        self._health.remark(f"namespace {namespace}", f"is not served: {error.message}")
        return self._look_ms(namespace)

    def grants(self, namespace: str) -> None:
        """Something was read there."""
        if self._since_ms.pop(namespace, None) is not None:
            log.info("namespace is served from now on", extra={"namespace": namespace})
            self._health.withdraw(f"namespace {namespace}")

    def _look_ms(self, namespace: str) -> int:
        now_ms = self._now_ms()
        return try_again_ms(self._since_ms.setdefault(namespace, now_ms), now_ms, None)
