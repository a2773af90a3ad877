"""What a simulated process has in the place of ApiServer, and of kopf: requests and watches of the model."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import orjson

from controller.kube.errors import ApiError, ApiUnreachableError
from controller.reconcile.table import Table
from tests.simulation.cluster import CLUSTER_UID, JOBS, LEASES, TIMERS, Cluster, Key, Object, read
from tests.simulation.loop import Process
from tests.simulation.network import Fate, Network
from tests.simulation.oracle import Oracle

_LIMIT_S = 5.0
_PAGE = 3

Refusal = Callable[[Object], ApiError | None]
"""Whether something but the model refuses a Job."""


class Client:
    """The API server, asked by one process. `lag_ms` tells how old a cached answer is."""

    def __init__(
        self,
        process: Process,
        cluster: Cluster,
        network: Network,
        lag_ms: Callable[[], int],
        refuse: Refusal,
        oracle: Oracle,
        rng: random.Random,
    ) -> None:
        self._process = process
        self._cluster = cluster
        self._oracle = oracle
        self._network = network
        self._lag_ms = lag_ms
        self._refuse = refuse
        self._rng = rng

    async def get(self, path: str, **parameters: str) -> Object:
        if path.endswith("/kube-system"):
            return await self._request("get cluster", lambda: {"metadata": {"uid": CLUSTER_UID}})
        collection, key, _ = _place(path)
        assert key is not None
        if parameters.get("resourceVersion") == "0":
            return await self._request(
                f"get cached {collection}", lambda: self._cluster.get_cached(collection, key, self._lag_ms())
            )
        return await self._request(f"get {collection}", lambda: self._cluster.get(collection, key))

    async def create(self, path: str, body: bytes, *, only_metadata: bool = False, **parameters: str) -> Object:
        obj = read(body)
        if path.endswith("/events"):
            return await self._request("create event", lambda: obj)
        collection, _, _ = _place(path)
        permit = self._oracle.permit(self._process, obj) if collection == JOBS else None

        def execute() -> Object:
            self._oracle.acting = permit
            refused = self._refuse(obj) if collection == JOBS else None
            if refused is not None:
                raise refused
            made = obj if parameters.get("dryRun") else self._cluster.create(collection, obj)
            return {"metadata": made["metadata"]} if only_metadata else made

        what = f"check {collection}" if parameters.get("dryRun") else f"create {collection}"
        return await self._request(what, execute)

    async def replace(self, path: str, obj: Mapping[str, Any]) -> Object:
        collection, _, _ = _place(path)
        return await self._request(f"replace {collection}", lambda: self._cluster.replace(collection, dict(obj)))

    async def merge(self, path: str, patch: Mapping[str, Any], **parameters: str) -> Object:
        collection, key, part = _place(path)
        assert key is not None
        patch, writer = read(orjson.dumps(patch)), parameters.get("fieldManager", "redistimer")
        if part != "status":
            return await self._request("start job", lambda: self._cluster.merge(collection, key, patch))
        what = "write status" if writer == "redistimer" else "commit"
        return await self._request(what, lambda: self._cluster.merge_status(collection, key, patch, writer))

    async def delete(self, path: str, options: Mapping[str, Any]) -> None:
        collection, key, _ = _place(path)
        assert key is not None
        conditions = options.get("preconditions")
        await self._request(f"delete {collection}", lambda: self._cluster.delete(collection, key, conditions))

    async def pages(
        self, path: str, read: Callable[[bytes], Any] = read, /, **parameters: str
    ) -> AsyncIterator[list[Object]]:
        collection, _, _ = _place(path)
        uid = parameters.get("labelSelector", "").partition("=")[2]
        items = await self._request(f"list {collection}", lambda: self._cluster.list(collection))
        if uid:
            items = [item for item in items if item["metadata"]["labels"].get("redistimer.dev/timer-uid") == uid]
        yield read(orjson.dumps({"items": items[:_PAGE]}))["items"]
        while items := items[_PAGE:]:
            # The rest shows the same moment, whatever happens between two pages.
            await self._request(f"list {collection} on", lambda: None)
            yield read(orjson.dumps({"items": items[:_PAGE]}))["items"]

    def _request(self, what: str, execute: Callable[[], Any]) -> Awaitable[Any]:
        return self._network.request(self._process, "api", what, execute, _LIMIT_S, self._error)

    def _error(self, fate: Fate) -> Exception:
        if fate is Fate.BUSY:
            if self._rng.random() < 0.5:
                return ApiError(429, "TooManyRequests", "too many requests", retry_after_s=1.0)
            return ApiError(503, "ServiceUnavailable", "apiserver is shutting down")
        if fate is Fate.BROKEN:
            return ApiError(500, "InternalError", "etcdserver: leader changed")
        if fate is Fate.BROKEN_LATE:
            if self._rng.random() < 0.5:
                return ApiError(504, "Timeout", "request did not complete within the allotted timeout")
            return ApiError(500, "InternalError", "etcdserver: request timed out")
        return ApiUnreachableError(f"{fate}")


class Watch:
    """The watches of one controller: a list, then what changes, in order, some time later.

    What happens during a gap is told by the list after it, and so a deletion is not.
    """

    def __init__(
        self,
        process: Process,
        cluster: Cluster,
        loop: asyncio.AbstractEventLoop,
        delay_s: Callable[[], float],
        rng: random.Random,
    ) -> None:
        self._process = process
        self._cluster = cluster
        self._loop = loop
        self._delay_s = delay_s
        self._rng = rng
        self._table: Table | None = None
        self._connection = dict.fromkeys((TIMERS, JOBS), 0)
        self._connected = dict.fromkeys((TIMERS, JOBS), False)
        self._last_s = dict.fromkeys((TIMERS, JOBS), 0.0)
        self.gaps = 0

    async def __call__(self, table: Table, started: asyncio.Event, stop: asyncio.Event) -> None:
        self._table = table
        self._cluster.told.append(self._changed)
        try:
            # kopf says so before it has connected.
            started.set()
            for collection in (TIMERS, JOBS):
                await asyncio.sleep(self._delay_s())
                self.connect(collection)
            await stop.wait()
        finally:
            self.forget()

    def forget(self) -> None:
        """Hear nothing more, also where the process is dead and can not say so."""
        if self._changed in self._cluster.told:
            self._cluster.told.remove(self._changed)
        self._table = None

    def break_off(self, collection: str) -> None:
        """The connection is lost, and with it what is on the way."""
        self.gaps += 1
        self._connected[collection] = False
        self._connection[collection] += 1

    def connect(self, collection: str) -> None:
        """List, and watch from there."""
        if self._table is None or self._connected[collection]:
            return
        self._connected[collection] = True
        for obj in self._cluster.list(collection):
            self._send(collection, "LISTED", obj)

    def _changed(self, collection: str, change: str, obj: Object) -> None:
        if self._connected.get(collection):
            self._send(collection, change, obj)
            if self._rng.random() < 0.02 and change != "DELETED":
                self._send(collection, change, obj)

    def _send(self, collection: str, change: str, obj: Object) -> None:
        when = max(self._last_s[collection], self._loop.time() + self._delay_s())
        self._last_s[collection] = when
        connection = self._connection[collection]
        self._loop.call_at(when, self._arrived, collection, connection, change, obj, context=self._process.context)

    def _arrived(self, collection: str, connection: int, change: str, obj: Object) -> None:
        table = self._table
        if table is None or connection != self._connection[collection]:
            return
        if collection == TIMERS:
            if change == "DELETED":
                table.timer_deleted(obj["metadata"]["uid"])
            else:
                table.see_timer(obj)
        elif change == "DELETED":
            table.job_gone(obj)
        else:
            table.see_job(obj)


def _place(path: str) -> tuple[str, Key | None, str]:
    """From a path to collection, namespace and name, and subresource."""
    parts = path.split("/")
    for collection in (TIMERS, JOBS, LEASES):
        if collection in parts:
            at = parts.index(collection)
            namespace = parts[at - 1]
            rest = parts[at + 1 :]
            return collection, (namespace, rest[0]) if rest else None, rest[1] if len(rest) > 1 else ""
    raise AssertionError(f"the model serves no {path}")
