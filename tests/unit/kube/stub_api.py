"""An API server in memory: objects by path with resourceVersions, a record of requests, errors on demand."""

import copy
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from controller.kube.errors import ApiError, ApiUnreachableError

NOT_FOUND = ApiError(404, "NotFound", "not found")
CONFLICT = ApiError(409, "Conflict", "the object has been modified")
TOO_MANY_REQUESTS = ApiError(429, "TooManyRequests", "slow down")


@dataclass(frozen=True)
class Request:
    """A request as it arrived; `body` is parsed."""

    method: str
    path: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    body: Any = None


class StubApi:
    """Has the methods of ApiServer.

    `cached` holds what a GET with resourceVersion=0 shows where that lags behind; None is not there yet.
    `before` is awaited with each request before it is answered; it may raise.
    """

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.cached: dict[str, dict[str, Any] | None] = {}
        self.requests: list[Request] = []
        self.page_size = 2
        self.before: Callable[[Request], Awaitable[None]] | None = None
        self._errors: defaultdict[tuple[str, str], list[Exception]] = defaultdict(list)
        self._lost: set[tuple[str, str]] = set()
        self._version = 100

    def fail(self, method: str, path: str, *errors: Exception) -> None:
        """Answer the next requests of this kind with these errors, one each."""
        self._errors[method, path] += errors

    def lose_answer(self, method: str, path: str) -> None:
        """Carry out the next POST or PATCH of this path, and lose the answer."""
        self._lost.add((method, path))

    def put(self, path: str, obj: Mapping[str, Any]) -> dict[str, Any]:
        """Store an object as its next version."""
        self._version += 1
        stored = copy.deepcopy(dict(obj))
        stored["metadata"]["resourceVersion"] = str(self._version)
        self.objects[path] = stored
        return copy.deepcopy(stored)

    def made(self, method: str) -> list[Request]:
        """The requests with this method."""
        return [request for request in self.requests if request.method == method]

    async def get(self, path: str, **parameters: str) -> dict[str, Any]:
        await self._arrive(Request("GET", path, parameters))
        obj = self.objects.get(path)
        if parameters.get("resourceVersion") == "0" and path in self.cached:
            obj = self.cached[path]
        if obj is None:
            raise NOT_FOUND
        return copy.deepcopy(obj)

    async def create(self, path: str, body: bytes, *, only_metadata: bool = False, **parameters: str) -> dict[str, Any]:
        obj = orjson.loads(body)
        await self._arrive(Request("POST", path, parameters, obj))
        if parameters.get("dryRun") == "All":
            return dict(obj)
        name = f"{path}/{obj['metadata']['name']}"
        if name in self.objects:
            raise ApiError(409, "AlreadyExists", f"{name} already exists")
        obj["metadata"]["uid"] = str(uuid.uuid4())
        stored = self.put(name, obj)
        return self._answered("POST", path, {"metadata": stored["metadata"]} if only_metadata else stored)

    async def replace(self, path: str, obj: Mapping[str, Any]) -> dict[str, Any]:
        await self._arrive(Request("PUT", path, {}, copy.deepcopy(obj)))
        self._compare(self._stored(path), obj)
        return self.put(path, obj)

    async def merge(self, path: str, patch: Mapping[str, Any], **parameters: str) -> dict[str, Any]:
        await self._arrive(Request("PATCH", path, parameters, copy.deepcopy(patch)))
        name = path.removesuffix("/status")
        obj = self._stored(name)
        self._compare(obj, patch)
        return self._answered("PATCH", path, self.put(name, _merged(obj, patch)))

    async def delete(self, path: str, options: Mapping[str, Any]) -> None:
        await self._arrive(Request("DELETE", path, {}, dict(options)))
        stored = self._stored(path)["metadata"]
        if any(stored[field] != expected for field, expected in options["preconditions"].items()):
            raise CONFLICT
        del self.objects[path]

    async def pages(
        self, path: str, read: Callable[[bytes], Any] = orjson.loads, /, **parameters: str
    ) -> AsyncIterator[list[dict[str, Any]]]:
        kind = path.rpartition("/")[2]
        here = f"{path}/" if "/namespaces/" in path else ""
        # The whole list shows one moment, however long its reader takes.
        stored = {key: obj for key, obj in self.objects.items() if key.split("/")[-2] == kind and key.startswith(here)}
        items = [copy.deepcopy(obj) for obj in stored.values()]
        for start in range(0, max(len(items), 1), self.page_size):
            await self._arrive(Request("GET", path, parameters))
            yield read(orjson.dumps({"items": items[start : start + self.page_size]}))["items"]

    async def _arrive(self, request: Request) -> None:
        self.requests.append(request)
        if self.before is not None:
            await self.before(request)
        errors = self._errors[request.method, request.path]
        if errors:
            raise errors.pop(0)

    def _answered(self, method: str, path: str, answer: dict[str, Any]) -> dict[str, Any]:
        if (method, path) in self._lost:
            self._lost.remove((method, path))
            raise ApiUnreachableError("the answer was lost")
        return answer

    def _stored(self, path: str) -> dict[str, Any]:
        if path not in self.objects:
            raise NOT_FOUND
        return self.objects[path]

    def _compare(self, obj: Mapping[str, Any], update: Mapping[str, Any]) -> None:
        expected = update["metadata"].get("resourceVersion")
        if expected is not None and expected != obj["metadata"]["resourceVersion"]:
            raise CONFLICT
        if update["metadata"].get("uid", obj["metadata"].get("uid")) != obj["metadata"].get("uid"):
            raise ApiError(422, "Invalid", "metadata.uid: Invalid value: field is immutable")


def _merged(old: Any, patch: Any) -> Any:
    """A JSON merge patch (RFC 7386)."""
    if not isinstance(patch, Mapping):
        return copy.deepcopy(patch)
    merged = dict(old) if isinstance(old, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merged(merged.get(key), value)
    return merged
