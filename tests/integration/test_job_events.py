"""What the tests know of Jobs: every one that there ever was, also where the API server has ended the watch."""

import itertools
import re
import signal

from tests.harness.job_events import JobEvents
from tests.integration.waiting import wait_until
from tests.integration.world import NO_PODS, Cluster, World

LARGE = {"large": "x" * 200_000}
"""Annotations of a Job of which few fit into a connection that nobody reads from."""


def ended_watches(cluster: Cluster) -> int:
    """How many watches of Jobs the API server has ended because nobody read from them."""
    metrics = cluster.stack.kubectl("get", "--raw", "/metrics").stdout
    ended = re.search(r'apiserver_terminated_watchers_total{group="batch",resource="jobs"} (\d+)', metrics)
    return int(ended[1]) if ended else 0


def test_no_job_is_left_out_where_the_server_ends_the_watch_of_a_slow_reader(cluster: Cluster, world: World) -> None:
    events, before = JobEvents(cluster.stack, "slow-reader"), ended_watches(cluster)
    names = (f"large-{number}" for number in itertools.count())

    def create() -> str:
        body = {"metadata": {"name": next(names), "annotations": LARGE}, "spec": NO_PODS["spec"] | {"suspend": True}}
        name: str = world.add("Job", "batch/v1", body)["metadata"]["name"]
        return name

    events.process.send_signal(signal.SIGSTOP)
    created = []
    while ended_watches(cluster) == before:
        created += [create() for _ in range(20)]
    created += [create() for _ in range(3)]
    events.process.send_signal(signal.SIGCONT)
    seen: list[str] = []

    def look() -> list[str]:
        mine = (
            job for kind, job in events.new() if kind == "ADDED" and job["metadata"]["namespace"] == world.namespace
        )
        seen.extend(job["metadata"]["name"] for job in mine)
        return seen

    wait_until(look, lambda names: created[-1] in names, "the last Job is seen")
    assert seen == created
    events.close()
