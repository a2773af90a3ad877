"""What goes wrong: which kinds, how often, and until when, all drawn from the seed.

Each seed has a few kinds of faults only, some of them often: where everything fails all the time, nothing gets far
enough to go wrong in an interesting way.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.simulation.loop import START_S, Process
from tests.simulation.network import Fate, Journey

CALM_S = 3.0
"""Nothing goes wrong before: everybody has started then."""

_API_FATES = (Fate.REFUSED, Fate.LOST, Fate.HUNG, Fate.SILENT, Fate.BUSY, Fate.BROKEN, Fate.BROKEN_LATE)
_REDIS_FATES = (Fate.REFUSED, Fate.LOST, Fate.HUNG, Fate.SILENT)
_BUSY_EVENTS = ("crash worker", "pause worker", "crash controller", "pause controller", "stop worker")
_REDIS_EVENTS = (
    "wipe redis",
    "restore redis",
    "fail over redis",
    "split redis",
    "evict key",
    "move redis clock",
    "redis away",
)
_OTHER_EVENTS = ("api away", "cut off", "gap in watch", "forge tickets", "delete job")
EVENTS = (*_BUSY_EVENTS, *_REDIS_EVENTS, *_OTHER_EVENTS)

_AMBUSHED = {
    "redis": ("claim", "confirm", "ack", "retry", "renew", "sync", "finish", "begin", "tickets"),
    "api": (
        "create jobs",
        "get cached redistimers",
        "get redistimers",
        "write status",
        "commit",
        "start job",
        "list jobs",
        "list redistimers",
    ),
}


@dataclass(slots=True)
class Plan:
    """What this seed has in store."""

    length_s: float
    rates: dict[tuple[str, Fate], float] = field(default_factory=dict)
    """How often a request to a service meets a fate."""
    slow: float = 0.0
    """The part of requests and of news that takes long."""
    lag: float = 0.0
    """The part of cached reads that are old."""
    hints_lost: float = 0.0
    ambush: float = 0.0
    """How often a process is hit in the middle of something."""
    events: list[tuple[float, str]] = field(default_factory=list)
    """When what happens, in seconds from the start."""


def draw_plan(rng: random.Random) -> Plan:
    """The plan of a seed; one in eight has no faults at all."""
    plan = Plan(length_s=rng.choice((10.0, 14.0, 22.0)))
    if rng.random() < 0.125:
        return plan
    if rng.random() < 0.4:
        rate = rng.choice((0.005, 0.02, 0.05))
        plan.rates |= {("api", fate): rate for fate in rng.sample(_API_FATES, rng.randint(1, 3))}
    if rng.random() < 0.3:
        rate = rng.choice((0.003, 0.01, 0.03))
        plan.rates |= {("redis", fate): rate for fate in rng.sample(_REDIS_FATES, rng.randint(1, 2))}
    plan.slow = rng.choice((0.0, 0.0, 0.01, 0.1))
    plan.lag = rng.choice((0.0, 0.1, 0.5))
    plan.hints_lost = rng.choice((0.0, 0.0, 0.5, 1.0))
    plan.ambush = rng.choice((0.0, 0.0, 0.005, 0.02))
    kinds = rng.sample(EVENTS, rng.randint(0, 4))
    if kinds:
        number = rng.choice((1, 2, 4, 7))
        moments = sorted(rng.uniform(CALM_S, plan.length_s) for _ in range(number))
        plan.events = [(moment, rng.choice(kinds)) for moment in moments]
    return plan


class Faults:
    """Draws what becomes of each request, and remembers what went wrong when."""

    def __init__(self, rng: random.Random, plan: Plan, time: Callable[[], float]) -> None:
        self._rng = rng
        self._time = time
        self.plan = plan
        self.counts: Counter[str] = Counter()
        self.troubles: list[tuple[float, float]] = []
        """Spans of virtual time in which something was wrong."""
        self.away: dict[str, float] = {}
        """Services that nobody reaches, and until when."""
        self.cut_off: dict[tuple[Process, str], float] = {}
        """Who does not reach which service until when."""
        self.on_ambush: Callable[[Process, str], None] = lambda process, where: None
        self._rates = {
            service: [(fate, rate) for (at, fate), rate in plan.rates.items() if at == service]
            for service in ("api", "redis")
        }
        self._ends_at_s = START_S + plan.length_s

    @property
    def over(self) -> bool:
        """Whether nothing goes wrong any more."""
        return self._time() >= self._ends_at_s

    def note(self, kind: str, lasts_s: float = 0.0) -> None:
        """Something goes wrong, for so long."""
        self.counts[kind] += 1
        now = self._time()
        self.troubles.append((now, now + lasts_s))

    def choose(self, process: Process, service: str, what: str) -> Journey:
        """What becomes of a request."""
        rng = self._rng
        journey = Journey(Fate.WELL, 0.0005 + 0.004 * rng.random(), 0.0005 + 0.002 * rng.random())
        if service == "hints":
            if not self.over and rng.random() < self.plan.hints_lost:
                self.counts["hint lost"] += 1
                journey.fate = Fate.LOST
            return journey
        if self.away.get(service, 0.0) > self._time():
            journey.fate = Fate.REFUSED
            return journey
        if self.cut_off and self.cut_off.get((process, service), 0.0) > self._time():
            journey.fate = Fate.HUNG
            return journey
        if self._time() < START_S + CALM_S or self.over:
            return journey
        if self.plan.slow and rng.random() < self.plan.slow:
            journey.there_s, journey.back_s = rng.uniform(0, 1.5), rng.uniform(0, 0.5)
            self.note(f"{service} slow", journey.there_s + journey.back_s)
        for fate, rate in self._rates.get(service, ()):
            if rng.random() < rate:
                journey.fate = fate
                if fate is Fate.HUNG and rng.random() < 0.5:
                    journey.late_s = rng.uniform(0, 4)
                self.note(f"{service}: {fate}", 5.0 if fate in (Fate.HUNG, Fate.SILENT) else 0.0)
                break
        return journey

    def lag_ms(self) -> int:
        """How far a watch cache is behind."""
        if not self.over and self._rng.random() < self.plan.lag:
            self.counts["old cached read"] += 1
            return int(self._rng.uniform(100, 6000))
        return int(self._rng.uniform(0, 30))

    def news_delay_s(self) -> float:
        """How long news of a change are on the way."""
        if not self.over and self.plan.slow and self._rng.random() < self.plan.slow:
            delay_s = self._rng.uniform(0.2, 3.0)
            self.note("news slow", delay_s)
            return delay_s
        return 0.002 + 0.01 * self._rng.random()

    def step(self, process: Process, service: str, what: str, phase: str) -> None:
        """A request was sent or carried out: a moment to hit its process."""
        if not self.plan.ambush or what not in _AMBUSHED.get(service, ()):
            return
        if START_S + CALM_S < self._time() < self._ends_at_s and self._rng.random() < self.plan.ambush:
            self.on_ambush(process, f"{what}, {phase}")
