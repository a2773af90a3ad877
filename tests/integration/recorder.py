"""A record of every Job that ever came into being on a stack, those that were removed since included."""

import threading
from dataclasses import dataclass

from tests.cluster import Process, Stack
from tests.integration.waiting import instant_of

_FIELDS = (
    "{.type}",
    "{.object.metadata.namespace}",
    "{.object.metadata.name}",
    "{.object.metadata.uid}",
    "{.object.metadata.ownerReferences[0].uid}",
    r"{.object.metadata.annotations.redistimer\.dev/scheduled-at}",
    "{.object.metadata.creationTimestamp}",
)
# Not with tabs: kubectl would make columns of them.
_LINE = "|".join(_FIELDS) + r'{"\n"}'


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
        command = ["kubectl", "get", "jobs", "-A", "--watch", "--output-watch-events", "-o", f"jsonpath={_LINE}"]
        self._process: Process = stack.spawn("job-recorder", command)
        self._read_bytes = 0
        self._lock = threading.Lock()
        self._jobs: dict[str, list[Fired]] = {}

    def fired(self, timer_uid: str) -> list[Fired]:
        """All Jobs that a timer has ever had, in the order of their creation."""
        with self._lock:
            self._catch_up()
            return list(self._jobs.get(timer_uid, ()))

    def _catch_up(self) -> None:
        assert self._process.poll() is None, f"the recorder has ended:\n{self._process.log_tail()}"
        with self._process.log.open("rb") as log:
            log.seek(self._read_bytes)
            complete, newline, _ = log.read().rpartition(b"\n")
        self._read_bytes += len(complete) + len(newline)
        for line in complete.decode().splitlines():
            kind, _namespace, name, uid, owner, scheduled_at, created = line.split("|")
            if kind == "ADDED" and scheduled_at:
                fired = Fired(name, uid, instant_of(scheduled_at), instant_of(created) // 1000)
                self._jobs.setdefault(owner, []).append(fired)
