"""Manifests of timers, read from YAML or JSON as kubectl would read them."""

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from controller.core.instants import parse_rfc3339
from controller.core.timer import KIND, SPEC_FIELDS

TIMER_KINDS = (KIND, "CronJob")

_SEPARATOR = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_SPACE = re.compile(r"\s+")
_NESTED_LISTS = 8


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


class _Loader(yaml.CSafeLoader):
    """YAML as kubectl reads it: what looks like a time is a text, as JSON has no other, and so is a lone `=`."""


_Loader.yaml_implicit_resolvers = {
    first: [resolver for resolver in resolvers if resolver[0].rpartition(":")[2] not in ("timestamp", "value")]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def read_manifests(text: str, source: str) -> Iterator[AnyManifest]:
    """All manifests of a text with YAML or JSON documents, lists of Kubernetes taken apart.

    A document that cannot be read is a BadManifest, and those after it are read all the same.
    """
    begin = 0
    for separator in (*_SEPARATOR.finditer(text), None):
        end = len(text) if separator is None else separator.start()
        document = text[begin:end]
        try:
            for value in _values(document):
                yield from _manifests(value, source)
        except (yaml.YAMLError, ValueError) as error:
            yield BadManifest(source, _problem(error, text.count("\n", 0, begin), document))
        begin = end if separator is None else separator.end()


def _values(text: str) -> Iterator[Any]:
    """What a piece of text says, without what says nothing."""
    if text.lstrip().startswith("{"):
        try:
            yield from _json_values(text)
            return
        except json.JSONDecodeError:
            # YAML can begin so, too.
            pass
    loader = _Loader(text)
    try:
        while loader.check_data():  # type: ignore[no-untyped-call]
            value = loader.get_data()
            if value is not None:
                yield value
    finally:
        loader.dispose()


def _json_values(text: str) -> list[Any]:
    decoder, values = json.JSONDecoder(), []
    place, end = _after_space(text, 0), len(text)
    while place < end:
        value, place = decoder.raw_decode(text, place)
        values.append(value)
        place = _after_space(text, place)
    return values


def _after_space(text: str, place: int) -> int:
    space = _SPACE.match(text, place)
    return space.end() if space else place


def _manifests(value: Any, source: str, depth: int = 0) -> Iterator[AnyManifest]:
    if not isinstance(value, Mapping):
        what = "list" if isinstance(value, list) else "text" if isinstance(value, str) else "single value"
        yield BadManifest(source, f"a document is a {what}: a manifest has apiVersion, kind, metadata and spec")
        return
    kind, items = value.get("kind"), value.get("items")
    if isinstance(kind, str) and kind.endswith("List") and isinstance(items, list):
        if depth == _NESTED_LISTS:
            yield BadManifest(source, f"lists are nested more than {_NESTED_LISTS} deep")
            return
        for item in items:
            # In a RedisTimerList the items need not say again what they are.
            named = {"kind": kind.removesuffix("List")} | item if isinstance(item, dict) else item
            yield from _manifests(named, source, depth + 1)
        return
    metadata = value.get("metadata")
    metadata = metadata if isinstance(metadata, Mapping) else {}
    name = str(metadata.get("name") or metadata.get("generateName") or "")
    if kind not in TIMER_KINDS:
        yield OtherManifest(f"{kind if isinstance(kind, str) else 'document without kind'}/{name}")
        return
    yield _timer(value, metadata, name, kind)


def _timer(value: Mapping[str, Any], metadata: Mapping[str, Any], name: str, kind: str) -> Manifest | BadManifest:
    spec = value.get("spec")
    if not name:
        return BadManifest(name, f"this {kind} has no metadata.name: give it one")
    if not isinstance(spec, Mapping):
        return BadManifest(name, f"this {kind} has no spec: say when and what to run, for example spec: {{every: 1h}}")
    unknown = tuple(str(field) for field in spec if field not in SPEC_FIELDS)
    for field in unknown:
        if near := _near(field):
            return BadManifest(name, f"spec.{field} is not a field of a {kind}: did you mean {near}?")
    if spec.get("suspend") not in (None, True, False):
        return BadManifest(name, f"spec.suspend {spec['suspend']!r} is neither true nor false: write it without quotes")
    created = metadata.get("creationTimestamp")
    try:
        created_ms = None if created is None else parse_rfc3339(created)
    except (ValueError, TypeError):
        return BadManifest(name, f"metadata.creationTimestamp {created!r} is not an instant: remove it")
    namespace = metadata.get("namespace")
    return Manifest(str(namespace) if namespace else None, name, created_ms, spec, unknown)


def _near(field: str) -> str | None:
    same = {known.lower(): known for known in SPEC_FIELDS}
    matches = difflib.get_close_matches(field.lower(), same, n=1, cutoff=0.8)
    return same[matches[0]] if matches else None


def _problem(error: Exception, line: int, text: str) -> str:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or str(error).splitlines()[0]
    where = f" in line {line + mark.line + 1}" if mark else ""
    return f"not YAML{where}: {what}{_hint(error, mark, text)}"


def _hint(error: Exception, mark: Any, text: str) -> str:
    lines = text.splitlines()
    here = lines[mark.line] if mark and mark.line < len(lines) else ""
    if "alias" in str(getattr(error, "context", "")):
        return '; what begins with * needs quotes, as in schedule: "* * * * *"'
    if "{{" in text:
        return "; this looks like a template: render it first, as with helm template"
    if ": @" in here:
        return '; what begins with @ needs quotes, as in schedule: "@daily"'
    if "\t" in here:
        return "; tabs are not accepted in front of a line: use spaces"
    return ""
