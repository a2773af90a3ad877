"""docs/metrics.md, held against the code and the manifests."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import ProcessCollector

from controller.core.reasons import CREATE_PROBLEMS
from tests.cluster.stack import CHECKOUT
from tests.deploy.chart import load_all, pod_templates
from tests.deploy.manifests import INSTALL
from tests.deploy.monitoring_metrics import Known, known_metrics, label_arguments, said_of, timer_metrics
from tests.deploy.monitoring_state import CONFIGURATION

TEXT = (CHECKOUT / "docs" / "metrics.md").read_text()
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
OF_EVERY_TIMER = ("namespace", "redistimer")
SHORT = 20
"""So many values of a label can be listed: neither all reasons of a timer nor all statuses of HTTP."""


def test_the_table_of_metrics_is_that_of_the_code() -> None:
    assert _table("metric", "type", "labels", "role", "meaning") == [
        [
            f"`{metric.name}`",
            metric.kind,
            _labels(metric),
            "both" if len(metric.roles) == 2 else metric.roles[0],
            metric.help,
        ]
        for metric in known_metrics()
    ]


def test_the_table_of_kube_state_metrics_is_that_of_its_configuration() -> None:
    rows = [[f"`{metric.name}`", _labels(metric), metric.help] for metric in timer_metrics()]
    assert _table("metric", "labels", "meaning") == rows
    assert all(list(metric.labels)[:2] == [*OF_EVERY_TIMER] for metric in timer_metrics())


def test_the_metrics_of_the_process_are_named() -> None:
    names = {sample.name for family in ProcessCollector(registry=None).collect() for sample in family.samples}
    assert names == set(re.findall(r"`(process_\w+)`", TEXT))


def test_every_result_of_an_attempt_is_explained() -> None:
    (fires,) = (metric for metric in known_metrics() if metric.name == "redistimer_fires_total")
    words = {word for row in _table("result", "meaning") for word in row[0].split(", ")} - {"all others"}
    assert words == (fires.labels["result"] or set()) - set(CREATE_PROBLEMS)


@pytest.mark.parametrize(
    ("metric", "variables"),
    [
        # A variable has its values from elsewhere, which monitoring_metrics.py has to know.
        ("FIRES", ["refusal.reason", "result", "verdict"]),
        ("REBUILDS", []),
        ("STATUS_WRITES", []),
        ("EVENTS", []),
    ],
)
def test_label_values_come_from_where_they_are_looked_for(metric: str, variables: list[str]) -> None:
    arguments = [source for source, has_word in label_arguments(metric) if not has_word]
    assert sorted(arguments) == variables
    assert said_of(metric)


def test_the_scrape_configuration_finds_controller_and_workers_and_nothing_else() -> None:
    (block,) = (block for block in BLOCKS if block.startswith("scrape_configs:"))
    configuration = yaml.safe_load(block)
    (job,) = configuration["scrape_configs"]
    keep, *others = job["relabel_configs"]
    assert [(rule["source_labels"], rule["target_label"]) for rule in others] == [
        (["__meta_kubernetes_namespace"], "namespace"),
        (["__meta_kubernetes_pod_name"], "pod"),
    ]
    found = set()
    for pod in pod_templates(load_all(INSTALL.read_text())):
        assert job["kubernetes_sd_configs"] == [
            {"role": "pod", "namespaces": {"names": [pod["metadata"]["namespace"]]}}
        ]
        labels = {re.sub(r"\W", "_", key): value for key, value in pod["metadata"]["labels"].items()}
        for port in pod["spec"]["containers"][0]["ports"]:
            meta = {f"__meta_kubernetes_pod_label_{label}": value for label, value in labels.items()}
            meta["__meta_kubernetes_pod_container_port_name"] = port["name"]
            if re.fullmatch(keep["regex"], ";".join(meta[label] for label in keep["source_labels"])):
                found.add((pod["metadata"]["name"], port["containerPort"]))
    assert keep["action"] == "keep"
    assert found == {("redistimer-controller", 8080), ("redistimer-worker", 8080)}


def test_kube_state_metrics_may_read_what_its_configuration_is_about() -> None:
    by_helm, role, _ = _state_metrics_blocks()
    assert by_helm["kube-state-metrics"]["rbac"]["extraRules"] == role["rules"]
    assert [(rule["apiGroups"], rule["resources"], rule["verbs"]) for rule in role["rules"]] == [
        (["redistimer.dev"], ["redistimers"], ["list", "watch"]),
        (["apiextensions.k8s.io"], ["customresourcedefinitions"], ["list", "watch"]),
    ]


def test_the_role_of_kube_state_metrics_is_bound() -> None:
    _, role, binding = _state_metrics_blocks()
    assert binding["roleRef"]["name"] == role["metadata"]["name"]


def test_the_command_completes_the_values_for_kube_state_metrics(tmp_path: Path) -> None:
    (block,) = (block for block in BLOCKS if block.startswith("kube-state-metrics:"))
    (tmp_path / "values.yaml").write_text(block)
    (tmp_path / "deploy").symlink_to(CHECKOUT / "deploy")
    (command,) = re.findall(r"^```\n(.* >> values\.yaml)\n```$", TEXT, re.MULTILINE)
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True)
    values = yaml.safe_load((tmp_path / "values.yaml").read_text())["kube-state-metrics"]["customResourceState"]
    assert values == {"enabled": True, "config": yaml.safe_load(CONFIGURATION.read_text())}


def _state_metrics_blocks() -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The values for Helm, the role and its binding."""
    (values,) = (block for block in BLOCKS if block.startswith("kube-state-metrics:"))
    (manifest,) = (block for block in BLOCKS if "kind: ClusterRole\n" in block)
    role, binding = load_all(manifest)
    return yaml.safe_load(values), role, binding


def _table(*heads: str) -> list[list[str]]:
    """The rows of the only table with these heads."""
    head = f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}\n"
    _, found, rest = TEXT.partition(head)
    assert found, heads
    lines = rest.partition("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|")] for line in lines]


def _labels(metric: Known) -> str:
    """As the tables have them."""
    shown = []
    for label, values in metric.labels.items():
        if label not in OF_EVERY_TIMER:
            listed = f": {', '.join(sorted(values))}" if values and len(values) <= SHORT else ""
            shown.append(f"`{label}`{listed}")
    return "; ".join(shown)
