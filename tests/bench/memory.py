"""How much of Redis the index takes for each timer: ``python -m tests.bench.memory [TIMERS]``."""

import asyncio
import random
import sys
import uuid

from redis.asyncio import Redis

from controller.core.identity import ticket_of
from controller.index.index import Index
from controller.index.messages import Wanted
from tests.cluster.redis_server import running_redis

_BATCH = 500
_CREATED_MS = 1_795_000_000_000


async def bytes_per_timer(url: str, timers: int) -> float:
    """Fill an index of an empty server with waiting timers, and compare its used_memory."""
    numbers = random.Random(1)
    async with Redis.from_url(url, decode_responses=True) as redis:
        index = Index(redis, "default")
        assert await index.finish_rebuild("bench", await index.begin_rebuild("bench"))
        before = (await redis.info("memory"))["used_memory"]
        for start in range(0, timers, _BATCH):
            await index.sync(_wanted(number, numbers) for number in range(start, min(start + _BATCH, timers)))
        after = (await redis.info("memory"))["used_memory"]
    return float(after - before) / timers


def _wanted(number: int, numbers: random.Random) -> Wanted:
    uid = uuid.UUID(int=numbers.getrandbits(128), version=4)
    return Wanted(ticket_of(str(uid)), 1, _CREATED_MS, _CREATED_MS + number, "default", f"timer-{number:06}")


def main() -> None:
    """Print the figure."""
    timers = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with running_redis() as server:
        print(f"{asyncio.run(bytes_per_timer(server.url, timers)):.0f} bytes per timer, of {timers}")


if __name__ == "__main__":
    main()
