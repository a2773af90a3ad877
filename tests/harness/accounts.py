"""What was due against what ran: pure functions over schedules and recorded Jobs. Instants are ms since the epoch."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass

from controller.core.job import Outcome
from controller.core.schedule.occurrences import Schedule, between

EDIT_MARGIN_MS = 2_000
"""So close to an edit, either is right: that an occurrence still ran, and that it did not."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A time in which a timer had one schedule: after < occurrence <= until. None: nothing is due, or no end."""

    schedule: Schedule | None
    after_ms: int
    until_ms: int | None = None
    begins_with_edit: bool = False


@dataclass(frozen=True, slots=True)
class Due:
    """Occurrences that must run, and those that may."""

    required: frozenset[int]
    optional: frozenset[int]


@dataclass(frozen=True, slots=True)
class SeenRun:
    """A Job as a watch showed it. `outcome` is how it stood at the end; `gone`: deleted before it finished."""

    occurrence_ms: int
    arrived_ms: int
    outcome: Outcome
    gone: bool = False

    @property
    def lag_ms(self) -> int:
        """From the nominal time to the arrival of the Job in a watch."""
        return self.arrived_ms - self.occurrence_ms


@dataclass(frozen=True, slots=True)
class Account:
    """The result for one timer, or for all of them."""

    due: int = 0
    jobs: int = 0
    missed: int = 0
    double: int = 0
    unasked: int = 0
    """Jobs before their time, or of an occurrence that no schedule has."""
    succeeded: int = 0
    failed: int = 0
    unfinished: int = 0

    @property
    def faultless(self) -> bool:
        """Everything due ran exactly once, at its time, and succeeded."""
        return not (self.missed or self.double or self.unasked or self.failed or self.unfinished)


def due_in(phases: Sequence[Phase], until_ms: int) -> Due:
    """What a timer with these phases has to run up to an instant."""
    required: set[int] = set()
    optional: set[int] = set()
    for phase in phases:
        if phase.schedule is None:
            continue
        edits = [phase.after_ms] if phase.begins_with_edit else []
        edits += [phase.until_ms] if phase.until_ms is not None else []
        # What the schedule has just before and after its phase may run as well: nobody knows an edit's exact instant.
        after_ms = phase.after_ms - EDIT_MARGIN_MS * phase.begins_with_edit
        last_ms = until_ms if phase.until_ms is None else min(until_ms, phase.until_ms + EDIT_MARGIN_MS)
        for occurrence_ms in between(phase.schedule, after_ms, last_ms):
            near_edit = any(abs(occurrence_ms - edit_ms) <= EDIT_MARGIN_MS for edit_ms in edits)
            (optional if near_edit else required).add(occurrence_ms)
    return Due(frozenset(required), frozenset(optional - required))


def settle(due: Due, runs: Iterable[SeenRun]) -> Account:
    """Compare what was due with what ran."""
    runs = list(runs)
    times = Counter(run.occurrence_ms for run in runs)
    known = due.required | due.optional
    outcomes = Counter(run.outcome for run in runs if not run.gone)
    return Account(
        due=len(due.required | (due.optional & times.keys())),
        jobs=len(runs),
        missed=len(due.required - times.keys()),
        double=sum(count - 1 for count in times.values()),
        unasked=sum(run.occurrence_ms not in known or run.lag_ms < 0 for run in runs),
        succeeded=outcomes[Outcome.SUCCEEDED],
        failed=outcomes[Outcome.FAILED],
        unfinished=outcomes[Outcome.ACTIVE],
    )


def total(accounts: Iterable[Account]) -> Account:
    """The sum of accounts."""
    return Account(*map(sum, zip(*map(astuple, accounts), strict=True)))
