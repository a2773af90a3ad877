"""An installation as Prometheus sees it: two controllers, of which the first leads, two workers, and a timer."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.deploy.monitoring_promql import Course, Database

UNKNOWN = math.nan
CONTROLLERS, WORKERS = ("controller-1", "controller-2"), ("worker-1", "worker-2")
STATE = "kube-state-metrics"
MINUTES = 75
"""So long each scenario is looked at."""


def rising(per_minute: float, since: float = 0, until: float = math.inf, start: float = 0) -> Course:
    """A counter that rises between two minutes, and else does not."""
    return lambda minute: start + max(0.0, min(minute, until) - since) * per_minute


def changing(before: float | None, *later: tuple[float, float | None]) -> Course:
    """A gauge that has another value from some minute on, and then another; None: it is not scraped."""
    return lambda minute: [before, *(value for since, value in later if since <= minute)][-1]


@dataclass(slots=True)
class Installation:
    """All is well, until something is told to be otherwise."""

    data: Database = field(default_factory=Database)

    def __post_init__(self) -> None:
        for process in (*CONTROLLERS, *WORKERS):
            self.start(process)
        self.lead(CONTROLLERS[0])
        self.observe_lag(rising(20), rising(0))
        for name, value in {"last_successful_time": -600, "last_failed_time": -7200, "active": 0}.items():
            self.tell_of_timer(f"status_{name}", value)
        # Every ten minutes.
        self.tell_of_timer("status_next_schedule_time", lambda minute: (minute // 10 + 1) * 600)
        self.tell_of_timer("status_condition", 1, type="Ready", status="True", reason="Scheduled")
        self.tell_of_timer("status_runs", 2, result="missed")
        self.tell_of_timer("info", 1, concurrency_policy="Allow")

    def tell(self, process: str, name: str, course: Course | float, **labels: str) -> None:
        """What a process says of itself."""
        where = {"instance": process, "job": "redistimer", "namespace": "redistimer-system"}
        self.data.add(f"redistimer_{name}", course, **where, **labels)

    def tell_of_timer(self, name: str, course: Course | float, instance: str = STATE, **labels: str) -> None:
        """What kube-state-metrics says of the timer."""
        self.data.add(
            f"kube_redistimer_{name}", course, namespace="billing", redistimer="report", instance=instance, **labels
        )

    def start(self, process: str) -> None:
        """One more controller, which stands by, or worker."""
        is_worker = process.startswith("worker")
        self.tell(process, "index_valid", float(is_worker))
        self.tell(process, "index_junk_total", 0)
        self.tell(process, "api_requests_total", rising(100), method="GET", status="200")
        self.tell(process, "redis_call_duration_seconds_count", rising(60), script="claim")
        self.observe_loop_lag(process, rising(0.1))
        if is_worker:
            for name in ("missed_total", "leases_lost_total", "leases_reaped_total"):
                self.tell(process, name, 0)
            self.tell(process, "held_leases", 3)
            self.tell(process, "fires_total", rising(20), result="created")
        else:
            self.tell(process, "leader", 0)
            self.tell(process, "rebuild_age_seconds", UNKNOWN)
            self.tell(process, "oldest_due_age_seconds", UNKNOWN)

    def lead(self, process: str, since: float = 0) -> None:
        """This controller stands by, and leads from some minute on."""
        self.tell(process, "leader", changing(0, (since, 1)))
        self.tell(process, "index_valid", changing(0, (since, 1)))
        self.tell(process, "oldest_due_age_seconds", changing(UNKNOWN, (since, 0)))
        # It rebuilds at once, and every five minutes.
        self.tell(
            process, "rebuild_age_seconds", lambda minute: UNKNOWN if minute < since else (minute - since) % 5 * 60
        )
        self.tell(process, "status_writes_total", rising(30, since), result="written")

    def end(self, *processes: str, at: float = 0) -> None:
        """From some minute on nothing is scraped of these."""

        def ending(course: Course) -> Course:
            return lambda minute: None if minute >= at else course(minute)

        for series in self.data.series.values():
            for labels, course in list(series.items()):
                if dict(labels)["instance"] in processes:
                    series[labels] = ending(course)

    def observe_lag(self, total: Course, slow: Course) -> None:
        """The firing lag of the first worker: 10 ms at most, but half a minute for the slow ones."""
        self._observe(WORKERS[0], "firing_lag_seconds", total, slow, {"0.01": False, "5.0": False, "30.0": True})

    def observe_loop_lag(self, process: str, slow: Course) -> None:
        """The lag of an event loop, measured twice a second: 10 ms at most, but half a second for the slow ones."""
        edges = {"0.01": False, "0.25": False, "0.5": True}
        self._observe(process, "event_loop_lag_seconds", rising(120), slow, edges)

    def _observe(self, process: str, name: str, total: Course, slow: Course, edges: dict[str, bool]) -> None:
        for edge, holds_all in (edges | {"+Inf": True}).items():
            course = total if holds_all else lambda minute: (total(minute) or 0) - (slow(minute) or 0)
            self.tell(process, f"{name}_bucket", course, le=edge)


Happens = Callable[[Installation], None]


@dataclass(frozen=True, slots=True)
class Scenario:
    """What happens to an installation, and whether an alert is to fire."""

    alert: str
    fires: bool
    happens: Happens


class Scenarios(list[Scenario]):
    """Decorators for functions that say what happens; each can be a scenario for several alerts."""

    def fires(self, alert: str) -> Callable[[Happens], Happens]:
        """This alert has to fire."""
        return lambda happens: self._note(Scenario(alert, True, happens))

    def silent(self, alert: str) -> Callable[[Happens], Happens]:
        """This alert must not fire."""
        return lambda happens: self._note(Scenario(alert, False, happens))

    def _note(self, scenario: Scenario) -> Happens:
        self.append(scenario)
        return scenario.happens
