"""A timer's object without what only workers need, or nobody. It reads as the same timer, at a third of the length."""

from collections.abc import Mapping
from typing import Any, TypedDict

import msgspec

from controller.core.nesting import read_json
from controller.core.timer import SPEC_FIELDS, TRIGGER_ANNOTATION, last_set

_METADATA = ("namespace", "name", "uid", "generation", "resourceVersion", "creationTimestamp", "deletionTimestamp")


# What `slim` looks at, as types: nothing else of the JSON becomes objects.
class _There(TypedDict):
    """An object whose fields nobody looks at."""


_OfStatus = TypedDict("_OfStatus", {"f:observedGeneration": _There}, total=False)
_OfFields = TypedDict("_OfFields", {"f:spec": _There, "f:status": _OfStatus}, total=False)
_Annotations = TypedDict("_Annotations", {TRIGGER_ANNOTATION: str}, total=False)  # type: ignore[misc]


class _Managed(TypedDict, total=False):
    time: str
    subresource: str
    fieldsV1: _OfFields


class _Job(TypedDict, total=False):
    suspend: Any


class _Template(TypedDict, total=False):
    spec: _Job


_Metadata = TypedDict(
    "_Metadata",
    {**dict.fromkeys(_METADATA, Any), "annotations": _Annotations, "managedFields": list[_Managed]},  # type: ignore[misc]
    total=False,
)
_Spec = TypedDict("_Spec", {**dict.fromkeys(SPEC_FIELDS, Any), "jobTemplate": _Template}, total=False)  # type: ignore[misc]


class _Timer(TypedDict, total=False):
    metadata: _Metadata
    spec: _Spec
    status: Any


class _Page(TypedDict, total=False):
    metadata: dict[str, Any]
    items: list[_Timer]


_PAGES = msgspec.json.Decoder(_Page)


def read_page(body: bytes) -> Any:
    """A page of a list of timers, and of each no more than `slim` needs: in a third of the time.

    Raises ValueError where the text is not JSON. What is no such list comes out as it is.
    """
    try:
        return _PAGES.decode(body)
    except (msgspec.DecodeError, RecursionError):
        # One that is nested without end, or that the schema should have kept out, must not hide the others.
        return read_json(body)


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
