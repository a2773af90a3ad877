"""Shows a controller a cluster with many settled timers and no Jobs: pages, watches, its Lease, and no more."""

import asyncio
import gzip
import time
from collections import Counter
from functools import lru_cache
from typing import Any

import orjson

from controller.core.timer import API_VERSION, GROUP, KIND, PLURAL, VERSION
from controller.kube import paths
from tests.bench.stub.http import Pieces, Request, answer
from tests.bench.stub.objects import NAMESPACE, number_of, shapes

SEEN = "/bench/seen"
"""Where the benchmark asks what the controller has sent."""

LIST_VERSION = 10_000_000
_CLUSTER = {"metadata": {"name": "kube-system", "uid": "0d6e1f0a-5b1a-4b1e-8a0e-93f5c9d1a112"}}
_CREATED_BEFORE_MS = 3_600_000
_MINUTES_OF_A_DAY = 1440
_COMPRESSED_FROM = 128 * 1024
_GZIP_LEVEL = 1
_BOOKMARK_S = 20.0
_STREAMED_AT_ONCE = 100
_LEASES = "/apis/coordination.k8s.io/"


class Lister:
    """Answers a controller. It compresses as kube-apiserver does: what is long, at level 1."""

    def __init__(self, timers: int) -> None:
        now_ms = time.time_ns() // 1_000_000
        created_ms = now_ms - now_ms % 1000 - _CREATED_BEFORE_MS
        kinds = shapes(min(_MINUTES_OF_A_DAY, timers), created_ms)
        self._items = [kinds[number % len(kinds)].timer(number, 1000 + number) for number in range(timers)]
        self._asked: Counter[str] = Counter()
        self._leases: dict[str, dict[str, Any]] = {}
        self._version = LIST_VERSION

    @property
    def bytes_per_timer(self) -> float:
        """How long an object is."""
        return sum(map(len, self._items)) / max(len(self._items), 1)

    def prepare(self, page: int) -> None:
        """Have the pages of this length ready, so that they cost little when they are asked for."""
        for start in range(0, len(self._items), page):
            self._page(start, page, True)

    def handle(self, request: Request) -> bytes | Pieces:
        """The answer to a request."""
        path, parameters = request.path, request.parameters()
        if path == SEEN:
            return answer(200, orjson.dumps({"asked": dict(self._asked), "bytes_per_timer": self.bytes_per_timer}))
        watching = parameters.get("watch") in ("1", "true")
        name = path.rpartition(f"/{PLURAL}/")[2].removesuffix("/status")
        self._asked[
            f"{'WATCH' if watching else request.method} {path.replace(name, 'NAME') if name != path else path}"
        ] += 1
        if path.startswith(_LEASES):
            return self._lease(request)
        if watching:
            return self._watch(path, parameters)
        if request.method == "POST":
            return self._accept(orjson.loads(request.body))
        if request.method == "PATCH" and name != path:
            return self._patched(name, orjson.loads(request.body))
        if request.method != "GET":
            return _NOT_FOUND
        if path == paths.ALL_TIMERS:
            start, limit = int(parameters.get("continue") or 0), int(parameters.get("limit") or len(self._items) or 1)
            return self._page(start, limit, request.takes_gzip)
        if path == paths.ALL_JOBS:
            return answer(200, _list("batch/v1", "JobList", b""))
        return answer(200, orjson.dumps(_FIXED[path])) if path in _FIXED else _NOT_FOUND

    @lru_cache(maxsize=100_000)  # noqa: B019 - there is one of these in its process
    def _page(self, start: int, limit: int, takes_gzip: bool) -> bytes:
        end = min(start + limit, len(self._items))
        go_on = str(end) if end < len(self._items) else ""
        body = _list(API_VERSION, f"{KIND}List", b",".join(self._items[start:end]), go_on)
        if takes_gzip and len(body) > _COMPRESSED_FROM:
            return answer(200, gzip.compress(body, _GZIP_LEVEL, mtime=0), gzipped=True)
        return answer(200, body)

    async def _watch(self, path: str, parameters: dict[str, str]) -> Pieces:
        """Nothing ever changes here; whoever asks for it is shown first what there is."""
        ends_at = time.monotonic() + float(parameters.get("timeoutSeconds") or 300)
        version, kind = (API_VERSION, KIND) if path == paths.ALL_TIMERS else ("batch/v1", "Job")
        metadata: dict[str, Any] = {"resourceVersion": str(LIST_VERSION)}
        bookmark = {"type": "BOOKMARK", "object": {"apiVersion": version, "kind": kind, "metadata": metadata}}
        if parameters.get("sendInitialEvents") == "true":
            items = self._items if path == paths.ALL_TIMERS else []
            for start in range(0, len(items), _STREAMED_AT_ONCE):
                yield b"".join(
                    b'{"type":"ADDED","object":%b}\n' % item for item in items[start : start + _STREAMED_AT_ONCE]
                )
            ended = {**metadata, "annotations": {"k8s.io/initial-events-end": "true"}}
            yield orjson.dumps({**bookmark, "object": {**bookmark["object"], "metadata": ended}}) + b"\n"  # type: ignore[dict-item]
        while (left_s := ends_at - time.monotonic()) > 0:
            await asyncio.sleep(min(left_s, _BOOKMARK_S))
            yield orjson.dumps(bookmark) + b"\n"

    def _lease(self, request: Request) -> bytes:
        if request.method == "GET":
            lease = self._leases.get(request.path)
            return _NOT_FOUND if lease is None else answer(200, orjson.dumps(lease))
        lease = orjson.loads(request.body)
        where = request.path if request.method == "PUT" else f"{request.path}/{lease['metadata']['name']}"
        lease["metadata"]["resourceVersion"] = self._next_version()
        self._leases[where] = lease
        return answer(200 if request.method == "PUT" else 201, orjson.dumps(lease))

    def _patched(self, name: str, patch: dict[str, Any]) -> bytes:
        number = number_of(name)
        if number is None or number >= len(self._items):
            return _NOT_FOUND
        obj = orjson.loads(self._items[number])
        obj["status"] |= patch.get("status") or {}
        obj["metadata"]["resourceVersion"] = self._next_version()
        return answer(200, orjson.dumps(obj))

    def _accept(self, obj: dict[str, Any]) -> bytes:
        obj["metadata"]["resourceVersion"] = self._next_version()
        return answer(201, orjson.dumps(obj))

    def _next_version(self) -> str:
        self._version += 1
        return str(self._version)


