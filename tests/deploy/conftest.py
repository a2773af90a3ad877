"""Which Helm a test runs with: each major version that can be had."""

from pathlib import Path

import pytest

from tests.cluster.errors import StackError
from tests.cluster.helm import MAJORS, find_helm


@pytest.fixture(scope="session", params=MAJORS, ids=[f"helm{major}" for major in MAJORS])
def helm(request: pytest.FixtureRequest) -> Path:
    """A helm of this major version."""
    try:
        return find_helm(request.param)
    except StackError as error:
        pytest.fail(str(error))


@pytest.fixture(scope="session")
def one_helm() -> Path:
    """For tests that need not be repeated with each: what others render is the same."""
    return find_helm(MAJORS[0])
