"""Which Kubernetes Events a change of status deserves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controller.core.reasons import Reason
from controller.core.status import condition


@dataclass(frozen=True, slots=True)
class EventDraft:
    """An Event about a timer, before it has a name and a time. `kind` is Normal or Warning."""

    kind: str
    reason: Reason
    message: str


def events_between(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[EventDraft]:
    """Warnings for what newly went wrong; nothing is said twice while it stays as it is."""
    drafts = []
    before, after = condition(old, "Ready"), condition(new, "Ready")
    if after["status"] == "False" and _said(before) != _said(after):
        drafts.append(EventDraft("Warning", Reason(after["reason"]), after["message"]))
    missed = new["runs"]["missed"] - (old.get("runs") or {}).get("missed", 0)
    if missed > 0:
        drafts.append(
            EventDraft("Warning", Reason.MISS_SCHEDULE, f"Missed {missed} run(s), the last of {new['lastMissedTime']}.")
        )
    return drafts


def _said(ready: Mapping[str, Any]) -> tuple[Any, ...]:
    return ready.get("status"), ready.get("reason"), ready.get("message")
