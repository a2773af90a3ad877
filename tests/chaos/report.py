"""The tables of a run, for people; and the same as JSON."""

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.chaos.history import Fault, History
from tests.chaos.verdict import VIOLATIONS, Verdict

_LATE_MS = 1_000
_SHOWN = 25


def summary(history: History, verdict: Verdict) -> dict[str, Any]:
    """All figures."""
    in_quiet = [lag for nominal_ms, lag in verdict.lags_ms if nominal_ms >= history.quiet_ms]
    first_ms = min((fault.from_ms for fault in history.faults), default=0)
    under = [lag for nominal_ms, lag in verdict.lags_ms if first_ms <= nominal_ms < history.quiet_ms]
    return {
        "timers": verdict.timers,
        "specs": len(history.versions),
        "occurrences": verdict.occurrences,
        "jobs": verdict.jobs,
        "jobs by hand": verdict.by_hand,
        "faults": len(history.faults),
        "missed or skipped, on record": verdict.missed,
        "given up": dict(verdict.given_up),
        "admitted": dict(verdict.admitted),
        "on record as missed or skipped, though they ran": verdict.overreported,
        "ran, and status never knew": verdict.untold,
        "violations": {kind: verdict.count(kind) for kind in VIOLATIONS},
        "lag under faults": _lags(under),
        "lag after them": _lags(in_quiet),
        "faults by kind": faults_by_kind(history, verdict),
    }


def faults_by_kind(history: History, verdict: Verdict) -> dict[str, dict[str, Any]]:
    """How many of each, how many made a run late, and how long after the fault the last such run came."""
    took: dict[str, list[float]] = defaultdict(list)
    for fault, took_ms in _recoveries(history.faults, verdict.lags_ms):
        took[fault.kind].append(took_ms / 1000)
    table = {}
    for kind, seconds in sorted(took.items()):
        late = [one for one in seconds if one]
        table[kind] = {
            "number": len(seconds),
            "made runs late": len(late),
            "recovered after s, median": round(statistics.median(late), 1) if late else None,
            "recovered after s, worst": round(max(late), 1) if late else None,
        }
    return table


def _recoveries(faults: Sequence[Fault], lags: Sequence[tuple[int, int]]) -> list[tuple[Fault, int]]:
    """A run that came late is put down to the last fault that had begun when it was due."""
    ordered = sorted(faults, key=lambda fault: fault.from_ms)
    took = [0] * len(ordered)
    position = -1
    for nominal_ms, lag_ms in lags:
        while position + 1 < len(ordered) and ordered[position + 1].from_ms <= nominal_ms + _LATE_MS:
            position += 1
        if position >= 0 and lag_ms > _LATE_MS:
            took[position] = max(took[position], nominal_ms + lag_ms - ordered[position].from_ms)
    return list(zip(ordered, took, strict=True))


def _lags(lags_ms: Sequence[int]) -> dict[str, int]:
    ordered = sorted(lags_ms)
    if not ordered:
        return {"n": 0}

    def part(share: float) -> int:
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    return {"n": len(ordered), "p50 ms": part(0.5), "p99 ms": part(0.99), "max ms": ordered[-1]}


def print_verdict(history: History, verdict: Verdict, more: Mapping[str, Mapping[str, int]] | None = None) -> int:
    """Print everything; the exit code: 0 where nothing was violated."""
    console = Console(highlight=False, markup=False, width=120)
    figures = summary(history, verdict)
    console.print(_figures(figures))
    faults = Table("fault", "number", "made runs late", "recovered after s: median", "worst", box=None)
    for kind, row in figures["faults by kind"].items():
        faults.add_row(kind, *("" if value is None else str(value) for value in row.values()))
    faults.add_row("all", str(figures["faults"]))
    console.print()
    console.print(faults)
    for title, counts in (more or {}).items():
        listed = ", ".join(f"{name} {number}" for name, number in sorted(counts.items()))
        console.print(f"\n{title}: {listed or 'none'}", soft_wrap=True)
    violations = Table("violation", "number", "", box=None)
    for kind, meaning in VIOLATIONS.items():
        violations.add_row(kind, str(verdict.count(kind)), meaning)
    console.print()
    console.print(violations)
    for finding in verdict.findings[:_SHOWN]:
        at = datetime.fromtimestamp(finding.occurrence_ms / 1000, UTC).strftime("%H:%M:%S")
        console.print(
            f"{finding.kind}: {finding.timer} {at} ({finding.occurrence_ms}): {finding.detail}", soft_wrap=True
        )
    if len(verdict.findings) > _SHOWN:
        console.print(f"... and {len(verdict.findings) - _SHOWN} more")
    console.print("\nno violation" if verdict.good else f"\n{len(verdict.findings)} violations", style="bold")
    return 0 if verdict.good else 1


def _figures(figures: Mapping[str, Any]) -> Table:
    table = Table("", "", box=None, show_header=False)
    for name, value in figures.items():
        if name in ("faults by kind", "violations"):
            continue
        if isinstance(value, Mapping):
            value = ", ".join(f"{key}: {number}" for key, number in value.items()) or "none"
        table.add_row(name, str(value))
    return table
