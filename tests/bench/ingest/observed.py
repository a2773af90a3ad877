"""A process looked at from outside, all the time: its CPU, its memory, and for how long its loop answers nobody."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp

from controller.loops import cancel
from tests.bench.common.cpu import Snapshot, snapshot, used_between

_PAUSE_S = 0.05


@dataclass
class Record:
    """What was seen, in order of time (by the monotonic clock)."""

    samples: list[Snapshot] = field(default_factory=list)
    answers: list[tuple[float, float]] = field(default_factory=list)
    """When a question was asked, and when it was answered."""

    def cpu_s(self, process: str, from_s: float, to_s: float) -> float:
        """CPU seconds that a process used between two moments, as well as the samples tell."""
        return self._used_up(process, to_s) - self._used_up(process, from_s)

    def others_percent(self, from_s: float, to_s: float) -> float:
        """What anything else took of the machine, between two moments, with whoever is not recorded here."""
        used = used_between(self._at(from_s), self._at(to_s))
        return used.others_share() * 100

    def longest_block_s(self, from_s: float, to_s: float) -> float | None:
        """The longest time between two moments for which no question was answered; None where none was asked."""
        within = [min(end, to_s) - max(begin, from_s) for begin, end in self.answers if end > from_s and begin < to_s]
        return max(within, default=None)

    def _used_up(self, process: str, at_s: float) -> float:
        return self._at(at_s).processes[process]

    def _at(self, at_s: float) -> Snapshot:
        earlier = [sample for sample in self.samples if sample.at_s <= at_s]
        return earlier[-1] if earlier else self.samples[0]


class Observer:
    """Records inside. `address` is where the process serves its health; it can be told later."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self.record = Record([snapshot(pids)])
        self.address: str | None = None
        self._pids = pids
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        # Side by side: what does not answer is of interest just then.
        self._tasks = [asyncio.create_task(self._sample()), asyncio.create_task(self._ask_on())]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await cancel(*self._tasks)

    async def _sample(self) -> None:
        with suppress(OSError):  # One of them has ended, and whoever waits for it says so.
            while True:
                self.record.samples.append(snapshot(self._pids))
                await asyncio.sleep(_PAUSE_S)

    async def _ask_on(self) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120)) as session:
            while True:
                if self.address is not None:
                    await self._ask(session, f"{self.address}/healthz")
                await asyncio.sleep(_PAUSE_S)

    async def _ask(self, session: aiohttp.ClientSession, url: str) -> None:
        began = time.monotonic()
        try:
            async with session.get(url) as response:
                await response.read()
        except (aiohttp.ClientError, TimeoutError):
            return
        self.record.answers.append((began, time.monotonic()))


def peak_rss_mb(pid: int) -> float:
    """The most memory that a process ever had, in megabytes (10^6 bytes)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM:"))
