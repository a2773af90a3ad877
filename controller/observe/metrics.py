"""All metrics, a registry for each role: a worker must not report zeroes for what only a controller knows.

No label names a timer: their number would follow the number of timers.
"""

import asyncio
import math
from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

WORKER = CollectorRegistry()
CONTROLLER = CollectorRegistry()

INDEX_VALID = Gauge("redistimer_index_valid", "1 while the index may be claimed from.", registry=None)
WORKER.register(INDEX_VALID)
CONTROLLER.register(INDEX_VALID)

JUNK = Counter(
    "redistimer_index_junk_total",
    "What was found in Redis, and removed or not believed, that no controller or worker can have written.",
    registry=None,
)
WORKER.register(JUNK)
CONTROLLER.register(JUNK)

TASKS = Gauge("redistimer_tasks", "Tasks of the event loop of this process.", registry=None)
WORKER.register(TASKS)
CONTROLLER.register(TASKS)
TASKS.set_function(lambda: len(asyncio.all_tasks()))

FIRES = Counter(
    "redistimer_fires_total",
    "Attempts to fire an occurrence, by result: created, found (it was there already), or why not.",
    ["result"],
    registry=WORKER,
)
LAG = Histogram(
    "redistimer_firing_lag_seconds",
    "From when an occurrence is due (nominal time and jitter) to the API server's answer that its Job is created.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600),
    registry=WORKER,
)
MISSED = Counter("redistimer_missed_total", "Occurrences that were decided to be missed.", registry=WORKER)
SKIPPED = Counter("redistimer_skipped_total", "Runs that were skipped because another one was active.", registry=WORKER)
CLAIMED = Counter("redistimer_claimed_total", "Tickets claimed from the index.", registry=WORKER)
HELD = Gauge("redistimer_held_leases", "Leases this worker holds now.", registry=WORKER)
LEASES_LOST = Counter("redistimer_leases_lost_total", "Leases that were lost while held.", registry=WORKER)
LEASES_REAPED = Counter("redistimer_leases_reaped_total", "Leases of others that ran out.", registry=WORKER)

LEADER = Gauge("redistimer_leader", "1 on the controller that leads.", registry=CONTROLLER)
TICKETS = Gauge("redistimer_tickets", "Timers in the index.", registry=CONTROLLER)
DUE = Gauge("redistimer_due_backlog", "Tickets that are due and not claimed.", registry=CONTROLLER)
OLDEST_DUE = Gauge("redistimer_oldest_due_age_seconds", "How long the oldest of them is due.", registry=CONTROLLER)
KNOWN = Gauge(
    "redistimer_known",
    "What the leading controller has in mind, by kind: timers, runs (their Jobs), reports of workers, and what waits.",
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

# Only a leader knows these; until then they are unknown, which is not zero.
for _gauge in (TICKETS, DUE, OLDEST_DUE, REBUILD_SECONDS, REBUILD_AGE):
    _gauge.set(math.nan)


def tell_of(sizes: Callable[[], Mapping[str, int]]) -> None:
    """Have KNOWN say these sizes, worked out when somebody asks."""
    for kind in sizes():
        KNOWN.labels(kind).set_function(lambda kind=kind: sizes()[kind])  # type: ignore[misc]
