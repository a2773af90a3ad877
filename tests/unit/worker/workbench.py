"""A worker's workbench: the firing of leases, on an API server and a Redis in memory."""

from typing import Any

from controller.core.identity import job_name, manual_job_name, manual_ticket
from controller.core.job import job_manifest
from controller.core.report import Report
from controller.core.timer import Timer, parse_timer
from controller.index.messages import Lease, Wanted
from controller.kube import paths
from controller.observe.health import Health
from controller.worker.alarm import Alarm
from controller.worker.fire import Firing
from controller.worker.leases import Leases
from controller.worker.pace import Pace
from controller.worker.refusals import Refusals
from tests.redis.fake_server import IdentifiedServer, fake_client
from tests.unit.clocks import Clock, Monotonic
from tests.unit.core.objects import timer_object
from tests.unit.kube.stub_api import Request, StubApi
from tests.unit.watched_index import WatchedIndex

AHEAD_MS = 3_000
LEASE_MS = 10_000

TIMER_PATH = paths.timer("default", "nightly")
JOBS_PATH = paths.jobs("default")

HOURLY = {
    "schedule": "0 * * * *",
    "jobTemplate": {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "busybox"}]}}}},
}
"""Created at 10:00, so that 11:00 is the first occurrence."""


class RecordedAlarm(Alarm):
    """An alarm that remembers all that it was set to."""

    def __init__(self) -> None:
        super().__init__()
        self.named: list[float] = []

    def set(self, instant_ms: float) -> None:
        self.named.append(instant_ms)
        super().set(instant_ms)


class Workbench:
    """One worker at an instant. `journal` tells in which order, and when, index and API server were asked to act."""

    def __init__(self, now: str, at_once: int = 48, namespaces: tuple[str, ...] = ()) -> None:
        self.clock = Clock(now)
        self.monotonic = Monotonic()
        self.journal: list[tuple[str, int]] = []
        self.api = StubApi()
        self.api.before = self._note
        self.server = IdentifiedServer()
        self.server.now_us = lambda: self.clock() * 1000  # type: ignore[method-assign]
        self.redis = fake_client(self.server)
        self.index = WatchedIndex(self.redis, lambda verb: self.journal.append((verb, self.clock())))
        self.leases = Leases(LEASE_MS / 1000, self.monotonic)
        self.pace = Pace(self.monotonic)
        self.alarm = RecordedAlarm()
        self.health = Health(monotonic=self.monotonic)
        self.firing = Firing(
            self.api,  # type: ignore[arg-type]
            self.index,
            self.leases,
            self.pace,
            self.alarm,
            AHEAD_MS,
            self.clock,
            at_once,
            Refusals(namespaces, self.health, self.clock),
        )

    async def build(self) -> None:
        """Make the index valid, and empty."""
        await self.index.build()
        self.journal.clear()

    def timer(self, spec: dict[str, Any] = HOURLY, **changes: Any) -> Timer:
        """Store a timer; the timer as it is stored."""
        return parse_timer(self.api.put(TIMER_PATH, timer_object(spec, **changes)))

    async def claim(self, timer: Timer, generation: int | None = None, mark_ms: int = 0) -> Lease:
        """A lease of this timer's ticket, whatever the ticket thought to be due."""
        generation = generation or timer.generation
        await self.index.sync([Wanted(timer.ticket, generation, mark_ms, 1, timer.namespace, timer.name)])
        return await self.claim_again()

    async def claim_by_hand(self, timer: Timer, fired_ms: int = 0, generation: int | None = None) -> Lease:
        """A lease of the ticket of the run that is asked for. The schedule's own ticket waits for nothing."""
        generation = generation or timer.generation
        namespace, name = timer.namespace, timer.name
        await self.index.sync(
            [
                Wanted(timer.ticket, generation, fired_ms, None, namespace, name, fired_ms),
                Wanted(manual_ticket(timer.ticket, timer.request), generation, 0, 1, namespace, name),
            ]
        )
        return await self.claim_again()

    async def claim_again(self) -> Lease:
        """The lease of the one ticket that is due."""
        token = f"token-{len(self.journal)}"
        (lease,) = (await self.index.claim(token, 10, AHEAD_MS, LEASE_MS)).leases
        self.leases.hold([lease], self.leases.now_s())
        self.journal.clear()
        return lease

    def job(self, timer: Timer, occurrence_ms: int, request: str = "", backfill: bool = False, **changes: Any) -> str:
        """Store a Job of an occurrence or a request, with changes of metadata or `status`; the path of it."""
        made = job_manifest(timer, occurrence_ms, request, backfill) | {"status": changes.pop("status", {})}
        made["metadata"] |= {"uid": f"uid-of-{made['metadata']['name']}", **changes}
        path = paths.job(timer.namespace, made["metadata"]["name"])
        self.api.put(path, made)
        return path

    async def due_ms(self, timer: Timer | str) -> int | None:
        """When the ticket, or that of the timer, is due, None where it waits for nothing."""
        score = await self.redis.zscore(self.index.keys.due, _ticket(timer))
        return None if score is None else int(score)

    async def known(self, timer: Timer | str) -> tuple[int, int] | None:
        """Generation and high-water mark of the ticket, None where it is forgotten."""
        text = await self.redis.hget(self.index.keys.tickets, _ticket(timer))
        return None if text is None else (int(text.split()[0]), int(text.split()[1]))

    async def is_leased(self, timer: Timer | str) -> bool:
        """Whether somebody holds the ticket."""
        return bool(await self.redis.hexists(self.index.keys.lease, _ticket(timer)))

    async def reports(self) -> list[Report]:
        """All that was reported."""
        return [report for _, report in await self.index.outcomes("0", 100) if report is not None]

    def jobs_made(self) -> list[Request]:
        """The requests to create a Job."""
        return self.api.made("POST")

    def made(self) -> list[str]:
        """The names of the Jobs that were to be created, in order."""
        return [request.body["metadata"]["name"] for request in self.jobs_made()]

    def acts(self) -> list[str]:
        """What index and API server were asked to do, in order."""
        return [act for act, _ in self.journal]

    async def _note(self, request: Request) -> None:
        self.journal.append((request.method, self.clock()))


def _ticket(timer: Timer | str) -> str:
    return timer if isinstance(timer, str) else timer.ticket


def request_path(timer: Timer, request: str) -> str:
    """Where the Job of a request is."""
    return paths.job(timer.namespace, manual_job_name(timer.name, timer.uid, request))


def job_path(timer: Timer, occurrence_ms: int) -> str:
    """Where the Job of an occurrence is."""
    return paths.job(timer.namespace, job_name(timer.name, timer.uid, occurrence_ms))
