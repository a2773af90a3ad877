"""What one run of the burst gave, as it stands in the document. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.bench.burst.arms import Step
from tests.bench.common.arrivals import thinned
from tests.bench.common.cpu import DISTURBED_SHARE, Used
from tests.bench.common.output import faults_told
from tests.harness.lag import lag_of

Run = dict[str, Any]
"""One entry of `runs`; see `run_of`, or {"timers", "round", "arm", "error"} where nothing could be measured."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a run has shown. All CPU counts from `MEASURED_FROM_S` before the instant, but that of `burst`."""

    instant_ms: int
    arrivals: Sequence[tuple[str, int]]
    """The UID of the owner, and the time of arrival, of each Job."""
    answered_ms: Iterable[int]
    """Lags to the API server's answer, where somebody has noted them."""
    statuses: int
    last_status_ms: int
    burst: Used
    """From the instant to the last Job."""
    until_jobs: Used
    until_statuses: Used


def run_of(step: Step, seen: Evidence, cores: int) -> Run:
    """The figures of a run, on a machine with so many cores; ValueError where no Job has arrived.

    Lags in ms, `status_s` in s after the instant (None where not all statuses came), CPU in ms for each timer due, by
    process; `arrivals_ms` has the lags of some Jobs evenly spaced by count, the first and the last among them.
    """
    lags_ms = [arrived_ms - seen.instant_ms for _, arrived_ms in seen.arrivals]
    lag, answered = lag_of(lags_ms), lag_of(seen.answered_ms)
    if lag is None:
        raise ValueError("no Job has arrived")
    fired = len({owner for owner, _ in seen.arrivals})
    others_share = seen.burst.others_share(cores)
    return {
        "timers": step.timers,
        "round": step.round,
        "arm": step.arm.name,
        "jobs_per_s": round(len(lags_ms) / (max(lag.max_ms, 1) / 1000), 2),
        "first_ms": min(lags_ms),
        "p50_ms": lag.p50_ms,
        "p99_ms": lag.p99_ms,
        "max_ms": lag.max_ms,
        "answered_p50_ms": answered.p50_ms if answered else None,
        "answered_max_ms": answered.max_ms if answered else None,
        "status_s": round((seen.last_status_ms - seen.instant_ms) / 1000, 2) if seen.statuses == step.timers else None,
        "missed": step.timers - fired,
        "double": len(lags_ms) - fired,
        "early": sum(lag_ms < 0 for lag_ms in lags_ms),
        "busy_cores": round(seen.burst.busy_cores, 2),
        "others_share": round(others_share, 3),
        "disturbed": others_share > DISTURBED_SHARE,
        "cpu_ms_jobs": _each(seen.until_jobs, step.timers),
        "cpu_ms_statuses": _each(seen.until_statuses, step.timers),
        "arrivals_ms": thinned(lags_ms),
    }


def faults_of(run: Run) -> list[str]:
    """What was wrong in a run, in a sentence each."""
    name = f"{run['arm']}, {run['timers']} timers, round {run['round']}"
    if "error" in run:
        return [f"{name}: {run['error']}"]
    words = {"missed": "missed", "double": "Jobs too many", "early": "before their time"}
    return faults_told([run], words, lambda _: name)


def workers_cpu_ms(cpu_ms: Mapping[str, float]) -> float | None:
    """The CPU of all workers together, None where there was none."""
    of_workers = [used for name, used in cpu_ms.items() if name.startswith("worker")]
    return sum(of_workers) if of_workers else None


def _each(used: Used, timers: int) -> dict[str, float]:
    return {name: round(seconds * 1000 / timers, 3) for name, seconds in used.by_name().items()}
