"""One run: a cluster, Redis, workers, controllers, users, and what goes wrong, all from one seed."""

import asyncio
import random
from dataclasses import dataclass
from functools import cache

from controller.kube.errors import ApiError, LeadershipLostError
from controller.loops import Clock
from controller.observe.health import Health
from controller.reconcile.main import Controller
from controller.settings import Settings
from controller.worker.main import Worker
from tests.simulation import api, redis_client
from tests.simulation.cluster import Cluster, Object
from tests.simulation.ending import Circumstances, Judge
from tests.simulation.faults import Faults, draw_plan
from tests.simulation.loop import START_S, Process, SimulatedLoop
from tests.simulation.nemesis import Nemesis
from tests.simulation.network import Network
from tests.simulation.oracle import SKEW_MS, Oracle
from tests.simulation.redis import Service
from tests.simulation.rules import Rules
from tests.simulation.timers import BROKEN_LABEL
from tests.simulation.trace import Trace
from tests.simulation.users import Controllers, NowMs, Users

START_MS = 1_900_000_000_000
"""The true time at the start of each run: some whole second in 2030."""

QUIET_S = 90.0
"""So long after the last fault everything must be well; most often it is within seconds."""

_LOOK_S = 2.0
_MOST_TASKS = 40
"""A process with so few timers needs less than thirty at a time."""

_RESTART_S = (0.3, 3.0)


@dataclass(eq=False)
class Member:
    """A worker or a controller, through all its restarts."""

    name: str
    kind: str
    process: Process
    stopping: asyncio.Event
    starts: int = 0
    watch: api.Watch | None = None

    @property
    def is_up(self) -> bool:
        return not self.process.dead


@cache
def _settings(lease: float, ahead: float, reap: float, status: float, rebuild: float) -> Settings:
    return Settings(
        lease_seconds=lease,
        ahead_seconds=ahead,
        reap_seconds=reap,
        status_seconds=status,
        rebuild_seconds=rebuild,
        leader_seconds=5,
        grace_seconds=3,
        identity="somebody",
    )


