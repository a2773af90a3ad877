"""When a timer fires: its schedule, and how much later than its nominal times."""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from controller.core.jitter import delay_ms
from controller.core.schedule.expression import is_same_for_all
from controller.core.schedule.occurrences import Schedule
from controller.core.schedule.reading import TIMING_FIELDS, jitter_of, read_schedule, remarks_on, summary_of
from controller.core.spec import Spec

_UNSHARED = frozenset(TIMING_FIELDS) - {"schedule", "timeZone", "jitter"}


@dataclass(frozen=True, slots=True)
class Timing:
    """All that a spec says about when."""

    owner: str
    """namespace/name: what is spread over timers is spread by it, as it outlives the object."""
    schedule: Schedule
    jitter_ms: int
    summary: str
    """The schedule in the words of its author, for `kubectl get`."""
    remarks: tuple[str, ...]
    """What the spec says that surely means something else."""

    def due_ms(self, occurrence_ms: int) -> int:
        """When an occurrence fires: at its nominal time, or by jitter later, but always before the next one."""
        if not self.jitter_ms:
            return occurrence_ms
        next_ms = self.schedule.next_after(occurrence_ms)
        return occurrence_ms + delay_ms(self.owner, occurrence_ms, next_ms, self.jitter_ms)

    def due_after_ms(self, after_ms: int) -> int | None:
        """When the first occurrence after an instant fires, or None where there is none left."""
        occurrence_ms = next_after(self.schedule, after_ms)
        return None if occurrence_ms is None else self.due_ms(occurrence_ms)


class _Reading(NamedTuple):
    """What a spec says without jitter."""

    schedule: Schedule
    summary: str
    remarks: tuple[str, ...]


def read_timing(spec: Spec, created_ms: int, owner: str) -> Timing:
    """Read the timing fields of a spec; raises SpecError. Equal expressions in the same zone share a schedule."""
    text, zone = spec.get("schedule"), spec.get("timeZone")
    reading = None
    if isinstance(text, str) and (zone is None or isinstance(zone, str)) and _UNSHARED.isdisjoint(spec):
        reading = _shared(text, zone)
    if reading is None:
        reading = _read(spec, created_ms, owner)
    return Timing(owner, reading.schedule, jitter_of(spec), reading.summary, reading.remarks)


@lru_cache(maxsize=4096)
def next_after(schedule: Schedule, after_ms: int) -> int | None:
    """The first occurrence strictly after an instant. Timers with the same schedule share what is found."""
    return schedule.next_after(after_ms)


@lru_cache(maxsize=4096)
def _shared(text: str, zone: str | None) -> _Reading | None:
    return _read({"schedule": text, "timeZone": zone}, 0, "") if is_same_for_all(text) else None


def _read(spec: Spec, created_ms: int, owner: str) -> _Reading:
    schedule = read_schedule(spec, created_ms, owner)
    return _Reading(schedule, summary_of(spec), tuple(remarks_on(spec, owner)))
