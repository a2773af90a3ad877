"""What to do with a timer now: the level-triggered heart of a worker.

A ticket from the index says only *look at this timer*. Which occurrence is due follows here, from the
spec, the fence and the high-water mark, and so a wrong ticket costs a look and never a run.
"""

from dataclasses import dataclass

from controller.core.fence import fence_ms
from controller.core.schedule.occurrences import missed
from controller.core.timer import Timer
from controller.core.timing import Timing


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
    Of several overdue occurrences the latest fires and the others are missed, as with CronJob; one that is overdue by
    more than startingDeadlineSeconds is missed, too.
    """
    after_ms = max(mark_ms, fence_ms(timer, now_ms))
    timing = timer.timing
    if timing is None or timer.suspended or timer.being_deleted:
        return Decision(None, after_ms, None)
    count, latest = _overdue(timing, after_ms, now_ms)
    if not latest:
        return _upcoming(timing, after_ms, now_ms + ahead_ms, None)
    deadline_ms = timer.starting_deadline_ms
    if deadline_ms is not None and timing.due_ms(latest[-1]) < now_ms - deadline_ms:
        return _upcoming(timing, latest[-1], now_ms + ahead_ms, Missed(count, latest[-1]))
    *earlier, fire_ms = latest
    skipped = Missed(count - 1, earlier[-1]) if earlier else None
    handled_through_ms = earlier[-1] if earlier else after_ms
    return Decision(fire_ms, handled_through_ms, timing.due_after_ms(fire_ms), skipped)


def _overdue(timing: Timing, after_ms: int, now_ms: int) -> tuple[int, tuple[int, ...]]:
    """How many occurrences are due by now, and the latest two of them."""
    passed = missed(timing.schedule, after_ms, now_ms, keep=3)
    count, latest = passed.count, passed.latest
    # Jitter ends before the next occurrence, so only the very latest can still be ahead.
    if latest and timing.due_ms(latest[-1]) > now_ms:
        count, latest = count - 1, latest[:-1]
    return count, latest[-2:]


def _upcoming(timing: Timing, after_ms: int, horizon_ms: int, skipped: Missed | None) -> Decision:
    next_ms = timing.schedule.next_after(after_ms)
    if next_ms is None:
        return Decision(None, after_ms, None, skipped)
    due_ms = timing.due_ms(next_ms)
    if due_ms > horizon_ms:
        return Decision(None, after_ms, due_ms, skipped)
    return Decision(next_ms, after_ms, timing.due_after_ms(next_ms), skipped)
