"""A controller's desk: a table, an API server and an index in memory, and the objects to lay on it."""

from typing import Any

from controller.core.job import job_manifest
from controller.core.timer import Timer
from controller.kube import paths
from controller.observe.health import Health
from controller.reconcile.pending import Pending
from controller.reconcile.sync import Sync
from controller.reconcile.table import Table
from tests.redis.fake_server import IdentifiedServer, fake_client
from tests.unit.clocks import Clock, Monotonic
from tests.unit.core.objects import ms, timer, timer_object
from tests.unit.kube.stub_api import Request, StubApi
from tests.unit.watched_index import WatchedIndex

HOURLY = {"schedule": "0 * * * *", "jobTemplate": {"spec": {"template": {"spec": {"containers": [{"name": "main"}]}}}}}
"""Created at 10:00, so that 11:00 is the first occurrence."""

TEN, ELEVEN, TWELVE, THIRTEEN = (ms(f"2026-03-01T{hour}:00:00Z") for hour in (10, 11, 12, 13))


def uid(number: int) -> str:
    """The UID of the nth of several timers."""
    return f"5b1a7c1e-93f5-4b1e-8a0e-{number:012d}"


def succeeded_at(instant: str) -> dict[str, Any]:
    """The status of a Job that ended well."""
    return {"conditions": [{"type": "Complete", "status": "True"}], "completionTime": instant}


FAILED = {"conditions": [{"type": "Failed", "status": "True", "lastTransitionTime": "2026-03-01T11:05:00Z"}]}


def job(occurrence_ms: int, of: Timer | None = None, **changes: Any) -> dict[str, Any]:
    """The Job of an occurrence as the API server shows it, with changes of metadata or `status`."""
    manifest = job_manifest(of or timer(HOURLY), occurrence_ms)
    manifest["status"] = changes.pop("status", {})
    manifest["metadata"] |= {"uid": f"job-{occurrence_ms}", "resourceVersion": "1", **changes}
    return manifest


class Desk:
    """Everything of a leader but its loops. `journal` tells in which order index and API server were asked."""

    def __init__(self, now: str = "2026-03-01T11:00:10Z") -> None:
        self.clock = Clock(now)
        self.monotonic = Monotonic()
        self.journal: list[str] = []
        self.api = StubApi()
        self.api.before = self._note
        self.server = IdentifiedServer()
        self.server.now_us = lambda: self.clock() * 1000  # type: ignore[method-assign]
        self.redis = fake_client(self.server)
        self.index = WatchedIndex(self.redis, self.journal.append)
        self.health = Health(monotonic=self.monotonic)
        self.health.clear("start")
        self.table = Table(status_seconds=2, monotonic=self.monotonic)
        self.sync = Sync(self.table, self.index, self.health, self.clock)

    def store(self, spec: dict[str, Any] = HOURLY, **changes: Any) -> dict[str, Any]:
        """Store a timer on the API server."""
        obj = timer_object(spec, **changes)
        return self.api.put(paths.timer("default", obj["metadata"]["name"]), obj)

    def store_job(self, obj: dict[str, Any]) -> dict[str, Any]:
        """Store a Job on the API server."""
        return self.api.put(paths.job("default", obj["metadata"]["name"]), obj)

    async def ripe(self, queue: Pending) -> set[str]:
        """What may be taken from a queue now."""
        return set(await queue.take(1000, longest_s=0))

    async def known(self, ticket: str) -> str | None:
        """What the index knows of a ticket."""
        text: str | None = await self.redis.hget(self.index.keys.tickets, ticket)
        return text

    async def due_ms(self, ticket: str) -> int | None:
        """When a ticket is due, None where it waits for nothing."""
        score = await self.redis.zscore(self.index.keys.due, ticket)
        return None if score is None else int(score)

    async def _note(self, request: Request) -> None:
        self.journal.append(f"{request.method} {request.path.rpartition('/')[2]}")