def _list(version: str, kind: str, items: bytes, go_on: str = "") -> bytes:
    metadata = {"resourceVersion": str(LIST_VERSION)} | ({"continue": go_on} if go_on else {})
    head = orjson.dumps({"apiVersion": version, "kind": kind, "metadata": metadata})
    return head[:-1] + b',"items":[' + items + b"]}"


def _group(name: str, version: str) -> dict[str, Any]:
    known = {"groupVersion": f"{name}/{version}", "version": version}
    return {"name": name, "versions": [known], "preferredVersion": known}


def _resources(version: str, kind: str, plural: str, namespaced: bool = True) -> dict[str, Any]:
    verbs = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]
    names = ((plural, verbs), (f"{plural}/status", ["get", "patch", "update"]))
    common = {"singularName": kind.lower(), "namespaced": namespaced, "kind": kind}
    listed = [{"name": name, "verbs": allowed, **common} for name, allowed in names]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": listed}


_FIXED: dict[str, dict[str, Any]] = {
    "/version": {"major": "1", "minor": "37", "gitVersion": "v1.37.0"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    # Without namespaces and definitions kopf does not begin to watch.
    "/api/v1": _resources("v1", "Namespace", "namespaces", namespaced=False),
    "/apis": {
        "kind": "APIGroupList",
        "groups": [_group(GROUP, VERSION), _group("batch", "v1"), _group("apiextensions.k8s.io", "v1")],
    },
    "/apis/apiextensions.k8s.io/v1": _resources(
        "apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False
    ),
    f"/apis/{GROUP}/{VERSION}": _resources(API_VERSION, KIND, PLURAL),
    "/apis/batch/v1": _resources("batch/v1", "Job", "jobs"),
    paths.CLUSTER_IDENTITY: {"kind": "Namespace", "apiVersion": "v1", **_CLUSTER},
    f"/api/v1/namespaces/{NAMESPACE}": {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": NAMESPACE}},
}
_NOT_FOUND = answer(
    404, orjson.dumps({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404})
)
