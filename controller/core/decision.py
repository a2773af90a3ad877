"""What to do with a timer now: the level-triggered heart of a worker.

A ticket from the index says only *look at this timer*. Which occurrence is due follows here, from the
spec, the fence and the high-water mark, and so a wrong ticket costs a look and never a run.
"""

from bisect import bisect_left
from dataclasses import dataclass

from controller.core.fence import fence_ms
from controller.core.policy import MissedRuns, Policy
from controller.core.schedule.occurrences import Schedule, missed
from controller.core.timer import Timer
from controller.core.timing import Timing

STOPPED_LOOK_MS = 30_000
"""How often to look at a timer that stopped after too many failures."""


@dataclass(frozen=True, slots=True)
class Missed:
    """Occurrences that will not run: how many (an estimate where they span years), and the last of them."""

    count: int
    latest_ms: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with a timer.

    `fire_ms`: the occurrence to fire, when it is due and not before, or None.
    `handled_through_ms`: everything at or before this is decided, the fired occurrence not included.
    `next_ms`: when to look again, or None for not until the timer is edited. After a fire: once it is done.
    """

    fire_ms: int | None
    handled_through_ms: int
    next_ms: int | None
    missed: Missed | None = None


def decide(timer: Timer, mark_ms: int, now_ms: int, ahead_ms: int = 0) -> Decision:
    """Decide at `now_ms`, for occurrences due until `now_ms + ahead_ms`.

    `mark_ms` is the index's high-water mark: the last occurrence of this timer that is known to be handled.
    Which of several overdue occurrences fire is a matter of policy; those before the first that does are missed. What
    is overdue is decided before what is due ahead, so that no miss goes unreported.
    """
    after_ms = max(mark_ms, fence_ms(timer, now_ms))
    timing = timer.timing
    if timing is None or timer.idle:
        # A stop is lifted by status alone, which this look may not have seen yet.
        return Decision(None, after_ms, now_ms + STOPPED_LOOK_MS if timer.stopped else None)
    last_ms = _last_due(timing, now_ms)
    if last_ms is None or last_ms <= after_ms:
        return _upcoming(timing, after_ms, now_ms + ahead_ms, None)
    fire_ms = _first_to_run(timer.policy, timing, after_ms, last_ms, now_ms)
    if fire_ms is None:
        lost = _missed(timing.schedule, after_ms, last_ms)
        return _upcoming(timing, last_ms, now_ms + ahead_ms, lost)
    lost = _missed(timing.schedule, after_ms, fire_ms - 1)
    handled_through_ms = lost.latest_ms if lost else after_ms
    return Decision(fire_ms, handled_through_ms, timing.due_after_ms(fire_ms), lost)


def _last_due(timing: Timing, until_ms: int) -> int | None:
    """The last occurrence that is due at or before an instant, jitter included."""
    last_ms = timing.schedule.last_until(until_ms)
    # Jitter ends before the next occurrence, so only the very last can be due later still.
    if last_ms is not None and timing.due_ms(last_ms) > until_ms:
        last_ms = timing.schedule.last_until(last_ms - 1)
    return last_ms


def _first_to_run(policy: Policy, timing: Timing, after_ms: int, last_ms: int, now_ms: int) -> int | None:
    """Which of the overdue occurrences, after < occurrence <= last, is to run first; None where it is too late."""
    if policy.latest_start_ms is not None:
        too_late_ms = _last_due(timing, now_ms - policy.latest_start_ms - 1)
        after_ms = after_ms if too_late_ms is None else max(after_ms, too_late_ms)
    if last_ms <= after_ms:
        return None
    if policy.missed_runs is not MissedRuns.ALL:
        return last_ms
    # Found by halving: of years of seconds, the newest hundred begin somewhere.
    since_ms = after_ms + bisect_left(
        range(after_ms, last_ms), -policy.missed_limit, key=lambda since: -timing.schedule.count(since, last_ms).number
    )
    return timing.schedule.next_after(since_ms)


def _missed(schedule: Schedule, after_ms: int, until_ms: int) -> Missed | None:
    # Up to an occurrence, so that an estimate does not take in one more.
    last_ms = schedule.last_until(until_ms)
    passed = missed(schedule, after_ms, after_ms if last_ms is None else last_ms)
    return Missed(passed.count, passed.latest[-1]) if passed.latest else None


def _upcoming(timing: Timing, after_ms: int, horizon_ms: int, lost: Missed | None) -> Decision:
    next_ms = timing.schedule.next_after(after_ms)
    if next_ms is None:
        return Decision(None, after_ms, None, lost)
    due_ms = timing.due_ms(next_ms)
    if due_ms > horizon_ms:
        return Decision(None, after_ms, due_ms, lost)
    return Decision(next_ms, after_ms, timing.due_after_ms(next_ms), lost)
