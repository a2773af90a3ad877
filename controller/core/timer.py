"""A RedisTimer as this project sees it: read once from the API object, then passed around."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from controller.core.commit import Commit, read_commits
from controller.core.identity import ticket_of
from controller.core.instants import parse_rfc3339
from controller.core.policy import Guarantee, Policy, read_policy
from controller.core.problems import SpecError
from controller.core.schedule.occurrences import Schedule
from controller.core.schedule.reading import TIMING_FIELDS
from controller.core.schedule.zones import DEFAULT_ZONE
from controller.core.sharing import shared
from controller.core.timing import Timing, read_timing

GROUP = "redistimer.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "RedisTimer"
PLURAL = "redistimers"

TRIGGER_ANNOTATION = f"{GROUP}/trigger"
"""On a timer: the id of a request for one run now. On a Job: of the request that it was made for."""

TRIGGER_LIMIT = 253
"""So much of a request's id counts."""

FENCED_FIELDS = (*TIMING_FIELDS, "suspend", "maxConsecutiveFailures")
"""An edit of these is a fence in time: nothing due before it fires after it."""

SPEC_FIELDS = (
    *FENCED_FIELDS,
    "startingDeadlineSeconds",
    "missedRunPolicy",
    "missedRunLimit",
    "concurrencyPolicy",
    "guarantee",
    "successfulJobsHistoryLimit",
    "failedJobsHistoryLimit",
    "ttlSecondsAfterComplete",
    "jobTemplate",
)
"""All fields that a spec can have."""


# Tuples, as they are made for every object that is read: a frozen dataclass takes four times as long to make.


class Recorded(NamedTuple):
    """What status remembers of decisions; instants in milliseconds, None where status has none."""

    generation: int = 0
    timing_hash: str = ""
    handled_through_ms: int | None = None
    failures_in_a_row: int = 0
    request: str = ""
    """The last request for a run by hand that was handled."""
    commits: tuple[Commit, ...] = ()
    """Which Jobs may run, with guarantee Strict."""

    @property
    def committed_ms(self) -> int:
        """The last occurrence whose Job is committed, 0 for none."""
        return max((commit.occurrence_ms for commit in self.commits), default=0)

    @property
    def committed_uids(self) -> set[str]:
        """The UIDs of the Jobs that are committed."""
        return {commit.job_uid for commit in self.commits}

    @property
    def pending(self) -> list[Commit]:
        """Of the commits those whose Job nobody is known to have started."""
        return [commit for commit in self.commits if not commit.started]


class Timer(NamedTuple):
    """One RedisTimer of one resourceVersion."""

    namespace: str
    name: str
    uid: str
    ticket: str
    generation: int
    resource_version: str
    created_ms: int
    spec_changed_ms: int | None
    """When a field of spec was last set, by managedFields: whole seconds, rounded down. None where they are gone."""
    status_written_ms: int | None
    """When status last said which spec it is about, in the same way."""
    being_deleted: bool
    suspended: bool
    request: str
    """The id of the run by hand that was asked for last, "" for none."""
    policy: Policy
    timing_hash: str
    timing: Timing | None
    problem: SpecError | None
    """Why there is no timing; exactly one of the two is set."""
    recorded: Recorded
    job_template: Mapping[str, Any]
    status: Mapping[str, Any]

    @property
    def schedule(self) -> Schedule | None:
        """The nominal times; None where the spec has a problem."""
        return None if self.timing is None else self.timing.schedule

    @property
    def failed_too_often(self) -> bool:
        """Whether, when status was written, the last runs had failed as often as the timer puts up with."""
        limit = self.policy.max_failures
        return limit is not None and self.recorded.failures_in_a_row >= limit

    @property
    def stopped(self) -> bool:
        """Whether nothing fires because of that. An edit starts the timer again."""
        return self.failed_too_often and self.recorded.generation >= self.generation

    @property
    def idle(self) -> bool:
        """Whether no occurrence fires, whatever the schedule says."""
        return self.timing is None or self.suspended or self.being_deleted or self.stopped

    @property
    def strict(self) -> bool:
        """Whether no occurrence may run twice, whatever became of its first Job."""
        return self.policy.guarantee is Guarantee.STRICT

    @property
    def open_request(self) -> str:
        """The id of a run by hand that was asked for and is not handled yet, "" for none."""
        asked = self.request and self.request != self.recorded.request and not self.being_deleted
        return self.request if asked else ""

    @property
    def handled_request(self) -> str:
        """The id of a run by hand that is asked for still and was handled already, "" for none."""
        return self.request if self.request == self.recorded.request else ""


