"""Blocks with YAML: what each of them is an example of."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, ClassVar

import yaml

from controller.core.timer import API_VERSION, KIND, SPEC_FIELDS
from tests.docs.markdown import Block

Object = dict[str, Any]

WHEN = ("schedule", "schedules", "at", "afterCreation", "every")
JOB_TEMPLATE: Object = {
    "spec": {
        "parallelism": 0,
        "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "busybox:1.37"}]}},
    }
}

KUSTOMIZATION = "kustomize.config.k8s.io"
GROUPS_OF_OTHERS = {
    "kustomize.toolkit.fluxcd.io": "Flux",
    "helm.toolkit.fluxcd.io": "Flux",
    "argoproj.io": "Argo CD",
    "monitoring.coreos.com": "the Prometheus operator",
}
"""Whose kinds the API server here does not know."""
PARTS = {
    "env": "part of a container",
    "groups": "rules for Prometheus",
    "postRenderers": "part of a HelmRelease",
    "kube-state-metrics": "values of another chart",
    "scrape_configs": "part of Prometheus' configuration",
}
"""Parts of something else, by their first key: they have to be YAML, and no more is known of them here."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """As kubectl reads it: an instant stays the text that it is."""

    yaml_implicit_resolvers: ClassVar = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


class Kind(Enum):
    """What a block is an example of."""

    MANIFESTS = auto()
    KUSTOMIZATION = auto()
    VALUES = auto()
    STATUS = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Example:
    """What a block has: objects to create, values for the chart, or something else that is YAML."""

    block: Block
    kind: Kind
    documents: tuple[Object, ...]


class UnknownExampleError(Exception):
    """YAML of which nobody knows what it is, or that is none."""


def examples_in(blocks: list[Block]) -> Iterator[Example]:
    """The examples among blocks. Raises UnknownExampleError."""
    return (example_of(block) for block in blocks if block.language == "yaml")


def example_of(block: Block) -> Example:
    """What a YAML block is an example of. Parts of a RedisTimer's spec become a whole one."""
    try:
        documents = [document for document in yaml.load_all(block.text, _Loader) if document]
    except yaml.YAMLError as error:
        raise UnknownExampleError(f"{block.where} is no YAML: {error}") from None
    if block.text.startswith("# values"):
        return Example(block, Kind.VALUES, tuple(documents))
    if all(isinstance(document, dict) and "kind" in document for document in documents):
        return Example(block, _kind_of_manifests(documents), tuple(documents))
    (document,) = documents if len(documents) == 1 else ({},)
    if isinstance(document, Mapping) and document:
        first = next(iter(document))
        if document.keys() <= set(SPEC_FIELDS):
            return Example(block, Kind.MANIFESTS, (_whole(block, dict(document)),))
        if document.keys() == {"status"}:
            return Example(block, Kind.STATUS, (dict(document),))
        if first in PARTS:
            return Example(block, Kind.OTHER, (dict(document),))
    raise UnknownExampleError(
        f"{block.where}: this is neither a manifest nor part of a RedisTimer's spec, nor begins it with '# values' or "
        f"one of {', '.join(PARTS)}"
    )


def group_of(obj: Object) -> str:
    """The API group of an object, "" for the first one."""
    return str(obj.get("apiVersion", "")).rpartition("/")[0]


def _kind_of_manifests(documents: list[Object]) -> Kind:
    groups = {group_of(document) for document in documents}
    if groups == {KUSTOMIZATION}:
        return Kind.KUSTOMIZATION
    if groups & GROUPS_OF_OTHERS.keys() or any("apiVersion" not in document for document in documents):
        return Kind.OTHER
    return Kind.MANIFESTS


def _whole(block: Block, spec: Object) -> Object:
    when = {} if spec.keys() & set(WHEN) else {"schedule": "0 6 * * *"}
    name = f"line-{block.line}"
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name},
        "spec": {**when, "jobTemplate": JOB_TEMPLATE, **spec},
    }
