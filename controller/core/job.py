"""The Job of an occurrence: how it is made from a timer, and how it is recognised again."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from controller.core.identity import job_name, occurrence_of
from controller.core.instants import parse_rfc3339, rfc3339_ms
from controller.core.timer import API_VERSION, GROUP, KIND, Timer

TIMER_LABEL = f"{GROUP}/timer"
TIMER_UID_LABEL = f"{GROUP}/timer-uid"
SCHEDULED_AT_ANNOTATION = f"{GROUP}/scheduled-at"


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
    outcome: Outcome
    finished_ms: int | None
    gone: bool = False
    """Deleted from the cluster; kept in mind until status has counted it."""


def job_manifest(timer: Timer, occurrence_ms: int) -> dict[str, Any]:
    """The Job to create for an occurrence, ready to be serialised."""
    template = timer.job_template
    spec = dict(template.get("spec") or {})
    pod = dict(spec.get("template") or {})
    # Of a Pod's metadata the Job controller takes more than labels and annotations: finalizers.
    pod["metadata"] = {**(pod.get("metadata") or {}), **_marked(pod.get("metadata"), timer, occurrence_ms)}
    spec["template"] = pod
    metadata = _marked(template.get("metadata"), timer, occurrence_ms)
    metadata["name"] = job_name(timer.name, timer.uid, occurrence_ms)
    metadata["namespace"] = timer.namespace
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


def parse_run(job: Mapping[str, Any]) -> Run | None:
    """The Run of a Job, or None where the Job is not one of ours.

    The occurrence is read from the name. The annotation says the same, but anybody may edit it.
    """
    metadata = job["metadata"]
    owner = next((ref for ref in metadata.get("ownerReferences") or () if ref.get("controller")), None)
    if owner is None or owner.get("kind") != KIND or not owner["apiVersion"].startswith(f"{GROUP}/"):
        return None
    occurrence_ms = occurrence_of(metadata["name"], owner["name"], owner["uid"])
    if occurrence_ms is None:
        return None
    outcome, finished_ms = _outcome(job.get("status") or {})
    return Run(
        timer_uid=owner["uid"],
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        occurrence_ms=occurrence_ms,
        outcome=outcome,
        finished_ms=finished_ms,
    )


def _outcome(status: Mapping[str, Any]) -> tuple[Outcome, int | None]:
    for condition in status.get("conditions") or ():
        if condition.get("status") == "True" and condition.get("type") in ("Complete", "Failed"):
            outcome = Outcome.SUCCEEDED if condition["type"] == "Complete" else Outcome.FAILED
            finished = status.get("completionTime") or condition.get("lastTransitionTime")
            return outcome, parse_rfc3339(finished) if finished else None
    return Outcome.ACTIVE, None


def _marked(metadata: Mapping[str, Any] | None, timer: Timer, occurrence_ms: int) -> dict[str, Any]:
    metadata = metadata or {}
    return {
        "labels": {
            **(metadata.get("labels") or {}),
            TIMER_LABEL: timer.name[:63],
            TIMER_UID_LABEL: timer.uid,
        },
        "annotations": {
            **(metadata.get("annotations") or {}),
            SCHEDULED_AT_ANNOTATION: rfc3339_ms(occurrence_ms),
        },
    }
