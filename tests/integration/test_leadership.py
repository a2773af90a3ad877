"""One controller leads; when it dies, leaves or hangs, the standby takes over and nothing is lost or doubled."""

import pytest

from tests.integration.occurrences import assert_steady
from tests.integration.product import Member, Product
from tests.integration.waiting import wait_until
from tests.integration.world import Timer, World

LEASE = ("redistimer-system", "redistimer-controller")


def holder(world: World) -> str:
    """Who holds the Lease, empty for nobody."""
    namespace, name = LEASE
    leases = world.cluster.resource("Lease", "coordination.k8s.io/v1").get(namespace=namespace).items
    return next((str(lease.spec.holderIdentity) for lease in leases if lease.metadata.name == name), "")


def wait_for_leader(world: World, member: Member) -> None:
    """Wait until this one leads, by the Lease and by its own account."""
    wait_until(lambda: holder(world), lambda name: name == member.name, f"{member.name} holds the Lease")
    wait_until(lambda: member.metric("redistimer_leader"), lambda seen: seen == 1, f"{member.name} leads")


def assert_status_goes_on(timer: Timer) -> None:
    """The leader sees an edit and new runs."""
    timer.edit(successfulJobsHistoryLimit=5)
    timer.wait_for_condition("Ready", "True", "Scheduled")
    (beat, *_) = timer.wait_for_beats(1)
    wait_until(
        timer.status,
        lambda seen: max(timer.nominal()) >= beat and len(seen["active"]) >= len(timer.nominal()) - 2,
        "status follows",
    )


@pytest.fixture
def pair(product_processes: Product, world: World) -> tuple[Member, Member]:
    """A leader and a standby, and two workers. A leader that falls silent is waited for only shortly."""
    product_processes.restore(controllers=0)
    leader = product_processes.start("controller", REDISTIMER_LEADER_SECONDS="6")
    wait_for_leader(world, leader)
    standby = product_processes.start("controller", REDISTIMER_LEADER_SECONDS="6")
    standby.wait_until_ready()
    assert standby.metric("redistimer_leader") == 0, "it stands by"
    return leader, standby


def test_when_the_leader_is_killed_the_standby_leads_and_status_goes_on(
    pair: tuple[Member, Member], world: World
) -> None:
    leader, standby = pair
    steady = world.create("steady", every="2s")
    steady.wait_for_runs(1)
    assert holder(world) == leader.name
    leader.kill()
    wait_for_leader(world, standby)
    assert_status_goes_on(steady)
    assert_steady(steady, 2)


def test_a_leader_told_to_end_hands_over_at_once(product_processes: Product, world: World) -> None:
    """Its Lease would last longer than anybody here waits."""
    product_processes.restore(controllers=0)
    leader = product_processes.start("controller", REDISTIMER_LEADER_SECONDS="120")
    wait_for_leader(world, leader)
    standby = product_processes.start("controller", REDISTIMER_LEADER_SECONDS="6")
    steady = world.create("steady", every="2s")
    steady.wait_for_runs(1)
    assert leader.terminate() == 0
    wait_for_leader(world, standby)
    assert_status_goes_on(steady)
    assert_steady(steady, 2)


def test_a_leader_paused_until_another_leads_ends_when_it_goes_on_and_does_no_harm(
    pair: tuple[Member, Member], world: World
) -> None:
    paused, standby = pair
    steady = world.create("steady", every="2s")
    edited = world.create("edited", every="1h")
    steady.wait_for_runs(1)
    edited.wait_for_condition("Ready", "True", "Scheduled")
    paused.pause()
    wait_for_leader(world, standby)
    edited.edit(every="2s")
    edited.wait_for_condition("Ready", "True", "Scheduled")
    paused.go_on()
    assert paused.process.wait(60) == 3
    assert paused.log.splitlines()[-1] == "error: leadership is lost; start again to stand by"
    assert holder(world) == standby.name
    edited.wait_for_beats(1)
    assert edited.read()["metadata"]["generation"] == edited.status()["observedGeneration"] == 2
    assert_status_goes_on(steady)
    for timer in (steady, edited):
        assert_steady(timer, 2)
