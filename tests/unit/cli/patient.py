"""An installation in memory for `doctor` to look at: healthy, until a test makes it ill."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from controller.cli.cluster import Cluster
from controller.cli.doctor.examination import Examination
from controller.cli.doctor.findings import Finding, Level
from controller.core.identity import ticket_of
from controller.core.instants import rfc3339
from controller.core.timer import SPEC_FIELDS
from controller.index.connect import client_name
from controller.index.index import Index
from controller.index.messages import Wanted
from controller.kube import paths
from controller.kube.errors import ApiError
from controller.settings import Settings
from tests.redis.fake_server import IdentifiedServer, fake_client
from tests.unit.cli.stub_cluster import ready, timer_object
from tests.unit.kube.stub_api import StubApi

Object = dict[str, Any]

CLUSTER_UID = "0d0c7c86-0000-0000-0000-000000000001"
HOLDER = "controller-1"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/redistimer-system/leases/redistimer-controller"
SCHEMA = "/openapi/v3/apis/redistimer.dev/v1alpha1"
REVIEW = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
INFO = {"redis_version": "7.2.4", "role": "master", "maxmemory": 0, "maxmemory_policy": "noeviction"}


def well(name: str, **parts: Any) -> Object:
    """A timer that the controller has looked at, created long ago."""
    status = {"observedGeneration": 1, "conditions": [ready()]} | parts.pop("status", {})
    return timer_object(name, status=status, **parts)


class PatientApi(StubApi):
    """Also tells who one is, and what time it is."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead_s = 0.0

    async def create(self, path: str, body: bytes, **parameters: str) -> Object:
        if path != REVIEW:
            return await super().create(path, body, **parameters)
        if errors := self._errors["POST", path]:
            raise errors.pop(0)
        now_ms = int((time.time() + self.ahead_s) * 1000)
        return {
            "metadata": {"creationTimestamp": rfc3339(now_ms - now_ms % 1000)},
            "status": {"userInfo": {"username": "jane"}},
        }


class Patient:
    """API server and Redis of an installation. A test changes what they hold, then looks."""

    def __init__(self) -> None:
        self.api = PatientApi()
        self.server = IdentifiedServer()
        self.redis = fake_client(self.server)
        self.url = "redis://127.0.0.1:6379/0"
        self.index = Index(self.redis, "default")
        self.info: Object | Exception = dict(INFO)
        self.processes: set[str] | Exception = {client_name(HOLDER), client_name("worker-1"), "somebody-else"}
        self.api.objects["/version"] = {"major": "1", "minor": "34+", "gitVersion": "v1.34.1"}
        self.api.objects[paths.CLUSTER_IDENTITY] = {"metadata": {"uid": CLUSTER_UID}}
        self.serve_fields(*SPEC_FIELDS)
        self.lead()

    async def build(self, *timers: Object) -> None:
        """Hold these timers in the cluster and in the index."""
        for timer in timers:
            self.hold(timer)
        await self.index.claim_ownership(CLUSTER_UID)
        identity = await self.index.begin_rebuild("first")
        await self.index.sync(Wanted(ticket_of(one["metadata"]["uid"]), 1, 1, None, "billing", "x") for one in timers)
        assert await self.index.finish_rebuild("first", identity)

    def hold(self, timer: Object) -> None:
        """Hold a timer in the cluster only."""
        self.api.put(paths.timer(timer["metadata"]["namespace"], timer["metadata"]["name"]), timer)

    def serve_fields(self, *fields: str) -> None:
        """Let the definition have these fields."""
        spec = {"properties": {field: {} for field in fields}}
        kind = {"x-kubernetes-group-version-kind": [{"kind": "RedisTimer", "version": "v1alpha1"}]}
        schemas = {"other": {}, "timer": {"properties": {"spec": spec}, **kind}}
        self.api.objects[SCHEMA] = {"components": {"schemas": schemas}}

    def lead(self, holder: str = HOLDER, ago_s: float = 1, duration_s: int = 15) -> None:
        """Let somebody have renewed the Lease so long ago."""
        renewed = rfc3339(int((time.time() - ago_s) * 1000))
        spec = {"holderIdentity": holder, "renewTime": renewed, "leaseDurationSeconds": duration_s}
        self.api.objects[LEASE] = {"spec": spec}

    def refuse(self, path: str, status: int = 403) -> None:
        """Let the API server refuse this, now and later."""
        self.api.fail("GET", path, *[ApiError(status, "Forbidden", "jane cannot get it")] * 3)

    async def findings(self, namespace: str | None = None, is_guess: bool = False) -> list[Finding]:
        """What an examination finds."""

        async def info(*_: object) -> Any:
            return _given(self.info)

        async def client_list(*_: object) -> Any:
            return [{"name": name} for name in _given(self.processes)]

        self.redis.info = info  # type: ignore[method-assign]
        self.redis.client_list = client_list  # type: ignore[assignment]
        cluster = Cluster(self.api, "default", "https://api.example")  # type: ignore[arg-type]
        settings = Settings.model_validate({"redis-url": self.url, "identity": "doctor-1"})
        async with Examination(cluster, self.redis, settings, namespace, is_guess, 5) as examination:
            return await examination.findings()


@asynccontextmanager
async def healthy(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Patient]:
    """A healthy installation with two timers, at which nobody looks again after a while."""
    for module in ("kubernetes", "redis"):
        monkeypatch.setattr(f"controller.cli.doctor.{module}._LOOK_AGAIN_S", 0.0)
    patient = Patient()
    await patient.build(well("report"), well("cleanup"))
    yield patient
    await patient.redis.aclose()


def _given(value: Any) -> Any:
    if isinstance(value, Exception):
        raise value
    return value


def not_ok(findings: list[Finding]) -> list[tuple[str, Level]]:
    """The checks with findings that are not ok."""
    return [(finding.check, finding.level) for finding in findings if finding.level is not Level.OK]


async def only(patient: Patient, check: str, is_guess: bool = False) -> Finding:
    """The one finding of a check."""
    (finding,) = [finding for finding in await patient.findings(is_guess=is_guess) if finding.check == check]
    return finding
