"""deploy/kube-state-metrics.yaml: what there is in it, and what kube-state-metrics makes of an object with it.

The rules are those of its documentation (customresourcestate-metrics.md), as far as this configuration uses them.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import yaml

from tests.cluster.stack import CHECKOUT
from tests.deploy.chart import Object

CONFIGURATION = CHECKOUT / "deploy" / "kube-state-metrics.yaml"
RESERVED = {"customresource_group", "customresource_version", "customresource_kind"}

_WORDS = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0, "unknown": 0.0}

Sample = tuple[dict[str, str], float]


@dataclass(frozen=True, slots=True)
class Family:
    """One metric of the configuration."""

    name: str
    kind: str
    help: str
    path: tuple[str, ...]
    value_from: tuple[str, ...]
    label_from_key: str
    nil_is_zero: bool
    labels: Mapping[str, tuple[str, ...]]
    """Paths within what `path` names, or within each element of it."""
    common: Mapping[str, tuple[str, ...]]
    """Paths from the top of the object."""

    @property
    def all_labels(self) -> list[str]:
        """Everything that a sample can have beside the reserved ones, in order."""
        return [*self.common, *self.labels, *([self.label_from_key] if self.label_from_key else [])]

    def samples(self, obj: Object) -> list[Sample]:
        """What is told of an object."""
        common = _labels(obj, self.common)
        return [(common | labels, value) for labels, value in self._samples(_get(obj, self.path))]

    def _samples(self, found: Any) -> Iterator[Sample]:
        if self.kind == "Info":
            labels = _labels(found, self.labels)
            if labels:
                yield labels, 1.0
            return
        elements: list[tuple[str, Any]] = [("", found)]
        if isinstance(found, dict):
            elements = list(found.items())
        elif isinstance(found, list):
            elements = [("", element) for element in found]
        for key, element in elements:
            value = _get(element, self.value_from)
            if value is None and not self.nil_is_zero:
                continue
            own = {self.label_from_key: key} if key and self.label_from_key else {}
            yield own | _labels(element, self.labels), as_number(value)


def read_configuration(text: str | None = None) -> tuple[Object, list[Family]]:
    """Which kind it is about, with the plural, and its metrics; AssertionError or KeyError where it is not valid."""
    whole = yaml.safe_load(text if text is not None else CONFIGURATION.read_text())
    assert whole["kind"] == "CustomResourceStateMetrics"
    (resource,) = whole["spec"]["resources"]
    about = {**resource["groupVersionKind"], "plural": resource["resourcePlural"]}
    return about, [_family(resource, metric) for metric in resource["metrics"]]


def _family(resource: Object, metric: Object) -> Family:
    each = dict(metric["each"])
    kind = each.pop("type")
    ((member, details),) = each.items()
    assert (kind, member) in {("Gauge", "gauge"), ("Info", "info")}, metric
    known = {"path", "labelsFromPath"} | ({"valueFrom", "labelFromKey", "nilIsZero"} if kind == "Gauge" else set())
    assert details.keys() <= known, details.keys() - known
    return Family(
        f"{resource['metricNamePrefix']}_{metric['name']}",
        kind,
        metric["help"],
        tuple(details.get("path", ())),
        tuple(details.get("valueFrom", ())),
        details.get("labelFromKey", ""),
        details.get("nilIsZero", False),
        {label: tuple(path) for label, path in details.get("labelsFromPath", {}).items()},
        {label: tuple(path) for label, path in resource["labelsFromPath"].items()},
    )


def _get(obj: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        obj = obj.get(part) if isinstance(obj, dict) else None
    return obj


def _labels(obj: Any, paths: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    found = {label: _get(obj, path) for label, path in paths.items()}
    return {label: str(value) for label, value in found.items() if value is not None}


def as_number(value: Any) -> float:
    """What a field is as a number; ValueError where it is none."""
    if value is None:
        return 0.0
    if not isinstance(value, str):
        return float(value)
    if value.lower() in _WORDS:
        return _WORDS[value.lower()]
    if re.match(r"\d{4}-\d\d-\d\dT", value):
        # Whole seconds, as there.
        return datetime.fromisoformat(value).timestamp() // 1
    return float(value)


def schema_at(schema: Object, path: tuple[str, ...]) -> Object | None:
    """The schema of what a path names, None where there is no such field. An element stands for its list."""
    for part in path:
        if schema.get("type") == "array":
            schema = schema["items"]
        schema = schema.get("properties", {}).get(part)
        if schema is None:
            return None
    return schema
