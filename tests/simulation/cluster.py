"""A model of the API server's storage: versions, conflicts, preconditions, and what was true a moment ago.

Objects are never changed in place: whoever has read one keeps what it read.
"""

import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson

from controller.core.instants import rfc3339
from controller.core.timer import API_VERSION, KIND
from controller.kube.errors import ApiError

Object = dict[str, Any]
Key = tuple[str, str]

TIMERS, JOBS, LEASES = "redistimers", "jobs", "leases"
CLUSTER_UID = "6f1c1c32-0000-4000-8000-000000000000"

Told = Callable[[str, str, Object], None]
"""Hears of each change: collection, ADDED or MODIFIED or DELETED, object."""


class Cluster:
    """All objects, now and before."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self.version = 0
        self.objects: dict[str, dict[Key, Object]] = {TIMERS: {}, JOBS: {}, LEASES: {}}
        self._past: dict[tuple[str, Key], list[tuple[int, Object | None]]] = {}
        self.told: list[Told] = []

    def get(self, collection: str, key: Key) -> Object:
        """As it is; raises ApiError."""
        obj = self.objects[collection].get(key)
        if obj is None:
            raise not_found(collection, key)
        return obj

    def get_cached(self, collection: str, key: Key, age_ms: int) -> Object:
        """As it was so long ago: what a watch cache answers that lags behind."""
        since = self._now_ms() - age_ms
        for at_ms, obj in reversed(self._past.get((collection, key), ())):
            if at_ms <= since:
                if obj is None:
                    break
                return obj
        raise not_found(collection, key)

    def list(self, collection: str) -> list[Object]:
        """All, of one moment."""
        return list(self.objects[collection].values())

    def create(self, collection: str, obj: Object) -> Object:
        """A new object; raises ApiError."""
        metadata = obj["metadata"]
        key = metadata["namespace"], metadata["name"]
        if key in self.objects[collection]:
            raise ApiError(409, "AlreadyExists", f'{collection} "{key[1]}" already exists')
        now = rfc3339(self._now_ms() // 1000 * 1000)
        made = {
            "uid": str(uuid.uuid4()),
            "generation": 1,
            "creationTimestamp": now,
            "managedFields": [{"manager": "user", "time": now, "fieldsV1": {"f:spec": {}}}],
        }
        return self._store(collection, "ADDED", {**obj, "metadata": {**metadata, **made}})

    def replace(self, collection: str, obj: Object) -> Object:
        """All of an object but its identity; raises ApiError."""
        metadata = obj["metadata"]
        current = self.get(collection, (metadata["namespace"], metadata["name"]))
        _check(collection, current, {"resourceVersion": metadata.get("resourceVersion")})
        return self._store(collection, "MODIFIED", obj)

    def merge_status(self, collection: str, key: Key, patch: Mapping[str, Any], writer: str) -> Object:
        """A merge patch of the status subresource; raises ApiError."""
        current = self.get(collection, key)
        _check(collection, current, patch.get("metadata") or {})
        status = _merged(current.get("status") or {}, patch.get("status") or {})
        if status == current.get("status"):
            return current
        now = rfc3339(self._now_ms() // 1000 * 1000)
        fields, owned = [], {f"f:{name}": {} for name in patch.get("status") or ()}
        for entry in current["metadata"]["managedFields"]:
            if entry.get("subresource") != "status" or entry["manager"] != writer:
                fields.append(entry)
            else:
                owned = {**entry["fieldsV1"]["f:status"], **owned}
        fields.append({"manager": writer, "time": now, "subresource": "status", "fieldsV1": {"f:status": owned}})
        return self._store(
            collection,
            "MODIFIED",
            {**current, "metadata": {**current["metadata"], "managedFields": fields}, "status": status},
        )

    def merge(self, collection: str, key: Key, patch: Mapping[str, Any]) -> Object:
        """A merge patch of anything but status; raises ApiError."""
        current = self.get(collection, key)
        uid = patch["metadata"].get("uid", current["metadata"]["uid"])
        if uid != current["metadata"]["uid"]:
            raise ApiError(422, "Invalid", f'metadata.uid: Invalid value: "{uid}": field is immutable')
        merged = _merged(current, patch)
        return current if merged == current else self._store(collection, "MODIFIED", merged)

    def edit(self, collection: str, key: Key, spec: Object, leaves_a_trace: bool = True) -> Object:
        """Another spec, as a user applies it. An edit that only removes fields is not dated."""
        current = self.get(collection, key)
        metadata = current["metadata"]
        fields = metadata["managedFields"]
        if leaves_a_trace:
            now = rfc3339(self._now_ms() // 1000 * 1000)
            fields = [entry | ({} if "subresource" in entry else {"time": now}) for entry in fields]
        metadata = {**metadata, "generation": metadata["generation"] + 1, "managedFields": fields}
        return self._store(collection, "MODIFIED", {**current, "metadata": metadata, "spec": spec})

    def mark(self, collection: str, key: Key, **metadata: Any) -> Object:
        """Other metadata, which does not count as another generation; raises ApiError."""
        current = self.get(collection, key)
        return self._store(collection, "MODIFIED", {**current, "metadata": {**current["metadata"], **metadata}})

    def finish(self, key: Key, status: Object) -> None:
        """A Job ends, if it is there still."""
        current = self.objects[JOBS].get(key)
        if current is not None:
            self._store(JOBS, "MODIFIED", {**current, "status": status})

    def delete(self, collection: str, key: Key, preconditions: Mapping[str, Any] | None = None) -> Object:
        """Remove an object; raises ApiError."""
        current = self.get(collection, key)
        _check(collection, current, preconditions or {})
        del self.objects[collection][key]
        self.version += 1
        gone = {**current, "metadata": {**current["metadata"], "resourceVersion": str(self.version)}}
        self._past[collection, key].append((self._now_ms(), None))
        for told in self.told:
            told(collection, "DELETED", gone)
        return gone

    def jobs_of(self, uid: str) -> Iterator[Object]:
        """The Jobs of a timer that are there now."""
        return (job for job in self.objects[JOBS].values() if owner_of(job) == uid)

    def timer(self, uid: str) -> Object | None:
        """A timer by its UID."""
        return next((obj for obj in self.objects[TIMERS].values() if obj["metadata"]["uid"] == uid), None)

    def _store(self, collection: str, change: str, obj: Object) -> Object:
        self.version += 1
        metadata = {**obj["metadata"], "resourceVersion": str(self.version)}
        obj = {**obj, "metadata": metadata}
        key = metadata["namespace"], metadata["name"]
        self.objects[collection][key] = obj
        self._past.setdefault((collection, key), []).append((self._now_ms(), obj))
        for told in self.told:
            told(collection, change, obj)
        return obj


def owner_of(job: Object) -> str:
    """The UID of the timer whose Job this is."""
    return str(job["metadata"]["ownerReferences"][0]["uid"])


def timer_manifest(namespace: str, name: str, spec: Object) -> Object:
    """A RedisTimer as a user applies it."""
    metadata = {"namespace": namespace, "name": name}
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}


def not_found(collection: str, key: Key) -> ApiError:
    """What the server answers for what it does not have."""
    return ApiError(404, "NotFound", f'{collection} "{key[1]}" not found')


def read(body: bytes) -> Object:
    """A request's body."""
    obj: Object = orjson.loads(body)
    return obj


def _check(collection: str, current: Object, preconditions: Mapping[str, Any]) -> None:
    for field in ("uid", "resourceVersion"):
        wanted = preconditions.get(field)
        if wanted is not None and wanted != current["metadata"][field]:
            name = current["metadata"]["name"]
            raise ApiError(409, "Conflict", f'{collection} "{name}": {field} {wanted} is not the current one')


def _merged(target: Object, patch: Mapping[str, Any]) -> Object:
    merged = dict(target)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            before = merged.get(name)
            merged[name] = _merged(before if isinstance(before, dict) else {}, value)
        else:
            merged[name] = value
    return merged
