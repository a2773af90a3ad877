"""What comes next of a timer: its occurrences, and between them those that are left out, and why. No I/O."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from controller.cli.forecast.manifests import BadManifest, Manifest
from controller.core.policy import read_policy
from controller.core.problems import SpecError
from controller.core.schedule.compose import Union
from controller.core.schedule.daytime import SECONDS_A_DAY
from controller.core.schedule.exclusions import NOTHING_EXCLUDED, Exclusions
from controller.core.schedule.fixed import Once
from controller.core.schedule.occurrences import between, iterate
from controller.core.schedule.reading import Member, read_exclusions, read_members
from controller.core.spec import Spec
from controller.core.timing import Timing, read_timing

LEFT_OUT_SHOWN = 3
"""So many left out in a row are shown one by one."""


@dataclass(frozen=True, slots=True)
class Upcoming:
    """A nominal time of a timer. Instants are milliseconds since the epoch."""

    occurrence_ms: int
    offset_ms: int
    """Local time minus UTC when it fires, in the zone of the schedule that names it."""
    due_ms: int | None
    """When it fires, with jitter; None where it is left out."""
    left_out_by: str = ""
    """The entry of `exclude` that leaves it out."""


@dataclass(frozen=True, slots=True)
class MoreLeftOut:
    """More are left out than are shown."""

    number: int | None
    """None: without end."""
    exact: bool = True
    """False where the number is an estimate."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """A timer whose manifest is good, looked at at `start_ms`; what fires then or later is after `after_ms`."""

    manifest: Manifest
    namespace: str
    start_ms: int
    after_ms: int
    created_ms: int
    timing: Timing
    held: tuple[str, str] | None = None
    """What its status says is in the way, reason and message; None where nothing is, or but for spec.suspend."""
    stopped: bool = False
    """Whether nothing fires because of that."""

    def occurrences(self, count: int) -> list[int]:
        """The next nominal times; none while the timer is suspended or stopped."""
        if self.manifest.suspended or self.stopped:
            return []
        return list(islice(iterate(self.timing.schedule, self.after_ms), count))

    def rows(self, count: int) -> Iterator[Upcoming | MoreLeftOut]:
        """The same with all that is known of each, and with what is left out before the last of them."""
        exclusions = read_exclusions(self.manifest.spec)
        members = read_members(self.manifest.spec, self.created_ms, self.timing.owner, exclusions)
        whole = read_members(self.manifest.spec, self.created_ms, self.timing.owner, NOTHING_EXCLUDED)
        after_ms = self.after_ms
        occurrences = self.occurrences(count)
        for occurrence_ms in occurrences:
            if exclusions:
                yield from _left_out(whole, exclusions, after_ms, occurrence_ms)
            due_ms = self.timing.due_ms(occurrence_ms)
            yield Upcoming(occurrence_ms, _member_of(members, occurrence_ms).zone.offset_ms(due_ms), due_ms)
            after_ms = occurrence_ms
        if exclusions and len(occurrences) < count and not self.manifest.suspended and not self.stopped:
            yield from _left_out(whole, exclusions, after_ms, None)


def firing_of(spec: Spec, created_ms: int, timing: Timing, occurrence_ms: int) -> Upcoming:
    """One nominal time of a timer whose spec is good, as it is shown among its others."""
    members = read_members(spec, created_ms, timing.owner, read_exclusions(spec))
    due_ms = timing.due_ms(occurrence_ms)
    return Upcoming(occurrence_ms, _member_of(members, occurrence_ms).zone.offset_ms(due_ms), due_ms)


def forecast(manifest: Manifest | BadManifest, start_ms: int, namespace: str) -> Forecast | BadManifest:
    """Read a manifest; one that was not applied yet as if it were at `start_ms`, in `namespace` if it names none."""
    if isinstance(manifest, BadManifest):
        return manifest
    namespace = manifest.namespace or namespace
    # A creation time has whole seconds.
    created_ms = start_ms // 1000 * 1000 if manifest.created_ms is None else manifest.created_ms
    try:
        timing = read_timing(manifest.spec, created_ms, f"{namespace}/{manifest.name}")
        read_policy(manifest.spec)
    except SpecError as error:
        return BadManifest(manifest.name, error.message)
    # What was due before the timer was there does not fire, but for an instant that a deadline still admits.
    after_ms = max(start_ms, created_ms)
    if manifest.created_ms is None and isinstance(timing.schedule, Once):
        after_ms -= _deadline_ms(manifest)
    return Forecast(manifest, namespace, start_ms, after_ms, created_ms, timing)


def _deadline_ms(manifest: Manifest) -> int:
    deadline_s = manifest.spec.get("startingDeadlineSeconds")
    return deadline_s * 1000 if isinstance(deadline_s, int) and deadline_s > 0 else 0


def _left_out(
    members: Sequence[Member], exclusions: Exclusions, after_ms: int, before_ms: int | None
) -> Iterator[Upcoming | MoreLeftOut]:
    whole = Union(tuple(member.schedule for member in members))
    rest = iterate(whole, after_ms) if before_ms is None else between(whole, after_ms, before_ms - 1)
    for occurrence_ms in islice(rest, LEFT_OUT_SHOWN):
        offset_ms = _member_of(members, occurrence_ms).zone.offset_ms(occurrence_ms)
        yield Upcoming(occurrence_ms, offset_ms, None, _why(exclusions, occurrence_ms, offset_ms))
        after_ms = occurrence_ms
    if next(rest, None) is not None:
        yield MoreLeftOut(None) if before_ms is None else MoreLeftOut(*whole.count(after_ms, before_ms - 1))


def _why(exclusions: Exclusions, occurrence_ms: int, offset_ms: int) -> str:
    day, second = divmod((occurrence_ms + offset_ms) // 1000, SECONDS_A_DAY)
    # Right after a gap it was left out by a local time that the clock jumped over.
    return exclusions.why(day, second) or "spec.exclude"


def _member_of(members: Sequence[Member], occurrence_ms: int) -> Member:
    """The first that names this instant."""
    if len(members) == 1:
        return members[0]
    naming = (member for member in members if member.schedule.last_until(occurrence_ms) == occurrence_ms)
    # A controller of another version could know an instant that no member names here.
    return next(naming, members[0])
