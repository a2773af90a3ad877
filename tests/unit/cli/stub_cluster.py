"""A cluster in memory for the commands: timers by name, and what changes while somebody looks."""

import copy
import uuid
from collections.abc import Mapping
from typing import Any

from controller.cli.cluster import Cluster
from controller.core.identity import manual_job_name
from controller.kube import paths
from tests.unit.kube.stub_api import Request, StubApi

Object = dict[str, Any]

TEMPLATE = {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "b"}]}}}}


def timer_object(name: str = "report", namespace: str = "billing", **parts: Any) -> Object:
    """A RedisTimer as the API server has it. `spec` and `status` are its own; the rest is metadata."""
    spec = {"schedule": "30 6 * * 1-5", "suspend": False, "jobTemplate": TEMPLATE} | parts.pop("spec", {})
    status = parts.pop("status", {})
    metadata = {
        "namespace": namespace,
        "name": name,
        "uid": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{namespace}/{name}")),
        "generation": 1,
        "resourceVersion": "1",
        "creationTimestamp": "2026-11-20T08:15:00Z",
        **parts,
    }
    return {"metadata": metadata, "spec": {k: v for k, v in spec.items() if v is not None}, "status": status}


def ready(status: str = "True", reason: str = "Scheduled", message: str = "It fires.", **parts: Any) -> Object:
    """A condition of the first generation."""
    return {"type": "Ready", "status": status, "reason": reason, "message": message, "observedGeneration": 1, **parts}


class StubCluster(StubApi):
    """The API server of a cluster with timers, which takes merge patches as the real one does."""

    def __init__(self, *timers: Object) -> None:
        super().__init__()
        for timer in timers:
            self.put(self.path(timer), timer)
        self.cluster = Cluster(self, "billing")  # type: ignore[arg-type]

    @staticmethod
    def path(timer: Object) -> str:
        """Where a timer is."""
        return paths.timer(timer["metadata"]["namespace"], timer["metadata"]["name"])

    def timer(self, name: str = "report", namespace: str = "billing") -> Object:
        """A timer as it is now."""
        return self.objects[paths.timer(namespace, name)]

    def set_status(self, name: str = "report", **status: Any) -> None:
        """Write fields of the status of a timer, as the controller does."""
        timer = self.timer(name)
        self.put(self.path(timer), timer | {"status": timer["status"] | status})

    def run_by_hand(self, request: str, name: str = "report") -> str:
        """Create the Job of a request, as a worker does; its name."""
        job = manual_job_name(name, self.timer(name)["metadata"]["uid"], request)
        self.put(paths.job("billing", job), {"metadata": {"name": job}})
        return job

    async def merge(self, path: str, patch: Mapping[str, Any]) -> Object:
        await self._arrive(Request("PATCH", path, {}, copy.deepcopy(patch)))
        before = self._stored(path)
        self._compare(before, {"metadata": {}, **patch})
        after = _merged(before, patch)
        after["metadata"]["generation"] += before["spec"] != after["spec"]
        return self.put(path, after)


def _merged(value: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(value) if isinstance(value, Mapping) else {}
    for key, change in patch.items():
        result[key] = _merged(result.get(key), change)
    return {key: change for key, change in result.items() if change is not None}
