"""Which of the occurrences that did not run status does not account for. It counts them, and does not name them.

So the counts are followed through time: where the number of those left out gets ahead of the number on record, and
stays there, one of those that were handled just then was never told of.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from tests.chaos.history import Status


@dataclass(frozen=True)
class Gap:
    """So many of these are not on record."""

    missing: int
    among: Sequence[int]
    """The occurrences that did not run and were handled between two statuses; or after the last one."""


def gaps(unfired: Sequence[int], statuses: Sequence[Status]) -> list[Gap]:
    """Where status falls behind for good. Both in the order of time."""
    handled = [bisect_right(unfired, status.handled_ms) for status in statuses] + [len(unfired)]
    reported = [status.missed + status.skipped for status in statuses]
    reported.append(reported[-1] if reported else 0)
    behind = [number - told for number, told in zip(handled, reported, strict=True)]
    found, before, position = [], 0, 0
    for index, number in enumerate(handled):
        for_good = max(min(behind[index:]), before)
        if for_good > before:
            # One told of too much before has hidden that some are missing: look further back for them.
            position = min(position, number - (for_good - before))
            found.append(Gap(for_good - before, unfired[position:number]))
        before, position = for_good, number
    return found
