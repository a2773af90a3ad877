"""A RedisTimer as this project sees it: read once from the API object, then passed around."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controller.core import schedule as schedules
from controller.core.identity import ticket_of
from controller.core.instants import parse_rfc3339
from controller.core.reasons import Reason
from controller.core.schedule import DEFAULT_ZONE, Schedule, SpecError

GROUP = "redistimer.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "RedisTimer"
PLURAL = "redistimers"

TIMING_FIELDS = ("schedule", "timeZone", "at", "afterCreation", "every", "suspend")
"""An edit of these is a fence in time: nothing due before it fires after it."""

_SCHEDULE_FIELDS = ("schedule", "at", "afterCreation", "every")


@dataclass(frozen=True, slots=True)
class Recorded:
    """What status remembers of decisions; instants in milliseconds, None where status has none."""

    generation: int = 0
    timing_hash: str = ""
    handled_through_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Timer:
    """One RedisTimer of one resourceVersion."""

    namespace: str
    name: str
    uid: str
    ticket: str
    generation: int
    resource_version: str
    created_ms: int
    spec_changed_ms: int | None
    """When spec was last written, by managedFields: whole seconds, rounded down. None where they are gone."""
    being_deleted: bool
    suspended: bool
    starting_deadline_ms: int | None
    successful_history: int
    failed_history: int
    timing_hash: str
    schedule: Schedule | None
    problem: SpecError | None
    """Why there is no schedule; exactly one of the two is set."""
    recorded: Recorded
    job_template: Mapping[str, Any]
    status: Mapping[str, Any]


def parse_timer(obj: Mapping[str, Any]) -> Timer:
    """Read an API object.

    A spec that cannot be used gives a Timer with a `problem`, not an error: it has a status to report it in.
    """
    metadata, spec, status = obj["metadata"], obj.get("spec") or {}, obj.get("status") or {}
    created_ms = parse_rfc3339(metadata["creationTimestamp"])
    schedule, problem = None, None
    try:
        schedule = _schedule(spec, created_ms)
    except SpecError as error:
        problem = error
    deadline = spec.get("startingDeadlineSeconds")
    return Timer(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        ticket=ticket_of(metadata["uid"]),
        generation=metadata.get("generation", 1),
        resource_version=metadata["resourceVersion"],
        created_ms=created_ms,
        spec_changed_ms=_spec_changed_ms(metadata),
        being_deleted="deletionTimestamp" in metadata,
        suspended=bool(spec.get("suspend")),
        starting_deadline_ms=None if deadline is None else deadline * 1000,
        successful_history=spec.get("successfulJobsHistoryLimit", 3),
        failed_history=spec.get("failedJobsHistoryLimit", 1),
        timing_hash=_timing_hash(spec),
        schedule=schedule,
        problem=problem,
        recorded=_recorded(status),
        job_template=spec.get("jobTemplate") or {},
        status=status,
    )


def _schedule(spec: Mapping[str, Any], created_ms: int) -> Schedule:
    given = [field for field in _SCHEDULE_FIELDS if spec.get(field) is not None]
    if len(given) != 1:
        raise SpecError(
            Reason.INVALID_SPEC,
            f"spec has {' and '.join(given) or 'no schedule'}: exactly one of {', '.join(_SCHEDULE_FIELDS)} is needed",
        )
    if spec.get("at") is not None:
        try:
            return schedules.once_at(parse_rfc3339(spec["at"]))
        except ValueError:
            raise SpecError(
                Reason.INVALID_SPEC,
                f"spec.at {spec['at']!r} is not an instant: write RFC 3339 with offset, like 2026-11-22T10:00:00+01:00",
            ) from None
    if spec.get("afterCreation") is not None:
        return schedules.after_creation(created_ms, spec["afterCreation"])
    if spec.get("every") is not None:
        return schedules.every(created_ms, spec["every"])
    return schedules.cron(spec["schedule"], spec.get("timeZone"))


def _timing_hash(spec: Mapping[str, Any]) -> str:
    # An unset field and its default are the same timing, so that writing a default out fences nothing.
    timing = {field: spec[field] for field in TIMING_FIELDS if spec.get(field) not in (None, False, DEFAULT_ZONE)}
    return hashlib.sha256(json.dumps(timing, sort_keys=True).encode()).hexdigest()[:16]


def _recorded(status: Mapping[str, Any]) -> Recorded:
    handled_through = status.get("handledThrough")
    return Recorded(
        generation=status.get("observedGeneration", 0),
        timing_hash=status.get("timingHash", ""),
        handled_through_ms=None if handled_through is None else parse_rfc3339(handled_through),
    )


def _spec_changed_ms(metadata: Mapping[str, Any]) -> int | None:
    return max(
        (
            parse_rfc3339(entry["time"])
            for entry in metadata.get("managedFields") or ()
            if "time" in entry and "f:spec" in entry.get("fieldsV1", ()) and not entry.get("subresource")
        ),
        default=None,
    )
