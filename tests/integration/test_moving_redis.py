"""Moving to another Redis one process at a time, as docs/operations.md says: nothing is lost, nothing runs twice."""

from collections.abc import Iterator

import pytest

from tests.cluster import RedisServer, Stack, running_redis
from tests.integration.occurrences import assert_once_and_not_before, assert_steady
from tests.integration.product import NOT_REBUILT, Member, Product, Role
from tests.integration.waiting import now_ms, rfc3339, seconds_from_now, wait_for_clock, wait_until
from tests.integration.world import KEYS, Timer, World, template

AHEAD_MS = 3000
"""So long before its time a run is prepared, by the settings of these tests."""


class Move:
    """The way from the stack's Redis to another one, of whoever runs on the first."""

    def __init__(self, product: Product, stack: Stack, new: RedisServer) -> None:
        self._product = product
        self.old = stack.redis
        self.new = new
        self.old_controllers, self.old_workers = product.controllers, product.workers

    def start(self, role: Role) -> Member:
        """One more with the new URL; without waiting until it is ready."""
        return self._product.start(role, REDIS_URL=self.new.url)

    def hand_over(self) -> Member:
        """A controller with the new URL stands by, and leads as soon as those with the old one are gone."""
        successor = self.start("controller")
        successor.wait_until_ready()
        for controller in self.old_controllers:
            assert controller.terminate() == 0
        wait_until(lambda: successor.metric("redistimer_leader"), bool, "it leads")
        with self.new.client() as redis:
            wait_until(lambda: redis.get(KEYS.epoch), bool, "the new index is built")
        return successor

    def replace_workers(self, watched: list[Timer]) -> None:
        """A new one is ready before an old one goes, as the Deployment does it."""
        for old in self.old_workers:
            self.start("worker").wait_until_ready()
            assert old.terminate() == 0
            wait_for_more(watched, 2)


@pytest.fixture
def move(product: Product, stack: Stack) -> Iterator[Move]:
    """The product on the stack's Redis, and an empty one beside it. It is ended before its Redis is."""
    with running_redis() as new:
        try:
            yield Move(product, stack, new)
        finally:
            product.restore(controllers=0, workers=0)


def wait_for_more(timers: list[Timer], count: int) -> None:
    """Wait until each has fired so many occurrences that are later than now."""
    start_ms = now_ms()
    for timer in timers:
        wait_until(timer.nominal, lambda seen: sum(one > start_ms for one in seen) >= count, f"{timer.name} goes on")


def assert_nothing_missed(timer: Timer, interval_s: int = 1) -> None:
    """Of one that makes up for all: each occurrence has its one Job, and none is on record as missed."""
    assert_steady(timer, interval_s)
    assert timer.status()["runs"]["missed"] == 0


def test_a_move_process_by_process_loses_nothing_and_runs_nothing_twice(move: Move, world: World) -> None:
    world.wait_for_pods_to_be_possible()
    all_of_them = [world.create(f"all-{number}", every="1s", missedRunPolicy="All") for number in range(2)]
    # Four requests for each run: on a slow machine it would fall behind with every second.
    strict = world.create("strict", every="3s", missedRunPolicy="All", guarantee="Strict")
    latest = world.create("latest", every="1s")
    alone = world.create("alone", template(["true"]), every="3s", concurrencyPolicy="Forbid")
    watched = [*all_of_them, latest]
    wait_for_more([*watched, strict, alone], 1)
    asked = world.create("asked", every="1h", annotations={"redistimer.dev/trigger": "before"})
    asked.wait_until_handled("before")

    # Workers may come first: they wait for somebody to build the new index, and the old ones go on.
    early = move.start("worker")
    wait_until(lambda: early.get("/readyz"), lambda seen: seen == (503, NOT_REBUILT), "it waits for a controller")
    once_ms = seconds_from_now(10)
    once = world.create("once", at=rfc3339(once_ms))
    wait_for_more(watched, 2)

    move.hand_over()
    early.wait_until_ready()
    # From here on workers with the old index and with the new one fire the same occurrences, side by side.
    asked.ask_for_a_run("meanwhile")
    asked.wait_until_handled("meanwhile")
    wait_for_more([*watched, strict, alone], 2)
    move.replace_workers(watched)

    # Nobody needs the old one any more.
    move.old.kill()
    once.wait_for_runs(1)
    wait_for_more([*watched, strict, alone], 2)
    for timer in all_of_them:
        assert_nothing_missed(timer)
    assert_nothing_missed(strict, 3)
    assert_steady(latest, 1)
    assert_once_and_not_before(alone)
    assert once.nominal() == [once_ms]
    assert len(asked.fired()) == 2


def test_workers_with_the_old_redis_heed_edits_and_leave_to_others_what_is_new(move: Move, world: World) -> None:
    """The controller has moved and no worker yet: what the old index says of times gets older and older."""
    clock = world.create("clock", every="1s", missedRunPolicy="All")
    suspended = world.create("suspended", every="1s")
    slowed = world.create("slowed", every="1s")
    deleted = world.create("deleted", every="1s")
    wait_for_more([clock, suspended, slowed, deleted], 1)
    move.hand_over()

    suspended.edit(suspend=True)
    slowed.edit(every="2s")
    deleted.delete()
    new = world.create("new", every="1s", missedRunPolicy="All")
    # What was prepared by then is not called back: the old index does not learn of the edit.
    settled_ms = now_ms() + AHEAD_MS
    wait_for_clock(settled_ms)
    clock.wait_for_beats(3)
    assert [one for one in [*suspended.nominal(), *deleted.nominal()] if one > settled_ms] == []
    assert {(one - slowed.created_ms) % 2000 for one in slowed.nominal() if one > settled_ms} == {0}
    assert new.fired() == [], "only the new index knows of it"

    move.replace_workers([clock])
    new.wait_for_runs(3)
    for timer in (clock, new):
        assert_nothing_missed(timer)
        assert timer.nominal()[0] == timer.created_ms + 1000
