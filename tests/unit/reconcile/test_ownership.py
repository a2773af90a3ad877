"""Whose index it is: another cluster's is left alone, one's own is recognised by whatever name it was."""

from typing import Any

import pytest

from controller.kube import paths
from controller.kube.leadership import Leadership
from controller.reconcile.ownership import Ownership
from controller.settings import SettingsError
from tests.unit.clocks import Monotonic
from tests.unit.reconcile.desk import Desk


@pytest.fixture(autouse=True)
def _named(desk: Desk) -> None:
    desk.api.put(paths.CLUSTER_IDENTITY, {"metadata": {"name": "kube-system", "uid": "cluster"}})
    desk.api.put(paths.namespace("system"), {"metadata": {"name": "system", "uid": "home"}})


class Controller:
    """One that leads, and knows the cluster as a whole or only the namespace that is its home."""

    def __init__(self, desk: Desk, home: str | None, name: str = "a") -> None:
        api: Any = desk.api
        self.leadership = Leadership(api, "system", "default", name, 15, Monotonic())
        self.ownership = Ownership(api, desk.index, self.leadership, home)

    async def lead(self) -> None:
        assert await self.leadership.step()
        await self.ownership.claim()
        # Until the next renewal nobody else knows.
        assert await self.leadership.step()
        await self.leadership.release()


async def owner(desk: Desk) -> str:
    return str(await desk.redis.get(desk.index.keys.owner))


@pytest.mark.parametrize(("home", "name"), [(None, "cluster"), ("system", "home")])
async def test_an_index_belongs_to_the_cluster_or_to_the_home_of_who_knows_no_more(
    desk: Desk, home: str | None, name: str
) -> None:
    await Controller(desk, home).lead()
    assert await owner(desk) == name
    await Controller(desk, home, "b").lead()


@pytest.mark.parametrize(("first", "second"), [(None, "system"), ("system", None)])
async def test_an_installation_that_changes_from_one_to_the_other_keeps_its_index(
    desk: Desk, first: str | None, second: str | None
) -> None:
    await Controller(desk, first).lead()
    await Controller(desk, second, "b").lead()
    assert await owner(desk) == ("home" if second else "cluster")
    await Controller(desk, first, "c").lead()
    assert await owner(desk) == ("home" if first else "cluster")


async def test_what_is_noted_stays_while_leaders_come_and_go_that_do_not_get_that_far(desk: Desk) -> None:
    await Controller(desk, None).lead()
    for name in ("b", "c"):
        leadership = Controller(desk, "system", name).leadership
        assert await leadership.step()
        await leadership.release()
    await Controller(desk, "system", "d").lead()
    assert await owner(desk) == "home"


@pytest.mark.parametrize("home", [None, "system"])
async def test_another_clusters_index_is_left_alone_whatever_ours_was_before(desk: Desk, home: str | None) -> None:
    await Controller(desk, home).lead()
    await desk.index.take_ownership("another-cluster")
    for next_home in (None, "system"):
        with pytest.raises(SettingsError, match=r"another cluster.* \(another-cluster\).*--installation"):
            await Controller(desk, next_home, "b").lead()
        desk.api.objects.pop(paths.leases("system") + "/redistimer-controller")
    assert await owner(desk) == "another-cluster"
