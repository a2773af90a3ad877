"""When a controller is done with timers: once their status tells of the check of their template."""

from typing import Any

from tests.bench.steady.settled import Settled
from tests.harness.watch import Seen


def seen(uid: str, *conditions: str, kind: str = "MODIFIED", **status: Any) -> Seen:
    status |= {"conditions": [{"type": condition} for condition in conditions]} if conditions else {}
    return Seen(0, kind, {"metadata": {"uid": uid}} | ({"status": status} if status else {}))


def test_timers_are_settled_once_their_templates_are_checked() -> None:
    settled = Settled(2)
    for one in (seen("a"), seen("a", "Ready", observedGeneration=1), seen("a", "Ready", "TemplateValid")):
        settled.see(one)
    assert settled.uids == {"a"}
    assert not settled.all.is_set()

    settled.see(seen("b", "Ready", "TemplateValid"))
    assert settled.all.is_set()


def test_a_timer_that_goes_does_not_count_and_none_counts_twice() -> None:
    settled = Settled(2)
    for one in (seen("a", "TemplateValid"), seen("a", "TemplateValid"), seen("b", "TemplateValid", kind="DELETED")):
        settled.see(one)

    assert settled.uids == {"a"}
