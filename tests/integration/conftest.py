"""What integration tests share: one stack for the whole run, with the CRD and RBAC of this checkout installed."""

import itertools
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.cluster import Stack
from tests.cluster.stack import CHECKOUT
from tests.integration.gate import Gate, gate
from tests.integration.product import Member, Product, others
from tests.integration.rights import POLICY, USED_RIGHTS, beyond, granted_by, used
from tests.integration.together import Outcomes, begun
from tests.integration.waiting import wait_until
from tests.integration.world import Cluster, World, connected

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """A running stack. Tests share it, so each works in a namespace of its own."""
    with Stack(audit=POLICY) as running:
        running.install()
        yield running


@pytest.fixture
def namespace(stack: Stack) -> Iterator[str]:
    """A new namespace for one test, ready for Pods; deleted afterwards, which nobody waits for."""
    name = f"test-{next(_numbers)}"
    stack.kubectl("create", "namespace", name)
    stack.kubectl("wait", "--for=create", "serviceaccount/default", "-n", name, "--timeout=60s")
    yield name
    stack.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="session")
def cluster(stack: Stack) -> Iterator[Cluster]:
    """An administrator's connection to the stack."""
    with connected(stack) as cluster:
        yield cluster


@pytest.fixture
def world(cluster: Cluster) -> Iterator[World]:
    """A namespace for RedisTimers of one test."""
    with cluster.world() as world:
        yield world


@pytest.fixture(scope="session")
def product_processes(cluster: Cluster, pytestconfig: pytest.Config) -> Iterator[Product]:
    """The product's processes, none of which runs yet. In the end: have they asked for what they have no right to?"""
    product = Product(cluster)
    yield product
    rights, requests = granted_by(CHECKOUT / "deploy" / "rbac.yaml"), product.requests()
    pytestconfig.stash[USED_RIGHTS].update(used(rights, requests))
    too_much = "\n".join(map(str, sorted(beyond(rights, requests))))
    assert not too_much, f"asked for, and deploy/rbac.yaml gives no right to it:\n{too_much}"


@pytest.fixture
def product(product_processes: Product) -> Product:
    """One controller and two workers, running, whatever the test before did to them."""
    product_processes.restore()
    return product_processes


@pytest.fixture
def guarded(request: pytest.FixtureRequest, product: Product, tmp_path: Path) -> Iterator[tuple[Member, Gate]]:
    """A worker behind a gate, the only one that moves: the other two are paused. Its parameter are other settings."""
    settings: dict[str, str] = getattr(request, "param", {})
    copy = tmp_path / "kubeconfig"
    with gate(product.own_kubeconfigs["worker"], copy) as the_gate:
        # Tests hold its requests for as long as they like.
        worker = product.start("worker", kubeconfig=copy, REDISTIMER_API_TIMEOUT_SECONDS="60", **settings)
        for other in others(product, worker):
            other.pause()
        wait_until(lambda: worker.get("/readyz")[0], lambda code: code == 200, "the worker behind the gate is ready")
        yield worker, the_gate
        worker.kill()


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, cluster: Cluster, product_processes: Product) -> Iterator[Outcomes]:
    """Of the module's scenarios that run side by side."""
    product_processes.restore()
    with begun(request, cluster) as outcomes:
        yield outcomes


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the product's processes have logged beneath the failure of a test that uses them."""
    report = yield
    product = getattr(item, "funcargs", {}).get("product_processes")
    if report.failed and product is not None:
        report.sections.append(("logs of the product", product.logs()))
    return report
