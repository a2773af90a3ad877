"""RedisTimers as the API server shows them once `kubectl apply` and a controller have written to them. No I/O."""

import uuid
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson

from controller.core.instants import parse_rfc3339, rfc3339
from controller.core.news import news_of
from controller.core.status import next_status
from controller.core.template import accepted
from controller.core.timer import API_VERSION, KIND, parse_timer

NAMESPACE = "bench"
_NAME, _UID, _VERSION = "name-goes-here", "11111111-2222-4333-8444-555555555555", "1234567890123"
_UIDS = 0x5B1A7C1E_93F54B1E << 64
_HERE: dict[str, Any] = {".": {}}
_FIELDS_OF_TEMPLATE: dict[str, Any] = _HERE | {
    "f:spec": _HERE
    | {
        "f:parallelism": {},
        "f:template": _HERE
        | {
            "f:spec": _HERE
            | {
                "f:containers": _HERE | {'k:{"name":"job"}': _HERE | {"f:command": {}, "f:image": {}, "f:name": {}}},
                "f:restartPolicy": {},
            }
        },
    }
}
_DEFAULTS = {
    "concurrencyPolicy": "Allow",
    "failedJobsHistoryLimit": 1,
    "guarantee": "Standard",
    "missedRunPolicy": "Latest",
    "successfulJobsHistoryLimit": 3,
    "suspend": False,
}
"""What the schema fills in."""


def name_of(number: int) -> str:
    """The name of the nth timer."""
    return f"timer-{number:07}"


def number_of(name: str) -> int | None:
    """The number of the timer with this name, None where none has it."""
    digits = name.removeprefix("timer-")
    return int(digits) if len(digits) == 7 and digits.isdigit() and digits.isascii() and name != digits else None


@lru_cache(maxsize=100_000)
def uid_of(number: int) -> str:
    """The UID of the nth timer."""
    return str(uuid.UUID(int=_UIDS | number, version=4))


def job_template() -> dict[str, Any]:
    """A Job without Pods."""
    container = {"name": "job", "image": "busybox:1.37", "command": ["true"]}
    pod = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    return {"spec": {"parallelism": 0, "template": pod}}


def settled_timer(timing: Mapping[str, Any], created: str) -> dict[str, Any]:
    """A timer that a controller has seen, checked and written the status of, at the time of its creation.

    `timing` has the fields of spec beside jobTemplate. Name, UID and resourceVersion are for `Shape` to fill in.
    """
    spec = {**timing, "jobTemplate": job_template()}
    applied = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"annotations": {}, "name": _NAME, "namespace": NAMESPACE},
        "spec": spec,
    }
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": orjson.dumps(applied).decode() + "\n"}
    fields = _fields(_DEFAULTS) | _fields(timing)
    by_kubectl = _managed(
        "kubectl-client-side-apply",
        created,
        {
            "f:metadata": {"f:annotations": _HERE | {"f:kubectl.kubernetes.io/last-applied-configuration": {}}},
            "f:spec": _HERE | fields | {"f:jobTemplate": _FIELDS_OF_TEMPLATE},
        },
    )
    obj: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {
            "annotations": annotations,
            "creationTimestamp": created,
            "generation": 1,
            "managedFields": [by_kubectl],
            "name": _NAME,
            "namespace": NAMESPACE,
            "resourceVersion": _VERSION,
            "uid": _UID,
        },
        "spec": _DEFAULTS | spec,
    }
    timer, now_ms = parse_timer(obj), parse_rfc3339(created)
    status = next_status(timer, [], news_of(timer, [], [], now_ms), now_ms, accepted(1))
    obj["status"] = status
    conditions = {f'k:{{"type":"{one["type"]}"}}': _HERE | _fields(one) for one in status["conditions"]}
    of_status = _fields(status) | {"f:runs": _HERE | _fields(status["runs"]), "f:conditions": _HERE | conditions}
    by_controller = _managed("Python", created, {"f:status": _HERE | of_status})
    obj["metadata"]["managedFields"].append({**by_controller, "subresource": "status"})
    return obj


class Shape:
    """An object, already serialised, that many timers share but for name, UID and resourceVersion."""

    def __init__(self, obj: Mapping[str, Any]) -> None:
        """`obj` is one of `settled_timer`."""
        self._bytes = orjson.dumps(obj)

    def timer(self, number: int, version: int = 1000) -> bytes:
        """The nth timer."""
        text = self._bytes.replace(_NAME.encode(), name_of(number).encode())
        return text.replace(_UID.encode(), uid_of(number).encode()).replace(_VERSION.encode(), b"%d" % version)


def shapes(kinds: int, created_ms: int) -> list[Shape]:
    """Timers that are due once a day, each kind at a minute of its own (up to 1440 kinds)."""
    timings = ({"schedule": f"{minute % 60} {minute // 60} * * *"} for minute in range(kinds))
    return [Shape(settled_timer(timing, rfc3339(created_ms))) for timing in timings]


def _managed(manager: str, time: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
        "manager": manager,
        "operation": "Update",
        "time": time,
    }


def _fields(obj: Mapping[str, Any]) -> dict[str, Any]:
    return {f"f:{field}": {} for field in obj}
