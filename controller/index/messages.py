"""What goes into the index and comes out of it. Times are milliseconds since the epoch."""

from dataclasses import dataclass

from controller.core.report import Report


@dataclass(frozen=True, slots=True)
class Lease:
    """A ticket held by a worker: the right, for a while, to look at its timer and to fire it."""

    ticket: str
    token: str
    generation: int
    mark_ms: int
    """Up to when the timer's occurrences are known to be handled."""
    namespace: str
    name: str


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


@dataclass(frozen=True, slots=True)
class Done:
    """An acknowledgement: everything up to `mark_ms` is handled, look again at `next_ms` (None: not at all)."""

    lease: Lease
    generation: int
    mark_ms: int
    next_ms: int | None
    report: Report | None = None


@dataclass(frozen=True, slots=True)
class Again:
    """A request to be looked at again, not before a time. `mark_ms` covers what was decided on the way."""

    lease: Lease
    mark_ms: int
    not_before_ms: int
    report: Report | None = None


@dataclass(frozen=True, slots=True)
class State:
    """How the index stands."""

    valid: bool
    now_ms: int
    tickets: int
    due: int
    oldest_due_ms: int | None
    leased: int
