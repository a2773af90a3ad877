"""Timers that come, fire, are edited and go; the API server's objects are the only thing that is kept of them."""

import asyncio
import itertools
import random
from collections import deque
from typing import Any

from tests.chaos.client import Admin, timers

NAMESPACE = "soak"


class Churn:
    """Keeps so many timers alive, each for so long."""

    def __init__(self, admin: Admin, alive: int, life_s: float, seed: int) -> None:
        self._admin = admin
        self._alive = alive
        self._pause_s = life_s / alive
        self._chance = random.Random(seed)
        self._numbers = itertools.count()
        self._names: deque[str] = deque()
        self._ended = False
        self.created = 0
        self.edited = 0

    def end(self) -> None:
        """Let the one that is under way be the last: what is interrupted may have been created all the same."""
        self._ended = True

    async def run(self) -> None:
        """Until the end: create one, delete the oldest, now and then edit one or run it by hand."""
        while not self._ended:
            began = asyncio.get_running_loop().time()
            await self._create()
            if len(self._names) > self._alive:
                await self._delete(self._names.popleft())
            if self._chance.random() < 0.3:
                await self._change(self._chance.choice(self._names))
            await asyncio.sleep(max(0.0, began + self._pause_s - asyncio.get_running_loop().time()))

    async def delete_all(self) -> None:
        """The end: every timer goes."""
        while self._names:
            some = [self._names.popleft() for _ in range(min(16, len(self._names)))]
            await asyncio.gather(*(self._delete(name) for name in some))

    async def _create(self) -> None:
        name = f"timer-{next(self._numbers):06}"
        body = {
            "apiVersion": "redistimer.dev/v1alpha1",
            "kind": "RedisTimer",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": _spec(self._chance),
        }
        status, obj = await self._admin.insist("POST", timers(NAMESPACE), body)
        assert status == 201, obj
        self._names.append(name)
        self.created += 1

    async def _change(self, name: str) -> None:
        number = next(self._numbers)
        changes: list[dict[str, Any]] = [
            {"spec": {"every": f"{self._chance.randint(2, 9)}s", "schedule": None, "at": None}},
            {"spec": {"suspend": self._chance.random() < 0.5}},
            {"spec": {"jobTemplate": {"metadata": {"annotations": {"soak": str(number)}}}}},
            {"metadata": {"annotations": {"redistimer.dev/trigger": str(number)}}},
        ]
        status, obj = await self._admin.insist("PATCH", timers(NAMESPACE, name), self._chance.choice(changes))
        assert status == 200, obj
        self.edited += 1

    async def _delete(self, name: str) -> None:
        status, obj = await self._admin.insist("DELETE", timers(NAMESPACE, name))
        assert status in (200, 404), obj


def _spec(chance: random.Random) -> dict[str, Any]:
    container = {"name": "main", "image": "never-pulled"}
    job: dict[str, Any] = {
        "parallelism": 0,
        "completions": 0,
        "template": {"spec": {"restartPolicy": "Never", "containers": [container]}},
    }
    if chance.random() < 0.5:
        job["ttlSecondsAfterFinished"] = chance.choice((0, 5))
    timing = chance.choice(({"every": f"{chance.randint(2, 9)}s"}, {"schedule": f"*/{chance.randint(2, 9)} * * * * *"}))
    policy = chance.choice(({}, {"concurrencyPolicy": "Forbid"}, {"missedRunPolicy": "All"}, {"jitter": "1s"}))
    return {**timing, **policy, "jobTemplate": {"spec": job}}
