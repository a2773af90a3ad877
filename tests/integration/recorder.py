"""A record of every Job that ever came into being on a stack, those that were removed since included."""

import threading
from dataclasses import dataclass

from tests.cluster import Stack
from tests.harness.job_events import JobEvents
from tests.integration.waiting import instant_of


@dataclass(frozen=True)
class Fired:
    """A Job of a timer, as it was created."""

    job: str
    uid: str
    nominal_ms: int
    born_s: int
    """creationTimestamp, in the whole seconds that it has."""


class Recorder:
    """Watches all Jobs from its start on."""

    def __init__(self, stack: Stack) -> None:
        self._events = JobEvents(stack, "job-recorder")
        self._lock = threading.Lock()
        self._jobs: dict[str, list[Fired]] = {}

    def fired(self, timer_uid: str) -> list[Fired]:
        """All Jobs that a timer has ever had, in the order of their creation."""
        with self._lock:
            self._catch_up()
            return list(self._jobs.get(timer_uid, ()))

    def _catch_up(self) -> None:
        for kind, job in self._events.new():
            metadata = job["metadata"]
            scheduled_at = (metadata.get("annotations") or {}).get("redistimer.dev/scheduled-at")
            if kind == "ADDED" and scheduled_at:
                born_s = instant_of(metadata["creationTimestamp"]) // 1000
                fired = Fired(metadata["name"], metadata["uid"], instant_of(scheduled_at), born_s)
                owner = next(iter(metadata.get("ownerReferences") or ()), {})
                self._jobs.setdefault(owner.get("uid", ""), []).append(fired)
