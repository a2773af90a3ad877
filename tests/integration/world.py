"""The state of the world, read and changed as a user does it: timers, their Jobs, Events and namespaces."""

import itertools
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from kubernetes.client import ApiClient
from kubernetes.config import new_client_from_config
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import NotFoundError
from redis import Redis

from controller.core.identity import ticket_of
from controller.index.keys import keys_of
from tests.cluster import Stack
from tests.integration.recorder import Fired, Recorder
from tests.integration.waiting import instant_of, now_ms, wait_until

Object = dict[str, Any]

KEYS = keys_of("default")
"""Where the index of the installation is in Redis."""

_MERGE = "application/merge-patch+json"
_numbers = itertools.count(1)


def template(command: list[str] | None = None, **job_spec: Any) -> Object:
    """A jobTemplate whose Pods run a command; without one they succeed at once."""
    container: Object = {"name": "main", "image": "never-pulled"} | ({"command": command} if command else {})
    return {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}} | job_spec}


NO_PODS = template(parallelism=0)
"""For tests that look at Jobs only: without Pods a Job costs the machine next to nothing."""


class Cluster:
    """An administrator's connections to a stack, and the record of all its Jobs."""

    def __init__(self, stack: Stack, client: ApiClient, redis: Redis) -> None:
        self.stack = stack
        self.redis = redis
        self.recorder = Recorder(stack)
        self._resources = DynamicClient(client).resources

    def resource(self, kind: str, api_version: str = "v1") -> Any:
        """The endpoints of a kind."""
        return self._resources.get(api_version=api_version, kind=kind)

    @contextmanager
    def world(self) -> Iterator["World"]:
        """A namespace of its own; at the end it is deleted, which nobody waits for."""
        name = f"world-{next(_numbers)}-{uuid.uuid4().hex[:6]}"
        self.resource("Namespace").create(body={"metadata": {"name": name}})
        world = World(self, name)
        try:
            yield world
        finally:
            # Timers first: in a namespace that is being deleted they would try to fire for a while.
            world.timers.delete(namespace=name, field_selector=f"metadata.namespace={name}")
            self.resource("Namespace").delete(name=name)


@contextmanager
def connected(stack: Stack) -> Iterator[Cluster]:
    """Connect to a stack as administrator."""
    with (
        new_client_from_config(str(stack.kubeconfig)) as client,
        Redis.from_url(stack.redis_url, decode_responses=True) as redis,
    ):
        yield Cluster(stack, client, redis)


