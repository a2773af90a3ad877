"""Runs of a burst as tests need them."""

import argparse
from typing import Any

from tests.bench.burst.arms import ARMS, Step
from tests.bench.burst.figures import Evidence, Run, run_of
from tests.bench.burst.ratios import summary_of
from tests.bench.common.cpu import Used
from tests.bench.common.output import Document, document_of

INSTANT = 1_795_348_800_000
CORES = 2


def evidence(*arrivals: tuple[str, int], others_s: float = 0.0, statuses: int = 2) -> Evidence:
    """Of owners' Jobs and their lags; the last Job came when `took_s` of the burst were over."""
    took_s = max((lag_ms for _, lag_ms in arrivals), default=0) / 1000
    return Evidence(
        instant_ms=INSTANT,
        arrivals=[(owner, INSTANT + lag_ms) for owner, lag_ms in arrivals],
        answered_ms=[20, 10],
        statuses=statuses,
        last_status_ms=INSTANT + 5_000,
        burst=Used({"worker-1": 0.25}, others_s, took_s),
        until_jobs=Used({"worker-1": 2.0, "worker-2": 1.0, "etcd": 1.0}, 4.0, 10),
        until_statuses=Used({"worker-1": 3.0, "worker-2": 1.0, "etcd": 1.0}, 5.0, 20),
    )


def run(arm: str, number: int = 1, *, last_ms: int = 1_000, timers: int = 2, disturbed: bool = False) -> Run:
    """A run of two Jobs, whatever number of timers it says it had."""
    others_s = 0.2 * CORES * last_ms / 1000 if disturbed else 0.0
    found = run_of(Step(2, number, ARMS[arm]), evidence(("a", 100), ("b", last_ms), others_s=others_s), CORES)
    return found | {"timers": timers}


def document(*runs: dict[str, Any]) -> Document:
    """The document of these."""
    options = argparse.Namespace(scenario="burst", command="python -m tests.bench burst", timers=[2])
    return document_of(options, {"machine": "2 cores"}, runs, summary_of(runs))
