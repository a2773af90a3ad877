"""The fence in time: nothing at or before it fires, whatever the index says.

It follows from the API object alone, so that a worker which meets an edit before the controller does
draws the same line.
"""

from controller.core.schedule.fixed import Once
from controller.core.timer import Timer


def fence_ms(timer: Timer, now_ms: int) -> int:
    """Up to when everything about this timer is decided, in milliseconds.

    Status knows, unless the spec was edited since it was written. A change of the template alone is no fence:
    the timing hash tells. Where several edits came since, the hash cannot tell what lay between them, and the
    time of the last edit decides. An edit that left no trace in managedFields counts as made now: late is
    mended by the next occurrence, a run in retrospect by nothing. One that only removes fields leaves none; what
    managedFields tell then is older than the status that it came after. An edit that ends a stop after too many
    failures is a fence whatever it changes. What is committed is decided.
    """
    line_ms = _told_ms(timer)
    if line_ms is None:
        edited_ms = _edited_ms(timer)
        line_ms = max(now_ms if edited_ms is None else edited_ms, timer.recorded.handled_through_ms or timer.created_ms)
    return max(line_ms, timer.recorded.committed_ms)


def is_fenced_by_now(timer: Timer) -> bool:
    """Whether neither status nor managedFields tell when the last edit was, and so it counts as made now.

    A status that knows of the edit knows better: who has this from a cache should ask again.
    """
    return _told_ms(timer) is None and _edited_ms(timer) is None


def _told_ms(timer: Timer) -> int | None:
    """What status, or the creation, tells of it; None where there was an edit that neither knows of."""
    recorded = timer.recorded
    if recorded.handled_through_ms is not None:
        behind = timer.generation - recorded.generation
        if behind <= 0 or (behind == 1 and timer.timing_hash == recorded.timing_hash and not timer.failed_too_often):
            return recorded.handled_through_ms
    elif timer.generation == 1:
        return _first_fence_ms(timer)
    return None


def _edited_ms(timer: Timer) -> int | None:
    """When the spec was edited that status does not know yet, None where nothing tells."""
    edited_ms, written_ms = timer.spec_changed_ms, timer.status_written_ms
    if edited_ms is None or (written_ms is not None and edited_ms <= written_ms):
        return None
    return edited_ms


def _first_fence_ms(timer: Timer) -> int:
    # Nothing before creation fires, but for an instant in the past that an explicit deadline still admits.
    # A deadline of decades ends at the epoch: the index knows no marks before it.
    if isinstance(timer.schedule, Once) and timer.policy.deadline_ms:
        return max(timer.created_ms - timer.policy.deadline_ms, 0)
    return timer.created_ms
