"""Everybody else in the cluster: users, the Job controller, the TTL controller, the garbage collector."""

import asyncio
import random
from collections import Counter

from controller.core.instants import parse_rfc3339, rfc3339
from controller.core.timer import TRIGGER_ANNOTATION
from controller.kube.errors import ApiError
from tests.simulation.cluster import JOBS, TIMERS, Cluster, Object, owner_of, timer_manifest
from tests.simulation.loop import SimulatedLoop
from tests.simulation.timers import VERSION_LABEL, History, Spec, Version, draw_spec, edited
from tests.simulation.trace import Trace

NAMESPACE = "default"

_ACTS = ("edit", "delete", "delete in the foreground", "recreate", "trigger", "delete job")
LAST_EDIT_S = 3.0
"""So long before faults end users leave their timers alone."""


class Users:
    """People who create, edit, suspend, delete and recreate timers, ask for runs by hand, and delete Jobs."""

    def __init__(self, rng: random.Random, cluster: Cluster, loop: SimulatedLoop, trace: Trace) -> None:
        self._rng = rng
        self._cluster = cluster
        self._loop = loop
        self._trace = trace
        self._requests = 0
        self.counts: Counter[str] = Counter()
        self.histories: dict[str, History] = {}
        """By UID, the deleted ones included."""

    async def live(self, length_s: float, now_ms: "NowMs") -> None:
        """Do this and that for so long."""
        rng = self._rng
        ends_at = self._loop.time() + length_s
        for number in range(rng.choice((1, 2, 2, 3))):
            await asyncio.sleep(rng.uniform(0, 1.5))
            self.create(f"timer-{number}", draw_spec(rng, now_ms()))
        busy = rng.choice((0.0, 0.1, 0.3))
        if busy == 0:
            return
        while True:
            await asyncio.sleep(rng.expovariate(busy))
            if self._loop.time() > ends_at - LAST_EDIT_S:
                return
            self.act(now_ms())

    def act(self, now_ms: int) -> None:
        """One thing that a user does."""
        living = [one for one in self.histories.values() if one.deleted_ms is None]
        if not living:
            return
        history = self._rng.choice(living)
        what = self._rng.choices(_ACTS, (12, 1, 1, 4, 4, 4))[0]
        self.counts[what] += 1
        if what == "edit":
            self.edit(history, now_ms)
        elif what == "delete":
            self.delete(history, now_ms)
        elif what == "delete in the foreground":
            self.delete_in_the_foreground(history, now_ms)
        elif what == "recreate":
            self.delete(history, now_ms)
            self.create(history.name, draw_spec(self._rng, now_ms))
        elif what == "trigger":
            self.trigger(history, now_ms)
        else:
            self.delete_a_job(history)

    def create(self, name: str, spec: Spec) -> None:
        """Apply a timer."""
        made = self._cluster.create(TIMERS, timer_manifest(NAMESPACE, name, spec.manifest()))
        metadata = made["metadata"]
        created_ms = parse_rfc3339(metadata["creationTimestamp"])
        history = History(metadata["uid"], NAMESPACE, name, created_ms, [Version(spec, 1, created_ms, True)])
        self.histories[history.uid] = history
        self._trace("user", f"creates {name} {spec.manifest()} uid {history.uid}")

    def edit(self, history: History, now_ms: int) -> None:
        """Apply it changed."""
        spec, fences, traceless = edited(self._rng, history.spec, now_ms)
        key = history.namespace, history.name
        written = [
            one["time"] for one in self._cluster.get(TIMERS, key)["metadata"]["managedFields"] if "subresource" in one
        ]
        undated = traceless or rfc3339(now_ms // 1000 * 1000) in written
        obj = self._cluster.edit(TIMERS, key, spec.manifest(), not traceless)
        generation = obj["metadata"]["generation"]
        history.versions.append(Version(spec, generation, now_ms, fences, undated))
        self._trace("user", f"edits {history.name} to generation {generation}: {spec.manifest()}")

    def delete(self, history: History, now_ms: int) -> None:
        """Delete a timer."""
        history.deleted_ms = now_ms
        self._trace("user", f"deletes {history.name} uid {history.uid}")
        self._cluster.delete(TIMERS, (history.namespace, history.name))

    def delete_in_the_foreground(self, history: History, now_ms: int) -> None:
        """Delete a timer, which is still there until its Jobs are gone."""
        history.deleted_ms = now_ms
        self._trace("user", f"deletes {history.name} uid {history.uid} in the foreground")
        key = history.namespace, history.name
        generation = self._cluster.get(TIMERS, key)["metadata"]["generation"] + 1
        now = rfc3339(now_ms // 1000 * 1000)
        self._cluster.mark(TIMERS, key, deletionTimestamp=now, generation=generation, finalizers=["foregroundDeletion"])
        self._loop.call_later(self._rng.uniform(0.2, 3), self._cluster.delete, TIMERS, key)

    def trigger(self, history: History, now_ms: int) -> None:
        """Ask for a run by hand; not while another request is open, as the command would not."""
        obj = self._cluster.timer(history.uid)
        if obj is None:
            return
        before = (obj["metadata"].get("annotations") or {}).get(TRIGGER_ANNOTATION)
        if before is not None and before != (obj.get("status") or {}).get("lastHandledTrigger"):
            return
        self._requests += 1
        request = f"request-{self._requests}"
        history.requests[request] = now_ms
        key = history.namespace, history.name
        self._cluster.mark(TIMERS, key, annotations={TRIGGER_ANNOTATION: request})
        self._trace("user", f"asks for a run of {history.name} by hand: {request}")

    def delete_a_job(self, history: History) -> None:
        """Delete some Job."""
        jobs = list(self._cluster.jobs_of(history.uid))
        if jobs:
            metadata = self._rng.choice(jobs)["metadata"]
            self._trace("user", f"deletes job {metadata['name']}")
            self._cluster.delete(JOBS, (metadata["namespace"], metadata["name"]))

    def spec_of(self, job: Object) -> Spec:
        """The spec that a Job was made from."""
        return self.histories[owner_of(job)].version(job["metadata"]["labels"][VERSION_LABEL]).spec


class NowMs:
    """The true time, in milliseconds."""

    def __init__(self, loop: SimulatedLoop, start_ms: int) -> None:
        self._loop = loop
        self._start_ms = start_ms
        self._start_s = loop.time()

    def __call__(self) -> int:
        return self._start_ms + int((self._loop.time() - self._start_s) * 1000 + 1e-6)


class Controllers:
    """What Kubernetes itself does with Jobs."""

    def __init__(self, rng: random.Random, cluster: Cluster, users: Users, loop: SimulatedLoop, now_ms: NowMs) -> None:
        self._rng = rng
        self._cluster = cluster
        self._users = users
        self._loop = loop
        self._now_ms = now_ms
        self._started: set[str] = set()
        cluster.told.append(self._changed)

    def _changed(self, collection: str, change: str, obj: Object) -> None:
        metadata = obj["metadata"]
        if collection == TIMERS and change == "DELETED":
            for job in list(self._cluster.jobs_of(metadata["uid"])):
                self._remove_later(job, self._rng.uniform(0.1, 2))
        elif collection == JOBS and change != "DELETED":
            if not obj["spec"].get("suspend") and metadata["uid"] not in self._started:
                self._started.add(metadata["uid"])
                spec = self._users.spec_of(obj)
                self._loop.call_later(spec.run_s * self._rng.uniform(0.5, 1.5), self._finish, obj, spec)
            if change == "ADDED" and self._cluster.timer(owner_of(obj)) is None:
                self._remove_later(obj, self._rng.uniform(0.5, 2))

    def _finish(self, job: Object, spec: Spec) -> None:
        metadata = job["metadata"]
        key = metadata["namespace"], metadata["name"]
        current = self._cluster.objects[JOBS].get(key)
        if current is None or current["metadata"]["uid"] != metadata["uid"]:
            return
        now = rfc3339(self._now_ms() // 1000 * 1000)
        failed = self._rng.random() < spec.fails
        ended = {"type": "Failed" if failed else "Complete", "status": "True", "lastTransitionTime": now}
        self._cluster.finish(key, {"conditions": [ended]} | ({} if failed else {"completionTime": now}))
        if spec.ttl_s is not None:
            self._remove_later(job, spec.ttl_s + self._rng.uniform(0, 0.2))

    def _remove_later(self, job: Object, after_s: float) -> None:
        self._loop.call_later(after_s, self._remove, job)

    def _remove(self, job: Object) -> None:
        metadata = job["metadata"]
        try:
            self._cluster.delete(JOBS, (metadata["namespace"], metadata["name"]), {"uid": metadata["uid"]})
        except ApiError:
            return
