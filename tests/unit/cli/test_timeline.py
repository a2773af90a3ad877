"""What fires next of many timers: the order, what is counted from, and what is not even read."""

import heapq
from itertools import islice
from typing import Any

import pytest

from controller.cli.forecast.timeline import Held, Timeline
from controller.core.instants import parse_rfc3339, rfc3339
from controller.core.schedule.occurrences import iterate
from controller.core.timer import parse_timer
from tests.unit.cli.stub_cluster import ready, timer_object

NOW = "2026-11-25T10:00:00Z"
NOW_MS = parse_rfc3339(NOW)


def timer(name: str, status: dict[str, Any] | None = None, namespace: str = "billing", **spec: Any) -> dict[str, Any]:
    spec = {"schedule": None, "timeZone": None} | spec
    return timer_object(name, namespace, spec=spec, status=status or {})


def handled(through: str, next_time: str | None, **status: Any) -> dict[str, Any]:
    """A status of the current generation."""
    known = {"observedGeneration": 1, "handledThrough": through, "conditions": [ready()], **status}
    return known | ({"nextScheduleTime": next_time} if next_time else {})


def timeline(*timers: dict[str, Any], count: int = 10, start: str = NOW, page: int = 2) -> Timeline:
    """Of timers that come in pages."""
    found = Timeline(count, parse_rfc3339(start), NOW_MS)
    for first in range(0, len(timers), page):
        found.add(timers[first : first + page])
    return found


def told(found: Timeline) -> list[tuple[str, str]]:
    return [(f"{firing.namespace}/{firing.name}", rfc3339(firing.due_ms)) for firing in found.firings]


def test_the_runs_of_all_timers_are_in_the_order_of_firing() -> None:
    found = timeline(
        timer("hourly", schedule="0 * * * *"),
        timer("noon", schedule="0 12 * * *", timeZone="Europe/Berlin"),
        timer("once", at="2026-11-25T11:30:00Z", namespace="default"),
        count=5,
    )
    assert told(found) == [
        ("billing/hourly", "2026-11-25T11:00:00Z"),
        ("billing/noon", "2026-11-25T11:00:00Z"),
        ("default/once", "2026-11-25T11:30:00Z"),
        ("billing/hourly", "2026-11-25T12:00:00Z"),
        ("billing/hourly", "2026-11-25T13:00:00Z"),
    ]
    assert [firing.schedule for firing in found.firings[:3]] == [
        "0 * * * *",
        "0 12 * * * (Europe/Berlin)",
        "at 2026-11-25T11:30:00Z",
    ]


@pytest.mark.parametrize("count", [1, 7, 200])
def test_it_is_what_all_occurrences_of_all_timers_come_to(count: int) -> None:
    timers = [timer(f"timer-{number}", schedule=f"{number * 7 % 60} */{number % 5 + 1} * * *") for number in range(30)]
    every = [
        [(occurrence_ms, obj["metadata"]["name"]) for occurrence_ms in islice(iterate(schedule, NOW_MS), count)]
        for obj in timers
        if (schedule := parse_timer(obj).schedule)
    ]
    found = timeline(*timers, count=count)
    assert [(firing.due_ms, firing.name) for firing in found.firings] == list(islice(heapq.merge(*every), count))


def test_what_is_handled_already_does_not_fire_again() -> None:
    ahead = timer("ahead", handled("2026-11-25T12:00:00Z", "2026-11-25T13:00:00Z"), schedule="0 * * * *")
    behind = timer("behind", handled("2026-11-25T08:00:00Z", "2026-11-25T09:00:00Z"), schedule="30 * * * *")
    assert told(timeline(ahead, behind, count=4)) == [
        ("billing/behind", "2026-11-25T10:30:00Z"),
        ("billing/behind", "2026-11-25T11:30:00Z"),
        ("billing/behind", "2026-11-25T12:30:00Z"),
        ("billing/ahead", "2026-11-25T13:00:00Z"),
    ]


def test_it_can_begin_later() -> None:
    start = "2026-12-24T00:00:00Z"
    assert told(timeline(timer("hourly", schedule="0 * * * *"), count=1, start=start)) == [
        ("billing/hourly", "2026-12-24T01:00:00Z")
    ]


