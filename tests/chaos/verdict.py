"""What an audit comes to."""

from collections import Counter
from dataclasses import dataclass, field

VIOLATIONS = {
    "lost": "occurrences that had to run and did not",
    "unreported": "occurrences that later ones replaced, and status does not count as missed or skipped",
    "double": "a second Job of an occurrence, for which no admitted gap is the reason",
    "ran twice": "a second Job of an occurrence under guarantee Strict",
    "early": "Jobs before their nominal time",
    "uncalled": "Jobs of an instant that their spec does not name",
    "retroactive": "Jobs of an instant before the timer, its edit or its resumption",
    "stale": "Jobs of a spec whose successor was known",
    "overlap": "runs under Forbid or Replace while another was active",
    "unanswered": "requests for a run by hand that came to nothing",
    "stranger": "Jobs of no timer that anybody made",
}
"""Each must be 0."""


@dataclass(frozen=True)
class Finding:
    """One violation."""

    kind: str
    timer: str
    detail: str
    occurrence_ms: int = 0


@dataclass
class Verdict:
    """The result of an audit."""

    timers: int = 0
    occurrences: int = 0
    """That specs called for."""
    jobs: int = 0
    by_hand: int = 0
    missed: int = 0
    """Did not run, and status says so as policy has it: missed or skipped."""
    given_up: Counter[str] = field(default_factory=Counter)
    """Did not run, by the reason that docs give for it."""
    admitted: Counter[str] = field(default_factory=Counter)
    """Ran all the same or once more, by the gap that docs admit."""
    overreported: int = 0
    """Counted as missed or skipped in status, though they ran."""
    untold: int = 0
    """Ran, and their timers' status did not know of it at the end."""
    findings: list[Finding] = field(default_factory=list)
    lags_ms: list[tuple[int, int]] = field(default_factory=list)
    """Of each run in time order: its nominal time, and how much later its Job came. Left out are those with jitter, and
    those that wait for one another."""

    def add(self, kind: str, timer: str, detail: str, occurrence_ms: int = 0) -> None:
        """Note a violation."""
        assert kind in VIOLATIONS, kind
        self.findings.append(Finding(kind, timer, detail, occurrence_ms))

    def count(self, kind: str) -> int:
        """How many violations of a kind."""
        return sum(finding.kind == kind for finding in self.findings)

    @property
    def good(self) -> bool:
        """Nothing lost, nothing twice, nothing that nobody asked for."""
        return not self.findings
