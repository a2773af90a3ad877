"""The figures of a burst: from arrivals and CPU seconds to tables and JSON."""

import io
import json
import os

import pytest
from rich.console import Console
from rich.table import Table

from tests.bench.cpu import Snapshot, snapshot, used_between
from tests.bench.result import OTHERS, Result, as_json, cpu_table, figures, result_of

INSTANT = 1_795_348_800_000


def result(*arrivals: tuple[str, int], timers: int = 2) -> Result:
    stamped = [(uid, INSTANT + lag_ms) for uid, lag_ms in arrivals]
    return result_of(
        timers, INSTANT, stamped, [20, 10], INSTANT + 5_000, 0.75, {"worker": 2.0, OTHERS: 4.0}, {"worker": 3.0}
    )


def cells(table: Table) -> dict[str, list[str]]:
    console = Console(file=io.StringIO(), width=120, color_system=None)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    rows = [line.split("   ") for line in console.file.getvalue().splitlines()]
    return {row[0].strip(): [cell.strip() for cell in row[1:] if cell.strip()] for row in rows}


def test_jobs_per_second_count_from_the_instant_to_the_last_arrival() -> None:
    found = result(("a", 100), ("b", 500))

    assert found.jobs_per_s == 4
    assert (found.first_ms, found.p50_ms, found.p99_ms, found.max_ms) == (100, 100, 500, 500)
    assert (found.answered_p50_ms, found.answered_max_ms) == (10, 20)
    assert found.status_s == 5
    assert found.busy_cores == 1.5
    assert found.faultless


def test_cpu_is_in_milliseconds_for_each_timer() -> None:
    assert result(("a", 1), ("b", 1)).cpu_jobs == {"worker": 1000.0, OTHERS: 2000.0}


@pytest.mark.parametrize(
    ("arrivals", "faults"),
    [
        ([("a", 1)], (1, 0, 0)),
        ([("a", 1), ("a", 2), ("b", 1)], (0, 1, 0)),
        ([("a", 1), ("a", 2)], (1, 1, 0)),
        ([("a", -1), ("b", 1)], (0, 0, 1)),
    ],
    ids=["missed", "double", "a double does not make up for a miss", "before its time"],
)
def test_faults_are_counted(arrivals: list[tuple[str, int]], faults: tuple[int, int, int]) -> None:
    found = result(*arrivals)

    assert (found.missed, found.double, found.early) == faults
    assert not found.faultless


def test_several_runs_have_a_median() -> None:
    runs = [result(("a", 100), ("b", lag_ms)) for lag_ms in (200, 1_000, 400)]

    assert cells(figures(runs))["lag max, ms"] == ["200", "1000", "400", "400"]
    assert cells(cpu_table("CPU", [run.cpu_jobs for run in runs]))["total"] == ["1000.00"] * 4
    assert json.loads(as_json({"timers": 2}, {}, runs))["median"]["jobs_per_s"] == 5


def test_one_run_has_none() -> None:
    assert cells(figures([result(("a", 100), ("b", 200))]))["lag max, ms"] == ["200"]


def test_what_no_process_of_ours_used_was_used_by_others() -> None:
    used = used_between(Snapshot({"a": 1.0, "b": 2.0}, 10.0), Snapshot({"a": 1.5, "b": 2.25}, 14.0))

    assert used.processes == {"a": 0.5, "b": 0.25}
    assert used.others == 3.25


def test_the_cpu_time_of_a_process_is_what_the_system_says() -> None:
    before = os.times()
    seen = snapshot({"me": os.getpid()})
    after = os.times()

    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    assert before.user + before.system - 2 * tick_s <= seen.processes["me"] <= after.user + after.system + 2 * tick_s
    assert seen.machine > 0
