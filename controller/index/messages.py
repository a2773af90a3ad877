"""What goes into the index and comes out of it. Times are milliseconds since the epoch."""

from dataclasses import dataclass
from typing import NamedTuple

from controller.core.identity import TICKET_LENGTH
from controller.core.report import Report


@dataclass(frozen=True, slots=True)
class Lease:
    """A ticket held by a worker: the right, for a while, to look at its timer and to fire it."""

    ticket: str
    token: str
    generation: int
    mark_ms: int
    """Up to when the timer's occurrences are known to be handled; of a run by hand: more than 0 once it has fired."""
    namespace: str
    name: str
    fired_ms: int = 0
    """The last occurrence that is known to have a Job; or an instant that has none."""

    @property
    def request_key(self) -> str:
        """Of the run by hand that this is about, "" where it is about the timer's occurrences."""
        return self.ticket[TICKET_LENGTH + 1 :]


@dataclass(frozen=True, slots=True)
class Claim:
    """Reply to a claim: the leases, and when the first ticket left behind is due."""

    now_ms: int
    next_due_ms: int | None
    leases: list[Lease]


class Known(NamedTuple):
    """What the index knows of a ticket."""

    generation: int
    mark_ms: int
    fired_ms: int
    """What fired last, or is about to."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a timer wants of the index: to be looked at, at `next_ms` (None: not until it is edited)."""

    ticket: str
    generation: int
    mark_ms: int
    next_ms: int | None
    namespace: str
    name: str
    fired_ms: int = 0
    """The last occurrence that is known to have a Job."""


@dataclass(frozen=True, slots=True)
class Fire:
    """What a worker is about to do under a lease."""

    lease: Lease
    generation: int
    occurrence_ms: int
    rival: str = ""
    """A ticket that nobody may hold meanwhile, "" for none."""
    noted_ms: int = 0
    """An occurrence that may have a Job from now on, whether that is acknowledged or not; 0 for none."""
    mark_ms: int = 0
    """Up to when all was missed or handled before, where that is news; else 0."""
    reports: tuple[Report, ...] = ()
    """What was missed."""


@dataclass(frozen=True, slots=True)
class Done:
    """An acknowledgement: everything up to `mark_ms` is handled, look again at `next_ms` (None: not at all)."""

    lease: Lease
    generation: int
    mark_ms: int
    next_ms: int | None
    fired_ms: int = 0
    """The occurrence whose Job exists now, 0 for none."""
    reports: tuple[Report, ...] = ()


@dataclass(frozen=True, slots=True)
class Again:
    """A request to be looked at again, not before a time. `mark_ms` covers what was decided on the way."""

    lease: Lease
    mark_ms: int
    not_before_ms: int
    reports: tuple[Report, ...] = ()


@dataclass(frozen=True, slots=True)
class State:
    """How the index stands."""

    valid: bool
    now_ms: int
    tickets: int
    due: int
    oldest_due_ms: int | None
    leased: int
