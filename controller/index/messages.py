"""What goes into the index and comes out of it. Times are milliseconds since the epoch."""

from dataclasses import dataclass

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
    """What a worker is about to do under a lease. The rival is a ticket that nobody may hold meanwhile, "" for none."""

    lease: Lease
    generation: int
    occurrence_ms: int
    rival: str = ""


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
