"""From arrivals and logs to figures of lag. Pure functions."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from controller.core.instants import parse_rfc3339
from tests.bench.common.arrivals import Arrival, thinned
from tests.harness.lag import percentile

FIGURES = {
    "samples": "Jobs",
    "lag_p50_ms": "p50",
    "lag_p90_ms": "p90",
    "lag_p99_ms": "p99",
    "lag_p999_ms": "p99.9",
    "lag_max_ms": "max",
    "answered_p50_ms": "to the workers' answer p50",
    "answered_p99_ms": "to the workers' answer p99",
    "answered_max_ms": "to the workers' answer max",
    "others_percent": "of the machine, anything else here, %",
}
"""Figures of a run, and how they are called."""

_ENOUGH_FOR_P999 = 1000
_CREATED = re.compile(r"job created.* occurrence=(\S+).* lag_ms=(-?\d+)")


def figures_of(arrivals: Sequence[Arrival], answered_ms: Sequence[int]) -> dict[str, Any]:
    """Figures of Jobs that arrived in a watch, and of the lags that workers had. ValueError where there are none."""
    lags = sorted(arrival.lag_ms for arrival in arrivals)
    if not lags:
        raise ValueError("no Job has arrived")
    found: dict[str, Any] = {"samples": len(lags)}
    found |= {f"lag_p{part}_ms": percentile(lags, part / 100) for part in (50, 90, 99)}
    if len(lags) >= _ENOUGH_FOR_P999:
        found["lag_p999_ms"] = percentile(lags, 0.999)
    found["lag_max_ms"] = lags[-1]
    if answered := sorted(answered_ms):
        found |= {f"answered_p{part}_ms": percentile(answered, part / 100) for part in (50, 99)}
        found["answered_max_ms"] = answered[-1]
    return found | {"lags_ms": thinned(lags)}


def answered_in(logs: Iterable[str], after_ms: int, until_ms: int) -> list[int]:
    """The lags that workers logged of occurrences in a time: after <= occurrence < until."""
    return [
        int(lag_ms)
        for log in logs
        for occurrence, lag_ms in _CREATED.findall(log)
        if after_ms <= parse_rfc3339(occurrence) < until_ms
    ]


def counted(arrivals: Iterable[Arrival], after_ms: int, until_ms: int) -> list[Arrival]:
    """The Jobs of occurrences in a time."""
    return [arrival for arrival in arrivals if after_ms <= arrival.nominal_ms < until_ms]


def faults_in(arrivals: Sequence[Arrival], due: int) -> dict[str, int]:
    """How many of so many occurrences were missed, had a Job twice, or too early."""
    times = Counter((arrival.owner, arrival.scheduled_at) for arrival in arrivals)
    return {
        "missed": due - len(times),
        "double": len(arrivals) - len(times),
        "early": sum(arrival.lag_ms < 0 for arrival in arrivals),
    }
