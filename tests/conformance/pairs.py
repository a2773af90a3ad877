"""One manifest twice: as a CronJob and as a RedisTimer, with nothing changed but apiVersion and kind."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.conformance.record import Record, Run
from tests.integration.waiting import wait_until
from tests.integration.world import World

Object = dict[str, Any]

NATIVE = ("CronJob", "batch/v1")
OURS = ("RedisTimer", "redistimer.dev/v1alpha1")

_MERGE = "application/merge-patch+json"


@dataclass(frozen=True)
class Side:
    """The CronJob or the RedisTimer of a pair."""

    world: World
    record: Record
    kind: str
    api_version: str
    created: Object

    @property
    def name(self) -> str:
        """Its name, which both sides have."""
        return str(self.created["metadata"]["name"])

    @property
    def uid(self) -> str:
        """Its UID."""
        return str(self.created["metadata"]["uid"])

    def runs(self) -> list[Run]:
        """All Jobs that it has ever had, by nominal time; those by hand and by others come last."""
        return self.record.runs(self.uid)

    def nominal(self) -> list[int]:
        """The nominal times of those that nobody asked for, in milliseconds since the epoch."""
        return [run.nominal_ms for run in self.runs() if run.nominal_ms is not None]

    def run_of(self, nominal_ms: int) -> Run | None:
        """The Job of a nominal time."""
        return next((run for run in self.runs() if run.nominal_ms == nominal_ms), None)

    def by_hand(self) -> list[Run]:
        """The Jobs that somebody asked for."""
        return [run for run in self.runs() if run.by_hand]

    def by_others(self) -> list[Run]:
        """The Jobs that somebody else created and gave to it."""
        return [run for run in self.runs() if run.nominal_ms is None and not run.by_hand]

    def read(self) -> Object:
        """The object as it is now."""
        obj: Object = self._endpoint.get(namespace=self.world.namespace, name=self.name).to_dict()
        return obj

    def status(self) -> Object:
        """Its status, empty before the first is written."""
        return self.read().get("status") or {}

    def active(self) -> int:
        """How many of its Jobs its status calls active."""
        status = self.status()
        return int(status.get("activeCount", len(status.get("active") or ())))

    def wait_for_status(self, **fields: Any) -> None:
        """Wait until its status has these fields."""
        wait_until(
            self.status, lambda status: status.items() >= fields.items(), f"{self.kind} {self.name} says {fields}"
        )

    def wait_for_events(self, *expected: tuple[str, str]) -> list[tuple[str, str]]:
        """Wait for Events of these types and reasons; returns those of all that there are."""
        return wait_until(
            self.events, lambda seen: set(seen) >= set(expected), f"Events about {self.kind} {self.name} say {expected}"
        )

    def events(self) -> list[tuple[str, str]]:
        """Type and reason of the Events about it, each once."""
        listed = self.world.cluster.resource("Event").get(namespace=self.world.namespace).to_dict()["items"]
        own = [event for event in listed if event["involvedObject"].get("uid") == self.uid]
        return sorted({(event["type"], event["reason"]) for event in own})

    def edit(self, **spec: Any) -> None:
        """Change fields of the spec."""
        self._endpoint.patch(namespace=self.world.namespace, name=self.name, body={"spec": spec}, content_type=_MERGE)

    def annotate(self, key: str, value: str) -> None:
        """Set an annotation."""
        body = {"metadata": {"annotations": {key: value}}}
        self._endpoint.patch(namespace=self.world.namespace, name=self.name, body=body, content_type=_MERGE)

    def delete(self, propagation: str) -> None:
        """Delete it: Background takes its Jobs with it, Orphan leaves them."""
        body = {"propagationPolicy": propagation}
        self._endpoint.delete(namespace=self.world.namespace, name=self.name, body=body)

    def delete_jobs(self) -> None:
        """Delete the Jobs that there are now, as anybody may."""
        jobs = self.world.cluster.resource("Job", "batch/v1")
        for run in self.runs():
            jobs.delete(namespace=self.world.namespace, name=run.name, body={"propagationPolicy": "Background"})

    def give_job(self, name: str, job_template: Object) -> None:
        """Create a Job that names this as its owner."""
        owner = {"apiVersion": self.api_version, "kind": self.kind, "name": self.name, "uid": self.uid}
        metadata = {"name": name, "ownerReferences": [owner | {"controller": True}]}
        self.world.add("Job", "batch/v1", {"metadata": metadata} | job_template)

    @property
    def _endpoint(self) -> Any:
        return self.world.cluster.resource(self.kind, self.api_version)


@dataclass(frozen=True)
class Pair:
    """Both sides of one manifest."""

    native: Side
    ours: Side

    def __iter__(self) -> Iterator[Side]:
        return iter((self.native, self.ours))


def created(world: World, record: Record, name: str, spec: Object) -> Pair:
    """Create both sides of a manifest."""
    manifest = {"metadata": {"name": name}, "spec": spec}
    native, ours = (
        Side(world, record, kind, api_version, world.add(kind, api_version, manifest))
        for kind, api_version in (NATIVE, OURS)
    )
    return Pair(native, ours)
