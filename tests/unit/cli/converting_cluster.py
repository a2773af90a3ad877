"""A cluster with CronJobs and RedisTimers for `import` and `export`, and how they are called."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from controller.cli.cluster import Cluster, Where
from tests.unit.cli.stub_cluster import TEMPLATE
from tests.unit.kube.stub_api import StubApi

Object = dict[str, Any]

PLURALS = {"CronJob": "batch/v1/{}/cronjobs", "RedisTimer": "redistimer.dev/v1alpha1/{}/redistimers"}


def manifest(kind: str, name: str = "report", namespace: str | None = "billing", **parts: Any) -> Object:
    """A manifest; `spec` is its own, the rest is metadata."""
    spec = {"schedule": "30 6 * * *", "timeZone": "UTC", "jobTemplate": TEMPLATE} | parts.pop("spec", {})
    api_version = "batch/v1" if kind == "CronJob" else "redistimer.dev/v1alpha1"
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {}) | parts
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}


@dataclass(frozen=True)
class Printed:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def manifests(self) -> list[Object]:
        """What kubectl would read."""
        return list(yaml.safe_load_all(self.out))


class ConvertingCluster(StubApi):
    """Holds objects of both kinds as the API server does: those in lists do not say what they are."""

    def hold(self, *objects: Object) -> None:
        """Put these in."""
        for obj in objects:
            metadata = obj["metadata"]
            collection = PLURALS[obj["kind"]].format(f"namespaces/{metadata['namespace']}")
            stored = {"metadata": metadata | {"uid": "1", "managedFields": []}, "spec": obj["spec"], "status": {}}
            self.put(f"/apis/{collection}/{metadata['name']}", stored)


Call = Callable[..., Printed]


def caller(
    command: Callable[[Sequence[str]], int],
    api: ConvertingCluster,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Call:
    """Calls a command that reaches this cluster."""

    @asynccontextmanager
    async def reach(where: Where) -> AsyncIterator[Cluster]:
        yield Cluster(api, where.namespace or "billing")  # type: ignore[arg-type]

    monkeypatch.setattr("controller.cli.convert.converting.reach", reach)

    def call(*arguments: str) -> Printed:
        try:
            code = command(arguments)
        except SystemExit as ended:
            code = int(ended.code or 0)
        printed = capsys.readouterr()
        return Printed(code, printed.out, printed.err)

    return call