def test_a_run_that_jitter_delays_is_still_to_come_although_its_nominal_time_has_passed() -> None:
    jittered = timer("jittered", handled("2026-11-25T09:00:00Z", "2026-11-25T10:00:00Z"), every="1h", jitter="1h")
    jittered["metadata"]["creationTimestamp"] = "2026-11-25T00:00:00Z"
    due_ms = parse_timer(jittered).timing.due_ms(NOW_MS)  # type: ignore[union-attr]
    before, after = (timeline(jittered, count=1, start=rfc3339(due_ms + offset_ms)) for offset_ms in (-1, 1))
    assert [(firing.occurrence_ms, firing.due_ms) for firing in before.firings] == [(NOW_MS, due_ms)]
    assert after.firings[0].occurrence_ms == NOW_MS + 3_600_000


def test_what_does_not_fire_is_told_with_the_reason() -> None:
    stopped = ready("True", "TooManyFailures", "5 runs in a row failed.", type="Suspended")
    failed = {"observedGeneration": 1, "consecutiveFailures": 5, "conditions": [ready(), stopped]}
    complete = handled("2026-11-20T10:00:00Z", None, conditions=[ready(type="Complete")])
    found = timeline(
        timer("suspended", schedule="0 * * * *", suspend=True),
        timer("invalid", schedule="61 * * * *"),
        timer("stopped", failed, schedule="0 * * * *", maxConsecutiveFailures=5),
        timer("complete", complete, at=NOW),
    )
    assert told(found) == []
    assert found.timers == 4
    assert found.held[0] == Held("billing", "suspended", "Suspended", "spec.suspend is true.")
    assert found.held[1][1:3] == ("invalid", "InvalidSchedule")
    assert found.held[1].message.startswith("spec.schedule '61 * * * *' is not a cron expression")
    assert found.held[2:] == [Held("billing", "stopped", "TooManyFailures", "5 runs in a row failed.")]


def test_a_timer_whose_jobs_are_refused_goes_on_trying_and_is_told_as_not_ready() -> None:
    refused = ready("False", "QuotaExceeded", "exceeded quota: jobs")
    status = handled("2026-11-25T09:00:00Z", "2026-11-25T11:00:00Z", conditions=[refused])
    found = timeline(timer("refused", status, schedule="0 * * * *"), count=1)
    assert told(found) == [("billing/refused", "2026-11-25T11:00:00Z")]
    assert found.held == [Held("billing", "refused", "QuotaExceeded", "exceeded quota: jobs")]


def test_a_status_of_before_the_last_edit_says_nothing_about_now() -> None:
    stale = timer(
        "stale",
        handled("2026-11-25T09:00:00Z", "2030-01-01T00:00:00Z", conditions=[ready("False", "InvalidSchedule", "bad")]),
        schedule="0 * * * *",
    )
    stale["metadata"]["generation"] = 2
    stale["metadata"]["managedFields"] = [{"time": "2026-11-25T09:30:00Z", "fieldsV1": {"f:spec": {}}}]
    found = timeline(timer("other", schedule="0 0 * * *"), stale, count=1, page=1)
    assert told(found) == [("billing/stale", "2026-11-25T11:00:00Z")]
    assert found.held == []


def test_timers_that_cannot_be_among_the_first_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def parse(obj: dict[str, Any]) -> Any:
        read.append(obj["metadata"]["name"])
        return parse_timer(obj)

    monkeypatch.setattr("controller.cli.forecast.timeline.parse_timer", parse)
    early = timer("early", handled("2026-11-25T09:00:00Z", "2026-11-25T10:10:00Z"), schedule="*/10 * * * *")
    late = [
        timer(f"late-{number}", handled("2026-11-25T09:00:00Z", "2026-11-26T00:00:00Z"), schedule="0 0 * * *")
        for number in range(50)
    ]
    found = timeline(early, *late, count=3, page=1)
    assert {name for name, _ in told(found)} == {"billing/early"}
    assert read == ["early"]
