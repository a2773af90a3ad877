"""Arms are compared within each round, and then over all of them."""

from typing import Any

import pytest

from tests.bench.burst.ratios import median_run, ratios_of, summary_of
from tests.unit.bench.bursts import run


def ratio(ratios: list[dict[str, Any]], of: str, against: str) -> dict[str, Any]:
    """The one entry."""
    (entry,) = [entry for entry in ratios if (entry["of"], entry["against"]) == (of, against)]
    return entry


def test_a_drift_of_the_machine_does_not_show_in_a_ratio() -> None:
    slower = [1, 2, 4]
    runs = [
        run(arm, number, last_ms=last_ms * slower[number - 1])
        for number in (1, 2, 3)
        for arm, last_ms in (("ours-2", 600), ("cronjob", 1_000))
    ]

    entry = ratio(ratios_of(runs), "ours-2", "cronjob")
    assert entry["values"] == [0.6, 0.6, 0.6]
    assert (entry["median"], entry["min"], entry["max"]) == (0.6, 0.6, 0.6)


def test_rounds_have_a_median_and_a_spread() -> None:
    runs = [run("cronjob", number, last_ms=1_000) for number in (1, 2, 3)]
    runs += [run("ours-1", number, last_ms=last_ms) for number, last_ms in ((1, 500), (2, 2_000), (3, 800))]

    entry = ratio(ratios_of(runs), "ours-1", "cronjob")
    assert (entry["median"], entry["min"], entry["max"]) == (0.8, 0.5, 2.0)


def test_the_rate_is_compared_with_that_of_plain_posts() -> None:
    entry = ratio(ratios_of([run("ours-2", last_ms=1_000), run("posts", last_ms=800)]), "ours-2", "posts")

    assert entry["median"] == 0.8


def test_a_round_in_which_one_of_the_two_failed_has_no_ratio() -> None:
    runs = [run("ours-2", 1), run("ours-2", 2), run("cronjob", 2)]
    runs.append({"timers": 2, "round": 1, "arm": "cronjob", "error": "no time"})

    assert len(ratio(ratios_of(runs), "ours-2", "cronjob")["values"]) == 1


def test_what_ran_once_is_compared_with_the_median_of_all_rounds() -> None:
    runs = [run("ours-2", number, last_ms=last_ms) for number, last_ms in ((1, 500), (2, 9_000), (3, 1_000))]
    runs.append(run("cronjob-default", last_ms=100_000))

    assert ratio(ratios_of(runs), "ours-2", "cronjob-default")["values"] == [0.01]


def test_a_disturbed_round_counts_and_is_named() -> None:
    runs = [run("cronjob", number, last_ms=1_000) for number in (1, 2, 3)]
    runs += [run("ours-2", 1, last_ms=500), run("ours-2", 2, last_ms=600)]
    runs.append(run("ours-2", 3, last_ms=4_000, disturbed=True))

    entry = ratio(ratios_of(runs), "ours-2", "cronjob")
    assert entry["values"] == [0.5, 0.6, 4.0]
    assert entry["disturbed"] == [3]
    assert (entry["median"], entry["median_undisturbed"]) == (0.6, 0.55)


def test_bars_are_for_a_thousand_timers() -> None:
    few = [run("ours-2", last_ms=500), run("cronjob", last_ms=1_000)]
    (small,), (large,) = ratios_of(few), ratios_of([one | {"timers": 1_000} for one in few])

    assert (small["bar"], small["met"]) == (None, None)
    assert (large["bar"], large["met"]) == ("<= 1", True)


@pytest.mark.parametrize(("last_ms", "met"), [(1_000, True), (1_001, False)])
def test_a_last_job_later_than_that_of_cronjob_does_not_meet_the_bar(last_ms: int, met: bool) -> None:
    runs = [run("ours-2", last_ms=last_ms), run("cronjob", last_ms=1_000)]

    assert ratios_of([one | {"timers": 1_000} for one in runs])[0]["met"] is met


def test_each_arm_has_medians_and_the_sum_of_its_faults() -> None:
    runs = [run("ours-2", number, last_ms=last_ms) for number, last_ms in ((1, 500), (2, 700), (3, 900))]
    runs[1]["missed"] = 2
    (arm,) = summary_of(runs)["arms"]

    assert (arm["arm"], arm["runs"], arm["missed"]) == ("ours-2", 3, 2)
    assert arm["max_ms"] == {"median": 700, "min": 500, "max": 900}
    assert arm["workers_cpu_ms"] == {"median": 1500, "min": 1500, "max": 1500}


def test_the_median_run_is_one_that_was_measured() -> None:
    runs = [run("ours-2", number, last_ms=last_ms) for number, last_ms in ((1, 500), (2, 900), (3, 700), (4, 800))]

    assert median_run(runs)["max_ms"] == 700
