"""The arrival of Jobs, and of statuses that tell of them, in a watch."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from controller.core.instants import parse_rfc3339
from controller.core.job import SCHEDULED_AT_ANNOTATION
from controller.kube.api import ApiServer
from controller.loops import cancel
from tests.harness.watch import Seen, current_version, watch

_CRONJOB_SCHEDULED_AT = "batch.kubernetes.io/cronjob-scheduled-timestamp"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One Job: whose it is (UID of its timer or CronJob), its nominal time as it says itself, and when it came."""

    owner: str
    scheduled_at: str
    arrived_ms: int

    @property
    def nominal_ms(self) -> int:
        """Its nominal time."""
        return parse_rfc3339(self.scheduled_at)

    @property
    def lag_ms(self) -> int:
        """From the nominal time to its arrival; jitter, where there is any, is to be taken off."""
        return self.arrived_ms - self.nominal_ms


@dataclass
class Jobs:
    """Records new Jobs. Set `expected`, and `complete` is set when so many have come."""

    expected: int | None = None
    arrivals: list[Arrival] = field(default_factory=list)
    complete: asyncio.Event = field(default_factory=asyncio.Event)

    def see(self, seen: Seen) -> None:
        """Take in one event of a watch; as little as possible, while the clock runs."""
        if seen.kind != "ADDED":
            return
        metadata = seen.obj["metadata"]
        notes = metadata.get("annotations") or {}
        scheduled_at = notes.get(SCHEDULED_AT_ANNOTATION) or notes.get(_CRONJOB_SCHEDULED_AT, "")
        self.arrivals.append(Arrival(metadata["ownerReferences"][0]["uid"], scheduled_at, seen.arrived_ms))
        if len(self.arrivals) == self.expected:
            self.complete.set()

    def lags_ms(self) -> list[int]:
        """The lags, in order of arrival."""
        return [arrival.lag_ms for arrival in self.arrivals]

    def __iter__(self) -> Iterator[Arrival]:
        return iter(self.arrivals)


@dataclass
class Statuses:
    """Records timers, or CronJobs, whose status tells of a first run."""

    expected: int | None = None
    settled: set[str] = field(default_factory=set)
    """Timers whose template was checked and whose status says so: a controller has no more to do for these."""
    owners: set[str] = field(default_factory=set)
    last_ms: int = 0
    """When the last of them arrived."""
    complete: asyncio.Event = field(default_factory=asyncio.Event)

    def see(self, seen: Seen) -> None:
        """Take in one event of a watch."""
        uid, status = seen.obj["metadata"]["uid"], seen.obj.get("status") or {}
        if uid not in self.settled and any(one["type"] == "TemplateValid" for one in status.get("conditions") or ()):
            self.settled.add(uid)
        if uid not in self.owners and status.get("lastScheduleTime"):
            self.owners.add(uid)
            self.last_ms = seen.arrived_ms
            if len(self.owners) == self.expected:
                self.complete.set()


@asynccontextmanager
async def watching(api: ApiServer, watches: Mapping[str, Callable[[Seen], None]]) -> AsyncIterator[None]:
    """Watch collections (by path) from now on, inside. Raises WatchError, at the end, where a watch could not go on."""
    versions = {path: await current_version(api, path) for path in watches}
    tasks = [asyncio.create_task(watch(api, path, versions[path], see)) for path, see in watches.items()]
    try:
        yield
        for task in tasks:
            if task.done():
                task.result()
    finally:
        await cancel(*tasks)


def thinned(lags_ms: Sequence[int], most: int = 100) -> list[int]:
    """At most so many of the lags, sorted, the first and the last among them, the others evenly between (by count)."""
    ordered = sorted(lags_ms)
    if len(ordered) <= most:
        return ordered
    return [ordered[round(position * (len(ordered) - 1) / (most - 1))] for position in range(most)]
