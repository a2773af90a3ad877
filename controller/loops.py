"""What both roles are made of: clocks, and loops of steps that run until a signal."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

Step = Callable[[], Awaitable[bool]]

_CANCEL_AGAIN_S = 2.0


def wall_clock_ms() -> int:
    """Now, in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Clock:
    """All that a role knows of time: those of the machine, unless it runs in a simulation."""

    now_ms: Callable[[], int] = wall_clock_ms
    """The wall clock, in milliseconds since the epoch."""
    monotonic_s: Callable[[], float] = time.monotonic
    """A clock that nobody sets, in seconds."""


async def loop(step: Step, stopping: asyncio.Event | None = None) -> None:
    """Take steps until one says False or, between two of them, the event is set."""
    while not (stopping and stopping.is_set()) and await step():
        pass


async def pause(seconds: float, stopping: asyncio.Event) -> None:
    """Sleep, but not beyond the event."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()


def stop_on_signals(stopping: asyncio.Event | None = None) -> asyncio.Event:
    """An event that SIGTERM and SIGINT set."""
    stopping = stopping or asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    return stopping


async def first_of(*tasks: asyncio.Task[Any]) -> None:
    """Wait until one of these ends; raise what it raised."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


async def cancel(*tasks: asyncio.Task[Any]) -> None:
    """Cancel these and wait until they have ended, however they do."""
    # Not once only: redis-py loses a cancellation that meets a connection about to fail.
    while any(not task.done() for task in tasks):
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=_CANCEL_AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)
