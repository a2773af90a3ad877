"""The table at the end: how much happened, what went wrong, and what must not have."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tests.simulation.faults import EVENTS
from tests.simulation.network import Fate
from tests.simulation.run import Result

INVARIANTS = {
    "I1": "one Job per occurrence",
    "I2": "every occurrence has its Job, in time",
    "I3": "only nominal times, none early",
    "I4": "nothing in retrospect, nothing outdated",
    "I5": "no claim on a lost index",
    "order": "occurrences in their order",
    "lease": "who acts holds the lease",
    "status": "status agrees with the Jobs",
    "index": "the index is what a rebuild would write",
    "progress": "nobody spins",
    "processes": "no process ends by itself",
    "tasks": "no error is left lying about",
    "errors": "nothing unexpected is logged",
}

_ENOUGH = 400
"""From so many seeds on, each kind of fault has to have happened."""

_NEEDED = (
    "fires",
    "runs by hand",
    "rebuilds",
    "reaped",
    "confirm: lost",
    "confirm: handled",
    "confirm: expired",
    "confirm: invalid",
    "confirm: busy",
    "created again after removal",
    "no Job: skipped",
    "no Job: overtaken by a later one",
    "no Job: too late",
    "no Job: edited or deleted before it was fired",
    "edit",
    "delete",
    "delete in the foreground",
    "recreate",
    "trigger",
)


@dataclass(slots=True)
class Summary:
    """Many results in one."""

    seeds: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    virtual_s: float = 0.0
    cpu_s: float = 0.0
    violated: Counter[str] = field(default_factory=Counter)
    """Invariant -> seeds in which it was violated."""
    failed: list[int] = field(default_factory=list)
    """Seeds with a violation."""

    def add(self, results: Iterable[Result]) -> None:
        """Take in some more."""
        for result in results:
            self.seeds += 1
            self.counts += result.counts
            self.faults += result.faults
            self.virtual_s += result.virtual_s
            self.cpu_s += result.cpu_s
            self.violated.update({invariant for invariant, _ in result.violations})
            if result.violations:
                self.failed.append(result.seed)

    def never_happened(self) -> list[str]:
        """What should have happened in so many seeds, and has not: a simulation without it proves little."""
        if self.seeds < _ENOUGH:
            return []
        faults = [*EVENTS, *(f"api: {fate}" for fate in Fate if fate is not Fate.WELL)]
        faults += [f"redis: {fate}" for fate in (Fate.REFUSED, Fate.LOST, Fate.HUNG, Fate.SILENT)]
        faults += ["api slow", "redis slow", "news slow", "old cached read", "hint lost"]
        return [name for name in faults if not self.faults[name]] + [n for n in _NEEDED if not self.counts[n]]

    def lines(self, wall_s: float) -> Iterator[str]:
        """The table."""
        counts = self.counts
        yield f"seeds {self.seeds:>12,}   {wall_s:.0f} s, {self.cpu_s / max(self.seeds, 1) * 1000:.1f} ms of CPU each"
        yield f"virtual time {self.virtual_s / 3600:>5.1f} h"
        yield f"occurrences fired {counts['fires']:,}, by hand {counts['runs by hand']:,}"
        yield f"leases {counts['leases']:,}, rebuilds {counts['rebuilds']:,}, reaped {counts['reaped']:,}"
        yield f"created again after removal {counts['created again after removal']:,}, all of them admitted:"
        for name in (n for n in counts if n.startswith("... ")):
            yield f"    {name[4:]:<45}{counts[name]:>9,}"
        yield "refused by confirm"
        yield from _column({n[9:]: c for n, c in counts.items() if n.startswith("confirm: ") and n != "confirm: ok"})
        yield "occurrences without a Job, as policy has it or as docs/design.md admits"
        yield from _column({n[8:]: c for n, c in counts.items() if n.startswith("no Job: ")})
        yield f"faults {sum(self.faults.values()):,}"
        yield from _column(self.faults)
        yield "violations, in so many seeds"
        yield from (f"    {name:<11}{what:<45}{self.violated[name]:>9,}" for name, what in INVARIANTS.items())


def _column(counts: Counter[str] | dict[str, int]) -> Iterator[str]:
    for name, count in sorted(counts.items(), key=lambda one: -one[1]):
        yield f"    {name:<56}{count:>9,}"
