"""How late the event loop is."""

import asyncio

from controller.observe.lag import LoopLag


async def test_a_loop_that_somebody_keeps_busy_is_late_by_that() -> None:
    times, seen = iter([100.0, 102.75]), list[float]()
    assert await LoopLag(seen.append, lambda: next(times)).step()
    assert seen == [2.25]


async def test_a_clock_that_is_a_little_fast_is_no_lag() -> None:
    times, seen = iter([100.0, 100.4999]), list[float]()
    await LoopLag(seen.append, lambda: next(times)).step()
    assert seen == [0]


async def test_another_task_that_blocks_the_loop_is_noticed() -> None:
    def block() -> None:
        deadline = loop.time() + 1
        while loop.time() < deadline:
            pass

    loop, seen = asyncio.get_running_loop(), list[float]()
    loop.call_later(0.1, block)
    await LoopLag(seen.append).step()
    assert seen[0] > 0.3
