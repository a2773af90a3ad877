"""Timers whose status needs no evaluation: that is only said where an evaluation would change nothing."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.core.events import events_between
from controller.core.history import expires_at_ms
from controller.core.job import Outcome, Run
from controller.core.news import news_of
from controller.core.reasons import Reason
from controller.core.report import Report
from controller.core.settled import is_settled
from controller.core.status import next_status, status_patch
from controller.core.template import TemplateCheck, accepted, unanswered
from controller.core.timer import TRIGGER_ANNOTATION, parse_timer
from tests.unit.core.objects import CREATED_MS, HOUR_MS, report, run, timer, timer_object

HOURLY = {"schedule": "0 * * * *"}
SPECS: list[dict[str, Any]] = [
    HOURLY,
    {"schedule": "0 */5 * * *", "timeZone": "Europe/Berlin"},
    {"schedule": "* * * * * *", "timeZone": "Europe/Berlin"},
    {"every": "1h", "jitter": "5m", "suspend": False, "concurrencyPolicy": "Forbid"},
    {"every": "1h", "suspend": True},
    {"every": "1h", "maxConsecutiveFailures": 1},
    {"every": "1h", "guarantee": "Strict"},
    {"at": "2026-03-01T23:00:00Z"},
    {"at": "2026-03-01T10:30:00Z", "ttlSecondsAfterComplete": 60},
    {"schedule": "0 0 31 2 *"},
    {"schedules": [{"cron": "0 12 * * *"}], "exclude": [{"date": "2026-03-02"}]},
]
NOON = CREATED_MS + 2 * HOUR_MS


def written(
    spec: dict[str, Any], runs: list[Run], reports: list[Report], template: TemplateCheck | None = None
) -> dict[str, Any]:
    """A timer as a controller has left it behind at noon: a first status, and one with these Jobs and reports."""
    obj = timer_object(spec)
    for seen, told in (([], []), (runs, reports)):
        read = parse_timer(obj)
        obj["status"] = next_status(read, seen, news_of(read, seen, told, NOON), NOON, template or accepted(1))
    return obj


ELEVEN = CREATED_MS + HOUR_MS
RUNS = [[], [run(ELEVEN)], [run(ELEVEN, Outcome.SUCCEEDED)], [run(ELEVEN, Outcome.FAILED)]]
REPORTS: list[list[Report]] = [[], [report(timer(HOURLY), ELEVEN)]]


@pytest.mark.parametrize("runs", [RUNS[0], RUNS[2], RUNS[3]], ids=["no run", "a success", "a failure"])
@pytest.mark.parametrize("told", REPORTS, ids=["nothing missed", "one missed"])
@pytest.mark.parametrize("template", [accepted(1), unanswered(1, "a quota")], ids=["accepted", "unanswered"])
@pytest.mark.parametrize("spec", SPECS[:4])
def test_a_timer_that_fires_as_scheduled_is_settled_once_its_status_is_written(
    spec: dict[str, Any], runs: list[Run], told: list[Report], template: TemplateCheck
) -> None:
    assert is_settled(parse_timer(written(spec, runs, told, template)))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"generation": 2}, id="edited"),
        pytest.param({"annotations": {TRIGGER_ANNOTATION: "now"}}, id="asked for a run"),
        pytest.param({"deletionTimestamp": "2026-03-01T12:00:00Z"}, id="being deleted"),
    ],
)
def test_a_timer_that_something_was_done_to_is_not_settled(change: dict[str, Any]) -> None:
    obj = written(HOURLY, [], [])
    obj["metadata"] |= change
    assert not is_settled(parse_timer(obj))


def test_a_timer_with_an_active_job_is_not_settled() -> None:
    assert not is_settled(parse_timer(written(HOURLY, [run(ELEVEN)], [])))


def test_a_timer_without_status_or_check_is_not_settled() -> None:
    assert not is_settled(timer(HOURLY))
    unchecked = written(HOURLY, [], [])
    unchecked["status"]["conditions"].pop()
    assert not is_settled(parse_timer(unchecked))


VALUES = st.sampled_from(
    [
        None,
        0,
        1,
        2,
        -1,
        2**31,
        2**63,
        "",
        "x",
        "True",
        "False",
        "Ready",
        Reason.SCHEDULED,
        Reason.INVALID_TEMPLATE,
        Reason.FORBIDDEN,
        "1969-12-31T23:00:00Z",
        "2026-03-01T09:00:00Z",
        "2026-03-01T11:00:00Z",
        "2026-03-01T11:00:00.000Z",
        "2026-03-01T12:00:00+01:00",
        "2026-W09-7T11:00:00Z",
        "2026-03-01T13:00:00Z",
        [],
        {},
        [{"uid": "a", "name": "a"}],
        {"succeeded": 1},
    ]
)
FIELDS = [
    "observedGeneration",
    "timingHash",
    "handledThrough",
    "scheduleSummary",
    "nextScheduleTime",
    "lastScheduleTime",
    "lastMissedTime",
    "lastSkippedTime",
    "lastSuccessfulTime",
    "lastFailedTime",
    "lastFailure",
    "lastHandledTrigger",
    "active",
    "activeCount",
    "consecutiveFailures",
    "runs",
    "conditions",
    "committedRun",
    "foreign",
]
DEEPER = [
    *(("runs", outcome) for outcome in ("succeeded", "failed", "missed", "skipped", "other")),
    *(
        ("conditions", number, field)
        for number in (0, 1)
        for field in ("type", "status", "reason", "message", "observedGeneration", "lastTransitionTime", "other")
    ),
]
PATHS = st.sampled_from([*((field,) for field in FIELDS), *DEEPER])
METADATA = st.sampled_from(
    [
        {},
        {},
        {},
        {"generation": 2},
        {"annotations": {TRIGGER_ANNOTATION: "x"}},
        {"deletionTimestamp": "2026-03-01T12:00:00Z"},
    ]
)


def meddled(obj: dict[str, Any], path: tuple[Any, ...], value: Any, gone: bool) -> None:
    """Change a status somewhere; nothing, where there is no such place."""
    part: Any = obj["status"]
    for step in path[:-1]:
        part = part[step] if (isinstance(step, int) and step < len(part)) or step in part else {}
    if gone:
        part.pop(path[-1], None)
    else:
        part[path[-1]] = copy.deepcopy(value)


@settings(max_examples=6000, deadline=None)
@given(
    spec=st.sampled_from(SPECS),
    runs=st.sampled_from(RUNS),
    told=st.sampled_from(REPORTS),
    changes=st.lists(st.tuples(PATHS, VALUES, st.booleans()), max_size=2),
    metadata=METADATA,
    later_ms=st.sampled_from([0, 1, HOUR_MS, 10**11]),
)
def test_of_a_settled_timer_an_evaluation_changes_nothing_whenever_it_is_made(
    spec: dict[str, Any],
    runs: list[Run],
    told: list[Report],
    changes: list[tuple[tuple[Any, ...], Any, bool]],
    metadata: dict[str, Any],
    later_ms: int,
) -> None:
    obj = written(spec, runs, told)
    obj["metadata"] |= metadata
    try:
        for path, value, gone in changes:
            meddled(obj, path, value, gone)
        read = parse_timer(obj)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        return
    if not is_settled(read):
        return
    now_ms = NOON + later_ms
    news = news_of(read, [], [], now_ms)
    status = next_status(read, [], news, now_ms)
    assert status_patch(read.status, status) == {}
    assert events_between(read.status, status, news) == []
    assert expires_at_ms(read) is None
