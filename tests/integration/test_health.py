"""What operators see of a running product: health, readiness and metrics over HTTP."""

from tests.integration.product import Product
from tests.integration.waiting import now_ms, wait_until
from tests.integration.world import World


def test_both_roles_are_healthy_and_ready_while_they_do_their_job(product: Product) -> None:
    for member in product.members:
        assert member.get("/healthz") == (200, "ok\n")
        assert member.get("/readyz") == (200, "ok\n")


def test_workers_count_what_they_fire_and_how_late(product: Product, world: World) -> None:
    def total(sample: str, **labels: str) -> float:
        return sum(worker.metric(sample, **labels) or 0 for worker in product.workers)

    created, observed = (
        total("redistimer_fires_total", result="created"),
        total("redistimer_firing_lag_seconds_count"),
    )
    bad = {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "B!", "image": "x"}]}}}}
    timers = [world.create(f"timer-{number}", afterCreation="2s") for number in range(5)]
    world.create("bad", bad, afterCreation="2s")
    for timer in timers:
        timer.wait_for_runs(1)
    wait_until(lambda: total("redistimer_fires_total", result="created"), lambda n: n == created + 5, "all are counted")
    assert total("redistimer_firing_lag_seconds_count") == observed + 5
    wait_until(lambda: total("redistimer_fires_total", result="InvalidTemplate"), bool, "the refused one is counted")
    assert total("redistimer_claimed_total") >= 6
    assert all(worker.metric("redistimer_index_valid") == 1 for worker in product.workers)


def test_the_controller_shows_leadership_the_index_and_its_last_rebuild(product: Product, world: World) -> None:
    (controller,) = product.controllers
    assert controller.metric("redistimer_leader") == 1
    assert controller.metric("redistimer_index_valid") == 1
    assert (controller.metric("redistimer_rebuilds_total", result="finished") or 0) >= 1
    age_s = controller.metric("redistimer_rebuild_age_seconds") or 0
    wait_until(lambda: controller.metric("redistimer_rebuild_age_seconds") or 0, lambda age: age > age_s, "it ages")
    assert (controller.metric("redistimer_rebuild_duration_seconds") or 0) > 0
    for number in range(3):
        world.create(f"timer-{number}", every="1h")
    wait_until(
        lambda: (controller.metric("redistimer_tickets"), len(world.timers.get().items)),
        lambda seen: seen[0] == seen[1] >= 3,
        "the index holds as many timers as the cluster",
    )
    wait_until(lambda: controller.metric("redistimer_status_writes_total", result="written"), bool, "writes count")


def test_the_backlog_and_its_age_grow_while_no_worker_takes_anything(product: Product, world: World) -> None:
    (controller,) = product.controllers
    wait_until(lambda: controller.metric("redistimer_due_backlog"), lambda due: due == 0, "nothing is overdue")
    for worker in product.workers:
        worker.pause()
    timer = world.create("timer", every="1s")
    paused_ms = now_ms()
    wait_until(lambda: controller.metric("redistimer_due_backlog"), bool, "the timer is in the backlog")
    age_s = wait_until(
        lambda: controller.metric("redistimer_oldest_due_age_seconds") or 0, lambda age: age > 1, "its age grows"
    )
    assert age_s < (now_ms() - paused_ms) / 1000 + 1
    for worker in product.workers:
        worker.go_on()
    timer.wait_for_runs(1)
    wait_until(lambda: controller.metric("redistimer_due_backlog"), lambda due: due == 0, "the backlog is worked off")
