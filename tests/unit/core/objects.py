"""API objects for these tests, as small as they can be."""

from collections.abc import Mapping, Sequence
from typing import Any

from controller.core.identity import job_name
from controller.core.instants import parse_rfc3339, rfc3339
from controller.core.job import Outcome, Run
from controller.core.news import news_of
from controller.core.reasons import Reason
from controller.core.report import Report
from controller.core.status import next_status
from controller.core.timer import Timer, parse_timer

UID = "5b1a7c1e-93f5-4b1e-8a0e-2f6f0c9d1a11"
OTHER_UID = "5b1a7c1e-93f5-4b1e-8a0e-2f6f0c9d1a12"
CREATED = "2026-03-01T10:00:00Z"

SECOND_MS = 1_000
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

ms = parse_rfc3339
"""Milliseconds of an RFC 3339 instant."""

CREATED_MS = ms(CREATED)


def timer_object(spec: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """A RedisTimer as the API server shows it: of this spec, and with changes of metadata or `status`."""
    status = changes.pop("status", {})
    metadata = {
        "namespace": "default",
        "name": "nightly",
        "uid": UID,
        "generation": 1,
        "resourceVersion": "1",
        "creationTimestamp": CREATED,
        **changes,
    }
    return {"metadata": metadata, "spec": spec, "status": status}


def timer(spec: Mapping[str, Any], **changes: Any) -> Timer:
    """The same, read."""
    return parse_timer(timer_object(spec, **changes))


def spec_written_at(instant: str, status_at: str = "2026-03-01T10:00:01Z") -> list[dict[str, Any]]:
    """The managedFields of an object whose spec somebody wrote at that time, and whose status was written before."""
    return [
        {"manager": "kubectl", "time": instant, "fieldsV1": {"f:spec": {"f:schedule": {}}}},
        {"manager": "labeller", "time": "2030-01-01T00:00:00Z", "fieldsV1": {"f:metadata": {}}},
        {
            "manager": "controller",
            "subresource": "status",
            "time": status_at,
            "fieldsV1": {"f:spec": {}, "f:status": {"f:observedGeneration": {}}},
        },
    ]


def run(occurrence_ms: int, outcome: Outcome = Outcome.ACTIVE, **changes: Any) -> Run:
    """The run of an occurrence of the timer above; a finished one took a minute."""
    fields: dict[str, Any] = {
        "timer_uid": UID,
        "namespace": "default",
        "name": job_name("nightly", UID, occurrence_ms),
        "uid": f"job-{occurrence_ms}",
        "occurrence_ms": occurrence_ms,
        "outcome": outcome,
        "finished_ms": None if outcome is Outcome.ACTIVE else occurrence_ms + MINUTE_MS,
    }
    return Run(**{**fields, **changes})


def report(timer_: Timer, occurrence_ms: int, reason: Reason = Reason.MISS_SCHEDULE, **changes: Any) -> Report:
    """A worker's report about a timer of this generation."""
    fields: dict[str, Any] = {
        "ticket": timer_.ticket,
        "reason": reason,
        "generation": timer_.generation,
        "occurrence_ms": occurrence_ms,
    }
    return Report(**{**fields, **changes})


def status_of(timer_: Timer, runs: Sequence[Run], reports: Sequence[Report], now_ms: int) -> dict[str, Any]:
    """The status that follows from these Jobs and reports."""
    return next_status(timer_, runs, news_of(timer_, runs, reports, now_ms), now_ms)


def handled(through_ms: int, timer_: Timer, **status: Any) -> dict[str, Any]:
    """A status that was written for exactly this spec."""
    return {
        "observedGeneration": timer_.generation,
        "timingHash": timer_.timing_hash,
        "handledThrough": rfc3339(through_ms),
        **status,
    }
