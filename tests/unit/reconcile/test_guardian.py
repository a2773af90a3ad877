"""The guardian: when the index is rebuilt, and what trouble with it comes to."""

import math

import pytest

from controller.kube.errors import ApiError, ApiUnreachableError
from controller.observe import metrics
from controller.reconcile.guardian import Guardian
from controller.reconcile.outcomes import Outcomes
from controller.settings import SettingsError
from tests.unit.reconcile.desk import Desk

EVERY_S = 300.0


class StubRebuild:
    """Counts rebuilds, each of which makes the index valid unless told otherwise."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.runs = 0
        self.overtaken = False
        self.is_overdue = False
        self.error: Exception | None = None
        self.obstacle: str | None = None

    async def run(self) -> bool:
        self.runs += 1
        self.obstacle = self.desk.health.obstacles.get("index")
        if self.error is not None:
            raise self.error
        if self.overtaken:
            return False
        await self.desk.index.build()
        return True


class NotedOutcomes(Outcomes):
    """Counts how often it starts over."""

    starts = 0

    def again(self) -> None:
        self.starts += 1
        super().again()


@pytest.fixture
def rebuild(desk: Desk) -> StubRebuild:
    return StubRebuild(desk)


@pytest.fixture
def outcomes(desk: Desk) -> NotedOutcomes:
    return NotedOutcomes(desk.table, desk.index, desk.health)


@pytest.fixture
def guardian(desk: Desk, rebuild: StubRebuild, outcomes: NotedOutcomes, pauses: list[float]) -> Guardian:
    return Guardian(desk.index, rebuild, outcomes, desk.health, EVERY_S, desk.monotonic)  # type: ignore[arg-type]


async def test_a_new_leader_rebuilds_also_where_the_index_looks_well(
    guardian: Guardian, rebuild: StubRebuild, pauses: list[float]
) -> None:
    assert await guardian.step()
    assert rebuild.runs == 1
    assert rebuild.obstacle is None, "workers can go on meanwhile, and so it is ready"
    assert pauses == [1.0]


async def test_a_valid_index_is_rebuilt_again_only_when_it_is_time(
    desk: Desk, guardian: Guardian, rebuild: StubRebuild
) -> None:
    await guardian.step()
    desk.monotonic.now_s += EVERY_S - 1
    await guardian.step()
    assert rebuild.runs == 1
    desk.monotonic.now_s += 1
    await guardian.step()
    assert rebuild.runs == 2
    await guardian.step()
    assert rebuild.runs == 2


async def test_what_one_rebuild_was_refused_without_need_is_soon_seen_by_another(
    desk: Desk, guardian: Guardian, rebuild: StubRebuild
) -> None:
    rebuild.is_overdue = True
    await guardian.step()
    desk.monotonic.now_s += 1
    await guardian.step()
    assert rebuild.runs == 1, "not all the time"
    desk.monotonic.now_s += 10
    await guardian.step()
    assert rebuild.runs == 2


async def test_an_invalid_index_is_rebuilt_at_once_and_is_an_obstacle_meanwhile(
    desk: Desk, guardian: Guardian, rebuild: StubRebuild
) -> None:
    await guardian.step()
    desk.server.fail_over()
    await guardian.step()
    assert rebuild.runs == 2
    assert rebuild.obstacle == "is being rebuilt"
    assert desk.health.obstacles == {}


async def test_an_overtaken_rebuild_is_repeated_and_stays_an_obstacle_until_one_counts(
    desk: Desk, guardian: Guardian, rebuild: StubRebuild, outcomes: NotedOutcomes
) -> None:
    desk.server.fail_over()
    rebuild.overtaken = True
    await guardian.step()
    assert "index" in desk.health.obstacles
    assert outcomes.starts == 0
    rebuild.overtaken = False
    await guardian.step()
    assert rebuild.runs == 2
    assert desk.health.obstacles == {}


async def test_a_leader_that_has_not_rebuilt_yet_is_not_ready_also_where_the_index_looks_well(
    desk: Desk, guardian: Guardian, rebuild: StubRebuild
) -> None:
    desk.health.hinder("index", "is not read through by this leader yet")
    await desk.index.build()
    rebuild.overtaken = True
    await guardian.step()
    assert "index" in desk.health.obstacles
    rebuild.overtaken = False
    await guardian.step()
    assert desk.health.obstacles == {}


async def test_a_finished_rebuild_lets_reports_be_read_from_the_start(
    guardian: Guardian, outcomes: NotedOutcomes
) -> None:
    await guardian.step()
    await guardian.step()
    assert outcomes.starts == 1


async def test_a_cluster_that_does_not_know_timers_is_a_matter_for_people(
    guardian: Guardian, rebuild: StubRebuild
) -> None:
    rebuild.error = ApiError(404, "NotFound", "the server could not find the requested resource")
    with pytest.raises(SettingsError, match=r"install crds/redistimers\.yaml"):
        await guardian.step()


@pytest.mark.parametrize("error", [ApiError(403, "Forbidden", "no rights"), ApiUnreachableError("connection refused")])
async def test_trouble_with_the_api_server_is_an_obstacle_until_it_is_over(
    desk: Desk, guardian: Guardian, rebuild: StubRebuild, error: Exception
) -> None:
    rebuild.error = error
    assert await guardian.step()
    assert str(error) in desk.health.obstacles["index"]
    rebuild.error = None
    await guardian.step()
    assert desk.health.obstacles == {}
    assert rebuild.runs == 2


async def test_trouble_with_redis_is_an_obstacle_until_it_is_over(
    desk: Desk, guardian: Guardian, rebuild: StubRebuild
) -> None:
    desk.index.away = frozenset({"inspect"})
    assert await guardian.step()
    assert "cannot be reached" in desk.health.obstacles["index"]
    assert rebuild.runs == 0
    desk.index.away = frozenset()
    await guardian.step()
    assert desk.health.obstacles == {}


async def test_of_the_backlog_nothing_is_said_while_redis_is_away(desk: Desk, guardian: Guardian) -> None:
    def backlog() -> list[float | None]:
        return [metrics.CONTROLLER.get_sample_value(f"redistimer_{name}") for name in ("tickets", "due_backlog")]

    await guardian.step()
    assert backlog() == [0, 0]
    desk.index.away = frozenset({"inspect"})
    await guardian.step()
    assert all(math.isnan(value or 0) for value in backlog())
    assert metrics.CONTROLLER.get_sample_value("redistimer_index_valid") == 0


async def test_a_valid_index_stays_valid_while_the_api_server_is_away(
    desk: Desk, guardian: Guardian, rebuild: StubRebuild
) -> None:
    await desk.index.build()
    rebuild.error = ApiUnreachableError("connection refused")
    await guardian.step()
    assert metrics.CONTROLLER.get_sample_value("redistimer_index_valid") == 1


async def test_another_clusters_index_ends_the_controller(guardian: Guardian, rebuild: StubRebuild) -> None:
    rebuild.error = SettingsError("the index belongs to another cluster")
    with pytest.raises(SettingsError, match="another cluster"):
        await guardian.step()
