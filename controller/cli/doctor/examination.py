"""An examination: everything that `doctor` asks is asked side by side and once, whichever checks look at the answer."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from controller.cli.cluster import Cluster
from controller.cli.doctor import kubernetes
from controller.cli.doctor import redis as redises
from controller.cli.doctor.clocks import Reading, judge_clocks, read_clock
from controller.cli.doctor.findings import Finding, Level
from controller.cli.doctor.kubernetes import Leader
from controller.cli.doctor.timers import Census, judge_timers
from controller.core.redis_server import judge_server
from controller.index.connect import client_name
from controller.index.index import Index
from controller.kube import paths
from controller.kube.errors import ApiError, ApiUnreachableError
from controller.loops import cancel
from controller.settings import Settings

_AWAY = (RedisConnectionError, RedisTimeoutError, OSError)
"""Redis does not answer."""

_Value = TypeVar("_Value")


class Examination:
    """Of one installation. Nothing is waited for longer than `timeout_s`.

    `namespace` is that of the timers to look at, None for all. `is_guess`: nobody has said which Redis it is.
    """

    def __init__(
        self,
        cluster: Cluster,
        redis: "Redis",
        settings: Settings,
        namespace: str | None,
        is_guess: bool,
        timeout_s: float,
    ) -> None:
        self._cluster = cluster
        self._redis = redis
        self._settings = settings
        self._namespace = namespace
        self._is_guess = is_guess
        self._timeout_s = timeout_s
        self._index = Index(redis, settings.installation)

    async def __aenter__(self) -> Self:
        settings = self._settings
        self._asked: list[asyncio.Task[Any]] = []
        self._version = self._ask(self._cluster.api.get("/version"))
        self._user = self._ask(self._ask_user())
        self._fields = self._ask(kubernetes.ask_served_fields(self._cluster))
        self._cluster_uid = self._ask(self._ask_cluster_uid())
        self._lease = self._ask(kubernetes.ask_lease(self._cluster, settings.namespace, settings.installation))
        self._leader = self._ask(self._ask_leader())
        self._info = self._ask(self._ask_info())
        self._redis_clock = self._ask(read_clock(self._ask_redis_time))
        self._state = self._ask(redises.ask_index(self._index))
        own_name = client_name(settings.identity)
        self._processes = self._ask(redises.ask_processes(self._redis, own_name))
        self._tickets = self._ask(redises.ask_tickets(self._index))
        self._census = self._ask(self._take_census())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await cancel(*self._asked)

    async def findings(self) -> list[Finding]:
        """Everything that was found, in the order in which it is best read."""
        checks = {
            "API server": self._check_server,
            "definition": self._check_definition,
            "leader": self._check_leader,
            "timers": self._check_timers,
            "Redis": self._check_redis,
            "index": self._check_index,
            "tickets": self._check_tickets,
            "overdue": self._check_overdue,
            "outcomes": self._check_outcomes,
            "processes": self._check_processes,
            "clocks": self._check_clocks,
        }
        found = await asyncio.gather(*(self._checked(name, check) for name, check in checks.items()))
        return [finding for findings in found for finding in findings]

    # What is asked.

    def _ask(self, question: Coroutine[Any, Any, _Value]) -> "asyncio.Task[_Value]":
        task = asyncio.create_task(self._within_limit(question))
        self._asked.append(task)
        return task

    async def _within_limit(self, question: Coroutine[Any, Any, _Value]) -> _Value:
        async with asyncio.timeout(self._timeout_s):
            return await question

    async def _ask_user(self) -> tuple[str, Reading]:
        user = ""

        async def time_there() -> tuple[int, int]:
            nonlocal user
            user, now_ms, resolution_ms = await kubernetes.ask_user_and_time(self._cluster)
            return now_ms, resolution_ms

        clock = await read_clock(time_there)
        return user, clock

    async def _ask_cluster_uid(self) -> str:
        home = paths.namespace(self._settings.namespace)
        path = home if await self._served() else paths.CLUSTER_IDENTITY
        return str((await self._cluster.api.get(path))["metadata"]["uid"])

    async def _ask_leader(self) -> Leader:
        return await kubernetes.ask_leader(self._cluster, await self._lease, await self._ahead_ms())

    async def _take_census(self) -> Census:
        # Tickets first, timers second: what has a ticket now and is not listed then is gone, and not just young.
        await asyncio.wait([self._tickets])
        now_ms = time.time() * 1000 + await self._ahead_ms()
        return await kubernetes.take_census(self._cluster, self._namespace, await self._served(), now_ms)

    async def _served(self) -> tuple[str, ...]:
        """The namespaces that the installation serves, as far as we know; empty: all."""
        lease = await _known(self._lease)
        return lease.namespaces if lease else ()

    def _is_elsewhere(self, served: tuple[str, ...]) -> bool:
        return bool(served) and self._namespace is not None and self._namespace not in served

    async def _ahead_ms(self) -> float:
        """How much later it is for the API server than here, as far as we know."""
        user = await _known(self._user)
        return user[1].middle_ms if user else 0

    async def _ask_info(self) -> dict[str, Any]:
        info: dict[str, Any] = await self._redis.info()
        return info

    async def _ask_redis_time(self) -> tuple[int, int]:
        # Not the time that it takes to connect.
        await self._redis.ping()
        seconds, microseconds = await self._redis.time()
        return seconds * 1000 + microseconds // 1000, 1

    # What is made of it.

    async def _checked(self, name: str, check: Callable[[], Awaitable[list[Finding]]]) -> list[Finding]:
        """What a check finds. One that cannot be made stops no other; who is away is told once."""
        try:
            return await check()
        except ApiUnreachableError:
            return []
        except ApiError as error:
            if error.status == 401:
                return []
            if error.status == 403:
                return [Finding(name, Level.WARNING, f"not looked at, as that is not allowed: {error.message}")]
            return [Finding(name, Level.WARNING, f"cannot be looked at: {error}")]
        except TimeoutError:
            return [Finding(name, Level.WARNING, f"not looked at: there was no answer within {self._timeout_s:g}s")]
        except _AWAY:
            return []
        except RedisError as error:
            return [Finding(name, Level.WARNING, f"not looked at, as Redis refuses it: {error}")]
        except Exception as error:
            return [Finding(name, Level.WARNING, f"cannot be looked at: {error!r}")]

    async def _check_server(self) -> list[Finding]:
        try:
            version = await self._version
        except (ApiUnreachableError, TimeoutError) as error:
            found = f"{self._cluster.server} does not answer: {error or 'no answer in time'}"
            advice = "nothing of the cluster was looked at. --context and --kubeconfig name another cluster"
            return [Finding("API server", Level.PROBLEM, found, advice)]
        except ApiError as error:
            if error.status != 401:
                raise
            found = f"{self._cluster.server} does not accept these credentials"
            return [Finding("API server", Level.PROBLEM, found, "log in again, or name another --context")]
        user = await _known(self._user)
        return [kubernetes.judge_server(self._cluster.server, version, user[0] if user else "")]

    async def _check_definition(self) -> list[Finding]:
        return [kubernetes.judge_definition(await self._fields)]

    async def _check_leader(self) -> list[Finding]:
        return [kubernetes.judge_leader(await self._leader, self._settings.namespace)]

    async def _check_timers(self) -> list[Finding]:
        served = await self._served()
        if self._is_elsewhere(served):
            found = f"{self._namespace} is none of the namespaces that this installation serves: {', '.join(served)}"
            return [Finding("timers", Level.WARNING, found, "--installation and --system-namespace name another one")]
        try:
            census = await self._census
        except ApiError as error:
            if error.status == 404:
                # The definition says why.
                return []
            if error.status == 403 and self._namespace is None and not served:
                found = "not looked at, as those of all namespaces are not yours to list"
                return [Finding("timers", Level.WARNING, found, "name a namespace with -n")]
            raise
        leader = await _known(self._leader)
        return judge_timers(census, leader is not None and leader.live)

    async def _check_redis(self) -> list[Finding]:
        address = str(self._settings.redis_address)
        try:
            return judge_server(address, await self._info)
        except AuthenticationError:
            level = Level.WARNING if self._is_guess else Level.PROBLEM
            advice = "give user and password in REDIS_URL, or the password in --redis-password-file"
            return [Finding("Redis", level, f"{address} does not accept these credentials", advice)]
        except _AWAY as error:
            return [redises.unreachable(address, error, self._is_guess, self._settings.namespace)]

    async def _check_index(self) -> list[Finding]:
        state, uid, leader = await self._state, await _known(self._cluster_uid), await _known(self._leader)
        if not state.exists:
            return [redises.no_index(self._settings.installation, state.other_layout, leader, self._is_guess)]
        return [redises.judge_index(state, uid)]

    async def _check_tickets(self) -> list[Finding]:
        state, tickets = await self._state, await self._tickets
        census = await _known(self._census)
        if self._is_elsewhere(await self._served()):
            return []
        if census is None or not state.state.valid or state.owner != await _known(self._cluster_uid):
            return []
        missing = census.tickets.keys() - tickets - census.young
        orphans = tickets - census.tickets.keys() if census.everywhere else set()
        there = await redises.ask_present(self._index, missing | orphans)
        return redises.judge_tickets(sorted(missing - there), len(orphans & there), census)

    async def _check_overdue(self) -> list[Finding]:
        state = (await self._state).state
        return [redises.judge_overdue(state)] if state.valid else []

    async def _check_outcomes(self) -> list[Finding]:
        state = await self._state
        return [redises.judge_outcomes(state.outcomes)] if state.exists else []

    async def _check_processes(self) -> list[Finding]:
        try:
            names = await self._processes
        except _AWAY:
            raise
        except RedisError:
            # Not everybody's Redis tells who is connected.
            return []
        if self._is_guess and not names:
            return []
        return [redises.judge_processes(names, await _known(self._leader))]

    async def _check_clocks(self) -> list[Finding]:
        user = await _known(self._user)
        return judge_clocks(user[1] if user else None, await _known(self._redis_clock))


async def _known(answer: "asyncio.Task[_Value]") -> _Value | None:
    """An answer, or None where there is none; whoever the question is about tells why."""
    await asyncio.wait([answer])
    return None if answer.cancelled() or answer.exception() else answer.result()
