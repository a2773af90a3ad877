"""The workbench, ready."""

from collections.abc import AsyncIterator

import pytest

from tests.unit.clocks import sleepless
from tests.unit.worker.workbench import Workbench


@pytest.fixture
async def bench() -> AsyncIterator[Workbench]:
    """A worker at ten seconds past eleven, on a valid index."""
    bench = Workbench("2026-03-01T11:00:10Z")
    await bench.build()
    yield bench
    await bench.redis.aclose()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that loops make, in seconds; they take no time."""
    return sleepless(monkeypatch)
