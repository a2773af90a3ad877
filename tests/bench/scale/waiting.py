"""Timers that wait: only in Redis, as nobody asks the API server for them before they are due."""

import random
import time
import uuid
from collections.abc import Iterator

from controller.core.identity import ticket_of
from controller.index.index import Index
from controller.index.messages import Wanted
from tests.bench.common.output import Say

_BATCH = 500
_DAY_MS = 86_400_000
_TOLD_EVERY_S = 20.0


async def empty(index: Index) -> None:
    """Forget everything, and begin an index that workers believe."""
    await index.redis.flushall()
    assert await index.finish_rebuild("bench", await index.begin_rebuild("bench"))


async def fill(index: Index, timers: int, now_ms: int, say: Say) -> float:
    """Fill an empty index with timers that are due in a day to a month; how much memory each takes, in bytes."""
    before, told_at = await _used_memory(index), time.monotonic()
    waiting = tickets(timers, now_ms)
    for done in range(0, timers, _BATCH):
        await index.sync([next(waiting) for _ in range(min(_BATCH, timers - done))])
        if time.monotonic() - told_at > _TOLD_EVERY_S:
            told_at = time.monotonic()
            say(f"{done:,} timers are in Redis ...")
    return (await _used_memory(index) - before) / timers


def tickets(timers: int, now_ms: int) -> Iterator[Wanted]:
    """What they want of the index: names of twelve characters, in no order of time. The same ones each time."""
    numbers = random.Random(1)
    for number in range(timers):
        uid = uuid.UUID(int=numbers.getrandbits(128), version=4)
        due_ms = now_ms + numbers.randrange(_DAY_MS, 30 * _DAY_MS)
        yield Wanted(ticket_of(str(uid)), 1, now_ms - _DAY_MS, due_ms, "default", f"timer-{number:06}")


async def _used_memory(index: Index) -> int:
    return int((await index.redis.info("memory"))["used_memory"])
