"""What to do with a timer now: the level-triggered heart of a worker.

A ticket from the index says only *look at this timer*. Which occurrence is due follows here, from the
spec, the fence and the high-water mark, and so a wrong ticket costs a look and never a run.
"""

from dataclasses import dataclass

from controller.core.fence import fence_ms
from controller.core.timer import Timer


@dataclass(frozen=True, slots=True)
class Missed:
    """Occurrences that will not run: how many (a lower bound beyond GAP_COUNT_LIMIT), and the last of them."""

    count: int
    latest_ms: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with a timer.

    `fire_ms`: the occurrence to fire (not before that instant), or None.
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
    Of several overdue occurrences the latest fires and the others are missed, as with CronJob; one older than
    startingDeadlineSeconds is missed, too.
    """
    after_ms = max(mark_ms, fence_ms(timer, now_ms))
    if timer.schedule is None or timer.suspended or timer.being_deleted:
        return Decision(None, after_ms, None)
    overdue = timer.schedule.gap(after_ms, now_ms)
    if overdue is None:
        return _upcoming(timer, after_ms, now_ms + ahead_ms, None)
    deadline_ms = timer.starting_deadline_ms
    if deadline_ms is not None and overdue.latest_ms < now_ms - deadline_ms:
        return _upcoming(timer, overdue.latest_ms, now_ms + ahead_ms, Missed(overdue.count, overdue.latest_ms))
    fire_ms = overdue.latest_ms
    next_ms = timer.schedule.next_after(fire_ms)
    if overdue.previous_ms is None:
        return Decision(fire_ms, after_ms, next_ms)
    missed = Missed(overdue.count - 1, overdue.previous_ms)
    return Decision(fire_ms, missed.latest_ms, next_ms, missed)


def _upcoming(timer: Timer, after_ms: int, horizon_ms: int, missed: Missed | None) -> Decision:
    assert timer.schedule is not None
    next_ms = timer.schedule.next_after(after_ms)
    if next_ms is None or next_ms > horizon_ms:
        return Decision(None, after_ms, next_ms, missed)
    return Decision(next_ms, after_ms, timer.schedule.next_after(next_ms), missed)
