"""What became of every Job of a CronJob or a RedisTimer, from its first appearance to its last."""

import threading
from dataclasses import dataclass, replace
from typing import Any

from tests.cluster import Stack
from tests.harness.job_events import JobEvents
from tests.integration.waiting import instant_of

Object = dict[str, Any]

NOMINAL = {
    "CronJob": "batch.kubernetes.io/cronjob-scheduled-timestamp",
    "RedisTimer": "redistimer.dev/scheduled-at",
}
"""The annotation that has a Job's nominal time, by the kind of its owner."""

BY_HAND = {"CronJob": "cronjob.kubernetes.io/instantiate", "RedisTimer": "redistimer.dev/trigger"}
"""The annotation of a Job that somebody asked for."""


@dataclass(frozen=True)
class Run:
    """A Job: as it was created, and as it was seen last. Its owner is that of its creation: an orphan loses it."""

    owner_uid: str
    owner_kind: str
    created: Object
    latest: Object
    gone: bool

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.created["metadata"]["name"])

    @property
    def by_hand(self) -> bool:
        """Whether somebody asked for it."""
        return BY_HAND[self.owner_kind] in self._annotations

    @property
    def nominal_ms(self) -> int | None:
        """Its nominal time; None where it was created by hand, or by somebody else."""
        nominal = self._annotations.get(NOMINAL[self.owner_kind])
        return None if self.by_hand or nominal is None else instant_of(nominal)

    @property
    def created_ms(self) -> int:
        """When it was created, in whole seconds."""
        return instant_of(self.created["metadata"]["creationTimestamp"])

    @property
    def outcome(self) -> str:
        """Complete, Failed, or "" where it has not finished."""
        return self._finished[0]

    @property
    def finished_ms(self) -> int | None:
        """When it finished, in whole seconds."""
        return self._finished[1]

    @property
    def fate(self) -> str:
        """How it ended and whether it is kept, in a few words."""
        if not self.outcome:
            return "deleted while active" if self.gone else "active"
        return f"{self.outcome}, {'removed' if self.gone else 'kept'}"

    @property
    def _annotations(self) -> dict[str, str]:
        annotations: dict[str, str] = self.created["metadata"].get("annotations") or {}
        return annotations

    @property
    def _finished(self) -> tuple[str, int | None]:
        for condition in self.latest.get("status", {}).get("conditions") or ():
            if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
                ended = self.latest["status"].get("completionTime") or condition["lastTransitionTime"]
                return condition["type"], instant_of(ended)
        return "", None


class Record:
    """Watches all Jobs of a stack from its start on."""

    def __init__(self, stack: Stack) -> None:
        self._events = JobEvents(stack, "conformance-record")
        self._lock = threading.Lock()
        self._runs: dict[str, Run] = {}

    def close(self) -> None:
        """End the watch."""
        self._events.close()

    def runs(self, owner_uid: str) -> list[Run]:
        """All Jobs that this owner has ever had, in the order of their nominal times; others come last."""
        with self._lock:
            self._catch_up()
            runs = [run for run in self._runs.values() if run.owner_uid == owner_uid]
        return sorted(runs, key=lambda run: (run.nominal_ms is None, run.nominal_ms or run.created_ms))

    def _catch_up(self) -> None:
        for kind, job in self._events.new():
            self._see(kind, job)

    def _see(self, kind: str, job: Object) -> None:
        uid, is_gone = job["metadata"]["uid"], kind == "DELETED"
        if uid in self._runs:
            self._runs[uid] = replace(self._runs[uid], latest=job, gone=is_gone)
            return
        owner = next((one for one in job["metadata"].get("ownerReferences") or () if one["kind"] in NOMINAL), None)
        if owner is not None:
            self._runs[uid] = Run(owner["uid"], owner["kind"], created=job, latest=job, gone=is_gone)
