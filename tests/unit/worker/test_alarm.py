"""The alarm: sleep until the earliest instant that anybody named."""

import asyncio

from controller.worker.alarm import Alarm

NOW_MS = 1_000_000
LONG_S = 3600.0


async def is_asleep(sleep: "asyncio.Task[None]") -> bool:
    """Whether it still sleeps after everything that is ready to run has run."""
    for _ in range(10):
        await asyncio.sleep(0)
    return not sleep.done()


async def test_it_sleeps_until_the_instant_that_was_named_before() -> None:
    alarm = Alarm()
    alarm.set(NOW_MS + 20)
    started = asyncio.get_running_loop().time()
    await alarm.sleep(NOW_MS, LONG_S)
    assert asyncio.get_running_loop().time() - started >= 0.019


async def test_an_instant_in_the_past_lets_nobody_sleep() -> None:
    alarm = Alarm()
    alarm.set(NOW_MS - 1)
    await alarm.sleep(NOW_MS, LONG_S)


async def test_an_earlier_instant_wakes_a_sleeper() -> None:
    alarm = Alarm()
    alarm.set(NOW_MS + LONG_S * 1000)
    sleep = asyncio.create_task(alarm.sleep(NOW_MS, LONG_S))
    assert await is_asleep(sleep)
    alarm.set(0)
    await asyncio.wait_for(sleep, 10)


async def test_a_later_instant_changes_nothing() -> None:
    alarm = Alarm()
    alarm.set(NOW_MS - 1)
    alarm.set(NOW_MS + LONG_S * 1000)
    await asyncio.wait_for(alarm.sleep(NOW_MS, LONG_S), 10)


async def test_a_sleep_ends_at_its_longest_where_nothing_was_named() -> None:
    await asyncio.wait_for(Alarm().sleep(NOW_MS, 0.01), 10)


async def test_a_reset_forgets_what_was_named_before_it_and_not_what_is_named_after() -> None:
    alarm = Alarm()
    alarm.set(0)
    alarm.reset()
    sleep = asyncio.create_task(alarm.sleep(NOW_MS, LONG_S))
    assert await is_asleep(sleep)
    alarm.set(NOW_MS - 1)
    await asyncio.wait_for(sleep, 10)


async def test_a_nonsensical_instant_is_ignored() -> None:
    alarm = Alarm()
    alarm.set(float("nan"))
    sleep = asyncio.create_task(alarm.sleep(NOW_MS, LONG_S))
    assert await is_asleep(sleep)
    sleep.cancel()
