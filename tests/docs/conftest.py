"""A small product for the examples: a stack with the chart's objects, a controller and a worker."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import Stack
from tests.cluster.helm import MAJORS, find_helm
from tests.deploy.chart import CHART, CRD, NAMESPACE, RELEASE, run_helm
from tests.integration.product import Product
from tests.integration.world import connected

MONITORING = ("ServiceMonitor", "PrometheusRule")


def kind_of_the_prometheus_operator(kind: str) -> str:
    """As much of a CRD as the API server needs to take objects of this kind."""
    plural = f"{kind.lower()}s"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"}
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.monitoring.coreos.com"},
        "spec": {"group": "monitoring.coreos.com", "scope": "Namespaced", "names": names, "versions": [version]},
    }
    return json.dumps(crd)


@pytest.fixture(scope="session")
def helm() -> Path:
    """One Helm: what others render is the same."""
    return find_helm(MAJORS[-1])


@pytest.fixture(scope="session")
def stack(helm: Path) -> Iterator[Stack]:
    """A cluster with a release of the chart. Nothing of it runs: no controller here makes Pods of its Deployments."""
    with Stack() as running:
        for kind in MONITORING:
            running.kubectl("apply", "-f", "-", input=kind_of_the_prometheus_operator(kind))
        place = ["--namespace", NAMESPACE, "--create-namespace"]
        run_helm(helm, ["install", RELEASE, CHART, *place], KUBECONFIG=str(running.kubeconfig))
        running.wait_until_established(f"crd/{CRD}")
        yield running


@pytest.fixture(scope="session")
def product(stack: Stack) -> Iterator[Product]:
    """A controller and a worker, ready."""
    with connected(stack) as cluster:
        product = Product(cluster)
        product.restore(controllers=1, workers=1)
        yield product
