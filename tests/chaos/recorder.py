"""Sees every Job that ever comes into being, past every fault: by the API server's audit log, and by a watch.

The audit log misses what the API server was killed over; the watch misses what came and went while it was away. What
neither tells of a Job (an end, a removal) is told by the next list.
"""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import orjson

from tests.chaos.client import JOBS, TIMERS, Admin, Object, now_ms
from tests.chaos.history import Acked, Confirmed, Fault, History, Job, Status
from tests.chaos.occurrences import instant_ms
from tests.chaos.proxy import AGENT
from tests.chaos.timers import EDIT

POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
omitManagedFields: true
rules:
  - level: RequestResponse
    verbs: [create, patch]
    resources: [{group: batch, resources: [jobs]}]
  - level: None
"""
"""What the API server is to write down."""

_LOOK_S = 0.5
_COMMITS = ("committedRun", "committedRequest")
"""Where status names the Jobs that may run, under guarantee Strict."""


class Recorder:
    """Keeps a History up to date."""

    def __init__(self, admin: Admin, audit_log: Path, history: History) -> None:
        self._admin = admin
        self._audit_log = audit_log
        self._audit_read = 0
        self._history = history
        self._jobs: dict[str, Job] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self.last_arrival_ms = 0

    async def start(self) -> None:
        """Begin; returns once the first lists are in, so that nothing comes before."""
        begun = asyncio.Event()

        def listed(items: list[Object]) -> None:
            self._jobs_listed(items)
            begun.set()

        self._tasks = [
            asyncio.create_task(self._admin.follow(JOBS, self._job, listed)),
            asyncio.create_task(self._admin.follow(TIMERS, self._timer, self._timers_listed)),
            asyncio.create_task(self._read_audit_log()),
        ]
        await begun.wait()

    async def stop(self) -> None:
        """End, with everything read that was written."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._read_more()
        self._history.jobs = list(self._jobs.values())

    def jobs_so_far(self) -> int:
        """How many Jobs there were."""
        return len(self._jobs)

    def unsettled(self, until_ms: int) -> int:
        """How many runs up to an instant status does not know of. With them it tells of what did not run, too."""
        handled: dict[str, int] = {}
        for status in self._history.statuses:
            handled[status.uid] = max(status.handled_ms, handled.get(status.uid, 0))
        gone = {deletion.uid for deletion in self._history.deletions}
        return sum(
            handled.get(job.timer_uid, 0) < job.occurrence_ms
            for job in self._jobs.values()
            if not job.trigger and job.occurrence_ms <= until_ms and job.timer_uid not in gone and job.ran_ms
        )

    def _job(self, kind: str, obj: Object) -> None:
        job = self._known(obj)
        if job is None:
            return
        revision = int(obj["metadata"]["resourceVersion"])
        if job.arrived_ms is None:
            job.arrived_ms = self.last_arrival_ms = now_ms()
            if kind == "ADDED":
                job.created_rv = revision
        if job.born_suspended and job.let_go_ms is None and not (obj.get("spec") or {}).get("suspend"):
            job.let_go_ms = now_ms()
        ended = {one["type"] for one in (obj.get("status") or {}).get("conditions") or () if one["status"] == "True"}
        if ended & {"Complete", "Failed"} and job.finished_ms is None:
            job.finished_ms, job.finished_rv = now_ms(), revision
        if kind == "DELETED":
            job.removed_ms, job.removed_rv = now_ms(), revision

    def _jobs_listed(self, items: list[Object]) -> None:
        for obj in items:
            self._job("", obj)
        there = {obj["metadata"]["uid"] for obj in items}
        for job in self._jobs.values():
            if job.arrived_ms is not None and job.uid not in there and job.removed_ms is None:
                job.removed_ms = now_ms()

    def _known(self, obj: Object) -> Job | None:
        """The record of a Job, made if it is not there; None for a Job that no timer owns."""
        metadata = obj["metadata"]
        uid = metadata["uid"]
        if uid in self._jobs:
            return self._jobs[uid]
        owner = next(iter(metadata.get("ownerReferences") or ()), {})
        annotations = metadata.get("annotations") or {}
        if owner.get("kind") != "RedisTimer":
            return None
        self._jobs[uid] = job = Job(
            uid=uid,
            name=f"{metadata['namespace']}/{metadata['name']}",
            timer_uid=owner["uid"],
            occurrence_ms=instant_ms(annotations["redistimer.dev/scheduled-at"]),
            trigger=annotations.get("redistimer.dev/trigger", ""),
            edit=int(annotations.get(EDIT, -1)),
            born_suspended=bool((obj.get("spec") or {}).get("suspend")),
        )
        return job

    def _timers_listed(self, items: list[Object]) -> None:
        for obj in items:
            self._timer("", obj)

    def _timer(self, _: str, obj: Object) -> None:
        status = obj.get("status") or {}
        if "handledThrough" not in status:
            return
        runs = status.get("runs") or {}
        self._history.statuses.append(
            Status(
                uid=obj["metadata"]["uid"],
                arrived_ms=now_ms(),
                generation=status.get("observedGeneration", 0),
                handled_ms=instant_ms(status["handledThrough"]),
                missed=runs.get("missed", 0),
                skipped=runs.get("skipped", 0),
                request=status.get("lastHandledTrigger", ""),
                committed=tuple(status[one]["jobUid"] for one in _COMMITS if one in status),
            )
        )

    async def _read_audit_log(self) -> None:
        while True:
            self._read_more()
            await asyncio.sleep(_LOOK_S)

    def _read_more(self) -> None:
        with contextlib.suppress(FileNotFoundError), self._audit_log.open("rb") as log:
            log.seek(self._audit_read)
            complete, newline, _ = log.read().rpartition(b"\n")
            self._audit_read += len(complete) + len(newline)
            for line in complete.splitlines():
                with contextlib.suppress(ValueError):  # cut short where the API server was killed
                    self._audited(orjson.loads(line))

    def _audited(self, event: dict[str, Any]) -> None:
        code = (event.get("responseStatus") or {}).get("code", 0)
        if code >= 300 or "dryRun" in event["requestURI"]:
            return
        received_ms, answered_ms = instant_ms(event["requestReceivedTimestamp"]), instant_ms(event["stageTimestamp"])
        if event["verb"] == "create":
            obj = event["responseObject"]
            job = self._known(obj)
            if job is not None:
                job.received_ms, job.answered_ms = received_ms, answered_ms
                job.created_rv = int(obj["metadata"]["resourceVersion"])
                agent = event.get("userAgent", "")
                job.creator = agent.removeprefix(AGENT) if agent.startswith(AGENT) else ""
        elif "spec" in (obj := event.get("responseObject") or {}):
            job = self._jobs.get(obj["metadata"]["uid"])
            if job and job.born_suspended and not obj["spec"].get("suspend"):
                job.let_go_ms = min(answered_ms, job.let_go_ms or answered_ms)


def read_journals(folder: Path, history: History) -> None:
    """Take in what the product's processes have written down about themselves."""
    for path in sorted(folder.glob("*.journal")):
        for line in path.read_bytes().splitlines():
            try:
                entry = orjson.loads(line)
            except ValueError:
                continue  # a process was killed over it
            kind = entry.pop("kind")
            if kind == "confirmed":
                history.confirmed.append(Confirmed(**entry))
            elif kind == "acked":
                history.acked.append(Acked(**entry))
            elif kind == "struck":
                how = "killed" if entry["deed"] == "SIGKILL" else "stopped"
                at_ms = entry["at_ms"]
                history.faults.append(Fault(f"{how} at: {entry['point']}", at_ms, at_ms, entry["process"]))
