"""Reading a RedisTimer from its API object."""

from typing import Any

import pytest

from controller.core.schedule.fixed import Every, Once
from controller.core.timer import Recorded
from tests.unit.core.objects import CREATED_MS, HOUR_MS, UID, ms, spec_written_at, timer


def test_a_timer_is_read_with_the_defaults_of_a_cron_job() -> None:
    read = timer({"every": "1h"})
    assert (read.namespace, read.name, read.uid, read.generation) == ("default", "nightly", UID, 1)
    assert read.created_ms == CREATED_MS
    assert read.schedule == Every(CREATED_MS + HOUR_MS, HOUR_MS)
    assert read.problem is None
    assert (read.suspended, read.being_deleted, read.policy.deadline_ms) == (False, False, None)
    assert (read.policy.successful_history, read.policy.failed_history) == (3, 1)
    assert read.recorded == Recorded()


def test_a_timer_is_read_with_everything_it_says() -> None:
    read = timer(
        {
            "at": "2026-03-02T00:00:00+01:00",
            "suspend": True,
            "startingDeadlineSeconds": 0,
            "successfulJobsHistoryLimit": 0,
            "failedJobsHistoryLimit": 7,
        },
        status={"observedGeneration": 4, "timingHash": "abc", "handledThrough": "2026-03-01T11:00:00Z"},
        generation=5,
        deletionTimestamp="2026-03-01T12:00:00Z",
    )
    assert read.schedule == Once(ms("2026-03-01T23:00:00Z"))
    assert (read.suspended, read.being_deleted, read.policy.deadline_ms) == (True, True, 0)
    assert (read.policy.successful_history, read.policy.failed_history) == (0, 7)
    assert read.recorded == Recorded(4, "abc", ms("2026-03-01T11:00:00Z"))


def test_only_who_wrote_the_spec_counts_as_an_edit_of_it() -> None:
    read = timer({"every": "1h"}, managedFields=spec_written_at("2026-03-01T11:00:00Z"))
    assert read.spec_changed_ms == ms("2026-03-01T11:00:00Z")


def test_of_several_who_wrote_the_spec_the_last_counts() -> None:
    fields = spec_written_at("2026-03-01T11:00:00Z") + spec_written_at("2026-03-01T10:30:00Z")
    assert timer({"every": "1h"}, managedFields=fields).spec_changed_ms == ms("2026-03-01T11:00:00Z")


@pytest.mark.parametrize(
    "fields", [[], None, [{"manager": "x", "fieldsV1": {"f:spec": {}}}], [{"time": "2026-03-01T11:00:00Z"}]]
)
def test_an_edit_can_have_left_no_trace(fields: Any) -> None:
    assert timer({"every": "1h"}, managedFields=fields).spec_changed_ms is None


BASE = {"schedule": "0 9 * * *"}


@pytest.mark.parametrize(
    "change",
    [
        {"schedule": "0 10 * * *"},
        {"timeZone": "Europe/Berlin"},
        {"suspend": True},
        {"at": "2026-03-02T00:00:00Z"},
        {"every": "1h"},
        {"afterCreation": "1h"},
        {"schedules": [{"cron": "0 10 * * *"}]},
        {"startTime": "2026-03-02T00:00:00Z"},
        {"endTime": "2026-03-02T00:00:00Z"},
        {"jitter": "5m"},
        {"exclude": [{"date": "2026-12-25"}]},
    ],
)
def test_the_timing_hash_changes_with_every_timing_field(change: dict[str, Any]) -> None:
    assert timer(BASE | change).timing_hash != timer(BASE).timing_hash


@pytest.mark.parametrize(
    ("spec", "known"),
    [
        (BASE, "2e4c5518be69078e"),
        ({"every": "1h"}, "f3e6beea7ee2b289"),
        (
            {**BASE, "timeZone": "Europe/Berlin", "jitter": "5m", "suspend": True, "maxConsecutiveFailures": 3},
            "77f61a746d46daa2",
        ),
        (
            {
                "schedules": [{"cron": "0 10 * * *", "timeZone": "Europe/Berlin"}],
                "exclude": [{"date": "2026-12-25"}],
                "startTime": "2026-03-02T00:00:00Z",
            },
            "29a2b72114e0e6df",
        ),
    ],
)
def test_the_timing_hash_of_a_spec_never_changes(spec: dict[str, Any], known: str) -> None:
    """Statuses have it: another one would be an edit of every timer there is."""
    assert timer(spec).timing_hash == known


def test_the_timing_hash_tells_values_apart_that_python_takes_for_equal() -> None:
    hashes = {timer(BASE | {"maxConsecutiveFailures": value}).timing_hash for value in (1, 1.0, True)}
    assert len(hashes) == 3


def test_timers_that_say_the_same_share_what_follows_from_it() -> None:
    one, other = timer(BASE), timer({**BASE, "jitter": "5m"}, name="other", creationTimestamp="2026-01-01T00:00:00Z")
    assert one.schedule is other.schedule
    assert one.policy is other.policy


@pytest.mark.parametrize("text", ["H * * * *", "@every 1h"])
def test_what_depends_on_the_timer_is_not_shared(text: str) -> None:
    one = timer({"schedule": text})
    other = timer({"schedule": text}, name="other", creationTimestamp="2026-01-01T00:17:23Z")
    assert one.schedule != other.schedule


@pytest.mark.parametrize(
    "change",
    [
        {"suspend": False},
        {"suspend": None},
        {"timeZone": None},
        {"timeZone": "UTC"},
        {"exclude": []},
        {"jobTemplate": {"spec": {}}},
        {"startingDeadlineSeconds": 10},
        {"failedJobsHistoryLimit": 1},
    ],
)
def test_the_timing_hash_stays_when_a_default_is_written_out_or_anything_else_changes(change: dict[str, Any]) -> None:
    assert timer(BASE | change).timing_hash == timer(BASE).timing_hash
