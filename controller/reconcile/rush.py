"""Whether very many Jobs are being created right now. Then the API server is theirs, and all that can wait does.

A write of status costs the API server more than the creation of a Job: where a thousand timers are due at once, the
statuses of the first would delay the Jobs of the last by seconds.
"""

import time
from collections import deque
from collections.abc import Callable

MANY = 100
"""So many new Jobs within a second are a rush."""
LONGEST_S = 10.0
"""After so long nobody waits any more: it is the usual load, and status must not fall behind for good."""

_WITHIN_S = 1.0
_CALM_S = 0.5
"""A rush is over when it was none for so long."""


class Rush:
    """Hears of each new Job, and says whether to give way to them."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._latest: deque[float] = deque(maxlen=MANY)
        self._began_s = self._lasted_until_s = -LONGEST_S

    def hear(self) -> None:
        """A Job is new."""
        now_s = self._monotonic()
        self._latest.append(now_s)
        if len(self._latest) < MANY or now_s - self._latest[0] > _WITHIN_S:
            return
        if not self._lasts(now_s):
            self._began_s = now_s
        self._lasted_until_s = now_s

    def is_on(self) -> bool:
        """Whether what can wait should."""
        now_s = self._monotonic()
        return self._lasts(now_s) and now_s - self._began_s < LONGEST_S

    def _lasts(self, now_s: float) -> bool:
        return now_s - self._lasted_until_s <= _CALM_S
