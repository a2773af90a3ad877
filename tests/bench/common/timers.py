"""RedisTimers and CronJobs with one Job template, and how many of them are created quickly."""

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson

from controller.core.instants import from_ms, rfc3339
from controller.core.timer import API_VERSION, KIND
from controller.kube.api import ApiServer
from tests.bench.common.output import Say

AT_A_TIME = 16
"""So many creations are under way at once."""

# No Pods: this is about Jobs.
JOB_TEMPLATE: Mapping[str, Any] = {
    "spec": {
        "parallelism": 0,
        "template": {
            "spec": {
                "restartPolicy": "Never",
                "containers": [{"name": "job", "image": "busybox:1.37", "command": ["true"]}],
            }
        },
    }
}


def timer(name: str, namespace: str, **spec: Any) -> bytes:
    """A RedisTimer of that Job; `spec` has the rest: at (see `at`), or schedule, every and so on."""
    return _object(API_VERSION, KIND, name, namespace, spec)


def timer_at(name: str, namespace: str, instant_ms: int) -> bytes:
    """A RedisTimer of that Job at one instant."""
    return timer(name, namespace, at=rfc3339(instant_ms))


def cronjob(name: str, namespace: str, schedule: str) -> bytes:
    """A CronJob of the same Job, by UTC."""
    return _object("batch/v1", "CronJob", name, namespace, {"schedule": schedule, "timeZone": "Etc/UTC"})


def minute_schedule(instant_ms: int) -> str:
    """The schedule of a CronJob that names one minute of one day of the year, by UTC."""
    minute = from_ms(instant_ms)
    return f"{minute.minute} {minute.hour} {minute.day} {minute.month} *"


def cronjobs_path(namespace: str) -> str:
    """The CronJobs of a namespace."""
    return f"/apis/batch/v1/namespaces/{namespace}/cronjobs"


async def create_all(api: ApiServer, path: str, bodies: Iterable[bytes]) -> int:
    """Create objects, AT_A_TIME at once; how many. The bodies may be made while that goes on."""
    waiting, count = iter(bodies), 0

    async def create_some() -> None:
        nonlocal count
        for body in waiting:
            await api.create(path, body)
            count += 1

    await asyncio.gather(*(create_some() for _ in range(AT_A_TIME)))
    return count


async def create_many(
    api: ApiServer, path: str, body: Callable[[int], bytes], count: int, say: Say, what: str = "timers"
) -> None:
    """Create objects numbered from 0, and say how far it is every quarter, or every 20 seconds' worth of them."""
    began, done = time.monotonic(), 0
    step = max(AT_A_TIME, min(math.ceil(count / 4), 10_000))
    while done < count:
        end = min(done + step, count)
        await create_all(api, path, map(body, range(done, end)))
        done = end
        say(f"created {done} of {count} {what} ({done / (time.monotonic() - began):.0f} per second)")


def _object(version: str, kind: str, name: str, namespace: str, spec: Mapping[str, Any]) -> bytes:
    metadata = {"name": name, "namespace": namespace}
    spec = {**spec, "jobTemplate": JOB_TEMPLATE}
    return orjson.dumps({"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec})
