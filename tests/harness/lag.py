"""Firing lag in three figures."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lag:
    """Lags of n Jobs: from nominal time to the Job's arrival in a watch, in milliseconds."""

    count: int
    p50_ms: int
    p99_ms: int
    max_ms: int

    def __str__(self) -> str:
        return f"p50 {self.p50_ms} ms, p99 {self.p99_ms} ms, max {self.max_ms} ms (n={self.count})"


def percentile(ordered: Sequence[int], part: float) -> int:
    """The least value that at least this part (0 to 1) of the values does not exceed: always a measured one."""
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]


def lag_of(lags_ms: Iterable[int]) -> Lag | None:
    """The figures of these lags, None where there are none."""
    ordered = sorted(lags_ms)
    if not ordered:
        return None
    return Lag(len(ordered), percentile(ordered, 0.5), percentile(ordered, 0.99), ordered[-1])
