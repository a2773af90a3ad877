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
    return max(_line_ms(timer, now_ms), timer.recorded.committed_ms)


def _line_ms(timer: Timer, now_ms: int) -> int:
    recorded = timer.recorded
    if recorded.handled_through_ms is not None:
        behind = timer.generation - recorded.generation
        if behind <= 0 or (behind == 1 and timer.timing_hash == recorded.timing_hash and not timer.failed_too_often):
            return recorded.handled_through_ms
    elif timer.generation == 1:
        return _first_fence_ms(timer)
    return max(_edited_ms(timer, now_ms), recorded.handled_through_ms or timer.created_ms)


def _edited_ms(timer: Timer, now_ms: int) -> int:
    """When the spec was edited that status does not know yet."""
    edited_ms, written_ms = timer.spec_changed_ms, timer.status_written_ms
    if edited_ms is None or (written_ms is not None and edited_ms <= written_ms):
        return now_ms
    return edited_ms


def _first_fence_ms(timer: Timer) -> int:
    # Nothing before creation fires, but for an instant in the past that an explicit deadline still admits.
    # A deadline of decades ends at the epoch: the index knows no marks before it.
    if isinstance(timer.schedule, Once) and timer.policy.deadline_ms:
        return max(timer.created_ms - timer.policy.deadline_ms, 0)
    return timer.created_ms
