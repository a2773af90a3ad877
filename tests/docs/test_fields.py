"""Every field of a RedisTimer has an example in docs/usage.md, and no example has a field that there is not."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from controller.core.timer import KIND
from tests.cluster.stack import CHECKOUT
from tests.deploy.chart import load_all
from tests.docs.examples import Kind, UnknownExampleError, example_of, examples_in
from tests.docs.markdown import Block, blocks_of, documents

USAGE = "docs/usage.md"


def schema_of(part: str) -> dict[str, Any]:
    """The schema of spec or status."""
    (crd,) = load_all((CHECKOUT / "crds" / "redistimers.yaml").read_text())
    root = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return dict(root["properties"][part])


def fields_of(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """The paths of all fields, `exclude.date`; those of a Job are not ours."""
    schema = schema.get("items", schema)
    for name, field in (schema.get("properties") or {}).items():
        yield path + name
        if name != "jobTemplate":
            yield from fields_of(field, f"{path}{name}.")


def fields_in(value: object, path: str = "") -> Iterator[str]:
    """The paths that an example has."""
    if isinstance(value, list):
        for item in value:
            yield from fields_in(item, path)
    elif isinstance(value, dict):
        for name, field in value.items():
            yield path + name
            if name != "jobTemplate":
                yield from fields_in(field, f"{path}{name}.")


def shown(kind: Kind, part: str, doc: str = USAGE) -> set[str]:
    """What the examples of a document show of spec or status."""
    examples = [example for example in examples_in(blocks_of(doc)) if example.kind is kind]
    timers = [obj for example in examples for obj in example.documents if obj.get("kind", KIND) == KIND]
    return {field for timer in timers for field in fields_in(timer.get(part, {}))}


def test_each_field_of_a_spec_has_an_example() -> None:
    missing = set(fields_of(schema_of("spec"))) - shown(Kind.MANIFESTS, "spec")
    assert not missing, f"{USAGE} has no example of {sorted(missing)}"


def test_each_field_of_a_status_is_shown() -> None:
    missing = set(fields_of(schema_of("status"))) - shown(Kind.STATUS, "status")
    assert not missing, f"{USAGE} does not show {sorted(missing)} of status"


@pytest.mark.parametrize("doc", documents())
def test_no_status_that_is_shown_has_a_field_that_there_is_not(doc: str) -> None:
    assert shown(Kind.STATUS, "status", doc) <= set(fields_of(schema_of("status")))


def block(text: str) -> Block:
    return Block("a.md", 7, "yaml", text)


def test_a_part_of_a_spec_becomes_a_whole_timer() -> None:
    (timer,) = example_of(block("jitter: 5m\n")).documents
    assert timer["metadata"]["name"] == "line-7"
    assert timer["spec"].keys() == {"schedule", "jobTemplate", "jitter"}
    assert example_of(block("at: 2027-01-01T00:00:00Z\n")).documents[0]["spec"].keys() == {"at", "jobTemplate"}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("# values: b\na: b\n", Kind.VALUES),
        ("apiVersion: v1\nkind: Secret\n---\napiVersion: v1\nkind: ConfigMap\n", Kind.MANIFESTS),
        ("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n", Kind.KUSTOMIZATION),
        ("apiVersion: argoproj.io/v1alpha1\nkind: Application\n", Kind.OTHER),
        ("status: {handledThrough: a}\n", Kind.STATUS),
        ("groups: []\n", Kind.OTHER),
    ],
)
def test_examples_are_told_apart(text: str, kind: Kind) -> None:
    assert example_of(block(text)).kind is kind


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [b\n", "a.md:7 is no YAML"),
        ("startingDeadlineSecond: 5\n", "a.md:7: this is neither a manifest nor part"),
        ("- a\n", "a.md:7: this is neither a manifest nor part"),
    ],
)
def test_what_nobody_knows_is_refused(text: str, message: str) -> None:
    with pytest.raises(UnknownExampleError, match=f"^{message}"):
        example_of(block(text))


def test_every_yaml_block_is_known_to_be_something() -> None:
    for doc in documents():
        assert all(yaml.safe_dump(example.documents) for example in examples_in(blocks_of(doc)))
