"""A look at the server itself: when the process starts, whenever another one answers, and the clock all the time."""

import asyncio
import logging
from collections.abc import Callable

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from controller.core.findings import Finding, Level
from controller.core.redis_server import is_too_old, judge_clock, judge_server
from controller.loops import wall_clock_ms
from controller.settings import Settings, SettingsError

log = logging.getLogger(__name__)

_PAUSE_S = 2.0


class Vigil:
    """Warns of what makes timers late, and leaves a server that has become a replica."""

    def __init__(self, redis: "Redis", settings: Settings, now_ms: Callable[[], int] = wall_clock_ms) -> None:
        self._redis = redis
        self._address = str(settings.redis_address)
        self._now_ms = now_ms
        self._run_id: object = None
        self._told: dict[str, Level] = {}

    async def step(self) -> bool:
        """Look, then pause. Raises SettingsError where this Redis cannot hold an index at all."""
        try:
            await self._follow()
            await self._look_at_server()
            await self._look_at_clock()
        except ResponseError as error:
            # Not everybody's Redis tells these things. What the index itself needs, its scripts ask for.
            self._tell(Finding("Redis", Level.OK, f"version, eviction and clock could not be checked: {error}"))
        except (RedisError, OSError):
            pass  # Whoever needs Redis tells that it is away.
        await asyncio.sleep(_PAUSE_S)
        return True

    async def _follow(self) -> None:
        """Ask where the primary is: after a failover the old one goes on for a while, and does not know better."""
        connecting = self._redis.connection_pool.connection_kwargs
        if "primary" in connecting:
            await connecting["found"](await connecting["primary"].find())

    async def _look_at_server(self) -> None:
        info = await self._redis.info("server") | await self._redis.info("replication")
        if info.get("role") == "slave":
            # Connections outlive a change of role, and a script that finds the index invalid writes nothing.
            log.warning("Redis has become a replica, connecting again", extra={"address": self._address})
            pool = self._redis.connection_pool
            await pool.update_active_connections_for_reconnect()  # type: ignore[no-untyped-call]
            await pool.disconnect(inuse_connections=False)
            return
        if info.get("run_id") == self._run_id:
            return
        self._told.clear()
        info |= await self._redis.info("memory")
        findings = judge_server(self._address, info)
        if is_too_old(info):
            raise SettingsError(f"{findings[0].found}: {findings[0].advice}")
        for finding in findings:
            self._tell(finding)
        self._run_id = info.get("run_id")

    async def _look_at_clock(self) -> None:
        asked_ms = self._now_ms()
        seconds, microseconds = await self._redis.time()
        told_ms = int(seconds) * 1000 + int(microseconds) // 1000
        # It was true at some moment between question and answer.
        self._tell(judge_clock(told_ms - self._now_ms(), told_ms - asked_ms))

    def _tell(self, finding: Finding) -> None:
        """Log what is news."""
        if self._told.get(finding.check) is finding.level:
            return
        self._told[finding.check] = finding.level
        if finding.level is Level.OK:
            log.info("%s: %s", finding.check, finding.found)
        else:
            log.warning("%s: %s; %s", finding.check, finding.found, finding.advice)
