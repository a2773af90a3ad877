"""The desk, ready."""

from collections.abc import AsyncIterator

import pytest

from tests.unit.clocks import sleepless
from tests.unit.reconcile.desk import Desk


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """A leader at ten seconds past eleven, with an index that is valid and empty."""
    desk = Desk()
    await desk.index.build()
    desk.journal.clear()
    yield desk
    await desk.redis.aclose()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that loops make, in seconds; they take no time."""
    return sleepless(monkeypatch)
