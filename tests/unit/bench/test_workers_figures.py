"""What a run against the sink gives: throughput, CPU by part, and what limited it."""

from typing import Any

import pytest

from tests.bench.common.cpu import OTHERS, Used
from tests.bench.common.errors import BenchError
from tests.bench.workers import bars_of, faults_of, figures_of, limit_of, summary_of, tables

INSTANT_MS = 1_795_348_800_000
USED = Used({"worker-1": 0.4, "worker-2": 0.2, "redis": 0.05, "sink": 0.1}, others=0.25, took_s=0.5)


def seen(**changes: Any) -> dict[str, Any]:
    times = {"first_ms": INSTANT_MS + 20.0, "last_ms": INSTANT_MS + 500.0}
    return {"gets": 100, "jobs": 100, "repeated": 0, "early": 0, **times, **changes}


def run(workers: int = 2, **changes: Any) -> dict[str, Any]:
    figures = figures_of(100, workers, INSTANT_MS, seen(**changes), USED, USED, cores=4)
    return {"workers": workers, "round": 1, **figures}


def test_fires_count_from_the_instant_to_the_last_job() -> None:
    found = run()

    assert found["fires_per_s"] == 200
    assert (found["first_ms"], found["last_ms"]) == (20, 500)


def test_cpu_is_told_by_part_for_each_fire() -> None:
    assert run()["cpu_ms_per_fire"] == pytest.approx({"workers": 6, "redis": 0.5, "sink": 1, OTHERS: 2.5})
    assert run()["sink_ceiling_per_s"] == 1000
    assert run()["worker_share"] == pytest.approx(0.6)


def test_missed_and_early_jobs_are_faults() -> None:
    assert faults_of([run(repeated=5)]) == []
    assert faults_of([run(jobs=97, early=2)]) == [
        "3 Jobs were missed with 2 workers in round 1",
        "2 Jobs were created before their time with 2 workers in round 1",
    ]


def test_without_any_job_nothing_is_measured() -> None:
    with pytest.raises(BenchError, match="no Job came"):
        run(jobs=0, first_ms=None, last_ms=None)


@pytest.mark.parametrize(
    ("busy", "shares", "limit"),
    [
        (1.2, {"worker-1": 0.97, "sink": 0.2}, "CPU of a worker"),
        (1.2, {"worker-1": 0.2, "sink": 0.97}, "CPU of sink"),
        (1.95, {"worker-1": 0.6, "sink": 0.4}, "CPU, all 2 cores"),
        (0.9, {"worker-1": 0.6, "sink": 0.2}, "waiting"),
    ],
)
def test_what_limits_is_named(busy: float, shares: dict[str, float], limit: str) -> None:
    assert limit_of(busy, shares, 2) == limit


def test_a_document_has_medians_and_is_shown() -> None:
    runs = [run(last_ms=INSTANT_MS + last) for last in (500.0, 400.0, 1000.0)]
    summary = summary_of(runs)
    bars = bars_of(summary)
    document = {"summary": summary, "options": {"timers": 100}, "bars": bars}

    assert summary["2"]["fires_per_s"] == {"median": 200, "min": 100, "max": 250}
    assert not bars[0]["met"]
    assert [table.row_count for table in tables(document)] == [9, 4, 1]
