"""What is there before a document's commands are run: a namespace, with the objects and files that they speak of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import yaml

from controller.core.timer import API_VERSION, KIND
from tests.docs.examples import JOB_TEMPLATE, Object
from tests.docs.markdown import blocks_of

RUN: Object = {
    "spec": {
        "backoffLimit": 0,
        "template": {
            "spec": {
                "restartPolicy": "Never",
                "containers": [{"name": "main", "image": "busybox:1.37", "command": ["true"]}],
            }
        },
    }
}
"""A Job that succeeds at once."""
NEVER = "0 0 1 1 *"
"""Once a year: for what should not begin by itself in the middle of a test."""

_NONE: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Scene:
    """Where the commands of one document are run."""

    namespace: str
    timers: Mapping[str, Object] = field(default_factory=lambda: _NONE)
    """Specs by name; a jobTemplate is added where there is none."""
    labels: Mapping[str, str] = field(default_factory=lambda: _NONE)
    """Of its timers."""
    cron_jobs: Mapping[str, Object] = field(default_factory=lambda: _NONE)
    files: Mapping[str, str] = field(default_factory=lambda: _NONE)
    """Their text, by name."""
    namespaces: Sequence[str] = ()
    """Others that are there, too; a timer named hello is in each."""

    redis: Sequence[str] = ()
    """Commands for Redis."""

    @property
    def words(self) -> dict[str, str]:
        """What stands for words that readers have to replace."""
        return {"NAMESPACE": self.namespace, "NAME": next(iter(self.timers), "none")}

    def objects(self) -> list[Object]:
        """What has to be created."""
        timers = [_object(API_VERSION, KIND, name, spec, self.labels) for name, spec in self.timers.items()]
        cron_jobs = [_object("batch/v1", "CronJob", name, spec) for name, spec in self.cron_jobs.items()]
        here = [_in(self.namespace, obj) for obj in timers + cron_jobs]
        return here + [_in(name, _object(API_VERSION, KIND, "hello", {"schedule": NEVER})) for name in self.namespaces]


def _object(api_version: str, kind: str, name: str, spec: Object, labels: Mapping[str, str] = _NONE) -> Object:
    metadata = {"name": name, "labels": dict(labels)}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": {"jobTemplate": RUN, **spec}}


def _in(namespace: str, obj: Object) -> Object:
    return {**obj, "metadata": {**obj["metadata"], "namespace": namespace}}


def scene_of(doc: str) -> Scene:
    """The one of a document: its own, or an empty namespace."""
    make = _SCENES.get(doc)
    return make() if make else Scene(doc.removesuffix(".md").replace("/", "-").lower())


_REPORT: Object = {"schedule": "30 6 * * 1-5", "timeZone": "Europe/Berlin"}


def _readme() -> Scene:
    manifests = [block.text for block in blocks_of("README.md") if block.language == "yaml"]
    return Scene("readme", timers={"cron": {"schedule": NEVER}}, files={"report.yaml": manifests[0]})


def _usage() -> Scene:
    timers: dict[str, Object] = {
        "report": _REPORT,
        "import-prices": {"every": "12h", "concurrencyPolicy": "Forbid"},
        "cleanup": {"every": "90m", "jitter": "10m"},
        "paused": {"every": "1h", "suspend": True},
    }
    return Scene("shop", timers=timers)


def _cronjob() -> Scene:
    spec = {"schedule": "30 6 * * *", "timeZone": "Europe/Berlin", "concurrencyPolicy": "Forbid", "jobTemplate": RUN}
    manifest = _object("batch/v1", "CronJob", "report", spec)
    return Scene("cronjob", cron_jobs={"report": {"schedule": NEVER}}, files={"report.yaml": yaml.safe_dump(manifest)})


def _migrate() -> Scene:
    hundreds: dict[str, Object] = {f"job-{number}": {"schedule": NEVER} for number in range(5)}
    on_hold = {"on-hold": {"schedule": NEVER, "suspend": True}}
    return Scene("shop-before", cron_jobs={"report": {"schedule": NEVER}, **hundreds, **on_hold})


def _operations() -> Scene:
    names = ("report", "cleanup")
    timers: dict[str, Object] = {name: {"schedule": NEVER, "jobTemplate": JOB_TEMPLATE} for name in names}
    return Scene("shop-run", timers=timers, labels={"team": "billing"})


def _security() -> Scene:
    return Scene("team", timers={"report": _REPORT})


def _install() -> Scene:
    return Scene("install", namespaces=("team-a",))


def _runbooks() -> Scene:
    return Scene("runbooks", timers={"report": _REPORT, "missed": {"at": "2026-01-01T00:00:00Z"}})


def _redis() -> Scene:
    return Scene("redis", redis=["ACL SETUSER redistimer-worker >the-old-one"])


_SCENES = {
    "docs/install.md": _install,
    "docs/redis.md": _redis,
    "docs/runbooks.md": _runbooks,
    "docs/security.md": _security,
    "README.md": _readme,
    "docs/usage.md": _usage,
    "docs/cronjob.md": _cronjob,
    "docs/migrate-from-cronjob.md": _migrate,
    "docs/operations.md": _operations,
}

TIMER = yaml.safe_dump(_object(API_VERSION, KIND, "report", {"schedule": NEVER}))
CRON_JOBS = yaml.safe_dump_all([_object("batch/v1", "CronJob", name, {"schedule": NEVER}) for name in ("a", "b")])
"""For kustomizations that name a file with one."""