def parse_timer(obj: Mapping[str, Any]) -> Timer:
    """Read an API object.

    A spec that cannot be used gives a Timer with a `problem`, not an error: it has a status to report it in.
    """
    metadata, spec, status = obj["metadata"], obj.get("spec") or {}, obj.get("status") or {}
    created_ms = parse_rfc3339(metadata["creationTimestamp"])
    request = (metadata.get("annotations") or {}).get(TRIGGER_ANNOTATION, "")[:TRIGGER_LIMIT]
    timing, policy, problem = None, Policy(), None
    try:
        policy = read_policy(spec)
        timing = read_timing(spec, created_ms, f"{metadata['namespace']}/{metadata['name']}")
    except SpecError as error:
        problem = error
    spec_changed, status_written = last_set(metadata)
    return Timer(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        ticket=ticket_of(metadata["uid"]),
        generation=metadata.get("generation", 1),
        resource_version=metadata["resourceVersion"],
        created_ms=created_ms,
        spec_changed_ms=None if spec_changed is None else parse_rfc3339(spec_changed),
        status_written_ms=None if status_written is None else parse_rfc3339(status_written),
        being_deleted="deletionTimestamp" in metadata,
        suspended=bool(spec.get("suspend")),
        request=request,
        policy=policy,
        timing_hash=_timing_hash(spec),
        timing=timing,
        problem=problem,
        recorded=_recorded(status, request),
        job_template=spec.get("jobTemplate") or {},
        status=status,
    )


def _timing_hash(spec: Mapping[str, Any]) -> str:
    return _hash_of(*(spec.get(field) for field in FENCED_FIELDS))


@shared(4096)
def _hash_of(*fenced: Any) -> str:
    # An unset field and its default are the same timing, so that writing a default out fences nothing.
    timing = {
        field: value
        for field, value in zip(FENCED_FIELDS, fenced, strict=True)
        if value not in (None, False, [], DEFAULT_ZONE)
    }
    return hashlib.sha256(json.dumps(timing, sort_keys=True).encode()).hexdigest()[:16]


def _recorded(status: Mapping[str, Any], request: str) -> Recorded:
    handled_through, commits = status.get("handledThrough"), read_commits(status)
    # A request whose Job is committed is handled, though nobody has counted that yet.
    committed = request and any(commit.trigger == request for commit in commits)
    return Recorded(
        generation=status.get("observedGeneration", 0),
        timing_hash=status.get("timingHash", ""),
        handled_through_ms=None if handled_through is None else parse_rfc3339(handled_through),
        failures_in_a_row=status.get("consecutiveFailures", 0),
        request=request if committed else status.get("lastHandledTrigger", ""),
        commits=commits,
    )


def condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """A condition by its type; empty where there is none."""
    for entry in status.get("conditions") or ():
        if entry["type"] == kind:
            found: Mapping[str, Any] = entry
            return found
    return {}


def last_set(metadata: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """When a field of spec was last set, and when status last said which spec it is about, by managedFields."""
    spec_at = status_at = None
    for entry in metadata.get("managedFields") or ():
        if "time" not in entry:
            continue
        fields, subresource = entry.get("fieldsV1") or {}, entry.get("subresource")
        if not subresource and "f:spec" in fields:
            spec_at = _later(spec_at, entry["time"])
        # Others write there as well, of other things: workers what they commit.
        elif subresource == "status" and "f:observedGeneration" in fields.get("f:status", ()):
            status_at = _later(status_at, entry["time"])
    return spec_at, status_at


def _later(one: str | None, other: str) -> str:
    return other if one is None or parse_rfc3339(other) > parse_rfc3339(one) else one
