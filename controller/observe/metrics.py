"""All metrics, a registry for each role: a worker must not report zeroes for what only a controller knows.

No label names a timer: their number would follow the number of timers.
"""

import asyncio
import math
import platform
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector
from prometheus_client.registry import Collector

WORKER = CollectorRegistry()
CONTROLLER = CollectorRegistry()

_Metric = TypeVar("_Metric", bound=Collector)

_CALL_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


def _of_both(metric: _Metric) -> _Metric:
    """Both roles have it, each for itself."""
    WORKER.register(metric)
    CONTROLLER.register(metric)
    return metric


INDEX_VALID = _of_both(Gauge("redistimer_index_valid", "1 while the index may be claimed from.", registry=None))
JUNK = _of_both(
    Counter(
        "redistimer_index_junk_total",
        "What was found in Redis, and removed or not believed, that no controller or worker can have written.",
        registry=None,
    )
)
TASKS = _of_both(Gauge("redistimer_tasks", "Tasks of the event loop of this process.", registry=None))
TASKS.set_function(lambda: len(asyncio.all_tasks()))
LOOP_LAG = _of_both(
    Histogram(
        "redistimer_event_loop_lag_seconds",
        "How much later than asked for this process came to its turn; measured twice a second.",
        buckets=_CALL_BUCKETS,
        registry=None,
    )
)
API_REQUESTS = _of_both(
    Counter(
        "redistimer_api_requests_total",
        "Requests to the API server, by method and HTTP status; status 0: no answer.",
        ["method", "status"],
        registry=None,
    )
)
API_SECONDS = _of_both(
    Histogram(
        "redistimer_api_request_duration_seconds",
        "From sending a request to the end of its answer, or to giving it up.",
        ["method"],
        buckets=_CALL_BUCKETS,
        registry=None,
    )
)
REDIS_ERRORS = _of_both(
    Counter(
        "redistimer_redis_errors_total",
        "Calls of scripts that Redis refused or did not answer, by script.",
        ["script"],
        registry=None,
    )
)
REDIS_SECONDS = _of_both(
    Histogram(
        "redistimer_redis_call_duration_seconds",
        "From calling a script in Redis to its answer, or to giving it up.",
        ["script"],
        buckets=_CALL_BUCKETS,
        registry=None,
    )
)
BUILD = _of_both(Info("redistimer_build", "What runs here.", registry=None))
BUILD.info({"version": version("redistimer"), "python": platform.python_version()})

FIRES = Counter(
    "redistimer_fires_total",
    "Attempts to fire an occurrence, by result: created, found (it was there already), or why not.",
    ["result"],
    registry=WORKER,
)
LAG = Histogram(
    "redistimer_firing_lag_seconds",
    "From when an occurrence is due (nominal time and jitter) to the API server's answer that its Job is created.",
    buckets=(*_CALL_BUCKETS, 10, 30, 60, 120, 300, 600),
    registry=WORKER,
)
MISSED = Counter("redistimer_missed_total", "Occurrences that were decided to be missed.", registry=WORKER)
SKIPPED = Counter("redistimer_skipped_total", "Runs that were skipped because another one was active.", registry=WORKER)
CLAIMED = Counter("redistimer_claimed_total", "Tickets claimed from the index.", registry=WORKER)
HELD = Gauge("redistimer_held_leases", "Leases this worker holds now.", registry=WORKER)
LEASES_RENEWED = Counter("redistimer_leases_renewed_total", "Leases that were extended.", registry=WORKER)
LEASES_LOST = Counter("redistimer_leases_lost_total", "Leases that were lost while held.", registry=WORKER)
LEASES_REAPED = Counter("redistimer_leases_reaped_total", "Leases of others that ran out.", registry=WORKER)

LEADER = Gauge("redistimer_leader", "1 on the controller that leads.", registry=CONTROLLER)
TICKETS = Gauge("redistimer_tickets", "Timers in the index.", registry=CONTROLLER)
DUE = Gauge("redistimer_due_backlog", "Tickets that are due and not claimed.", registry=CONTROLLER)
OLDEST_DUE = Gauge("redistimer_oldest_due_age_seconds", "How long the oldest of them is due.", registry=CONTROLLER)
KNOWN = Gauge(
    "redistimer_known",
    "What the leading controller has in mind, by kind: timers, runs (their Jobs), reports, Events, and what waits.",
    ["kind"],
    registry=CONTROLLER,
)
REBUILDS = Counter("redistimer_rebuilds_total", "Rebuilds of the index, by result.", ["result"], registry=CONTROLLER)
REBUILD_SECONDS = Gauge("redistimer_rebuild_duration_seconds", "Duration of the last rebuild.", registry=CONTROLLER)
REBUILD_AGE = Gauge("redistimer_rebuild_age_seconds", "Time since the last rebuild ended.", registry=CONTROLLER)
STATUS_WRITES = Counter(
    "redistimer_status_writes_total",
    "Status writes, by result: written, conflict, gone, failed.",
    ["result"],
    registry=CONTROLLER,
)
EVENTS = Counter(
    "redistimer_events_total",
    "Events, by what became of them: written, failed, over budget.",
    ["result"],
    registry=CONTROLLER,
)

IN_REACH = Gauge(
    "redistimer_namespace_in_reach",
    "Of each of --namespaces: 1 where the leading controller may look at it, 0 where it may not, or there is none.",
    ["served_namespace"],
    registry=CONTROLLER,
)

_of_both(ProcessCollector(registry=None))


def forget_backlog() -> None:
    """What only a leader knows, and only while Redis answers: otherwise it is unknown, which is not zero."""
    for gauge in (TICKETS, DUE, OLDEST_DUE):
        gauge.set(math.nan)


forget_backlog()
for _gauge in (INDEX_VALID, REBUILD_SECONDS, REBUILD_AGE):
    _gauge.set(math.nan)


def tell_of(sizes: Callable[[], Mapping[str, int]]) -> None:
    """Have KNOWN say these sizes, worked out when somebody asks."""
    for kind in sizes():
        KNOWN.labels(kind).set_function(lambda kind=kind: sizes()[kind])  # type: ignore[misc]


def api_answered(method: str, status: int, seconds: float) -> None:
    """A request took so long; status 0 where there was no answer."""
    API_REQUESTS.labels(method, status).inc()
    API_SECONDS.labels(method).observe(seconds)


def redis_answered(script: str, seconds: float, failed: bool) -> None:
    """A call of a script took so long."""
    REDIS_SECONDS.labels(script).observe(seconds)
    if failed:
        REDIS_ERRORS.labels(script).inc()
