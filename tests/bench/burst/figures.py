"""What one run of the burst gave, the median of several, and how both are shown. Pure functions."""

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from rich.table import Table

from tests.harness.lag import lag_of

OTHERS = "anything else here"
"""In figures of CPU: whatever ran on the machine and is not part of the benchmark. Noise."""


@dataclass(frozen=True, slots=True)
class Result:
    """One run. CPU is in milliseconds for each timer due, by process, each figure from 4 s before the instant on."""

    jobs_per_s: float
    """From the instant to the arrival of the last Job."""
    first_ms: int
    p50_ms: int
    p99_ms: int
    max_ms: int
    answered_p50_ms: int
    """The lag as workers have it: to the API server's answer that the Job is created."""
    answered_max_ms: int
    busy_cores: float
    """Cores that were busy, on average from the instant to the last Job, with whatever ran on the machine."""
    status_s: float
    """From the instant until the last timer's status had it."""
    missed: int
    double: int
    early: int
    cpu_jobs: Mapping[str, float]
    """Until the last Job arrived."""
    cpu_status: Mapping[str, float]
    """Until the last status was written."""

    @property
    def faultless(self) -> bool:
        """Each timer has exactly one Job, not before its time."""
        return not (self.missed or self.double or self.early)


def result_of(
    timers: int,
    instant_ms: int,
    arrivals: Sequence[tuple[str, int]],
    answered_ms: Iterable[int],
    status_ms: int,
    busy_s: float,
    cpu_jobs: Mapping[str, float],
    cpu_status: Mapping[str, float],
) -> Result:
    """The result of a run that created Jobs.

    `arrivals` has the UID of the timer and the time of arrival of each Job, `answered_ms` the lags that workers had,
    `busy_s` the CPU that all of the machine used from the instant to the last Job. All CPU is in seconds.
    """
    lags_ms = [arrived_ms - instant_ms for _, arrived_ms in arrivals]
    lag, answered = lag_of(lags_ms), lag_of(answered_ms)
    if lag is None or answered is None:
        raise ValueError("no Job was created, or none has arrived")
    fired = len({uid for uid, _ in arrivals})
    return Result(
        jobs_per_s=len(arrivals) / (max(lag.max_ms, 1) / 1000),
        first_ms=min(lags_ms),
        p50_ms=lag.p50_ms,
        p99_ms=lag.p99_ms,
        max_ms=lag.max_ms,
        answered_p50_ms=answered.p50_ms,
        answered_max_ms=answered.max_ms,
        busy_cores=busy_s / (max(lag.max_ms, 1) / 1000),
        status_s=(status_ms - instant_ms) / 1000,
        missed=timers - fired,
        double=len(arrivals) - fired,
        early=sum(lag_ms < 0 for lag_ms in lags_ms),
        cpu_jobs={name: seconds * 1000 / timers for name, seconds in cpu_jobs.items()},
        cpu_status={name: seconds * 1000 / timers for name, seconds in cpu_status.items()},
    )


def figures(results: Sequence[Result]) -> Table:
    """Throughput, lag and faults: a column for each run, and their median."""
    table = _table("", len(results))
    for title, values in (
        ("Jobs per second", [result.jobs_per_s for result in results]),
        ("lag of the first Job, ms", [result.first_ms for result in results]),
        ("lag p50, ms", [result.p50_ms for result in results]),
        ("lag p99, ms", [result.p99_ms for result in results]),
        ("lag max, ms", [result.max_ms for result in results]),
        ("to the workers' answer p50, ms", [result.answered_p50_ms for result in results]),
        ("to the workers' answer max, ms", [result.answered_max_ms for result in results]),
        ("cores busy until the last Job", [result.busy_cores for result in results]),
        ("all statuses written after, s", [result.status_s for result in results]),
        ("missed", [result.missed for result in results]),
        ("double", [result.double for result in results]),
        ("before their time", [result.early for result in results]),
    ):
        _add(table, title, values, "{:.1f}" if title.endswith(" s") or title.startswith("cores") else "{:.0f}")
    return table


def cpu_table(title: str, runs: Sequence[Mapping[str, float]]) -> Table:
    """CPU milliseconds for each timer due, by process: a column for each run, and their median."""
    table = _table(title, len(runs))
    for name in runs[0]:
        if name != OTHERS:
            _add(table, name, [run[name] for run in runs], "{:.2f}")
    _add(table, "total", [sum(run.values()) - run[OTHERS] for run in runs], "{:.2f}")
    _add(table, f"({OTHERS})", [run[OTHERS] for run in runs], "{:.2f}")
    return table


def as_json(options: Mapping[str, int], facts: Mapping[str, str], results: Sequence[Result]) -> str:
    """Everything for a program: options, facts, each run, and the medians of its plain figures."""
    runs = [asdict(result) for result in results]
    plain = [name for name, value in runs[0].items() if not isinstance(value, Mapping)]
    median = {name: statistics.median(run[name] for run in runs) for name in plain}
    return json.dumps({"options": options, "facts": facts, "runs": runs, "median": median}, indent=2) + "\n"


def _table(title: str, runs: int) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    table.add_column(title, no_wrap=True)
    for number in range(1, runs + 1):
        table.add_column(f"run {number}", justify="right", no_wrap=True)
    if runs > 1:
        table.add_column("median", justify="right", no_wrap=True)
    return table


def _add(table: Table, title: str, values: Sequence[float], form: str) -> None:
    median = [statistics.median(values)] if len(values) > 1 else []
    table.add_row(title, *(form.format(value) for value in [*values, *median]))
