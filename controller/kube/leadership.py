"""One leader by a coordination.k8s.io Lease.

The rules are client-go's (tools/leaderelection): clocks of different machines are never compared. A standby
waits until it has itself seen the Lease unchanged for the whole lease duration; a leader gives up, by its own
monotonic clock, before any standby can come to that.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from controller.kube import paths
from controller.kube.api import ApiServer
from controller.kube.errors import ApiError, ApiUnreachableError, LeadershipLostError

LEASE_NAME = "redistimer-controller"
INDEX_OWNER = "redistimer.dev/index-owner"
"""The annotation that says by which name the leader's index knows this cluster."""
NAMESPACES = "redistimer.dev/namespaces"
"""The annotation that says which namespaces the leader serves, by commas; empty: all."""

_GIVE_UP_AT = 2 / 3
"""Of the lease duration without a renewal, the part after which a leader stops being one."""


class Leadership:
    """Strives for one Lease. `await step()` every couple of seconds; `held` says whether to lead."""

    def __init__(
        self,
        api: ApiServer,
        namespace: str,
        installation: str,
        identity: str,
        duration_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = api
        self._namespace = namespace
        self._name = LEASE_NAME if installation == "default" else f"{LEASE_NAME}-{installation}"
        self._identity = identity
        self._duration_s = duration_s
        self._monotonic = monotonic
        self._seen: tuple[object, ...] = ()
        self._seen_at = monotonic()
        self._held_until = 0.0
        self._has_asked = False
        self._own_notes: dict[str, str] = {}
        self.notes: Mapping[str, str] = {}
        """The annotations of the Lease, as it was read last: what this leader has noted, or the one before."""
        self.trouble: str | None = None
        """Why the last step could not even ask, None where it could."""

    @property
    def held(self) -> bool:
        """Whether this process leads now."""
        return self._monotonic() < self._held_until

    def note(self, annotation: str, value: str) -> None:
        """Have the Lease say so, from its next renewal on."""
        self._own_notes[annotation] = value

    @property
    def left_s(self) -> float:
        """For how long leading is safe without another renewal."""
        return max(0.0, self._held_until - self._monotonic())

    @property
    def pause_s(self) -> float:
        """How long to wait between two steps: a leader gets several tries before it must give up."""
        return self._duration_s / 6

    async def step(self) -> bool:
        """Take or renew the Lease where possible; whether it is held. An API server that is away changes nothing."""
        asked_at = self._monotonic()
        self.trouble = None
        try:
            if await self._take():
                self._held_until = asked_at + self._duration_s * _GIVE_UP_AT
            self._has_asked = True
        except ApiUnreachableError as error:
            self.trouble = str(error)
        except ApiError as error:
            # 409: somebody else was quicker. Overload passes. Anything else will not mend itself; unless it worked
            # before: an API server that has just started refuses what it has not read the rights for.
            passes = self._has_asked or error.overloaded or error.status >= 500
            if error.status != 409 and not passes:
                raise
            self.trouble = None if error.status == 409 else str(error)
        return self.held

    async def keep(self) -> bool:
        """Renew, then pause: the step of a leader. Raises LeadershipLostError in time, also where no answer comes."""
        try:
            async with asyncio.timeout(self.left_s):
                await self.step()
        except TimeoutError:
            pass
        if not self.held:
            raise LeadershipLostError
        await asyncio.sleep(min(self.pause_s, self.left_s))
        return True

    async def release(self) -> None:
        """Let a standby take over at once."""
        if self.held:
            self._held_until = 0.0
            lease = await self._read()
            if lease is not None and lease["spec"].get("holderIdentity") == self._identity:
                await self._write(lease, holder="", duration_s=1)

    async def _take(self) -> bool:
        lease = await self._read()
        if lease is None:
            metadata = {"name": self._name, "namespace": self._namespace}
            lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata}
            lease["spec"] = self._spec(self._identity, self._duration_s, transitions=0)
            await self._api.create(paths.leases(self._namespace), orjson.dumps(lease))
            return True
        holder = lease["spec"].get("holderIdentity")
        if holder and holder != self._identity and not self._silent(lease["spec"]):
            return False
        await self._write(lease, self._identity, self._duration_s)
        return True

    def _silent(self, spec: dict[str, Any]) -> bool:
        record = (spec.get("holderIdentity"), spec.get("renewTime"))
        if record != self._seen:
            self._seen, self._seen_at = record, self._monotonic()
        return self._monotonic() - self._seen_at > float(spec.get("leaseDurationSeconds", self._duration_s))

    async def _read(self) -> dict[str, Any] | None:
        try:
            lease = await self._api.get(f"{paths.leases(self._namespace)}/{self._name}")
        except ApiError as error:
            if error.status == 404 and error.reason == "NotFound":
                return None
            raise
        self.notes = lease["metadata"].get("annotations") or {}
        return lease

    async def _write(self, lease: dict[str, Any], holder: str, duration_s: float) -> None:
        before = lease["spec"]
        changed_hands = before.get("holderIdentity") != holder
        spec = self._spec(holder, duration_s, before.get("leaseTransitions", 0) + changed_hands)
        if not changed_hands:
            spec["acquireTime"] = before.get("acquireTime", spec["acquireTime"])
        metadata = {**lease["metadata"], "annotations": {**self.notes, **self._own_notes}}
        changed = {**lease, "metadata": metadata, "spec": spec}
        await self._api.replace(f"{paths.leases(self._namespace)}/{self._name}", changed)

    def _spec(self, holder: str, duration_s: float, transitions: int) -> dict[str, Any]:
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        return {
            "holderIdentity": holder,
            "leaseDurationSeconds": max(1, round(duration_s)),
            "acquireTime": now,
            "renewTime": now,
            "leaseTransitions": transitions,
        }
