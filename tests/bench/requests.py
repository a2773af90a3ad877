"""What one request of each kind costs the API server: the part of a fire's cost that nobody here can make smaller."""

import argparse
import json
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import orjson
from rich.table import Table

from controller.core.instants import rfc3339
from controller.kube import paths
from controller.kube.api import ApiServer
from tests.bench.common import flags
from tests.bench.common.cluster import NAMESPACE, connected
from tests.bench.common.cpu import pids_of, snapshot, used_between
from tests.bench.common.facts import facts_of
from tests.bench.common.output import Document, Say, document_of, figures_table, spread, with_spread
from tests.bench.common.timers import JOB_TEMPLATE, cronjob, cronjobs_path, timer
from tests.bench.stub.objects import settled_timer
from tests.cluster import Stack

SUMMARY = "CPU of the API server for one request: a Job, a status, an Event; those of CronJob beside them"
DETAILS = """\
One request after the other, so many of each kind, on a control plane without the product. What the controllers of
Kubernetes ask for in turn counts, too. About three minutes.
"""
EXAMPLES = ("--requests 50 --rounds 1 --no-write",)

_WARM_UP = 30
_STATUS: Mapping[str, Any] = settled_timer({"every": "1h"}, "2026-01-01T00:00:00Z")["status"]

