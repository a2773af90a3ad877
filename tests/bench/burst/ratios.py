"""Two arms against each other within each round, and all rounds in one figure. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.bench.burst.arms import ARMS, CRONJOB, CRONJOB_DEFAULT, POSTS
from tests.bench.burst.figures import Run, workers_cpu_ms
from tests.bench.common.output import spread

_FIGURES = ("jobs_per_s", "first_ms", "p50_ms", "p99_ms", "max_ms", "answered_p50_ms", "answered_max_ms", "status_s")


@dataclass(frozen=True, slots=True)
class Bar:
    """What a figure has to be: at least or at most a value."""

    value: float
    at_least: bool

    def met_by(self, value: float) -> bool:
        """Whether it is."""
        return value >= self.value if self.at_least else value <= self.value

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.value:.3g}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A figure of one of our arms over the same of another arm."""

    title: str
    figure: str
    against: str
    bar: Bar


COMPARISONS = (
    Comparison("last Job", "max_ms", CRONJOB, Bar(1, at_least=False)),
    Comparison("Jobs per second", "jobs_per_s", POSTS, Bar(0.8, at_least=True)),
    Comparison("last Job", "max_ms", CRONJOB_DEFAULT, Bar(1 / 30, at_least=False)),
)
BAR_AT = 1000
"""The bars are for a burst of so many timers."""

WORKERS_CPU_BAR = Bar(1.5, at_least=False)


def summary_of(runs: Sequence[Run]) -> dict[str, Any]:
    """{"arms": medians and spread of each, "ratios": see `ratios_of`} of the runs that measured something."""
    runs = [run for run in runs if "error" not in run]
    keys = list(dict.fromkeys((run["timers"], run["arm"]) for run in runs))
    arms = [
        _arm(timers, arm, [run for run in runs if (run["timers"], run["arm"]) == (timers, arm)]) for timers, arm in keys
    ]
    return {"arms": arms, "ratios": ratios_of(runs)}


def ratios_of(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Each of our arms against what it is compared with, for each number of timers.

    An entry has the ratio of each round in `values`, their spread, the rounds in which either run was `disturbed`, and
    `median_undisturbed` without those (None where nothing is left). Against an arm that ran once stands the median run.
    """
    found = {(run["timers"], run["arm"], run["round"]): run for run in runs if "error" not in run}
    sizes = list(dict.fromkeys(timers for timers, _, _ in found))
    ours = [arm for arm in ARMS.values() if arm.is_ours]
    entries: list[dict[str, Any]] = []
    for timers in sizes:
        for comparison in COMPARISONS:
            for arm in ours:
                mine = {round: run for (size, name, round), run in found.items() if (size, name) == (timers, arm.name)}
                theirs = {
                    round: run
                    for (size, name, round), run in found.items()
                    if (size, name) == (timers, comparison.against)
                }
                if ARMS[comparison.against].once:
                    pairs = _against_one(mine, theirs, comparison.figure)
                else:
                    pairs = {round: (mine[round], theirs[round]) for round in sorted(mine.keys() & theirs.keys())}
                if pairs:
                    entries.append(_entry(timers, arm.name, comparison, pairs))
    return entries


def median_run(runs: Sequence[Run]) -> Run:
    """The run whose last Job came when it does in the median; of two the faster one."""
    return sorted(runs, key=lambda run: float(run["max_ms"]))[(len(runs) - 1) // 2]


def _against_one(mine: Mapping[int, Run], theirs: Mapping[int, Run], figure: str) -> dict[int, tuple[Run, Run]]:
    if not mine or not theirs:
        return {}
    median = sorted(mine.values(), key=lambda run: float(run[figure]))[(len(mine) - 1) // 2]
    return {1: (median, next(iter(theirs.values())))}


def _entry(timers: int, arm: str, comparison: Comparison, pairs: Mapping[int, tuple[Run, Run]]) -> dict[str, Any]:
    values = {
        round: mine[comparison.figure] / max(theirs[comparison.figure], 0.001)
        for round, (mine, theirs) in pairs.items()
    }
    disturbed = [round for round, pair in pairs.items() if any(run["disturbed"] for run in pair)]
    calm = [value for round, value in values.items() if round not in disturbed]
    figures = spread(values.values())
    barred = timers == BAR_AT
    return {
        "timers": timers,
        "figure": comparison.title,
        "of": arm,
        "against": comparison.against,
        **{name: round(value, 4) for name, value in figures.items()},
        "values": [round(value, 4) for value in values.values()],
        "disturbed": disturbed,
        "median_undisturbed": round(spread(calm)["median"], 4) if calm else None,
        "bar": str(comparison.bar) if barred else None,
        "met": comparison.bar.met_by(figures["median"]) if barred else None,
    }


def _arm(timers: int, arm: str, runs: Sequence[Run]) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "timers": timers,
        "arm": arm,
        "runs": len(runs),
        "disturbed": sum(run["disturbed"] for run in runs),
    }
    for figure in _FIGURES:
        values = [run[figure] for run in runs if run[figure] is not None]
        entry[figure] = spread(values) if values else None
    for kind in ("missed", "double", "early"):
        entry[kind] = sum(run[kind] for run in runs)
    for window in ("cpu_ms_jobs", "cpu_ms_statuses"):
        entry[window] = {
            name: round(spread(run[window][name] for run in runs)["median"], 3) for name in runs[0][window]
        }
    workers = [used for run in runs if (used := workers_cpu_ms(run["cpu_ms_jobs"])) is not None]
    entry["workers_cpu_ms"] = {name: round(value, 3) for name, value in spread(workers).items()} if workers else None
    return entry
