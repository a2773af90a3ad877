"""The leases that this worker holds, and how long each is safe by its own monotonic clock."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from controller.index.messages import Lease
from controller.kube.errors import ApiUnreachableError
from controller.observe import metrics

Answer = TypeVar("Answer")

_SAFE_PART = 0.8
"""Of a lease's duration: after it the worker counts the lease as lost, before any other can act on its expiry."""


class Leases:
    """What is held. A worker that was paused for longer than a lease finds it unsafe here, whatever Redis says."""

    def __init__(self, duration_s: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._duration_s = duration_s
        self._monotonic = monotonic
        self._safe_until: dict[str, tuple[Lease, float]] = {}
        self._fewer = asyncio.Event()

    def __len__(self) -> int:
        return len(self._safe_until)

    def now_s(self) -> float:
        """The monotonic clock. Read it *before* the call that grants or renews a lease."""
        return self._monotonic()

    def hold(self, leases: Iterable[Lease], asked_at_s: float) -> None:
        """These were granted or renewed by a call that began at `asked_at_s`."""
        for lease in leases:
            self._safe_until[lease.token + lease.ticket] = lease, asked_at_s + self._duration_s * _SAFE_PART
        metrics.HELD.set(len(self))

    def let_go(self, lease: Lease) -> None:
        """Given back, acknowledged or lost."""
        self._safe_until.pop(lease.token + lease.ticket, None)
        self._fewer.set()
        metrics.HELD.set(len(self))

    def is_safe(self, lease: Lease) -> bool:
        """Whether nobody else can have this lease yet."""
        return self.left_s(lease) > 0

    def left_s(self, lease: Lease) -> float:
        """For how long nobody else can have this lease, in seconds, unless it is renewed."""
        _, until = self._safe_until.get(lease.token + lease.ticket, (lease, 0.0))
        return max(0.0, until - self._monotonic())

    async def outlast(self, lease: Lease, asked: Awaitable[Answer]) -> Answer:
        """What is asked of the API server under a lease ends before the lease can: with ApiUnreachableError."""
        try:
            async with asyncio.timeout(self.left_s(lease)):
                return await asked
        except TimeoutError:
            raise ApiUnreachableError("no answer before the lease ran out") from None

    def held(self) -> list[Lease]:
        """All that are held."""
        return [lease for lease, _ in self._safe_until.values()]

    async def fewer(self) -> None:
        """Wait until some lease is let go."""
        self._fewer.clear()
        await self._fewer.wait()
