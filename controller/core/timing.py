"""When a timer fires: its schedule, and how much later than its nominal times."""

from dataclasses import dataclass

from controller.core.jitter import delay_ms
from controller.core.schedule.occurrences import Schedule
from controller.core.schedule.reading import jitter_of, read_schedule, remarks_on, summary_of
from controller.core.spec import Spec


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
        occurrence_ms = self.schedule.next_after(after_ms)
        return None if occurrence_ms is None else self.due_ms(occurrence_ms)


def read_timing(spec: Spec, created_ms: int, owner: str) -> Timing:
    """Read the timing fields of a spec; raises SpecError."""
    schedule = read_schedule(spec, created_ms, owner)
    return Timing(owner, schedule, jitter_of(spec), summary_of(spec), tuple(remarks_on(spec, owner)))
