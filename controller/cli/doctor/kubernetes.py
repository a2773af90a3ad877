"""What `doctor` asks the API server, and what it makes of the answers."""

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from controller.cli.cluster import Cluster
from controller.cli.doctor.findings import Finding, Level
from controller.cli.doctor.timers import Census
from controller.cli.times import span
from controller.core.instants import parse_rfc3339
from controller.core.timer import GROUP, KIND, SPEC_FIELDS, VERSION
from controller.kube import paths
from controller.kube.errors import ApiError
from controller.kube.leadership import LEASE_NAME, NAMESPACES

_OLDEST_MINOR = 31
_WHOAMI = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
_WHOAMI_BODY = b'{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}'
# Open to everybody who is authenticated, unlike the definition itself.
_SCHEMA = f"/openapi/v3/apis/{GROUP}/{VERSION}"
_INSTALL = "install crds/ of this version: kubectl apply --server-side -f crds/"
_HOPELESS_MS = 600_000
_LOOK_AGAIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Lease:
    """What the controllers of an installation agree upon."""

    path: str
    content: Mapping[str, Any] | None
    """As the API server has it; None where no controller has ever led."""

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Those that the installation serves; empty: all."""
        metadata = (self.content or {}).get("metadata") or {}
        return tuple(filter(None, ((metadata.get("annotations") or {}).get(NAMESPACES) or "").split(",")))


@dataclass(frozen=True, slots=True)
class Leader:
    """Who leads the controllers."""

    holder: str
    """"" where nobody does."""
    live: bool
    """Whether the Lease is being renewed."""
    age_ms: float
    """How old the last renewal is, by the API server's clock for now and the leader's for then."""
    exists: bool = True


async def ask_user_and_time(cluster: Cluster) -> tuple[str, int, int]:
    """Who we are there, what time it is there in milliseconds, and with which resolution."""
    review = await cluster.api.create(_WHOAMI, _WHOAMI_BODY)
    user = str(((review.get("status") or {}).get("userInfo") or {}).get("username", ""))
    return user, parse_rfc3339(review["metadata"]["creationTimestamp"]), 1000


async def ask_served_fields(cluster: Cluster) -> list[str] | None:
    """The fields that a spec can have for this API server; None where it knows no RedisTimers."""
    try:
        document = await cluster.api.get(_SCHEMA)
    except ApiError as error:
        if error.status == 404:
            return None
        raise
    for schema in document["components"]["schemas"].values():
        kinds = schema.get("x-kubernetes-group-version-kind") or ()
        if any(kind.get("kind") == KIND and kind.get("version") == VERSION for kind in kinds):
            return list(schema["properties"]["spec"]["properties"])
    return None


async def ask_lease(cluster: Cluster, namespace: str, installation: str) -> Lease:
    """The Lease of an installation."""
    name = LEASE_NAME if installation == "default" else f"{LEASE_NAME}-{installation}"
    path = f"{paths.leases(namespace)}/{name}"
    try:
        return Lease(path, await cluster.api.get(path))
    except ApiError as error:
        if error.status == 404:
            return Lease(path, None)
        raise


async def ask_leader(cluster: Cluster, lease: Lease, ahead_ms: float) -> Leader:
    """Who leads. `ahead_ms`: how much later the API server's clock is than this machine's.

    Where the last renewal looks old, the leader's clock may just be slow: then its next renewal is waited for.
    """
    if lease.content is None:
        return Leader("", False, 0, exists=False)
    path, spec = lease.path, lease.content["spec"]
    holder, renewed = str(spec.get("holderIdentity") or ""), spec.get("renewTime")
    age_ms = time.time() * 1000 + ahead_ms - (parse_rfc3339(renewed) if renewed else 0)
    duration_s = float(spec.get("leaseDurationSeconds") or 0)
    live = bool(holder) and age_ms <= duration_s * 1000
    waited_s = 0.0
    while holder and not live and age_ms < _HOPELESS_MS and waited_s < duration_s / 2:
        await asyncio.sleep(_LOOK_AGAIN_S)
        waited_s += _LOOK_AGAIN_S
        live = (await cluster.api.get(path))["spec"].get("renewTime") != renewed
    return Leader(holder, live, age_ms)


async def take_census(cluster: Cluster, namespace: str | None, served: Sequence[str], now_ms: float) -> Census:
    """Look at all timers that are served, in these namespaces or in all; or at those of a namespace."""
    census = Census(round(now_ms), namespace is None, tuple(served))
    places: Sequence[str | None] = [namespace] if namespace else served or [None]
    for place in places:
        async for page in cluster.api.pages(paths.timers(place)):
            census.take_all(page)
    return census


def judge_server(server: str, version: Mapping[str, Any], user: str) -> Finding:
    """Whether the API server is new enough."""
    found = f"{version.get('gitVersion', 'unknown version')} at {server}{f', as {user}' if user else ''}"
    major, minor = (re.match("[0-9]*", str(version.get(part, "")))[0] for part in ("major", "minor"))  # type: ignore[index]
    if not major or not minor:
        return Finding("API server", Level.WARNING, found, f"needed is Kubernetes 1.{_OLDEST_MINOR} or newer")
    if (int(major), int(minor)) < (1, _OLDEST_MINOR):
        return Finding(
            "API server",
            Level.PROBLEM,
            found,
            f"needed is Kubernetes 1.{_OLDEST_MINOR} or newer: the rules of the RedisTimer's schema do not work before",
        )
    return Finding("API server", Level.OK, found)


def judge_definition(served: list[str] | None) -> Finding:
    """Whether the API server's RedisTimers are those that this command knows."""
    if served is None:
        return Finding("definition", Level.PROBLEM, f"the API server knows no {KIND}s", _INSTALL)
    if missing := [name for name in SPEC_FIELDS if name not in served]:
        return Finding(
            "definition",
            Level.PROBLEM,
            f"{GROUP}/{VERSION} is older than this command: it has no {', '.join(missing)}",
            _INSTALL,
        )
    if added := [name for name in served if name not in SPEC_FIELDS]:
        return Finding(
            "definition",
            Level.WARNING,
            f"{GROUP}/{VERSION} is newer than this command, which does not know {', '.join(added)}",
            "update this command; and controllers and workers, if they are as old",
        )
    return Finding("definition", Level.OK, f"{GROUP}/{VERSION} has all fields that this command knows")


def judge_leader(leader: Leader, namespace: str) -> Finding:
    """Whether some controller does its work."""
    start = (
        f"start redistimer controller, or see its log. Is its namespace {namespace}? --system-namespace names another"
    )
    if not leader.exists:
        return Finding("leader", Level.PROBLEM, f"no controller has ever led in namespace {namespace}", start)
    if not leader.holder:
        return Finding("leader", Level.PROBLEM, "no controller leads: the last one has ended in order", start)
    if not leader.live:
        found = f"no controller leads: the last one, {leader.holder}, fell silent {span(_seconds(leader.age_ms))} ago"
        return Finding("leader", Level.PROBLEM, found, start)
    if leader.age_ms > 0 and leader.age_ms < _HOPELESS_MS:
        return Finding("leader", Level.OK, f"{leader.holder}, renewed {span(_seconds(leader.age_ms))} ago")
    return Finding("leader", Level.OK, f"{leader.holder}, being renewed")


def _seconds(span_ms: float) -> int:
    """As exact as the clock of the API server is known."""
    return round(span_ms / 1000) * 1000