class World:
    """Everything that one seed makes happen."""

    def __init__(self, seed: int, rules: Rules, traced: bool = False) -> None:
        # Streams of their own, so that a change in one place leaves the others as they were.
        streams = {
            name: random.Random(f"{seed} {name}") for name in ("order", "plan", "net", "users", "jobs", "nemesis")
        }
        self.rng = streams["plan"]
        self.loop = SimulatedLoop(streams["order"].random)
        self.now_ms = NowMs(self.loop, START_MS + self.rng.randrange(1000))
        self.trace = Trace(lambda: self.loop.time() - START_S, traced)
        self.plan = draw_plan(self.rng)
        rng = self.rng
        lease, ahead = rng.choice((3.0, 5.0, 8.0)), rng.choice((2.0, 2.9))
        self.settings = _settings(lease, ahead, rng.choice((2, 3)), rng.choice((0.5, 2)), rng.choice((8, 300)))
        self.rules = rules
        self.process = Process("world")
        self.cluster = Cluster(self.now_ms)
        self.faults = Faults(streams["net"], self.plan, self.loop.time)
        self.users = Users(streams["users"], self.cluster, self.loop, self.trace)
        self.oracle = Oracle(self.now_ms, self.users.histories, self.trace, round(lease * 1000))
        self.network = Network(self.loop, self.process.context, self.faults.choose, self.faults.step)
        self.cluster.told.append(self.oracle.changed)
        Controllers(streams["jobs"], self.cluster, self.users, self.loop, self.now_ms)
        self.members: list[Member] = []
        self.nemesis = Nemesis(self, streams["nemesis"])
        self.first_leader_ms = 0

    def run(self) -> None:
        """Let everything happen; `oracle.violations` tells what should not have."""
        self.loop.run(self._main(), self.process)
        for problem in self.loop.problems:
            self.oracle.violate("tasks", problem)

    async def _main(self) -> None:
        self.redis = Service(self.now_ms)
        self.oracle.primary = self.redis.primary
        for node in self.redis.nodes:
            node.offset_ms = self.rng.randint(-100, 100)
        kinds = ["worker"] * self.rng.choice((1, 2, 2, 3)) + ["controller"] * self.rng.choice((1, 2, 2))
        for number, kind in enumerate(kinds):
            self.members.append(Member(f"{kind}-{number}", kind, Process("none"), asyncio.Event()))
        for member in self.members:
            self.start(member)
        busy = [asyncio.create_task(self.users.live(self.plan.length_s, self.now_ms)), *self.nemesis.start()]
        await asyncio.sleep(self.plan.length_s)
        self.nemesis.heal()
        self.trace("world", "nothing goes wrong any more")
        problems = [("quiet", "never looked")]
        healed_s = self.loop.time()
        while problems and self.loop.time() < healed_s + QUIET_S:
            await asyncio.sleep(_LOOK_S)
            if self.oracle.violations:
                return
            problems = self._judge()
        for invariant, what in problems:
            self.oracle.violate(invariant, what)
        self.oracle.counts["quiet seconds"] += round(self.loop.time() - healed_s)
        for task in busy:
            if task.done():
                task.result()

    def _judge(self) -> list[tuple[str, str]]:
        lease = self.settings.lease_seconds
        begun_ms = self.now_ms() - (self.loop.time() - START_S) * 1000
        troubles = [
            (round(begun_ms + (begin - START_S) * 1000), round(begun_ms + (end - START_S) * 1000))
            for begin, end in self.faults.troubles
        ]
        case = Circumstances(
            recovery_ms=round((lease + self.settings.reap_seconds + self.settings.leader_seconds + 15) * 1000),
            troubles=troubles,
            first_leader_ms=round(begun_ms + 2000),
            leaders_overlapped="pause controller" in self.faults.counts,
            quiet=not self.nemesis.index_was_lost,
        )
        self._count_tasks()
        judge = Judge(self.oracle, self.cluster, self.users.histories, case)
        return judge.problems(self.redis.primary, self.now_ms())

    def _count_tasks(self) -> None:
        for member in self.members:
            waiting = [task for task in member.process.tasks if not task.done()]
            if member.is_up and len(waiting) > _MOST_TASKS:
                self.oracle.violate("tasks", f"{member.process} has {len(waiting)}: {waiting}")

    # Processes.

    def start(self, member: Member) -> None:
        """Start a member, for the first time or again."""
        member.starts += 1
        name = f"{member.name}.{member.starts}"
        member.process = process = Process(name)
        member.stopping = asyncio.Event()
        skew_ms = self.rng.randint(-SKEW_MS, SKEW_MS)
        clock = Clock(lambda: self.now_ms() + skew_ms, self.loop.time)
        settings = self.settings.model_copy(update={"identity": name})
        health = Health(monotonic=self.loop.time)
        kube = api.Client(process, self.cluster, self.network, self.faults.lag_ms, _refuse, self.oracle, self.rng)
        redis = redis_client.Client(process, self.redis, self.network, self.oracle.executed, self.rules.edit)
        self.trace(name, "starts")
        if member.kind == "worker":
            main = Worker(kube, redis, settings, health, clock).run(member.stopping)  # type: ignore[arg-type]
        else:
            member.watch = api.Watch(process, self.cluster, self.loop, self.faults.news_delay_s, self.rng)
            controller = Controller(kube, redis, settings, health, member.watch, clock)  # type: ignore[arg-type]
            main = controller.run(member.stopping)
        task = self.loop.spawn(process, main)
        task.add_done_callback(lambda _: self._ended(member, process, task), context=self.process.context)

    def _ended(self, member: Member, process: Process, task: "asyncio.Task[None]") -> None:
        if process.dead or member.process is not process:
            return
        error = None if task.cancelled() else task.exception()
        self.trace(process, f"ends: {error!r}" if error else "ends")
        if error is not None and not isinstance(error, LeadershipLostError):
            self.oracle.violate("processes", f"{process} ended with {error!r}")
        self.crash(member)

    def crash(self, member: Member) -> None:
        """Kill a member; it comes back."""
        self.loop.crash(member.process)
        if member.watch is not None:
            member.watch.forget()
        after_s = self.rng.uniform(*_RESTART_S)
        self.loop.call_later(after_s, self.start, member, context=self.process.context)


def _refuse(job: Object) -> ApiError | None:
    """Some Jobs are refused by a quota."""
    if job["metadata"]["labels"].get(BROKEN_LABEL):
        return ApiError(403, "Forbidden", "exceeded quota: jobs")
    return None
