"""How much the API server can take: one that is overloaded or away is asked less, and no timer is blamed for it."""

import math
import time
from collections.abc import Callable

from controller.kube.errors import ApiError, ApiUnreachableError

_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 10.0
_LONGEST_ASKED_S = 60.0


class Pace:
    """Pauses all claiming after an answer (or none) that says the server has no capacity for anybody."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._pause_s = _FIRST_PAUSE_S
        self._resume_at = -math.inf

    def pause_s(self) -> float:
        """How long not to claim anything; 0 for go on."""
        return max(0.0, self._resume_at - self._monotonic())

    def slow_down(self, error: ApiError | ApiUnreachableError) -> float:
        """Pause, for as long as the server asks or else twice as long as the time before; how long, in seconds."""
        if self.pause_s() == 0.0:
            asked = error.retry_after_s if isinstance(error, ApiError) else None
            pause_s = min(asked or self._pause_s, _LONGEST_ASKED_S)
            self._resume_at = self._monotonic() + pause_s
            self._pause_s = min(self._pause_s * 2, _LONGEST_PAUSE_S)
        return self.pause_s()

    def recovered(self) -> None:
        """The server answers again."""
        self._pause_s = _FIRST_PAUSE_S
