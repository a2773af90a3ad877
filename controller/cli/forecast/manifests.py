"""Manifests of timers, read from YAML or JSON as kubectl would read them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controller.cli.documents import Document, Unreadable
from controller.core.instants import parse_rfc3339
from controller.core.timer import KIND, SPEC_FIELDS

TIMER_KINDS = (KIND, "CronJob")


@dataclass(frozen=True, slots=True)
class Manifest:
    """A timer in a file. `created_ms` is None where it has not been applied yet."""

    namespace: str | None
    name: str
    created_ms: int | None
    spec: Mapping[str, Any]
    unknown_fields: tuple[str, ...] = ()

    @property
    def suspended(self) -> bool:
        """Whether nothing fires until somebody resumes it."""
        return bool(self.spec.get("suspend"))


@dataclass(frozen=True, slots=True)
class BadManifest:
    """Something that should be a timer and is not, and why."""

    name: str
    error: str


@dataclass(frozen=True, slots=True)
class OtherManifest:
    """Something that is no timer: `ConfigMap/settings`."""

    title: str


AnyManifest = Manifest | BadManifest | OtherManifest


def manifest_of(document: Document) -> AnyManifest:
    """What a document says of a timer."""
    if isinstance(document, Unreadable):
        return BadManifest(document.source, document.error)
    kind, metadata = document.get("kind"), document.get("metadata")
    metadata = metadata if isinstance(metadata, Mapping) else {}
    name = str(metadata.get("name") or metadata.get("generateName") or "")
    if not isinstance(kind, str) or kind not in TIMER_KINDS:
        return OtherManifest(f"{kind if isinstance(kind, str) else 'document without kind'}/{name}")
    return _timer(document, metadata, name, kind)


def _timer(value: Mapping[str, Any], metadata: Mapping[str, Any], name: str, kind: str) -> Manifest | BadManifest:
    spec = value.get("spec")
    if not name:
        return BadManifest(name, f"this {kind} has no metadata.name: give it one")
    if not isinstance(spec, Mapping):
        return BadManifest(name, f"this {kind} has no spec: say when and what to run, for example spec: {{every: 1h}}")
    unknown = tuple(str(field) for field in spec if field not in SPEC_FIELDS)
    for field in unknown:
        if meant := _near(field):
            return BadManifest(name, f"spec.{field} is not a field of a {kind}: did you mean {meant}?")
    if spec.get("suspend") not in (None, True, False):
        found = _shown(spec["suspend"])
        return BadManifest(name, f"spec.suspend {found} is neither true nor false: write it without quotes")
    created = metadata.get("creationTimestamp")
    try:
        created_ms = None if created is None else parse_rfc3339(created)
    except (ValueError, TypeError):
        return BadManifest(name, f"metadata.creationTimestamp {_shown(created)} is not an instant: remove it")
    namespace = metadata.get("namespace")
    return Manifest(str(namespace) if namespace else None, name, created_ms, spec, unknown)


# What both need is imported by those who need it: manifests are good as a rule.


def _near(field: str) -> str | None:
    from controller.core.cronjob.conversion import near

    return near(field, SPEC_FIELDS)


def _shown(value: object) -> str:
    from controller.core.cronjob.conversion import shown

    return shown(value)
