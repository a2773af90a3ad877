"""Installations that serve only some namespaces, on a real API server, under ServiceAccounts that have only Roles."""

import json
from collections.abc import Callable, Iterator

import pytest

from controller.core.identity import ticket_of
from tests.cluster import Stack
from tests.cluster.stack import CHECKOUT
from tests.integration.homes import Home
from tests.integration.occurrences import assert_steady
from tests.integration.product import Member
from tests.integration.waiting import wait_until
from tests.integration.world import KEYS, Cluster, Timer, World, connected


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A cluster of its own, with nothing but the CRD: nobody else may fire timers here."""
    with Stack(audit=True, kubelet=False) as running:
        running.kubectl("apply", "--server-side", "-f", str(CHECKOUT / "crds"))
        running.wait_until_established("-f", str(CHECKOUT / "crds"))
        yield running


@pytest.fixture(scope="module")
def cluster(stack: Stack) -> Iterator[Cluster]:
    with connected(stack) as cluster:
        yield cluster


@pytest.fixture
def start(cluster: Cluster) -> Iterator[Callable[..., Member]]:
    """Start a role of a home; all that were started are ended, and Redis is empty, after each test."""
    started: list[Member] = []

    def start(home: Home, role: str, namespaces: str) -> Member:
        started.append(home.start(role, namespaces))  # type: ignore[arg-type]
        return started[-1]

    yield start
    for member in started:
        if member.alive:
            member.terminate()
    cluster.redis.flushall()


@pytest.fixture
def worlds(cluster: Cluster) -> Iterator[list[World]]:
    """Three namespaces."""
    with cluster.world() as one, cluster.world() as two, cluster.world() as three:
        yield [one, two, three]


def clock(world: World) -> Timer:
    """A timer that proves itself alive."""
    return world.create("clock", every="1s")


def wait_until_ready(member: Member, text: str = "ok\n") -> None:
    wait_until(lambda: member.get("/readyz"), lambda seen: seen == (200, text), f"{member.name} is ready")


def in_reach(controller: Member, namespace: str) -> float | None:
    return controller.metric("redistimer_namespace_in_reach", served_namespace=namespace)


def test_timers_fire_where_that_is_granted_and_nowhere_else(
    stack: Stack, cluster: Cluster, worlds: list[World], start: Callable[..., Member]
) -> None:
    home = Home(stack, "narrow")
    one, two, _ = worlds
    for world in (one, two):
        home.grant(world.namespace)
    clocks = [clock(world) for world in worlds]
    served = f"{one.namespace},{two.namespace}"
    controller, worker = start(home, "controller", served), start(home, "worker", served)
    wait_until_ready(controller)
    wait_until_ready(worker)
    strict = two.create("strict", guarantee="Strict", concurrencyPolicy="Forbid", afterCreation="2s")
    for timer in clocks[:2]:
        timer.wait_for_beats(3)
        assert_steady(timer, 1)
        timer.wait_for_status(lambda status: status["runs"]["succeeded"] or status["activeCount"], "tells of runs")
        assert timer.condition("TemplateValid")["status"] == "True"
    strict.wait_for_runs(1)
    clocks[0].ask_for_a_run("by-hand")
    clocks[0].wait_until_handled("by-hand")
    clocks[0].wait_for_event("SuccessfulCreate")
    assert clocks[2].fired() == []
    assert clocks[2].status() == {}
    assert in_reach(controller, one.namespace) == 1
    tickets = set(cluster.redis.hkeys(KEYS.tickets))
    assert {ticket_of(timer.uid) for timer in clocks} & tickets == {clocks[0].ticket, clocks[1].ticket}
    assert home.refusals() == []
    lease = json.loads(stack.kubectl("get", "lease", "redistimer-controller", "-n", home.name, "-o", "json").stdout)
    assert lease["metadata"]["annotations"]["redistimer.dev/namespaces"] == served


def test_a_namespace_that_comes_later_delays_no_other_and_is_served_once_it_is_there(
    stack: Stack, cluster: Cluster, worlds: list[World], start: Callable[..., Member]
) -> None:
    home = Home(stack, "early")
    one, two, _ = worlds
    home.grant(one.namespace)
    ticking, waiting = clock(one), clock(two)
    served = f"{one.namespace},{two.namespace},not-made-yet"
    controller, worker = start(home, "controller", served), start(home, "worker", served)
    wait_until_ready(worker)
    _, text = wait_until(
        lambda: controller.get("/readyz"), lambda seen: "not-made-yet: is not served" in seen[1], "told"
    )
    assert text.startswith("ok\n"), "what can be served is"
    assert f"namespace {two.namespace}: is not served: " in text
    ticking.wait_for_beats(3)
    assert_steady(ticking, 1)
    assert waiting.fired() == []
    assert [in_reach(controller, name) for name in served.split(",")] == [1, 0, 0]

    home.grant(two.namespace)
    waiting.wait_for_beats(2)
    stack.kubectl("create", "namespace", "not-made-yet")
    home.grant("not-made-yet")
    late = clock(World(cluster, "not-made-yet"))
    late.wait_for_beats(2)
    wait_until_ready(controller)
    assert [in_reach(controller, name) for name in served.split(",")] == [1, 1, 1]
    late.wait_for_status(lambda status: status.get("lastScheduleTime"), "is written")
    assert_steady(ticking, 1)


def test_rights_that_are_taken_back_stop_that_namespace_alone_until_they_are_there_again(
    stack: Stack, cluster: Cluster, worlds: list[World], start: Callable[..., Member]
) -> None:
    home = Home(stack, "moody")
    one, two, _ = worlds
    for world in (one, two):
        home.grant(world.namespace)
    ticking, moody = clock(one), clock(two)
    served = f"{one.namespace},{two.namespace}"
    controller, worker = start(home, "controller", served), start(home, "worker", served)
    wait_until_ready(controller)
    moody.wait_for_beats(2)
    home.revoke(two.namespace)
    # A leader that comes now, on an index that is lost, sees nothing of that namespace.
    cluster.redis.flushall()
    assert controller.terminate() == 0
    controller = start(home, "controller", served)
    wait_until(lambda: in_reach(controller, two.namespace), lambda seen: seen == 0, "the namespace is out of reach")
    wait_until(lambda: worker.get("/readyz")[0], lambda code: code == 200, "the index is rebuilt")
    ticking.wait_for_beats(3)
    stopped = len(moody.fired())
    home.grant(two.namespace)
    wait_until_ready(controller)
    wait_until_ready(worker)
    moody.wait_for_runs(stopped + 3)
    for timer in (ticking, moody):
        assert len(set(timer.nominal())) == len(timer.nominal())


def test_installations_of_disjoint_namespaces_share_a_redis_and_do_not_meet(
    stack: Stack, cluster: Cluster, worlds: list[World], start: Callable[..., Member]
) -> None:
    homes = [Home(stack, "red-home", "red"), Home(stack, "blue-home", "blue")]
    clocks = [clock(world) for world in worlds]
    members = []
    for home, world in zip(homes, worlds, strict=False):
        home.grant(world.namespace)
        members += [start(home, role, world.namespace) for role in ("controller", "worker")]
    for member in members:
        wait_until_ready(member)
    for timer in clocks[:2]:
        timer.wait_for_beats(3)
        assert_steady(timer, 1)
    assert clocks[2].fired() == []
    for home, timer in zip(homes, clocks, strict=False):
        tickets = set(cluster.redis.hkeys(f"{{rt2:{home.installation}:0}}:tickets")) - {"!"}
        assert tickets == {timer.ticket}
        assert home.refusals() == []


def test_the_index_of_another_is_left_alone(cluster: Cluster, stack: Stack, start: Callable[..., Member]) -> None:
    cluster.redis.set(KEYS.owner, "the-home-of-another")
    refused = start(Home(stack, "second"), "controller", "default")
    assert refused.process.wait(60) == 2
    line = refused.log.splitlines()[-1]
    assert "belongs to another cluster or namespace (the-home-of-another)" in line
    assert KEYS.owner in line


def test_an_installation_changes_to_some_namespaces_and_back_and_keeps_its_index(
    stack: Stack, cluster: Cluster, worlds: list[World], start: Callable[..., Member]
) -> None:
    home = Home(stack, "changing")
    one, other, _ = worlds
    home.grant(one.namespace)
    home.grant_everywhere()
    served, foreign = clock(one), clock(other)
    owners = set()
    for namespaces in ("", one.namespace, ""):
        members = [start(home, role, namespaces) for role in ("controller", "worker")]
        for member in members:
            wait_until_ready(member)
        served.wait_for_beats(2)
        if namespaces:
            # A controller that has not begun to lead yet is ready, too.
            wait_until(
                lambda: cluster.redis.hexists(KEYS.tickets, foreign.ticket),
                lambda is_there: not is_there,
                "its timers are not ours any more",
            )
        else:
            foreign.wait_for_beats(2)
        owners.add(cluster.redis.get(KEYS.owner))
        for member in members:
            assert member.terminate() == 0
    assert len(owners) == 2
    assert len(set(served.nominal())) == len(served.nominal())
