"""What is on record: Jobs and their permits, and since when index and status have known of what."""

import base64
import math
import uuid
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from tests.simulation.cluster import Object, owner_of
from tests.simulation.redis import Node
from tests.simulation.timers import History, Version

PREFIX = "{rt2:default:0}:"


@dataclass(frozen=True, slots=True)
class Permit:
    """Who sends a Job, and when the index last said that it may."""

    by: str
    confirmed_ms: float
    node: Node | None = None
    """By which index."""
    split: bool = False
    """Whether that one had been replaced already, and does not know what happened since."""


@dataclass(slots=True)
class Creation:
    """A Job that was created."""

    uid: str
    """Of its timer."""
    name: str
    occurrence_ms: int
    """0 for a run by hand."""
    request: str
    at_ms: int
    permit: Permit
    version: Version
    ran_ms: int | None = None
    """From when on it ran: at once, or under guarantee Strict when it was started."""
    finished_ms: int | None = None
    gone_ms: int | None = None

    @property
    def ticket(self) -> str:
        """The ticket under which it was created."""
        ticket = ticket_of(self.uid)
        return f"{ticket}~{self.name.rpartition('-')[2]}" if self.request else ticket

    @property
    def what(self) -> str:
        """In words."""
        return f"{self.name} of {self.occurrence_ms} by {self.permit.by}, generation {self.version.generation},"


class Record:
    """Since when index and status have known of what."""

    def __init__(self, now_ms: Callable[[], int], histories: dict[str, History]) -> None:
        self._now_ms = now_ms
        self._histories = histories
        self._marks: dict[str, list[tuple[int, int, Node]]] = defaultdict(list)
        self._marks_lost_ms: list[int] = []
        self._through: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self._requests: dict[str, dict[str, int]] = defaultdict(dict)
        self.committed_ms: dict[str, int] = {}
        """By UID of a Job: when status first said that it may run."""

    def marks_lost(self) -> None:
        """What a server knew of what is handled is gone."""
        self._marks_lost_ms.append(self._now_ms())

    def mark(self, node: Node, ticket: str) -> None:
        """A server may have been told more about this ticket."""
        text = node.hget(f"{PREFIX}tickets", ticket)
        if text is not None:
            mark, marks = int(text.split()[1]), self._marks[ticket]
            if not marks or marks[-1][1:] != (mark, node):
                marks.append((self._now_ms(), mark, node))

    def status(self, obj: Object) -> None:
        """The status of a timer was written."""
        uid, status, now_ms = obj["metadata"]["uid"], obj["status"], self._now_ms()
        through = self._through[uid]
        handled_ms = ms(status["handledThrough"]) if "handledThrough" in status else 0
        if not through or through[-1][1] != handled_ms:
            through.append((now_ms, handled_ms))
        for version in self._histories[uid].versions:
            if version.generation <= status.get("observedGeneration", 0) and version.known_ms == math.inf:
                version.known_ms = now_ms
        if request := status.get("lastHandledTrigger"):
            self._requests[uid].setdefault(request, now_ms)
        for field in ("committedRun", "committedRequest"):
            if field in status:
                self.committed_ms.setdefault(status[field]["jobUid"], now_ms)

    def known_to_status_ms(self, creation: Creation) -> float:
        """When status first knew of this occurrence or request."""
        if creation.request:
            return self._requests[creation.uid].get(creation.request, math.inf)
        through = self._through[creation.uid]
        return next((at for at, handled in through if handled >= creation.occurrence_ms), math.inf)

    def marked_ms(self, creation: Creation) -> int | None:
        """When the mark that forbids this was written where it was permitted; None for never, or where it was lost."""
        until_ms, occurrence_ms = creation.permit.confirmed_ms, creation.occurrence_ms or 1
        for at_ms, mark, node in self._marks[creation.ticket]:
            lost = node is not creation.permit.node or any(at_ms <= at <= until_ms for at in self._marks_lost_ms)
            if mark >= occurrence_ms and at_ms < until_ms and not lost:
                return at_ms
        return None


def what_of(job: Object) -> tuple[int, str, str]:
    """Occurrence or 0, request or "", and ticket of a Job."""
    metadata = job["metadata"]
    request = (metadata.get("annotations") or {}).get("redistimer.dev/trigger", "")
    last, ticket = metadata.get("name", "").rpartition("-")[2], ticket_of(owner_of(job))
    return (0, request, f"{ticket}~{last}") if request else (int(last or "0", 36), "", ticket)


def ticket_of(uid: str) -> str:
    """The ticket of a timer."""
    return base64.urlsafe_b64encode(uuid.UUID(uid).bytes).rstrip(b"=").decode()


def ms(instant: str) -> int:
    """Milliseconds since the epoch of an RFC 3339 instant."""
    return round(datetime.fromisoformat(instant).timestamp() * 1000)
