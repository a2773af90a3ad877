"""From arrivals and logs of workers to figures of lag."""

import logging

import pytest

from controller.core.instants import rfc3339_ms
from controller.observe.logs import _Plain
from tests.bench.common.arrivals import Arrival
from tests.bench.steady import bars_of, faults_of, summary_of, tables
from tests.bench.steady.lags import answered_in, counted, faults_in, figures_of

BEGIN_MS = 1_795_348_800_000


def arrivals(*lags_ms: int, step_ms: int = 20) -> list[Arrival]:
    return [
        Arrival(f"uid-{number}", rfc3339_ms(BEGIN_MS + number * step_ms), BEGIN_MS + number * step_ms + lag_ms)
        for number, lag_ms in enumerate(lags_ms)
    ]


def logged(occurrence_ms: int, lag_ms: int, text: str = "fired: job created") -> str:
    """The line that a worker writes."""
    record = logging.makeLogRecord({"msg": text, "levelname": "INFO", "levelno": logging.INFO})
    keys = {"timer": "bench/t", "token": "w.1", "occurrence": rfc3339_ms(occurrence_ms), "lag_ms": lag_ms}
    vars(record).update(keys)
    return _Plain("%(asctime)s %(levelname)-7s %(message)s").format(record) + "\n"


def test_lags_are_told_by_percentiles() -> None:
    found = figures_of(arrivals(*range(1, 101)), [3, 1, 2])

    assert (found["lag_p50_ms"], found["lag_p90_ms"], found["lag_p99_ms"], found["lag_max_ms"]) == (50, 90, 99, 100)
    assert (found["answered_p50_ms"], found["answered_max_ms"]) == (2, 3)
    assert found["lags_ms"] == [*range(1, 101)]


def test_one_in_a_thousand_is_told_where_there_are_a_thousand() -> None:
    assert "lag_p999_ms" not in figures_of(arrivals(*[5] * 999), [])
    assert figures_of(arrivals(*[5] * 998, 70, 80), [])["lag_p999_ms"] == 70


def test_without_jobs_there_are_no_figures() -> None:
    with pytest.raises(ValueError, match="no Job"):
        figures_of([], [])


def test_the_lags_that_workers_log_are_found() -> None:
    log = logged(BEGIN_MS - 1, 9) + logged(BEGIN_MS, 12) + logged(BEGIN_MS + 20, 7, "fired: job found")
    log += logged(BEGIN_MS + 999, 15) + logged(BEGIN_MS + 1000, 8)

    assert answered_in([log, ""], BEGIN_MS, BEGIN_MS + 1000) == [12, 15]


def test_the_warm_up_does_not_count() -> None:
    found = counted(arrivals(1, 2, 3, 4), BEGIN_MS + 20, BEGIN_MS + 60)

    assert [arrival.lag_ms for arrival in found] == [2, 3]


def test_missed_double_and_early_are_counted() -> None:
    twice = arrivals(5, -1, 7)[1]

    assert faults_in([*arrivals(5, -1, 7), twice], due=4) == {"missed": 1, "double": 1, "early": 2}


def test_a_document_is_shown_with_the_bars_of_the_idle_part() -> None:
    cpu = {"others_percent": 1.0, "cpu_ms_per_fire": {"redis": 0.4}, "core_share": {"redis": 0.01}}
    faults = {"missed": 0, "double": 0, "early": 0}
    runs = [
        {"name": "steady", "round": 1, **figures_of(arrivals(*[8] * 1000), [4]), **cpu, **faults},
        {"name": "idle", "round": 1, **figures_of(arrivals(8, 9, 40), [4]), **cpu, **(faults | {"missed": 1})},
    ]
    summary = summary_of(runs)
    options = {"rate": 50, "seconds": 20, "idle_seconds": 3}

    assert [bar["met"] for bar in bars_of(summary)] == [True, False]
    assert faults_of(runs) == ["idle, round 1: 1 occurrences have no Job"]
    document = {"summary": summary, "options": options, "bars": bars_of(summary)}
    assert [table.row_count for table in tables(document)] == [10, 1, 1, 2]


def test_the_steady_part_alone_has_no_bars() -> None:
    assert bars_of({"steady": {}}) == []
