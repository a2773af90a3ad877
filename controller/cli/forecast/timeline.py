"""What fires next of all timers together, in the order of firing. No I/O.

Of a hundred thousand timers only those are read that can be among the first: status knows when a timer cannot fire yet.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from controller.core.fence import fence_ms
from controller.core.instants import parse_rfc3339
from controller.core.reasons import Reason
from controller.core.schedule.occurrences import iterate
from controller.core.timer import Timer, condition, parse_timer

Object = Mapping[str, Any]


class Firing(NamedTuple):
    """A run to come. Instants are milliseconds since the epoch; these sort by when they fire."""

    due_ms: int
    """When it fires, with jitter."""
    namespace: str
    name: str
    occurrence_ms: int
    """Its nominal time."""
    schedule: str
    """In the words of its author, with the zone that these are about."""
    has_jitter: bool
    """Whether the timer's runs may fire later than their nominal times; this one need not."""


class Held(NamedTuple):
    """A timer that does not fire, or cannot create its Jobs, and why."""

    namespace: str
    name: str
    reason: str
    message: str

    @property
    def is_not_ready(self) -> bool:
        """Whether something is wrong with it, and it is not just told to wait."""
        return self.reason not in (Reason.SUSPENDED, Reason.TOO_MANY_FAILURES)


class Timeline:
    """The first `count` runs that fire after `start_ms`, of all timers that were added."""

    def __init__(self, count: int, start_ms: int, now_ms: int) -> None:
        self._count = count
        self._start_ms = start_ms
        self._now_ms = now_ms
        self.timers = 0
        """How many were added."""
        self.firings: list[Firing] = []
        self.held: list[Held] = []

    def add(self, objects: Iterable[Object]) -> None:
        """Take in some timers as the API server has them."""
        sources: list[Iterable[Firing]] = [self.firings]
        for obj in objects:
            self.timers += 1
            timer = None if self._is_passed_over(obj) else parse_timer(obj)
            if timer is not None and not timer.idle:
                sources.append(_firings(timer, obj["spec"].get("timeZone"), self._start_ms, self._now_ms))
            if held := held_back(obj, timer):
                self.held.append(held)
        self.firings = list(islice(heapq.merge(*sources), self._count))

    def _is_passed_over(self, obj: Object) -> bool:
        """Whether no run of a timer can be among the first, as is known without reading its spec."""
        status, metadata = obj.get("status") or {}, obj["metadata"]
        if obj["spec"].get("suspend") or "deletionTimestamp" in metadata:
            return True
        if status.get("observedGeneration") != metadata["generation"]:
            return False
        if next_time := status.get("nextScheduleTime"):
            # Until the next edit what comes next only becomes later, and by jitter later still.
            return len(self.firings) == self._count and parse_rfc3339(next_time) > self.firings[-1].due_ms
        return condition(status, "Complete").get("status") == "True"


def first_after(timer: Timer, start_ms: int, now_ms: int) -> int:
    """The instant after which the nominal times of what fires at `start_ms` or later begin."""
    handled_ms = fence_ms(timer, now_ms)
    after_ms = max(handled_ms, start_ms)
    if timer.timing is not None and timer.timing.jitter_ms:
        # By jitter, a run can still be to come whose nominal time has passed.
        last_ms = timer.timing.schedule.last_until(after_ms)
        if last_ms is not None and last_ms > handled_ms and timer.timing.due_ms(last_ms) > start_ms:
            return last_ms - 1
    return after_ms


def held_back(obj: Object, timer: Timer | None) -> Held | None:
    """What keeps a timer from firing or its Jobs from being created; None where nothing is known to."""
    metadata = obj["metadata"]
    reason, message = _reason(obj, timer)
    return Held(metadata["namespace"], metadata["name"], reason, message) if reason else None


def _reason(obj: Object, timer: Timer | None) -> tuple[str, str]:
    if timer is not None and timer.problem is not None:
        return str(timer.problem.reason), timer.problem.message
    for kind, bad in (("Ready", "False"), ("Suspended", "True")):
        found = condition(obj.get("status") or {}, kind)
        if found.get("status") == bad and found.get("observedGeneration") == obj["metadata"]["generation"]:
            return found["reason"], found["message"]
    if obj["spec"].get("suspend"):
        return str(Reason.SUSPENDED), "spec.suspend is true."
    return "", ""


def _firings(timer: Timer, zone: str | None, start_ms: int, now_ms: int) -> Iterator[Firing]:
    timing = timer.timing
    assert timing is not None
    summary = f"{timing.summary} ({zone})" if zone else timing.summary
    for occurrence_ms in iterate(timing.schedule, first_after(timer, start_ms, now_ms)):
        due_ms = timing.due_ms(occurrence_ms)
        yield Firing(due_ms, timer.namespace, timer.name, occurrence_ms, summary, bool(timing.jitter_ms))
