"""The Job of an occurrence, or of a run by hand: how it is made from a timer, and how it is recognised again."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from controller.core.identity import job_name, manual_job_name, occurrence_of, request_key_of
from controller.core.instants import parse_rfc3339, rfc3339_ms
from controller.core.timer import API_VERSION, GROUP, KIND, TRIGGER_ANNOTATION, TRIGGER_LIMIT, Timer

TIMER_LABEL = f"{GROUP}/timer"
TIMER_UID_LABEL = f"{GROUP}/timer-uid"
SCHEDULED_AT_ANNOTATION = f"{GROUP}/scheduled-at"
UNCOMMITTED_ANNOTATION = f"{GROUP}/uncommitted"
"""On a suspended Job that nobody has allowed to run: the generation of the timer that it was made from."""

BACKFILL = "backfill"
"""The trigger of a Job that somebody made for an occurrence of the past."""

_FAILURE_LIMIT = 500
_GENERATION_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a Job failed, as its condition says."""

    reason: str
    message: str


class Outcome(Enum):
    """How a run stands."""

    ACTIVE = "active"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Run:
    """A Job of ours, reduced to what status and history need."""

    timer_uid: str
    namespace: str
    name: str
    uid: str
    occurrence_ms: int
    """Its nominal time; of a run by hand that is for no occurrence, when it was created."""
    outcome: Outcome
    finished_ms: int | None
    created_ms: int = 0
    trigger: str = ""
    """What it was asked for with, "" where the schedule did."""
    request_key: str = ""
    """Of a run by hand that is for no occurrence."""
    failure: Failure | None = None
    uncommitted: int | None = None
    """Of a Job that may not run yet, or never will: the generation that it was made from."""
    version: str = ""
    """resourceVersion of such a Job, which must not be deleted once it is another."""
    gone: bool = False
    """Deleted from the cluster; kept in mind until status has counted it."""
    fresh: bool = False
    """Seen by this process from its beginning, and not yet counted as finished."""

    @property
    def by_hand(self) -> bool:
        """Whether somebody asked for it: such runs are outside the order in which occurrences fire."""
        return bool(self.trigger or self.request_key)


def job_manifest(timer: Timer, occurrence_ms: int, request: str = "", backfill: bool = False) -> dict[str, Any]:
    """The Job to create for an occurrence, ready to be serialised.

    With the id of a request it is the Job of that, created at this instant; `backfill` marks one that somebody makes by
    hand for an occurrence of the past.
    """
    template, trigger = timer.job_template, request or (BACKFILL if backfill else "")
    spec = dict(template.get("spec") or {})
    pod = dict(spec.get("template") or {})
    # Of a Pod's metadata the Job controller takes more than labels and annotations: finalizers.
    pod["metadata"] = {**(pod.get("metadata") or {}), **_marked(pod.get("metadata"), timer, occurrence_ms, trigger)}
    spec["template"] = pod
    # A Job without labels has those of its Pods: the API server sees to that, but not where it finds ours.
    labels = (template.get("metadata") or {}).get("labels") or pod["metadata"]["labels"]
    metadata = _marked({**(template.get("metadata") or {}), "labels": labels}, timer, occurrence_ms, trigger)
    metadata["name"] = job_name_of(timer, occurrence_ms, request)
    metadata["namespace"] = timer.namespace
    if timer.strict and not backfill:
        spec["suspend"] = True
        metadata["annotations"][UNCOMMITTED_ANNOTATION] = str(timer.generation)
    metadata["ownerReferences"] = [
        {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "name": timer.name,
            "uid": timer.uid,
            "controller": True,
            # Blocking would need rights on the timer's finalizers, and nothing here waits for Jobs to go first.
            "blockOwnerDeletion": False,
        }
    ]
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}


def job_name_of(timer: Timer, occurrence_ms: int, request: str = "") -> str:
    """The name of that Job."""
    if request:
        return manual_job_name(timer.name, timer.uid, request)
    return job_name(timer.name, timer.uid, occurrence_ms)


def parse_run(job: Mapping[str, Any]) -> Run | None:
    """The Run of a Job, or None where the Job is not one of ours.

    The occurrence or the request is read from the name. Annotations say the same, but anybody may edit them.
    """
    metadata = job["metadata"]
    owner = next((ref for ref in metadata.get("ownerReferences") or () if ref.get("controller")), None)
    if owner is None or owner.get("kind") != KIND or not owner["apiVersion"].startswith(f"{GROUP}/"):
        return None
    name, created = metadata["name"], metadata.get("creationTimestamp")
    created_ms = parse_rfc3339(created) if created else 0
    request_key = request_key_of(name, owner["name"], owner["uid"])
    occurrence_ms = created_ms if request_key else occurrence_of(name, owner["name"], owner["uid"])
    if occurrence_ms is None:
        return None
    outcome, finished_ms, failure = _outcome(job.get("status") or {})
    annotations = metadata.get("annotations") or {}
    uncommitted = annotations.get(UNCOMMITTED_ANNOTATION, "") if (job.get("spec") or {}).get("suspend") else ""
    held = uncommitted.isdecimal() and len(uncommitted) <= _GENERATION_DIGITS
    return Run(
        timer_uid=owner["uid"],
        namespace=metadata["namespace"],
        name=name,
        uid=metadata["uid"],
        occurrence_ms=occurrence_ms,
        outcome=outcome,
        finished_ms=finished_ms,
        created_ms=created_ms,
        trigger=annotations.get(TRIGGER_ANNOTATION, "")[:TRIGGER_LIMIT],
        request_key=request_key or "",
        failure=failure,
        uncommitted=int(uncommitted) if held else None,
        version=metadata["resourceVersion"] if held else "",
    )


def _outcome(status: Mapping[str, Any]) -> tuple[Outcome, int | None, Failure | None]:
    for condition in status.get("conditions") or ():
        if condition.get("status") == "True" and condition.get("type") in ("Complete", "Failed"):
            finished = status.get("completionTime") or condition.get("lastTransitionTime")
            finished_ms = parse_rfc3339(finished) if finished else None
            if condition["type"] == "Complete":
                return Outcome.SUCCEEDED, finished_ms, None
            failure = Failure(condition.get("reason", ""), condition.get("message", "")[:_FAILURE_LIMIT])
            return Outcome.FAILED, finished_ms, failure
    return Outcome.ACTIVE, None, None


def _marked(metadata: Mapping[str, Any] | None, timer: Timer, occurrence_ms: int, trigger: str) -> dict[str, Any]:
    metadata = metadata or {}
    annotations = dict(metadata.get("annotations") or {})
    # A template that says so would make every run look like one by hand, or like one that must not run.
    annotations.pop(TRIGGER_ANNOTATION, None)
    annotations.pop(UNCOMMITTED_ANNOTATION, None)
    return {
        "labels": {
            **(metadata.get("labels") or {}),
            TIMER_LABEL: timer.name[:63],
            TIMER_UID_LABEL: timer.uid,
        },
        "annotations": {
            **annotations,
            SCHEDULED_AT_ANNOTATION: rfc3339_ms(occurrence_ms),
            **({TRIGGER_ANNOTATION: trigger} if trigger else {}),
        },
    }
