"""Which of the runs that were due while nothing could fire still run, as missedRunPolicy says; and that all is told."""

from tests.integration.occurrences import assert_on_grid, assert_once_and_not_before
from tests.integration.product import Product
from tests.integration.waiting import instant_of, now_ms, wait_until
from tests.integration.world import KEYS, Timer, World, template

AWAY_S = 8


def fall_silent(product: Product, timers: list[Timer]) -> int:
    """Stop all workers until the timers have been due for a while; the instant from which they fire again."""
    for timer in timers:
        timer.wait_for_runs(1)
    product.restore(controllers=1, workers=0)
    silent_ms = now_ms()
    wait_until(now_ms, lambda now: now >= silent_ms + AWAY_S * 1000, "the workers have been away")
    back_ms = now_ms()
    product.restore()
    return back_ms


def settled(timer: Timer) -> None:
    """Wait until status tells of every occurrence up to some moment after now."""
    after_ms = now_ms() + 1000
    timer.wait_for_status(lambda seen: instant_of(seen["handledThrough"]) > after_ms, "has caught up")


def due_until(timer: Timer, instant_ms: int) -> int:
    """How many occurrences an `every: 1s` timer had until then."""
    return (instant_ms - timer.created_ms) // 1000


def test_of_overdue_runs_those_run_that_the_policy_names_and_the_others_are_reported(
    product: Product, world: World
) -> None:
    latest = world.create("latest", every="1s")
    every_one = world.create("all", every="1s", missedRunPolicy="All")
    newest_three = world.create("newest-three", every="1s", missedRunPolicy="All", missedRunLimit=3)
    none_late = world.create("skip", every="1s", missedRunPolicy="Skip", startingDeadlineSeconds=2)
    timers = [latest, every_one, newest_three, none_late]
    back_ms = fall_silent(product, timers)
    for timer in timers:
        settled(timer)
        timer.edit(suspend=True)
    for timer in timers:
        timer.wait_for_condition("Suspended", "True", "Suspended")
        assert_once_and_not_before(timer)
        assert_on_grid(timer, 1)
        status = timer.status()
        fired, missed = timer.nominal(), status["runs"]["missed"]
        # Every occurrence up to the last fired one was fired or is reported as missed: exactly once.
        assert len(fired) + missed == due_until(timer, fired[-1]), timer.name
    assert every_one.status()["runs"]["missed"] == 0
    assert every_one.nominal() == sorted(every_one.nominal()), "oldest first"
    assert "lastMissedTime" not in every_one.status()
    for timer in (latest, newest_three, none_late):
        assert timer.status()["runs"]["missed"] >= AWAY_S - 5
        timer.wait_for_event("MissSchedule")
    # Of what was due before the return, as many more as the policies say.
    made_up = {timer.name: sum(one <= back_ms for one in timer.nominal()) for timer in timers}
    assert made_up["all"] > made_up["newest-three"] > made_up["latest"] - 1
    assert made_up["all"] == due_until(every_one, back_ms)


def test_runs_that_are_made_up_for_wait_for_one_another_under_forbid(product: Product, world: World) -> None:
    world.wait_for_pods_to_be_possible()
    spec = {"missedRunPolicy": "All", "concurrencyPolicy": "Forbid", "successfulJobsHistoryLimit": 1000}
    timer = world.create("timer", template(["sleep", "0.2"]), every="4s", **spec)
    back_ms = fall_silent(product, [timer])
    settled(timer)
    timer.wait_for_runs(4)
    assert_on_grid(timer, 4)
    nominal = timer.nominal()
    overdue = list(range(nominal[0], back_ms + 1, 4000))
    assert len(overdue) >= 3
    assert nominal[: len(overdue)] == overdue, "what was overdue ran in order, and none was left out"
    # One that is on time is skipped, where a run that is made up for takes that long.
    skipped = timer.status().get("lastSkippedTime")
    assert skipped is None or instant_of(skipped) > back_ms


def test_what_workers_decide_while_no_controller_is_up_is_told_when_one_is_again(
    product: Product, world: World
) -> None:
    world.wait_for_pods_to_be_possible()
    skipping = world.create("skipping", template(["sleep", "60"]), every="1s", concurrencyPolicy="Forbid")
    missing = world.create("missing", every="1s", startingDeadlineSeconds=1)
    refused = world.create("refused", every="2s")
    for timer in (skipping, missing, refused):
        timer.wait_for_runs(1)
    product.restore(controllers=0, workers=2)
    redis = world.cluster.redis
    world.add("ResourceQuota", "v1", {"metadata": {"name": "no-jobs"}, "spec": {"hard": {"count/jobs.batch": "0"}}})
    for worker in product.workers:
        worker.pause()
    paused_ms = now_ms()
    wait_until(now_ms, lambda now: now >= paused_ms + 4000, "the deadline of some is over")
    for worker in product.workers:
        worker.go_on()
    wait_until(
        lambda: [report for _, report in redis.xrange(KEYS.outcomes)],
        lambda reports: all(
            any(f'"{r}"' in str(one) for one in reports) for r in ("JobAlreadyActive", "MissSchedule", "QuotaExceeded")
        ),
        "all three kinds of decisions were made",
    )
    before = {"skipped": skipping.counted("skipped"), "missed": missing.counted("missed")}
    product.restore()
    wait_until(lambda: skipping.counted("skipped"), lambda seen: seen > before["skipped"], "status tells of skips")
    wait_until(lambda: missing.counted("missed"), lambda seen: seen > before["missed"], "status tells of misses")
    refused.wait_for_condition("Ready", "False", "QuotaExceeded")
    for timer, reason in ((skipping, "JobAlreadyActive"), (missing, "MissSchedule"), (refused, "QuotaExceeded")):
        timer.wait_for_event(reason)
