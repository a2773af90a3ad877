"""Whether something grows, and whether everything came back: pure functions over samples."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from controller.reconcile.herald import LONGEST_QUEUE
from tests.soak.samples import Sample

WARM_UP_PART = 0.4
"""Of the time: caches fill, pools open, and memory finds its size."""

GROWTH_PART = 0.10
"""What a fitted line may rise within the time after that, as a part of where it begins; and in any case ..."""

GROWTH_LEAST = {"resident MiB": 8.0, "memory KiB": 512.0}
"""... so much, in the unit of the figure; of everything else:"""

GROWTH_LEAST_OTHERS = 12.0

MOST = {"events in mind": 2.0 * LONGEST_QUEUE}
"""What has an end: it may fill up to there, where there is more to say than the budget of Events lets through."""

LEFT_OVER = {
    "resident MiB": 25.0,
    "memory KiB": 512.0,
    "descriptors": 15.0,
    "sockets": 15.0,
    "clients": 15.0,
    "tasks": 3.0,
    "keys": 1.0,
}
"""What may be left at the end, beyond the beginning: pools of connections stay open, memory is not given back, and a
stream that is empty is a key still. Of everything that is not named nothing may be left."""


@dataclass(frozen=True)
class Line:
    """What became of one figure."""

    name: str
    before: float
    low: float
    high: float
    most: float
    rise: float
    """Of a straight line through the samples after the warm-up, from its begin to its end."""
    rise_allowed: float
    after: float
    after_allowed: float

    @property
    def grows(self) -> bool:
        """More than it may."""
        return self.rise > self.rise_allowed or self.high > self.most

    @property
    def leaks(self) -> bool:
        """Something is left that must not be."""
        return self.after > self.after_allowed


def judge(before: Sample, during: Sequence[Sample], after: Sample) -> list[Line]:
    """A line for each figure."""
    warm = during[round(len(during) * WARM_UP_PART) :]
    lines = []
    for name in sorted(after.figures):
        what = name.partition(": ")[2]
        values = [sample.figures[name] for sample in warm if name in sample.figures]
        begin, rise = _fit([sample.at_s for sample in warm if name in sample.figures], values)
        least = MOST.get(what, GROWTH_LEAST.get(what, GROWTH_LEAST_OTHERS))
        started = before.figures.get(name, 0.0)
        lines.append(
            Line(
                name=name,
                before=started,
                low=min(values, default=0.0),
                high=max(values, default=0.0),
                most=MOST.get(what, math.inf),
                rise=rise,
                rise_allowed=max(least, abs(begin) * GROWTH_PART),
                after=after.figures[name],
                after_allowed=started + LEFT_OVER.get(what, 0.0),
            )
        )
    return lines


def _fit(times_s: Sequence[float], values: Sequence[float]) -> tuple[float, float]:
    """Where a straight line through these begins, and how much it rises."""
    if len(values) < 2:
        return (values[0] if values else 0.0), 0.0
    slope, offset = statistics.linear_regression(times_s, values)
    return offset + slope * times_s[0], slope * (times_s[-1] - times_s[0])
