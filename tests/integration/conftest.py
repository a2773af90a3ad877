"""What integration tests share: one stack for the whole run, with the CRD and RBAC of this checkout installed."""

import itertools
from collections.abc import Iterator

import pytest

from tests.cluster import Stack

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """A running stack. Tests share it, so each works in a namespace of its own."""
    with Stack() as running:
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
