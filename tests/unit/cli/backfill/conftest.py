"""What all tests of backfills begin with: a timer that is due every morning, and no pauses."""

import pytest

from tests.unit.cli.backfill.running import NOW, instead_of_the_cluster
from tests.unit.cli.backfill.world import BackfillWorld
from tests.unit.core.objects import ms


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controller.cli.backfill.command.wall_clock_ms", lambda: ms(NOW))
    monkeypatch.setattr("controller.cli.backfill.run._PAUSES_S", (0.0, 0.0))
    monkeypatch.setattr("controller.cli.backfill.jobs._PAUSES_S", (0.0,))


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> BackfillWorld:
    """A timer that is due every morning."""
    return instead_of_the_cluster(BackfillWorld(), monkeypatch)
