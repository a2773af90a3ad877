"""Takes Jobs as an API server would, at almost no cost: every timer is there, and every Job is accepted once."""

import time
from collections import Counter
from typing import Any

import orjson

from controller.core.instants import rfc3339, rfc3339_ms
from controller.core.timer import GROUP, PLURAL, VERSION
from tests.bench.stub.http import Request, answer
from tests.bench.stub.objects import NAMESPACE, Shape, number_of, settled_timer

BEGIN, COUNT, SEEN = "/bench/begin", "/bench/count", "/bench/seen"
"""Where the benchmark says what is due, asks how many Jobs came, and what is known of them."""

_CREATED_BEFORE_MS = 3_600_000
_TIMERS = f"/apis/{GROUP}/{VERSION}/namespaces/{NAMESPACE}/{PLURAL}/"
_JOBS = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
_METADATA, _NAME = b'"metadata":{', b'"name":"'


class Sink:
    """Answers workers, and remembers what they sent."""

    def __init__(self) -> None:
        self._shape: Shape | None = None
        self._instant_ms = 0
        self._gets = 0
        self._jobs: dict[bytes, tuple[int, bytes]] = {}
        self._repeated = 0
        self._others: Counter[str] = Counter()
        self._added = b""

    def handle(self, request: Request) -> bytes:
        """The answer to a request."""
        path = request.path
        if request.method == "GET" and path.startswith(_TIMERS):
            return self._timer(path[len(_TIMERS) :])
        if request.method == "POST" and path == _JOBS:
            return self._create(request.body, request.only_metadata)
        if request.method == "GET" and path.startswith(f"{_JOBS}/"):
            return self._job(path[len(_JOBS) + 1 :])
        if path == BEGIN:
            self._begin(int(request.parameters()["instant_ms"]))
            return answer(200, b"{}")
        if path == COUNT:
            return answer(200, orjson.dumps({"jobs": len(self._jobs)}))
        if path == SEEN:
            return answer(200, orjson.dumps(self.seen()))
        self._others[f"{request.method} {path}"] += 1
        return _NOT_FOUND

    def seen(self) -> dict[str, Any]:
        """What came since the beginning: how much, and when (milliseconds since the epoch)."""
        times_ms = sorted(arrived_ns / 1_000_000 for arrived_ns, _ in self._jobs.values())
        return {
            "gets": self._gets,
            "jobs": len(times_ms),
            "repeated": self._repeated,
            "early": sum(time_ms < self._instant_ms for time_ms in times_ms),
            "first_ms": times_ms[0] if times_ms else None,
            "last_ms": times_ms[-1] if times_ms else None,
            "others": dict(self._others),
        }

    def _begin(self, instant_ms: int) -> None:
        created_ms = instant_ms - _CREATED_BEFORE_MS
        self._shape = Shape(settled_timer({"at": rfc3339_ms(instant_ms)}, rfc3339(created_ms - created_ms % 1000)))
        self._instant_ms, self._gets, self._repeated = instant_ms, 0, 0
        self._jobs.clear()
        self._others.clear()
        self._added = _added_metadata(rfc3339(instant_ms - instant_ms % 1000))

    def _timer(self, name: str) -> bytes:
        self._gets += 1
        number = number_of(name)
        if self._shape is None or number is None:
            return _NOT_FOUND
        return answer(200, self._shape.timer(number))

    def _create(self, body: bytes, only_metadata: bool) -> bytes:
        name = _name(body)
        if name in self._jobs:
            self._repeated += 1
            return _EXISTS
        self._jobs[name] = time.time_ns(), body
        shown = self._shown(body)
        return answer(201, _only_metadata(shown) if only_metadata else shown)

    def _job(self, name: str) -> bytes:
        _, body = self._jobs.get(name.encode(), (0, b""))
        return answer(200, self._shown(body)) if body else _NOT_FOUND

    def _shown(self, body: bytes) -> bytes:
        # What an API server adds to a Job is about as long, and is read by the worker like its own.
        return body.replace(_METADATA, _METADATA + self._added, 1)


def _added_metadata(created: str) -> bytes:
    managed = {"apiVersion": "batch/v1", "fieldsType": "FieldsV1", "manager": "Python", "operation": "Update"}
    fields = {"f:metadata": {"f:labels": {".": {}, "f:redistimer.dev/timer": {}}}, "f:spec": {"f:parallelism": {}}}
    added = {
        "uid": "5b1a7c1e-93f5-4b1e-8a0e-2f6f0c9d1a11",
        "resourceVersion": "123456",
        "generation": 1,
        "creationTimestamp": created,
        "managedFields": [{**managed, "time": created, "fieldsV1": fields}],
    }
    return orjson.dumps(added)[1:-1] + b","


def _only_metadata(job: bytes) -> bytes:
    version = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
    return orjson.dumps({**version, "metadata": orjson.loads(job)["metadata"]})


def _name(job: bytes) -> bytes:
    """The name of a Job. To read the whole of it would cost more than all the rest here."""
    start = job.index(_NAME, job.index(_METADATA)) + len(_NAME)
    return job[start : job.index(b'"', start)]


def _failure(code: int, reason: str) -> bytes:
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code}
    return answer(code, orjson.dumps(status))


_NOT_FOUND, _EXISTS = _failure(404, "NotFound"), _failure(409, "AlreadyExists")
