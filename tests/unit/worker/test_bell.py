"""The bell wakes those who wait, in the order of their instants, and nobody too early."""

import asyncio

import pytest

from controller.loops import wall_clock_ms
from controller.worker.bell import Bell
from tests.unit.clocks import Clock, eventually


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_an_instant_that_has_passed_is_not_waited_for() -> None:
    assert await Bell(Clock("2026-11-22T10:00:00Z")).until(0)


async def test_those_who_wait_are_woken_in_order_and_never_before_their_instant() -> None:
    bell, now_ms, woken = Bell(wall_clock_ms), wall_clock_ms(), []

    async def wait(after_ms: int) -> None:
        assert await bell.until(now_ms + after_ms)
        woken.append((after_ms, wall_clock_ms() - now_ms))

    # The later ones come first, so that each has to move the timer forward.
    await asyncio.gather(*(wait(after_ms) for after_ms in (90, 60, 30, 60)))
    assert [after_ms for after_ms, _ in woken] == [30, 60, 60, 90]
    assert all(woke_ms >= after_ms for after_ms, woke_ms in woken)


async def test_of_very_many_the_first_go_on_before_the_last_are_awake() -> None:
    clock = Clock("2026-11-22T10:00:00Z")
    bell, order = Bell(clock), []
    instant_ms = clock() + 1

    async def wait(number: int) -> None:
        await bell.until(instant_ms)
        order.append(("awake", number))
        await asyncio.sleep(0)
        order.append(("on", number))

    tasks = [asyncio.create_task(wait(number)) for number in range(200)]
    await settle()
    clock.set("2026-11-22T10:00:01Z")
    await asyncio.wait_for(asyncio.gather(*tasks), 10)
    assert order.index(("on", 0)) < order.index(("awake", 199))
    assert [number for what, number in order if what == "awake"] == list(range(200))


async def test_a_clock_that_is_set_back_while_everybody_sleeps_wakes_nobody_too_early() -> None:
    clock = Clock("2026-11-22T10:00:00Z")
    bell = Bell(clock)
    waiting = asyncio.create_task(bell.until(clock() + 50))
    await asyncio.sleep(0)
    clock.set("2026-11-22T09:59:59Z")
    _, still = await asyncio.wait([waiting], timeout=0.3)
    assert still
    clock.set("2026-11-22T10:00:01Z")
    assert await asyncio.wait_for(waiting, 10)


async def test_one_who_gives_up_waiting_keeps_nobody_else_from_being_woken() -> None:
    clock = Clock("2026-11-22T10:00:00Z")
    bell = Bell(clock)
    gives_up = asyncio.create_task(bell.until(clock() + 1))
    waits = asyncio.create_task(bell.until(clock() + 2))
    await asyncio.sleep(0)
    gives_up.cancel()
    clock.set("2026-11-22T10:00:01Z")
    assert await asyncio.wait_for(waits, 10)


@pytest.mark.parametrize("before", [True, False])
async def test_stopped_it_lets_go_of_all_who_wait_and_of_those_who_come_later(before: bool) -> None:
    clock = Clock("2026-11-22T10:00:00Z")
    bell = Bell(clock)
    if before:
        waiting = asyncio.create_task(bell.until(clock() + 60_000))
        await asyncio.sleep(0)
        bell.stop()
    else:
        bell.stop()
        waiting = asyncio.create_task(bell.until(clock() + 60_000))
    assert await asyncio.wait_for(waiting, 10) is False
    await eventually(lambda: not bell._waiting)
