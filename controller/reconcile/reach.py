"""Which namespaces can be looked at, where this installation serves only some (--namespaces).

A namespace that does not exist yet, or in which nothing is granted, is out of reach: the API server answers 403. It
delays no other one. Whoever is refused asks again every few seconds, and so it is served once it is there.
"""

import logging
from collections.abc import Awaitable, Sequence

from controller.kube.errors import ApiError, ApiUnreachableError
from controller.observe import metrics
from controller.observe.health import Health

log = logging.getLogger(__name__)

REFUSED_PAUSE_S = 5.0
"""After so long what was refused is asked for again."""

Place = str | None
"""A namespace, or None for all of them at once."""


class Reach:
    """Hears of every refusal, and tells people: in log, readiness and metric.

    Of the cluster as a whole it knows nothing: where that is refused, nothing works, and whoever asked says so.
    """

    def __init__(self, namespaces: Sequence[str] = (), health: Health | None = None) -> None:
        """No namespaces are all of them."""
        self.places: tuple[Place, ...] = tuple(namespaces) or (None,)
        self._health = health or Health()
        self._refused: dict[str, dict[str, str]] = {}

    @property
    def out(self) -> frozenset[str]:
        """The namespaces in which something is refused."""
        return frozenset(self._refused)

    def refuses(self, place: Place, what: str, error: ApiError) -> bool:
        """Take an answer to a question for `what` there; whether it says that this namespace is out of reach."""
        if place is None or error.status != 403:
            return False
        if place not in self._refused:
            log.warning("namespace is not served until this is granted: %s", error, extra={"namespace": place})
        self._refused.setdefault(place, {})[what] = error.message
        self._tell(place)
        return True

    def grants(self, place: Place, what: str) -> None:
        """What was asked for there was answered."""
        if place is None:
            return
        refused = self._refused.get(place, {})
        refused.pop(what, None)
        if place in self._refused and not refused:
            del self._refused[place]
            log.info("namespace is served from now on", extra={"namespace": place})
        self._tell(place)

    async def lets(self, place: Place, what: str, question: Awaitable[object]) -> bool:
        """Ask, only to see whether that is refused. Other trouble is for whoever asks in earnest."""
        try:
            await question
        except ApiError as error:
            return not self.refuses(place, what, error)
        except ApiUnreachableError:
            return True
        self.grants(place, what)
        return True

    def _tell(self, place: str) -> None:
        refused, part = self._refused.get(place), f"namespace {place}"
        metrics.IN_REACH.labels(place).set(refused is None)
        if refused:
            self._health.remark(part, f"is not served: {'; '.join(refused.values())}")
        else:
            self._health.withdraw(part)
        if len(self._refused) == len(self.places):
            self._health.hinder("namespaces", "none of them is granted, or none exists")
        else:
            self._health.clear("namespaces")
