"""What documents refer to exists: pages, anchors, files, tests, flags, variables, values and metrics."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import yaml

from controller.settings import Settings
from tests.cluster.stack import CHECKOUT
from tests.docs.markdown import anchors_of, blocks_of, documents, links_of, words_in_code_style

DOCS = documents()

_FOLDERS = ("controller", "crds", "deploy", "docs", "tests", ".ci")
_PATH = re.compile(rf"^(?:\./)?(?:{'|'.join(map(re.escape, _FOLDERS))})/[\w./*-]*(?:::\w+)?$")
_DEPLOYMENTS = "deploy/redistimer-"
"""To kubectl this is a Deployment."""
_FILE_NAME = re.compile(r"^[\w-]+\.(?:py|lua|tpl)$")
_TEST = re.compile(r"^test_\w+$")
_FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]+[a-z]")
_VARIABLE = re.compile(r"\bREDISTIMER_[A-Z_]+\b")
_METRIC = re.compile(r"^redistimer_[a-z_]+$")
_VALUE = re.compile(r"^[a-z][A-Za-z]*(?:\.[a-z][A-Za-z]*)+$")

FLAGS_OF_OTHERS = {
    # kubectl
    *("--all", "--as", "--cascade", "--force", "--from", "--grace-period", "--overwrite", "--replicas"),
    "--server-side",
    *("--field-manager", "--clusterrole", "--group", "--from-literal", "--type", "--help", "--field-selector"),
    *("--dry-run", "--subresource", "--timeout", "--for", "--as-group", "--validate", "--show-managed-fields"),
    *("--ignore-not-found", "--prefix", "--previous", "--since", "--sort-by", "--tail", "--watch"),
    # helm
    *("--create-namespace", "--reset-then-reuse-values", "--show-only", "--take-ownership", "--values", "--wait"),
    "--set",
    # docker
    *("--build-arg", "--platform", "--push"),
    # Kubernetes' own controllers, in docs/performance.md
    *("--concurrent-cron-job-syncs", "--kube-api-burst", "--kube-api-qps"),
    # kube-state-metrics, Redis
    *("--custom-resource-state-config-file", "--custom-resource-state-only"),
}  # fmt: skip
"""Flags of programs that are not made here."""


@pytest.mark.parametrize("doc", DOCS)
def test_links_lead_somewhere(doc: str) -> None:
    folder = (CHECKOUT / doc).parent
    dead = []
    for link in links_of(doc):
        if re.match(r"^[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (folder / path).resolve() if path else CHECKOUT / doc
        if not target.exists() or not target.is_relative_to(CHECKOUT):
            dead.append(f"{link}: there is no such file")
        elif anchor and target.suffix == ".md" and anchor not in anchors_of(str(target.relative_to(CHECKOUT))):
            dead.append(f"{link}: that page has no such heading")
    assert not dead, f"{doc} links to\n" + "\n".join(dead)


@pytest.mark.parametrize("doc", DOCS)
def test_files_and_tests_that_are_named_exist(doc: str) -> None:
    missing = [word for word in words_in_code_style(doc) if not _is_there(word)]
    assert not missing, f"{doc} names, and there is not: {missing}"


@pytest.mark.parametrize("doc", DOCS)
def test_flags_and_variables_that_are_named_exist(doc: str) -> None:
    unknown = {flag for text in _spoken(doc) for flag in _FLAG.findall(text)} - _flags() - FLAGS_OF_OTHERS
    assert not unknown, f"{doc} names flags that no program here has (others: FLAGS_OF_OTHERS): {sorted(unknown)}"
    variables = {f"REDISTIMER_{name.upper()}" for name in Settings.model_fields}
    unknown = {name for text in _spoken(doc) for name in _VARIABLE.findall(text)} - variables
    assert not unknown, f"{doc} names variables that nothing reads: {sorted(unknown)}"


@pytest.mark.parametrize("doc", DOCS)
def test_values_of_the_chart_that_are_named_exist(doc: str) -> None:
    top = set(_chart_values())
    named = {word for word in words_in_code_style(doc) if _VALUE.match(word) and word.split(".")[0] in top}
    missing = sorted(word for word in named if not _is_value(word))
    assert not missing, f"{doc} names values that the chart does not have: {missing}"


@pytest.mark.parametrize("doc", DOCS)
def test_metrics_that_are_named_exist(doc: str) -> None:
    source = (CHECKOUT / "controller" / "observe" / "metrics.py").read_text()
    named = {word for word in words_in_code_style(doc) if _METRIC.match(word)}
    # prometheus-client adds these endings.
    bare = {re.sub(r"_(total|bucket|count|sum|created|info)$", "", name): name for name in named}
    missing = sorted(name for stem, name in bare.items() if f'"{stem}"' not in source and f'"{name}"' not in source)
    assert not missing, f"{doc} names metrics that nothing counts: {missing}"


def test_every_document_can_be_reached_from_the_readme() -> None:
    reached, todo = {"README.md"}, ["README.md"]
    while todo:
        doc = todo.pop()
        for link in links_of(doc):
            path = link.partition("#")[0]
            target = ((CHECKOUT / doc).parent / path).resolve()
            if path.endswith(".md") and target.is_relative_to(CHECKOUT):
                name = str(target.relative_to(CHECKOUT))
                if name not in reached:
                    reached.add(name)
                    todo.append(name)
    assert set(DOCS) <= reached, f"nobody links to {sorted(set(DOCS) - reached)}"


def _spoken(doc: str) -> Iterator[str]:
    """Where flags and variables stand: in code style, and in blocks."""
    yield from words_in_code_style(doc)
    for block in blocks_of(doc):
        if block.language != "diff":
            yield block.text


def _is_there(word: str) -> bool:
    if _PATH.match(word) and not word.startswith(_DEPLOYMENTS):
        path, _, test = word.partition("::")
        found = list(CHECKOUT.glob(path.removeprefix("./").rstrip("/")))
        return bool(found) and (not test or f"def {test}(" in found[0].read_text())
    if _FILE_NAME.match(word):
        return word in _file_names()
    return not _TEST.match(word) or word in _tests()


@cache
def _file_names() -> frozenset[str]:
    return frozenset(path.name for folder in _FOLDERS for path in (CHECKOUT / folder).rglob("*") if path.is_file())


@cache
def _tests() -> frozenset[str]:
    sources = (path.read_text() for path in (CHECKOUT / "tests").rglob("test_*.py"))
    return frozenset(name for source in sources for name in re.findall(r"^(?:async )?def (test_\w+)", source, re.M))


@cache
def _flags() -> frozenset[str]:
    """Of `redistimer` and of what is run from tests."""
    settings = {f"--{name.replace('_', '-')}" for name in Settings.model_fields}
    sources = [path for folder in ("controller/cli", "tests") for path in (CHECKOUT / folder).rglob("*.py")]
    written = {flag for path in sources for flag in re.findall(r'"(--[a-z][a-z-]*)"', path.read_text())}
    return frozenset(settings | written | {"--version", "--help"})


@cache
def _chart_values() -> dict[str, Any]:
    values = yaml.safe_load((CHECKOUT / "deploy" / "helm" / "redistimer" / "values.yaml").read_text())
    return dict(values)


def _is_value(word: str) -> bool:
    part: Any = _chart_values()
    for name in word.split("."):
        if not isinstance(part, dict) or name not in part:
            # What users fill in as they like, or as Kubernetes has it.
            return part == {} or isinstance(part, list) or ".resources." in word
        part = part[name]
    return True
