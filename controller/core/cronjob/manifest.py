"""A manifest made of another one: what is the user's stays, what is the API server's or of an old manager goes."""

from collections.abc import Iterator, Mapping
from typing import Any

Object = Mapping[str, Any]

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_OWN = "redistimer.dev/"

_KEEPERS = {
    "meta.helm.sh/release-name": "Helm",
    "argocd.argoproj.io/tracking-id": "Argo CD",
    "argocd.argoproj.io/instance": "Argo CD",
    "kustomize.toolkit.fluxcd.io/name": "Flux",
    "helm.toolkit.fluxcd.io/name": "Flux",
}
"""Labels and annotations by which those who keep manifests elsewhere know what is theirs."""


def manifest_of(api_version: str, kind: str, before: Object, spec: Object) -> dict[str, Any]:
    """A manifest of this kind with the name, labels and annotations of another."""
    metadata = before["metadata"]
    kept = {field: metadata[field] for field in ("name", "generateName", "namespace") if metadata.get(field)}
    if labels := metadata.get("labels"):
        kept["labels"] = dict(labels)
    annotations = metadata.get("annotations") or {}
    if users := {
        key: annotations[key] for key in annotations if key != _LAST_APPLIED and not str(key).startswith(_OWN)
    }:
        kept["annotations"] = users
    spec = {**spec, "jobTemplate": _clean_template(spec["jobTemplate"])}
    return {"apiVersion": api_version, "kind": kind, "metadata": kept, "spec": spec}


def _clean_template(template: Object) -> dict[str, Any]:
    """Without the times of creation that the API server shows as null, for the Jobs and for their Pods."""
    job_spec = template["spec"]
    pods = _without_empty_metadata(job_spec["template"])
    return _without_empty_metadata({**template, "spec": {**job_spec, "template": pods}})


def _without_empty_metadata(template: Object) -> dict[str, Any]:
    metadata = {field: value for field, value in (template.get("metadata") or {}).items() if value is not None}
    rest = {field: value for field, value in template.items() if field != "metadata"}
    return {"metadata": metadata, **rest} if metadata else rest


def remarks_on_keepers(obj: Object) -> Iterator[str]:
    """Who else keeps this object, and would go on doing so."""
    metadata = obj["metadata"]
    for owner in metadata.get("ownerReferences") or ():
        yield f"it belongs to {owner.get('kind')}/{owner.get('name')}, which may write it again"
    marks = {**(metadata.get("labels") or {}), **(metadata.get("annotations") or {})}
    for keeper in dict.fromkeys(keeper for mark, keeper in _KEEPERS.items() if mark in marks):
        yield f"it is kept by {keeper}: change its source, and take the labels and annotations of {keeper} out here"


def mentions(value: Any, text: str) -> bool:
    """Whether a text occurs anywhere in a value, keys included."""
    if isinstance(value, str):
        return text in value
    if isinstance(value, Mapping):
        return any(mentions(part, text) for pair in value.items() for part in pair)
    return isinstance(value, list) and any(mentions(part, text) for part in value)
