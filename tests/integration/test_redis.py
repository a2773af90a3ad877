"""Redis may lose everything at any moment: every later occurrence fires once, and nothing else does."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.cluster import Stack
from tests.integration.occurrences import assert_nothing_left_out, assert_on_grid, assert_once_and_not_before
from tests.integration.product import Product
from tests.integration.waiting import now_ms, rfc3339, seconds_from_now, wait_for_clock, wait_until
from tests.integration.world import KEYS, Cluster, Timer, World


@dataclass
class Scene:
    """Timers of every kind around one loss of the whole index."""

    steady: list[Timer]
    edited: Timer
    resumed: Timer
    suspended: Timer
    done: Timer
    pending: Timer
    pending_ms: int
    changed_ms: int
    """The whole second before the edit and the resume; the loss came right after them."""
    rebuilt_ms: int


def wait_until_usable(cluster: Cluster, product: Product) -> None:
    """Wait until the index is rebuilt and every worker has seen it."""
    wait_until(lambda: cluster.redis.get(KEYS.epoch), bool, "the index is rebuilt")
    product.wait_until_ready()


@pytest.fixture(scope="module")
def scene(cluster: Cluster, product_processes: Product) -> Iterator[Scene]:
    """FLUSHALL in the middle of everything, right after an edit and a resume."""
    product = product_processes
    product.restore()
    with cluster.world() as world:
        steady = [world.create(f"steady-{number}", every="2s") for number in range(5)]
        edited = world.create("edited", every="1h")
        resumed = world.create("resumed", every="1s", suspend=True)
        suspended = world.create("suspended", every="1s", suspend=True)
        done = world.create("done", afterCreation="1s")
        steady[0].wait_for_runs(2)
        done.wait_for_runs(1)
        pending_ms = seconds_from_now(5)
        pending = world.create("pending", at=rfc3339(pending_ms))
        wait_until(lambda: cluster.redis.hexists(KEYS.tickets, pending.ticket), bool, "the last one is in the index")
        changed_ms = now_ms() // 1000 * 1000
        edited.edit(every="1s")
        resumed.edit(suspend=False)
        cluster.redis.flushall()
        wait_until_usable(cluster, product)
        rebuilt_ms = now_ms()
        for timer in (*steady, edited, resumed):
            wait_until(timer.nominal, lambda seen: sum(one > rebuilt_ms for one in seen) >= 3, f"{timer.name} goes on")
        pending.wait_for_runs(1)
        yield Scene(steady, edited, resumed, suspended, done, pending, pending_ms, changed_ms, rebuilt_ms)


def test_after_a_flushall_every_later_occurrence_fires_once(scene: Scene) -> None:
    for timer in scene.steady:
        assert_once_and_not_before(timer)
        assert_on_grid(timer, 2)
        assert_nothing_left_out(timer, 2, scene.rebuilt_ms)


def test_a_flushall_right_after_an_edit_fires_nothing_of_the_new_schedule_in_retrospect(scene: Scene) -> None:
    assert min(scene.edited.nominal()) > scene.changed_ms
    assert_once_and_not_before(scene.edited)
    assert_on_grid(scene.edited, 1)
    assert_nothing_left_out(scene.edited, 1, scene.rebuilt_ms)


def test_a_flushall_right_after_a_resume_fires_nothing_of_the_time_of_suspension(scene: Scene) -> None:
    assert min(scene.resumed.nominal()) > scene.changed_ms
    assert_once_and_not_before(scene.resumed)
    assert_on_grid(scene.resumed, 1)
    assert_nothing_left_out(scene.resumed, 1, scene.rebuilt_ms)


def test_a_flushall_fires_nothing_that_is_suspended_and_nothing_twice_that_is_done(scene: Scene) -> None:
    assert scene.suspended.fired() == []
    assert len(scene.done.fired()) == 1


def test_what_lay_ahead_at_a_flushall_fires_at_its_time(scene: Scene) -> None:
    assert scene.pending.nominal() == [scene.pending_ms]
    assert_once_and_not_before(scene.pending)


def test_without_controller_and_index_nothing_fires_readiness_says_why_and_then_all_goes_on(
    product: Product, world: World
) -> None:
    steady = world.create("steady", every="1s")
    once = world.create("once", afterCreation="4s")
    steady.wait_for_runs(1)
    product.controllers[0].terminate()
    world.cluster.redis.flushall()
    lost_ms = now_ms()
    for worker in product.workers:
        _code, body = wait_until(
            lambda worker=worker: worker.get("/readyz"), lambda seen: seen[0] == 503, f"{worker.name} is not ready"
        )
        assert body == "index: is not rebuilt yet: workers wait for a controller\n"
        assert worker.get("/healthz") == (200, "ok\n"), "a restart would not help"
        assert worker.metric("redistimer_index_valid") == 0
    wait_for_clock(lost_ms + 4000)
    assert [nominal_ms for nominal_ms in steady.nominal() if nominal_ms > lost_ms] == []
    assert once.fired() == []
    started_ms = now_ms()
    product.start("controller")
    wait_until_usable(world.cluster, product)
    once.wait_for_runs(1)
    wait_until(steady.nominal, lambda seen: sum(one > started_ms for one in seen) >= 3, "it goes on")
    between = [nominal_ms for nominal_ms in steady.nominal() if lost_ms < nominal_ms <= started_ms]
    assert len(between) <= 1, "of several overdue only the latest runs"
    assert once.nominal() == [once.created_ms + 4000]
    assert_once_and_not_before(steady)
    assert_on_grid(steady, 1)
    assert_nothing_left_out(steady, 1, started_ms)


def test_after_a_crash_and_restart_of_redis_every_later_occurrence_fires_once(
    stack: Stack, product: Product, world: World
) -> None:
    steady = [world.create(f"steady-{number}", every="2s") for number in range(3)]
    done = world.create("done", afterCreation="1s")
    steady[0].wait_for_runs(1)
    done.wait_for_runs(1)
    stack.redis.kill()
    for worker in product.workers:
        wait_until(lambda worker=worker: worker.get("/readyz")[0], lambda code: code == 503, f"{worker.name} notices")
    stack.redis.start()
    wait_until_usable(world.cluster, product)
    rebuilt_ms = now_ms()
    for timer in steady:
        wait_until(timer.nominal, lambda seen: sum(one > rebuilt_ms for one in seen) >= 2, f"{timer.name} goes on")
        assert_once_and_not_before(timer)
        assert_on_grid(timer, 2)
        assert_nothing_left_out(timer, 2, rebuilt_ms)
    assert len(done.fired()) == 1


def test_a_loss_of_one_key_is_noticed_and_mended(product: Product, world: World) -> None:
    """As an eviction would do it. The contract suite goes through all keys."""
    steady = world.create("steady", every="1s")
    steady.wait_for_runs(1)
    before = world.cluster.redis.get(KEYS.epoch)
    world.cluster.redis.delete(KEYS.due)
    lost_ms = now_ms()
    wait_until(lambda: world.cluster.redis.get(KEYS.epoch), lambda epoch: epoch not in (None, before), "it is rebuilt")
    wait_until(steady.nominal, lambda seen: sum(one > lost_ms + 1000 for one in seen) >= 2, "it goes on")
    assert_once_and_not_before(steady)
    assert_on_grid(steady, 1)


def test_a_controller_leaves_the_index_of_another_cluster_alone(product: Product, world: World) -> None:
    steady = world.create("steady", every="1s")
    steady.wait_for_runs(1)
    product.controllers[0].terminate()
    other, ours = str(uuid.uuid4()), world.cluster.redis.getset(KEYS.owner, "")
    world.cluster.redis.set(KEYS.owner, other)
    try:
        tickets = world.cluster.redis.hgetall(KEYS.tickets)
        stranger = product.start("controller")
        assert stranger.process.wait(60) == 2
        last = stranger.log.splitlines()[-1]
        assert last.startswith(f"error: the index '{KEYS.owner}' belongs to another cluster ({other}), and this one is")
        assert "give each cluster its own Redis database or its own --installation name" in last
        assert world.cluster.redis.hgetall(KEYS.tickets).keys() >= tickets.keys()
    finally:
        world.cluster.redis.set(KEYS.owner, str(ours))
