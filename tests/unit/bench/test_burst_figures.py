"""The figures of one run: from arrivals and CPU seconds to an entry of the document."""

import itertools
import os

import pytest

from tests.bench.burst.arms import ARMS, Step
from tests.bench.burst.figures import faults_of, run_of
from tests.bench.common.arrivals import thinned
from tests.bench.common.cpu import OTHERS, Snapshot, Used, snapshot, used_between
from tests.unit.bench.bursts import CORES, evidence, run

STEP = Step(2, 1, ARMS["ours-2"])


def test_jobs_per_second_count_from_the_instant_to_the_last_arrival() -> None:
    found = run_of(STEP, evidence(("a", 100), ("b", 500), others_s=0.5), CORES)

    assert found["jobs_per_s"] == 4
    assert (found["first_ms"], found["p50_ms"], found["p99_ms"], found["max_ms"]) == (100, 100, 500, 500)
    assert (found["answered_p50_ms"], found["answered_max_ms"]) == (10, 20)
    assert found["status_s"] == 5
    assert found["busy_cores"] == 1.5
    assert faults_of(found) == []


def test_cpu_is_in_milliseconds_for_each_timer() -> None:
    found = run_of(STEP, evidence(("a", 1), ("b", 1)), CORES)

    assert found["cpu_ms_jobs"] == {"worker-1": 1000, "worker-2": 500, "etcd": 500, OTHERS: 2000}
    assert found["cpu_ms_statuses"]["worker-1"] == 1500


@pytest.mark.parametrize(
    ("arrivals", "faults"),
    [
        ([("a", 1)], {"missed": 1, "double": 0, "early": 0}),
        ([("a", 1), ("a", 2), ("b", 1)], {"missed": 0, "double": 1, "early": 0}),
        ([("a", 1), ("a", 2)], {"missed": 1, "double": 1, "early": 0}),
        ([("a", -1), ("b", 1)], {"missed": 0, "double": 0, "early": 1}),
    ],
    ids=["missed", "double", "a double does not make up for a miss", "before its time"],
)
def test_faults_are_counted_and_told(arrivals: list[tuple[str, int]], faults: dict[str, int]) -> None:
    found = run_of(STEP, evidence(*arrivals), CORES)

    assert {kind: found[kind] for kind in faults} == faults
    assert len(faults_of(found)) == sum(count > 0 for count in faults.values())
    assert all(fault.startswith("ours-2, 2 timers, round 1: 1 ") for fault in faults_of(found))


def test_a_run_that_measured_nothing_is_a_fault() -> None:
    failed = {"timers": 2, "round": 3, "arm": "posts", "error": "there was no time"}

    assert faults_of(failed) == ["posts, 2 timers, round 3: there was no time"]


def test_statuses_that_did_not_all_come_have_no_time() -> None:
    assert run_of(STEP, evidence(("a", 1), ("b", 1), statuses=1), CORES)["status_s"] is None


def test_nothing_is_said_of_a_run_without_jobs() -> None:
    with pytest.raises(ValueError, match="no Job has arrived"):
        run_of(STEP, evidence(), CORES)


@pytest.mark.parametrize(("others_s", "disturbed"), [(0.29, False), (0.31, True)])
def test_a_run_is_marked_where_other_work_took_more_than_15_percent_of_the_cpu(
    others_s: float, disturbed: bool
) -> None:
    found = run_of(STEP, evidence(("a", 1), ("b", 1_000), others_s=others_s), CORES)

    assert found["disturbed"] is disturbed


def test_the_arrivals_that_are_kept_are_few_and_have_the_first_and_the_last() -> None:
    few = thinned(range(5_000, 0, -1), most=100)

    assert len(few) == 100
    assert few == sorted(few)
    assert (few[0], few[-1]) == (1, 5_000)
    gaps = {later - earlier for earlier, later in itertools.pairwise(few)}
    assert max(gaps) - min(gaps) <= 1
    assert run("ours-1")["arrivals_ms"] == [100, 1_000]


def test_what_no_process_of_ours_used_was_used_by_others() -> None:
    used = used_between(Snapshot({"a": 1.0, "b": 2.0}, 10.0, 100.0), Snapshot({"a": 1.5, "b": 2.25}, 14.0, 102.0))

    assert used == Used({"a": 0.5, "b": 0.25}, 3.25, 2.0)
    assert used.busy_cores == 2
    assert used.others_share(cores=4) == 3.25 / 8
    assert used.by_name() == {"a": 0.5, "b": 0.25, OTHERS: 3.25}


def test_the_cpu_time_of_a_process_is_what_the_system_says() -> None:
    before = os.times()
    seen = snapshot({"me": os.getpid()})
    after = os.times()

    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    assert before.user + before.system - 2 * tick_s <= seen.processes["me"] <= after.user + after.system + 2 * tick_s
    assert seen.machine > 0