_LOOSE_GROUP = "bench.redistimer.dev"
_LOOSE_KIND: Mapping[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"loosetimers.{_LOOSE_GROUP}"},
    "spec": {
        "group": _LOOSE_GROUP,
        "names": {"kind": "LooseTimer", "plural": "loosetimers"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}
"""A kind that may be anything: what a schema costs shows beside it."""

_Ask = Callable[[int], Awaitable[object]]


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this scenario."""
    parser.add_argument("--requests", type=flags.number(100_000), default=500, help="of each kind (500)")
    parser.add_argument("--rounds", type=flags.number(99), default=3, help="how often each is measured, in turn (3)")


async def run(options: argparse.Namespace, say: Say) -> Document:
    """Measure each kind of request, round by round."""
    runs = []
    with Stack(kubelet=False) as stack:
        stack.install()
        stack.kubectl("apply", "-f", "-", input=json.dumps(_LOOSE_KIND))
        stack.wait_until_established("-f", "-", input=json.dumps(_LOOSE_KIND))
        pids = {name: pid for name, pid in pids_of(stack).items() if pid != os.getpid()}
        async with connected(stack) as (api, _):
            kinds = await _prepared(api)
            for number in range(1, options.rounds + 1):
                for name, ask in kinds.items():
                    found = await _measured(ask, number, options.requests, pids)
                    runs.append({"request": name, "round": number, **found})
                    api_ms = found["cpu_ms"]["kube-apiserver"]
                    say(f"round {number} of {options.rounds}, {name}: {api_ms:.1f} ms of the API server's CPU")
        facts = facts_of(stack)
    return document_of(options, facts, runs, summary_of(runs))


def summary_of(runs: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """For each kind of request the median of its rounds: CPU milliseconds by process, and how long it took."""
    kinds: dict[str, list[Mapping[str, Any]]] = {}
    for one in runs:
        kinds.setdefault(one["request"], []).append(one)
    return {
        kind: {
            "cpu_ms": {process: spread(one["cpu_ms"][process] for one in group) for process in group[0]["cpu_ms"]},
            "took_ms": spread(one["took_ms"] for one in group),
        }
        for kind, group in kinds.items()
    }


def tables(document: Document) -> Iterable[Table]:
    """CPU of each process for each kind of request."""
    summary = document["summary"]
    processes = [name for name in next(iter(summary.values()))["cpu_ms"] if name != "redis"]
    table = figures_table("CPU ms for one request", [*processes, "took, ms"])
    for kind, figures in summary.items():
        spreads = [*(figures["cpu_ms"][process] for process in processes), figures["took_ms"]]
        table.add_row(kind, *(with_spread(one, "{:.1f}") for one in spreads))
    yield table


async def _prepared(api: ApiServer) -> dict[str, _Ask]:
    """A timer and a CronJob with their statuses, and what to ask of them; each request is told its number."""
    timers, cronjobs = paths.timers(NAMESPACE), cronjobs_path(NAMESPACE)
    await api.create(timers, timer("timer", NAMESPACE, every="1h"))
    # Far from firing: its controller has nothing to do with it.
    await api.create(cronjobs, cronjob("cronjob", NAMESPACE, "0 0 29 2 *"))
    timer_path, status_path = paths.timer(NAMESPACE, "timer"), paths.timer_status(NAMESPACE, "timer")
    latest = await api.merge(status_path, {"status": _STATUS})
    loose = f"/apis/{_LOOSE_GROUP}/v1/namespaces/{NAMESPACE}/loosetimers"
    await api.create(loose, _loose_timer())
    await api.merge(f"{loose}/timer/status", {"status": _STATUS})

    async def write(number: int) -> None:
        nonlocal latest
        version = {"resourceVersion": latest["metadata"]["resourceVersion"]}
        latest = await api.merge(status_path, {"metadata": version, "status": _fired(number)})

    async def replace(number: int) -> None:
        nonlocal latest
        latest = await api.replace(status_path, latest | {"status": latest["status"] | _fired(number)})

    def cronjob_status(number: int) -> Awaitable[object]:
        fired = {"lastScheduleTime": _instant(number), "lastSuccessfulTime": _instant(number)}
        return api.merge(f"{cronjobs}/cronjob/status", {"status": fired})

    def job(number: int) -> Awaitable[object]:
        body = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": f"job-{number}"}, **JOB_TEMPLATE}
        return api.create(paths.jobs(NAMESPACE), orjson.dumps(body), only_metadata=True)

    def event(number: int) -> Awaitable[object]:
        body = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"event-{number}"},
            "involvedObject": {"kind": "RedisTimer", "name": "timer", "namespace": NAMESPACE},
            "reason": "SuccessfulCreate",
            "message": "Created job",
        }
        return api.create(paths.events(NAMESPACE), orjson.dumps(body))

    return {
        "GET of a timer, from the watch cache": lambda _: api.get(timer_path, resourceVersion="0"),
        "PATCH of a timer's status": write,
        "PUT of a timer's status": replace,
        "PATCH of a timer's status, no change": lambda _: api.merge(status_path, {"status": {}}),
        "PATCH of that status, of a kind without a schema": lambda number: api.merge(
            f"{loose}/timer/status", {"status": _fired(number)}
        ),
        "PATCH of a CronJob's status": cronjob_status,
        "POST of an Event": event,
        "POST of a Job, with what its controller does": job,
    }


def _loose_timer() -> bytes:
    return orjson.dumps(
        orjson.loads(timer("timer", NAMESPACE, every="1h")) | {"apiVersion": f"{_LOOSE_GROUP}/v1", "kind": "LooseTimer"}
    )


def _fired(number: int) -> dict[str, Any]:
    """What status says differently after one more run."""
    return {"lastScheduleTime": _instant(number), "runs": dict(_STATUS["runs"]) | {"succeeded": number}}


def _instant(number: int) -> str:
    return rfc3339(1_767_225_600_000 + number * 1000)


async def _measured(ask: _Ask, round_number: int, requests: int, pids: Mapping[str, int]) -> dict[str, Any]:
    """CPU milliseconds of each process and milliseconds in all, for one of so many requests."""
    numbers = range(round_number * 1_000_000, round_number * 1_000_000 + _WARM_UP + requests)
    for number in numbers[:_WARM_UP]:
        await ask(number)
    before, began = snapshot(pids), time.monotonic()
    for number in numbers[_WARM_UP:]:
        await ask(number)
    took_s, used = time.monotonic() - began, used_between(before, snapshot(pids))
    cpu_ms = {process: seconds * 1000 / requests for process, seconds in used.processes.items()}
    return {"cpu_ms": cpu_ms, "took_ms": took_s * 1000 / requests, "others_share": used.others_share()}
