"""A timer's object without what only workers need, or nobody. It reads as the same timer, at a third of the length."""

from collections.abc import Mapping
from typing import Any

from controller.core.timer import TRIGGER_ANNOTATION, last_set

_METADATA = ("namespace", "name", "uid", "generation", "resourceVersion", "creationTimestamp", "deletionTimestamp")


def slim(obj: Mapping[str, Any]) -> dict[str, Any]:
    """An object of which `parse_timer` makes the same as of this one, but for the jobTemplate.

    Raises what parse_timer would for objects that nobody can read.
    """
    metadata, spec = obj["metadata"], obj.get("spec") or {}
    kept = {field: metadata[field] for field in _METADATA if field in metadata}
    annotations = metadata.get("annotations")
    if annotations and TRIGGER_ANNOTATION in annotations:
        kept["annotations"] = {TRIGGER_ANNOTATION: annotations[TRIGGER_ANNOTATION]}
    spec_changed, status_written = last_set(metadata)
    kept["managedFields"] = []
    if spec_changed is not None:
        kept["managedFields"].append({"fieldsV1": {"f:spec": {}}, "time": spec_changed})
    if status_written is not None:
        fields: dict[str, Any] = {"f:status": {"f:observedGeneration": {}}}
        kept["managedFields"].append({"fieldsV1": fields, "subresource": "status", "time": status_written})
    slimmer = dict(spec)
    if template := _what_counts(slimmer.pop("jobTemplate", None)):
        slimmer["jobTemplate"] = template
    return {"metadata": kept, "spec": slimmer, "status": obj.get("status") or {}}


def _what_counts(template: Any) -> dict[str, Any]:
    """What of a jobTemplate decides whether the spec can be used: Jobs that are born suspended are none of ours."""
    job = template.get("spec") if isinstance(template, Mapping) else None
    suspended = isinstance(job, Mapping) and job.get("suspend")
    return {"spec": {"suspend": True}} if suspended else {}
