"""How each kind of fault of the plan is done to a running product."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import redis

from tests.chaos.client import now_ms
from tests.chaos.history import Fault, History
from tests.chaos.members import Members
from tests.chaos.plan import Action
from tests.chaos.proxy import Proxy, Weather
from tests.chaos.redis_rig import RedisRig
from tests.cluster import Stack, StackError

_LOSSES = ("killed", "wiped", "restored", "failed over", "key lost", "hangs")
_SPLITS = ("killed", "restored", "failed over", "hangs")
"""Under Sentinels: a primary that was replaced is told so ten seconds later."""

_MOST_OF_THEM = {"delay": 0.7, "429": 0.6, "500": 0.5, "503": 0.5, "reset": 0.5, "hang": 0.3, "commit and drop": 0.5}

_WATCHES_COME_BACK_S = 15.0
"""Another controller leads and watches after so long, were it not for the next fault."""


class Faults:
    """Carries actions out, and notes each with its beginning and end."""

    def __init__(self, stack: Stack, rig: RedisRig, proxy: Proxy, members: Members, history: History) -> None:
        self._stack = stack
        self._rig = rig
        self._proxy = proxy
        self._members = members
        self._history = history
        self._api_server = asyncio.Lock()
        self.not_done: Counter[str] = Counter()
        """What could not be done, as another fault was in its way."""

    async def do(self, action: Action) -> None:
        """Do one, and return when it is over."""
        from_ms = now_ms()
        try:
            target = await self._do(action)
        except (StackError, redis.RedisError, OSError, TimeoutError) as error:
            self.not_done[action.kind] += 1
            print(f"  not done: {action.kind}: {' '.join(str(error).split())[:200]}", flush=True)
            target = None
        loses_index = action.kind.startswith("redis") and any(word in action.kind for word in _LOSSES)
        splits = loses_index and self._rig.has_sentinels and any(word in action.kind for word in _SPLITS)
        if target is not None or loses_index:
            self._history.faults.append(Fault(action.kind, from_ms, now_ms(), target or "", loses_index, splits))

    async def heal(self) -> None:
        """End everything that is still broken."""
        self._proxy.clear()
        self._members.heal()
        await asyncio.to_thread(self._rig.heal)
        async with self._api_server:
            pass

    async def _do(self, action: Action) -> str | None:
        verb, _, rest = action.kind.partition(" ")
        if verb in ("kill", "stop"):
            some = self._members.of(rest)
            member = some[action.who % len(some)]
            if verb == "kill":
                self._members.kill(member)
            else:
                self._members.pause(member, action.seconds)
                await asyncio.sleep(action.seconds)
            return member.name
        if action.kind == "api server killed":
            return await self._restart_api_server(action.seconds)
        if verb == "redis" or action.kind == "subscriptions cut":
            return await self._redis(action)
        member = self._members.all[action.who % len(self._members.all)]
        if action.kind == "watches cut":
            return await self._cut_watches()
        loop = asyncio.get_running_loop()
        self._proxy.set_weather(member.name, Weather(rest, _MOST_OF_THEM.get(rest, 1.0), loop.time() + action.seconds))
        await asyncio.sleep(action.seconds)
        return member.name

    async def _cut_watches(self) -> str | None:
        """Where a failpoint has just ended the leader there is no watch for a moment: the first to come is cut."""
        deadline_s = asyncio.get_running_loop().time() + _WATCHES_COME_BACK_S
        while not sum(self._proxy.cut_watches(one.name) for one in self._members.of("controller")):
            if asyncio.get_running_loop().time() > deadline_s:
                return None
            await asyncio.sleep(0.1)
        return "controllers"

    async def _restart_api_server(self, seconds: float) -> str:
        async with self._api_server:
            self._stack.api_server.kill()
            await asyncio.sleep(seconds / 4)
            await asyncio.to_thread(self._stack.restart_api_server)
        return "kube-apiserver"

    async def _redis(self, action: Action) -> str:
        rig, chance = self._rig, random.Random(action.who)
        plain: dict[str, Callable[[], None]] = {
            "redis killed and restarted empty": rig.restart_empty,
            "redis wiped": rig.wipe,
            "redis restored from an older snapshot": rig.restore,
            "redis failed over": lambda: rig.fail_over(by_crash=action.amount < 0.5),
            "redis key lost": lambda: rig.lose_key(chance),
            "redis connections cut": lambda: rig.cut_connections("normal"),
            "subscriptions cut": lambda: rig.cut_connections("pubsub"),
        }
        if action.kind in plain:
            await asyncio.to_thread(plain[action.kind])
        elif action.kind == "redis clock moved":
            await asyncio.to_thread(rig.move_clock, chance.choice((-15, -4, -1, 1, 4, 15, 40)))
            await asyncio.sleep(action.seconds)
            await asyncio.to_thread(rig.move_clock, 0)
        else:
            await asyncio.to_thread(rig.pause)
            await asyncio.sleep(action.seconds)
            await asyncio.to_thread(rig.go_on)
        return "redis"


def keep_logs(stack: Stack, folders: list[Path], to: Path) -> None:
    """Copy the logs of all processes there."""
    for folder in [stack.directory, *folders]:
        for log in folder.glob("*.log"):
            if log.name != "audit.log":
                (to / log.name).write_bytes(log.read_bytes())