class World:
    """One namespace."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace

    def create(
        self,
        name: str,
        job_template: Object = NO_PODS,
        finalizers: tuple[str, ...] = (),
        annotations: Mapping[str, str] = MappingProxyType({}),
        **spec: Any,
    ) -> "Timer":
        """Create a RedisTimer."""
        metadata = {"name": name, "finalizers": list(finalizers), "annotations": dict(annotations)}
        spec = {"jobTemplate": job_template} | spec
        return Timer(self, self.add("RedisTimer", "redistimer.dev/v1alpha1", {"metadata": metadata, "spec": spec}))

    def add(self, kind: str, api_version: str, body: Object) -> Object:
        """Create any object in this namespace."""
        body = {"apiVersion": api_version, "kind": kind} | body
        made: Object = self.cluster.resource(kind, api_version).create(namespace=self.namespace, body=body).to_dict()
        return made

    def remove(self, kind: str, api_version: str, name: str) -> None:
        """Delete any object of this namespace."""
        self.cluster.resource(kind, api_version).delete(namespace=self.namespace, name=name)

    def wait_for_pods_to_be_possible(self) -> None:
        """A namespace takes Pods only once it has its default ServiceAccount."""
        accounts = self.cluster.resource("ServiceAccount")
        wait_until(
            lambda: [account.metadata.name for account in accounts.get(namespace=self.namespace).items],
            lambda names: "default" in names,
            "the namespace has a ServiceAccount",
        )

    @property
    def timers(self) -> Any:
        """The endpoint of RedisTimers."""
        return self.cluster.resource("RedisTimer", "redistimer.dev/v1alpha1")


class Timer:
    """A RedisTimer in the cluster."""

    def __init__(self, world: World, obj: Object) -> None:
        self._world = world
        self.namespace = world.namespace
        self.name: str = obj["metadata"]["name"]
        self.uid: str = obj["metadata"]["uid"]
        self.ticket = ticket_of(self.uid)
        self.created_ms = instant_of(obj["metadata"]["creationTimestamp"])

    # What the API server has.

    def read(self) -> Object:
        """The object as it is now."""
        obj: Object = self._world.timers.get(namespace=self.namespace, name=self.name).to_dict()
        return obj

    def status(self) -> Object:
        """Its status, empty before the first is written."""
        return self.read().get("status") or {}

    def counted(self, outcome: str) -> int:
        """How many of its runs status has counted as succeeded, failed, missed or skipped; none before the first."""
        return int(self.status().get("runs", {}).get(outcome, 0))

    def condition(self, kind: str) -> Object:
        """A condition by its type, empty where there is none. Those of an older generation do not count."""
        obj = self.read()
        conditions = (obj.get("status") or {}).get("conditions") or ()
        current = obj["metadata"]["generation"]
        return next((one for one in conditions if one["type"] == kind and one["observedGeneration"] == current), {})

    def jobs(self) -> list[Object]:
        """Its Jobs that exist now, by nominal time."""
        jobs = self._world.cluster.resource("Job", "batch/v1")
        listed = jobs.get(namespace=self.namespace, label_selector=f"redistimer.dev/timer-uid={self.uid}").to_dict()
        return sorted(listed["items"], key=lambda job: job["metadata"]["annotations"]["redistimer.dev/scheduled-at"])

    def pods(self) -> list[Object]:
        """Its Jobs' Pods that exist now."""
        selector = f"redistimer.dev/timer-uid={self.uid}"
        pods = self._world.cluster.resource("Pod").get(namespace=self.namespace, label_selector=selector)
        items: list[Object] = pods.to_dict()["items"]
        return items

    def events(self) -> list[Object]:
        """The Events about it."""
        listed = self._world.cluster.resource("Event").get(namespace=self.namespace).to_dict()["items"]
        return [event for event in listed if event["involvedObject"].get("uid") == self.uid]

    # What a user does.

    def edit(self, **spec: Any) -> None:
        """Change fields of the spec; None removes one."""
        self._patch({"spec": spec})

    def ask_for_a_run(self, request: str | None) -> None:
        """Ask for a run by hand, as `kubectl annotate` does; None withdraws a request."""
        self._patch({"metadata": {"annotations": {"redistimer.dev/trigger": request}}})

    def wait_until_handled(self, request: str) -> Object:
        """Wait until status says that this request is handled, and return it."""
        return wait_until(
            self.status, lambda seen: seen.get("lastHandledTrigger") == request, f"{self.name} has handled {request}"
        )

    def release(self) -> None:
        """Remove all finalizers."""
        self._patch({"metadata": {"finalizers": None}})

    def delete(self) -> None:
        """Delete it, and wait until it is gone."""
        self._world.timers.delete(namespace=self.namespace, name=self.name)
        wait_until(self.exists, lambda exists: not exists, f"{self.name} is gone")

    def _patch(self, body: Object) -> None:
        self._world.timers.patch(namespace=self.namespace, name=self.name, body=body, content_type=_MERGE)

    def exists(self) -> bool:
        """Whether it is there still."""
        try:
            return bool(self.read()["metadata"]["uid"] == self.uid)
        except NotFoundError:
            return False

    # What has become of it.

    def fired(self) -> list[Fired]:
        """All Jobs that it has ever had, in the order of their creation."""
        return self._world.cluster.recorder.fired(self.uid)

    def nominal(self) -> list[int]:
        """The nominal times of these, in milliseconds since the epoch."""
        return [fired.nominal_ms for fired in self.fired()]

    def wait_for_runs(self, count: int) -> list[Fired]:
        """Wait until it has fired so many times in all."""
        return wait_until(self.fired, lambda fired: len(fired) >= count, f"{self.name} has fired {count} times")

    def wait_for_beats(self, count: int) -> list[int]:
        """Wait until so many nominal times after now have fired; returns those. A clock that proves itself alive."""
        start_ms = now_ms()

        def beats() -> list[int]:
            return [nominal_ms for nominal_ms in self.nominal() if nominal_ms > start_ms]

        return wait_until(beats, lambda seen: len(seen) >= count, f"{self.name} has fired {count} more times")

    def wait_for_event(self, reason: str, words: str = "") -> Object:
        """Wait for an Event about it with this reason and these words, and return the newest such."""
        found = wait_until(
            lambda: [event for event in self.events() if event["reason"] == reason and words in event["message"]],
            bool,
            f"{self.name} has an Event {reason} {words}",
        )
        return max(found, key=lambda event: int(event["metadata"]["resourceVersion"]))

    def wait_for_status(self, wanted: Callable[[Object], object], what: str) -> Object:
        """Wait until status is as wanted, and return it."""
        return wait_until(self.status, lambda seen: seen and wanted(seen), f"the status of {self.name} {what}")

    def wait_for_condition(self, kind: str, status: str, reason: str) -> Object:
        """Wait for a condition of the current generation, and return it."""
        return wait_until(
            lambda: self.condition(kind),
            lambda seen: seen.get("status") == status and seen.get("reason") == reason,
            f"{self.name} has {kind}={status} with reason {reason}",
        )
