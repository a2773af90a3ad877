"""A cluster in memory for backfills: one timer, and Jobs that end whenever the command has nothing else to do."""

import asyncio
import copy
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from controller.cli.cluster import Cluster, Where
from controller.core.backfill import BACKFILL_ANNOTATION
from controller.core.instants import rfc3339
from controller.core.job import parse_run
from controller.kube import paths
from tests.unit.core.objects import UID, timer_object
from tests.unit.kube.stub_api import Request, StubApi

Object = dict[str, Any]

TIMER = paths.timer("default", "nightly")
JOBS = paths.jobs("default")
SPEC = {
    "schedule": "0 6 * * *",
    "jobTemplate": {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "busybox"}]}}}},
}

_TURNS = 20
"""So often the command may go on before a Job ends: it never really waits for a stub's answers."""

SUCCEEDS = {"conditions": [{"type": "Complete", "status": "True"}], "completionTime": "2026-03-05T00:00:00Z"}
FAILS = {
    "conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "tried too often"}]
}
IS_REMOVED = None
NEVER_ENDS: Mapping[str, Any] = {}


class BackfillWorld(StubApi):
    """The API server. `ends` says by nominal time how Jobs end; those that it does not name succeed."""

    def __init__(self, spec: Mapping[str, Any] = SPEC, **metadata: Any) -> None:
        super().__init__()
        self.put(TIMER, timer_object(spec, **metadata))
        self.ends: dict[str, Mapping[str, Any] | None] = {}
        self.keep = 1000
        """So many finished Jobs are kept."""
        self.most_active = 0
        self.watches = 0
        self.when_idle: Callable[[], None] | None = None
        """Called instead of letting a Job end, once."""
        self._events: deque[Object | Exception | None] = deque()

    # What tests read.

    @property
    def created(self) -> list[str]:
        """The nominal times of all Jobs that were really created, in that order."""
        made = [request for request in self.made("POST") if "dryRun" not in request.parameters]
        return [_time_of(request.body) for request in made]

    @property
    def jobs(self) -> list[str]:
        """The nominal times of the Jobs that are there."""
        return sorted(_time_of(job) for job in self._jobs())

    @property
    def annotation(self) -> str | None:
        """What the timer has on record."""
        text: str | None = (self.objects[TIMER]["metadata"].get("annotations") or {}).get(BACKFILL_ANNOTATION)
        return text

    # What others do.

    def edit(self, spec: Mapping[str, Any] | None = None, **metadata: Any) -> None:
        """Write to the timer; a new spec is a new generation."""
        obj = copy.deepcopy(self.objects[TIMER])
        if spec is not None:
            obj["spec"] = {**obj["spec"], **spec}
            obj["metadata"]["generation"] += 1
        obj["metadata"].update(metadata)
        self.put(TIMER, obj)

    def annotate(self, text: str | None) -> None:
        """Write the record."""
        self.edit(annotations={} if text is None else {BACKFILL_ANNOTATION: text})

    def delete_timer(self) -> None:
        """Delete the timer, and so its Jobs."""
        del self.objects[TIMER]
        for job in self._jobs():
            self._remove(job)

    def remove_jobs(self) -> None:
        """Delete all Jobs, as a TTL does, unseen by any watch."""
        for path in [path for path in self.objects if path.startswith(f"{JOBS}/")]:
            del self.objects[path]

    def end_watch(self, error: Exception | None = None) -> None:
        """End the watch, with an error or as a server does after a while."""
        self._events.append(error)

    # The API.

    async def get(self, path: str, **parameters: str) -> Object:
        if path != JOBS:
            return await super().get(path, **parameters)
        await self._arrive(Request("GET", path, parameters))
        assert parameters["labelSelector"] == f"redistimer.dev/timer-uid={UID}"
        start = int(parameters.get("continue") or 0)
        jobs = [job for job in self._jobs() if job["metadata"].get("labels")]
        more = {"continue": str(start + self.page_size)} if start + self.page_size < len(jobs) else {}
        if not start:
            self._events.clear()
        return {
            "metadata": {"resourceVersion": str(self._version), **more},
            "items": jobs[start : start + self.page_size],
        }

    async def create(self, path: str, body: bytes, **parameters: str) -> Object:
        if parameters.get("dryRun"):
            before = dict(self.objects)
            try:
                return await super().create(path, body, **parameters)
            finally:
                self.objects = before
        made = await super().create(path, body, **parameters)
        self._events.append({"type": "ADDED", "object": made})
        self.most_active = max(self.most_active, len(self._active()))
        return made

    async def merge(self, path: str, patch: Mapping[str, Any]) -> Object:
        await self._arrive(Request("PATCH", path, {}, copy.deepcopy(dict(patch))))
        obj = copy.deepcopy(self._stored(path))
        self._compare(obj, patch)
        annotations = {**obj["metadata"].get("annotations", {}), **patch["metadata"]["annotations"]}
        obj["metadata"]["annotations"] = annotations
        return self.put(path, obj)

    async def watch(self, path: str, version: str, **parameters: str) -> AsyncIterator[Object]:
        """What happens to the Jobs, until somebody ends it."""
        assert (path, parameters) == (JOBS, {"labelSelector": f"redistimer.dev/timer-uid={UID}"})
        self.watches += 1
        while True:
            for _turn in range(_TURNS):
                await asyncio.sleep(0)
            if not self._events:
                self._go_on()
                continue
            event = self._events.popleft()
            if event is None:
                return
            if isinstance(event, Exception):
                raise event
            yield event

    def _go_on(self) -> None:
        if self.when_idle is not None:
            act, self.when_idle = self.when_idle, None
            act()
            return
        for job in self._active():
            end = self.ends.get(_time_of(job), SUCCEEDS)
            if end is NEVER_ENDS:
                continue
            if end is None:
                self._remove(job)
            else:
                stored = self.put(f"{JOBS}/{job['metadata']['name']}", {**job, "status": dict(end)})
                self._events.append({"type": "MODIFIED", "object": stored})
                self._tidy_up()
            return

    def _tidy_up(self) -> None:
        finished = [job for job in self._jobs() if job.get("status", {}).get("conditions")]
        for job in finished[: max(len(finished) - self.keep, 0)]:
            self._remove(job)

    def _remove(self, job: Object) -> None:
        del self.objects[f"{JOBS}/{job['metadata']['name']}"]
        self._events.append({"type": "DELETED", "object": job})

    def _jobs(self) -> list[Object]:
        jobs = [copy.deepcopy(obj) for path, obj in self.objects.items() if path.startswith(f"{JOBS}/")]
        return sorted(jobs, key=lambda job: job["metadata"]["name"])

    def _active(self) -> list[Object]:
        return [job for job in self._jobs() if not job.get("status", {}).get("conditions")]

    @asynccontextmanager
    async def reach(self, where: Where) -> AsyncIterator[Cluster]:
        """In place of `controller.cli.cluster.reach`."""
        yield Cluster(self, where.namespace or "default", "https://stub")  # type: ignore[arg-type]


def _time_of(job: Mapping[str, Any]) -> str:
    run = parse_run({**job, "metadata": {"uid": "not yet", **job["metadata"]}})
    return "somebody else's" if run is None else rfc3339(run.occurrence_ms)
