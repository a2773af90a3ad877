"""The coalescing queue: each key once, at its earliest moment."""

import asyncio
import random

import pytest

from controller.reconcile.pending import Pending
from tests.unit.clocks import Monotonic


@pytest.fixture
def clock() -> Monotonic:
    return Monotonic()


@pytest.fixture
def pending(clock: Monotonic) -> Pending:
    return Pending(clock)


async def ripe(pending: Pending, limit: int = 100) -> list[str]:
    return await pending.take(limit, longest_s=0)


async def test_a_key_is_taken_once_however_often_it_was_added(pending: Pending) -> None:
    for _ in range(3):
        pending.add("a")
    assert await ripe(pending) == ["a"]
    assert await ripe(pending) == []
    assert len(pending) == 0


async def test_a_key_waits_for_its_moment(pending: Pending, clock: Monotonic) -> None:
    pending.add("a", 5)
    clock.now_s += 4.9
    assert await ripe(pending) == []
    clock.now_s += 0.1
    assert await ripe(pending) == ["a"]


async def test_a_key_that_waits_can_become_earlier_but_not_later(pending: Pending, clock: Monotonic) -> None:
    pending.add("a", 5)
    pending.add("a", 1)
    pending.add("a", 9)
    clock.now_s += 1
    assert await ripe(pending) == ["a"]
    clock.now_s += 100
    assert await ripe(pending) == [], "what it waited for at first is over, too"


async def test_a_key_that_was_taken_can_be_added_again(pending: Pending, clock: Monotonic) -> None:
    pending.add("a", 5)
    pending.add("a")
    assert await ripe(pending) == ["a"]
    pending.add("a", 7)
    clock.now_s += 5
    assert await ripe(pending) == [], "its first moment counts no more"
    clock.now_s += 2
    assert await ripe(pending) == ["a"]


async def test_the_earliest_are_taken_first_and_no_more_than_the_limit(pending: Pending, clock: Monotonic) -> None:
    for delay_s, key in ((3, "c"), (1, "a"), (2, "b")):
        pending.add(key, delay_s)
    clock.now_s += 10
    assert await ripe(pending, limit=2) == ["a", "b"]
    assert await ripe(pending, limit=2) == ["c"]


async def test_a_taker_that_waits_is_woken_by_a_new_key() -> None:
    pending = Pending()
    pending.add("later", 3600)
    taking = asyncio.create_task(pending.take(10, longest_s=3600))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not taking.done()
    pending.add("now")
    assert await asyncio.wait_for(taking, 10) == ["now"]


async def test_a_taker_that_waits_takes_a_key_at_its_moment() -> None:
    pending = Pending()
    pending.add("soon", 0.02)
    assert await asyncio.wait_for(pending.take(10, longest_s=3600), 10) == ["soon"]


async def test_a_taker_gives_up_after_a_while() -> None:
    pending = Pending()
    pending.add("later", 3600)
    assert await asyncio.wait_for(pending.take(10, longest_s=0.01), 10) == []


@pytest.mark.parametrize("delay_s", [0, 5])
async def test_what_is_discarded_is_not_taken_until_it_is_added_again(
    pending: Pending, clock: Monotonic, delay_s: float
) -> None:
    pending.add("a", delay_s)
    pending.add("b", delay_s)
    pending.discard("a")
    pending.discard("unknown")
    assert len(pending) == 1
    clock.now_s += 5
    assert await ripe(pending) == ["b"]
    pending.add("a")
    assert await ripe(pending) == ["a"]


async def test_what_may_be_taken_waits_no_longer_for_being_added_later_again(
    pending: Pending, clock: Monotonic
) -> None:
    pending.add("a")
    pending.add("a", 5)
    assert await ripe(pending) == ["a"]
    clock.now_s += 5
    assert await ripe(pending) == []


async def test_what_has_waited_comes_before_what_is_added_afterwards(pending: Pending, clock: Monotonic) -> None:
    """Else whoever is always in a hurry would keep it waiting for ever."""
    pending.add("patient", 1)
    clock.now_s += 1
    pending.add("a")
    assert await ripe(pending, limit=1) == ["a"]
    pending.add("b")
    assert await ripe(pending, limit=1) == ["patient"]


async def test_within_a_rank_keys_are_taken_in_another_order_than_they_came_and_each_once(
    pending: Pending, clock: Monotonic
) -> None:
    keys = [str(number) for number in range(40)]
    for key in keys:
        pending.add(key)
    pending.add("later", 5)
    pending.rank(random.Random(1))
    taken = await ripe(pending)
    assert taken != keys
    assert sorted(taken) == sorted(keys)
    clock.now_s += 5
    assert await ripe(pending) == ["later"]


async def test_lower_ranks_are_taken_first(pending: Pending) -> None:
    pending.add("nobody hurries it")
    for key, rank in {"third": 9, "first": 0, "second": 5}.items():
        pending.add(key, rank=rank)
    pending.rank(random.Random(1))
    assert await ripe(pending) == ["first", "second", "third", "nobody hurries it"]


async def test_a_key_that_waits_can_rise_in_rank_but_not_fall(pending: Pending) -> None:
    pending.add("a", rank=5)
    pending.add("b", rank=6)
    pending.add("b", delay_s=1, rank=2)
    pending.add("b", rank=7)
    pending.rank(random.Random(1))
    assert await ripe(pending) == ["b", "a"]
