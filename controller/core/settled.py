"""Whether a status says all that there is to say. After a restart that is so for nearly all timers.

To work a status out takes ten times as long as to see that nothing can come of it, and so it is not done for a hundred
thousand timers whenever somebody else begins to lead.
"""

from typing import Any

from controller.core.conditions import as_scheduled
from controller.core.instants import parse_rfc3339, rfc3339
from controller.core.reasons import TEMPLATE_REASONS
from controller.core.timer import Timer
from controller.core.timing import next_after

_AS_THEY_ARE = ("lastScheduleTime", "lastMissedTime", "lastSkippedTime", "lastSuccessfulTime", "lastFailedTime")
_HANDLED = _AS_THEY_ARE[:3]
_OUTCOMES = {"succeeded", "failed", "missed", "skipped"}
_LARGEST_INT64 = 2**63 - 1


def is_settled(timer: Timer) -> bool:
    """Whether `next_status` of no Jobs and no news is what `timer.status` is, now and at any time.

    False where that is not sure: it is said only of timers that fire as scheduled.
    """
    try:
        return _is_usual(timer) and timer.status == _settled(timer)
    except Exception:
        # Others can write there, too.
        return False


def _is_usual(timer: Timer) -> bool:
    recorded = timer.recorded
    return (
        timer.timing is not None
        and recorded.generation == timer.generation
        and recorded.handled_through_ms is not None
        and recorded.handled_through_ms >= 0
        and not recorded.commits
        and not (timer.suspended or timer.being_deleted or timer.failed_too_often or timer.open_request)
    )


def _settled(timer: Timer) -> dict[str, Any] | None:
    """The status that such a timer should have; None where that cannot be told so easily."""
    assert timer.timing is not None
    old, handled_ms = timer.status, timer.recorded.handled_through_ms
    assert handled_ms is not None
    next_ms = next_after(timer.timing.schedule, handled_ms)
    ready, checked = old["conditions"]
    if next_ms is None or checked["reason"] not in TEMPLATE_REASONS or checked["status"] not in ("True", "Unknown"):
        return None
    if max(*old["runs"].values(), timer.recorded.failures_in_a_row * 2**32) > _LARGEST_INT64:
        return None
    if old["runs"].keys() != _OUTCOMES or checked["type"] != "TemplateValid":
        return None
    status = {
        "observedGeneration": timer.generation,
        "timingHash": timer.timing_hash,
        "handledThrough": rfc3339(handled_ms),
        "scheduleSummary": timer.timing.summary,
        "nextScheduleTime": rfc3339(next_ms),
        "active": [],
        "activeCount": 0,
        "consecutiveFailures": timer.recorded.failures_in_a_row,
        "runs": old["runs"],
        "conditions": [
            {**as_scheduled(timer), "lastTransitionTime": ready["lastTransitionTime"]},
            {
                "type": "TemplateValid",
                "status": checked["status"],
                "reason": checked["reason"],
                "message": checked["message"],
                "observedGeneration": timer.generation,
                "lastTransitionTime": checked["lastTransitionTime"],
            },
        ],
    }
    for field in _AS_THEY_ARE:
        if text := old.get(field):
            if field in _HANDLED and parse_rfc3339(text) > handled_ms:
                return None
            status[field] = rfc3339(parse_rfc3339(text))
    for field in ("lastFailure", "lastHandledTrigger"):
        if old.get(field):
            status[field] = old[field]
    return status
