"""The event loop of the simulation: time, order, pauses and crashes."""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import pytest

from tests.simulation.loop import START_S, Process, SimulatedLoop, SpinningError


def run(main: Callable[[SimulatedLoop], Any], choose: Callable[[], float] = lambda: 0.0) -> SimulatedLoop:
    """Run a coroutine function as the world."""
    loop = SimulatedLoop(choose)
    loop.run(main(loop), Process("world"))
    return loop


def test_time_passes_at_once_and_only_when_nobody_has_anything_to_do() -> None:
    seen: list[float] = []

    async def main(loop: SimulatedLoop) -> None:
        await asyncio.sleep(3600)
        seen.append(loop.time() - START_S)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await asyncio.Event().wait()
        seen.append(loop.time() - START_S)

    run(main)
    assert seen == [3600, 3600.5]


def test_a_paused_process_does_nothing_and_goes_on_where_it_was() -> None:
    ticks: list[float] = []

    async def main(loop: SimulatedLoop) -> None:
        async def tick() -> None:
            while True:
                ticks.append(loop.time() - START_S)
                await asyncio.sleep(1)

        process = Process("ticking")
        loop.spawn(process, tick())
        await asyncio.sleep(1.5)
        loop.pause(process)
        await asyncio.sleep(5)
        loop.resume(process)
        await asyncio.sleep(1.25)

    run(main)
    assert ticks == [0, 1, 6.5, 7.5]


def test_a_crashed_process_never_runs_again_not_even_its_finally() -> None:
    done: list[str] = []

    async def main(loop: SimulatedLoop) -> None:
        async def work() -> None:
            try:
                await asyncio.sleep(1)
                done.append("worked")
            finally:
                done.append("cleaned up")

        process = Process("dying")
        loop.spawn(process, work())
        await asyncio.sleep(0.5)
        loop.crash(process)
        await asyncio.sleep(5)
        assert done == []

    run(main)


def test_the_callbacks_of_a_process_run_in_order_and_those_of_several_as_chosen() -> None:
    def order(choice: float) -> list[str]:
        seen: list[str] = []

        async def main(loop: SimulatedLoop) -> None:
            async def count(name: str) -> None:
                for number in range(3):
                    seen.append(f"{name}{number}")
                    await asyncio.sleep(0)

            for name in "ab":
                loop.spawn(Process(name), count(name))
            await asyncio.sleep(1)

        run(main, lambda: choice)
        return seen

    first, last = order(0.0), order(0.99)
    assert first != last
    for seen in (first, last):
        assert [one for one in seen if one[0] == "a"] == ["a0", "a1", "a2"]
        assert [one for one in seen if one[0] == "b"] == ["b0", "b1", "b2"]


def test_what_goes_round_in_circles_ends_with_an_error() -> None:
    async def main(loop: SimulatedLoop) -> None:
        for _ in itertools.count():
            await asyncio.sleep(0)

    with pytest.raises(SpinningError, match="no end"):
        run(main)


def test_a_callback_that_raises_is_noted() -> None:
    async def main(loop: SimulatedLoop) -> None:
        loop.call_soon(lambda: 1 / 0)
        await asyncio.sleep(1)

    (problem,) = run(main).problems
    assert "ZeroDivisionError" in problem
