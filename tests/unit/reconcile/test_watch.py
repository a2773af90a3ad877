"""kopf's watching of timers, against a small API server on loopback that does not always behave."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from kubernetes.aio.client.configuration import Configuration

from controller.kube.api import ApiServer
from controller.reconcile import job_watch, listing, main
from controller.reconcile import watch as watching
from controller.reconcile.reach import Reach
from controller.reconcile.table import Table
from controller.settings import Settings
from tests.unit.core.objects import timer_object
from tests.unit.kube.faulty import listening
from tests.unit.reconcile.desk import HOURLY, uid

TIMERS = "/apis/redistimer.dev/v1alpha1/redistimers"
NAMESPACES = "/apis/redistimer.dev/v1alpha1/namespaces/"

Object = dict[str, Any]


def resource(kind: str, plural: str, namespaced: bool = True) -> Object:
    verbs = ["get", "list", "watch", "patch"]
    return {"name": plural, "singularName": kind.lower(), "kind": kind, "namespaced": namespaced, "verbs": verbs}


# Without namespaces and definitions kopf does not begin to watch.

DISCOVERY: dict[str, Object] = {
    "/api": {"versions": ["v1"]},
    "/api/v1": {"resources": [resource("Namespace", "namespaces", False)]},
    "/apis": {
        "groups": [
            {"name": group, "versions": [{"version": version}], "preferredVersion": {"version": version}}
            for group, version in (("redistimer.dev", "v1alpha1"), ("apiextensions.k8s.io", "v1"))
        ]
    },
    "/apis/redistimer.dev/v1alpha1": {"resources": [resource("RedisTimer", "redistimers")]},
    "/apis/apiextensions.k8s.io/v1": {
        "resources": [resource("CustomResourceDefinition", "customresourcedefinitions", False)]
    },
}


class Cluster:
    """The API server: timers, the lists and watches of them, and what goes wrong next."""

    def __init__(self) -> None:
        self.timers: list[Object] = []
        self.asked: list[str] = []
        self.limits: list[str] = []
        self.list_begun = asyncio.Event()
        self.may_list = asyncio.Event()
        self.may_list.set()
        self.tokens: set[str] = set()
        self.accepted = "first"
        self.fail_lists: list[int] = []
        self.refused: set[str] = set()
        self.refuse_watches: set[str] = set()
        self.refuse_jobs = False
        self.watched: list[str] = []
        self.watches: asyncio.Queue[asyncio.Queue[Object | None]] = asyncio.Queue()

    def timer(self, number: int, version: int, namespace: str = "default") -> Object:
        """A timer of the cluster, which a list shows from now on."""
        name = f"timer-{number}"
        one = timer_object(HOURLY, uid=uid(number), name=name, namespace=namespace, resourceVersion=str(version))
        self.timers.append(one)
        return one

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        token = request.headers.get("Authorization", "").partition(" ")[2]
        self.tokens.add(token)
        if token != self.accepted:
            return web.json_response({"kind": "Status", "reason": "Unauthorized", "code": 401}, status=401)
        if request.path in DISCOVERY:
            return web.json_response(DISCOVERY[request.path])
        namespace = request.path.removeprefix(NAMESPACES).removesuffix("/redistimers")
        if request.path.endswith("/jobs") and self.refuse_jobs:
            return web.json_response({"kind": "Status", "reason": "Forbidden", "code": 403}, status=403)
        if request.path not in (TIMERS, f"{NAMESPACES}{namespace}/redistimers"):
            return await self._watch(request, asyncio.Queue()) if "watch" in request.query else self._list([])
        self.asked.append("watch" if "watch" in request.query else "list")
        if namespace in self.refused:
            return web.json_response({"kind": "Status", "reason": "Forbidden", "code": 403}, status=403)
        if "watch" not in request.query:
            self.limits.append(request.query["limit"])
            if self.fail_lists:
                return web.json_response({"kind": "Status"}, status=self.fail_lists.pop(0))
            self.list_begun.set()
            await self.may_list.wait()
            shown = [one for one in self.timers if request.path == TIMERS or one["metadata"]["namespace"] == namespace]
            return self._list(shown)
        if namespace in self.refuse_watches:
            return web.json_response({"kind": "Status", "reason": "Forbidden", "code": 403}, status=403)
        self.watched.append(namespace)
        changes: asyncio.Queue[Object | None] = asyncio.Queue()
        self.watches.put_nowait(changes)
        return await self._watch(request, changes)

    def _list(self, items: list[Object]) -> web.Response:
        return web.json_response({"kind": "List", "metadata": {"resourceVersion": "100"}, "items": items})

    async def _watch(self, request: web.Request, changes: asyncio.Queue[Object | None]) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while (change := await changes.get()) is not None:
            await response.write(json.dumps(change).encode() + b"\n")
        assert request.transport is not None
        request.transport.abort()
        return response


class Scene:
    """A controller's table that follows the cluster."""

    def __init__(self, table: Table, configuration: Configuration, started: asyncio.Event) -> None:
        self.table = table
        self.configuration = configuration
        self.started = started

    async def has_started(self) -> None:
        """Until whoever lists is sure to miss nothing."""
        async with asyncio.timeout(20):
            await self.started.wait()

    async def knows(self, *numbers: int) -> None:
        """Until the table knows these timers."""
        missing = {uid(number) for number in numbers}
        async with asyncio.timeout(20):
            while missing := missing - self.table.entries.keys():
                await self.table.to_sync.take(100)


@asynccontextmanager
async def following(cluster: Cluster, *namespaces: str) -> AsyncIterator[Scene]:
    table, started, stop = Table(2), asyncio.Event(), asyncio.Event()
    async with listening(cluster) as address:
        configuration = Configuration(host=address)
        configuration.api_key = {"BearerToken": "Bearer first"}
        places = namespaces or (None,)

        async def admits(namespace: str) -> bool:
            return namespace not in cluster.refused

        task = asyncio.create_task(watching.watch(table, configuration, started, stop, places, admits))
        try:
            yield Scene(table, configuration, started)
        finally:
            # Told to stop, kopf would wait for the server's tasks, too.
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of kopf, with everything that waits a second for another try waiting less."""
    usual = watching._settings

    def quicker() -> Any:
        settings = usual()
        settings.networking.error_backoffs = [0.01] * 8
        settings.watching.inactivity_timeout = 0.5
        settings.watching.reconnect_backoff = 0.01
        return settings

    monkeypatch.setattr(watching, "_settings", quicker)
    monkeypatch.setattr(listing, "REFUSED_PAUSE_S", 0.01)


def test_nothing_is_waited_for_without_a_limit() -> None:
    settings = watching._settings()
    assert settings.watching.inactivity_timeout
    assert settings.networking.request_timeout
    assert settings.networking.connect_timeout


async def test_what_is_watched_arrives() -> None:
    cluster = Cluster()
    async with following(cluster) as scene:
        changes = await cluster.watches.get()
        changes.put_nowait({"type": "ADDED", "object": cluster.timer(2, 101)})
        await scene.knows(2)


async def test_what_is_listed_at_the_start_is_left_to_the_rebuild() -> None:
    """kopf would need minutes for a hundred thousand; should it list in another way, this fails."""
    cluster = Cluster()
    cluster.timer(1, 90)
    async with following(cluster) as scene:
        changes = await cluster.watches.get()
        changes.put_nowait({"type": "ADDED", "object": cluster.timer(2, 101)})
        await scene.knows(2)
    assert cluster.limits == ["1"]
    assert scene.table.entries.keys() == {uid(2)}


async def test_watching_has_begun_once_there_is_a_version_to_watch_from() -> None:
    cluster = Cluster()
    cluster.may_list.clear()
    async with following(cluster) as scene:
        await cluster.list_begun.wait()
        assert not scene.started.is_set(), "what is listed now may be older than what the watch begins with"
        cluster.may_list.set()
        await scene.has_started()


async def test_a_first_list_that_comes_too_late_is_a_whole_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_FIRST_LIST_S", 0.01)
    cluster = Cluster()
    cluster.may_list.clear()
    async with following(cluster) as scene:
        await scene.has_started()
        await cluster.list_begun.wait()
        cluster.timer(1, 99)
        cluster.may_list.set()
        await scene.knows(1)


async def test_a_watch_whose_version_has_expired_begins_with_a_new_list() -> None:
    cluster = Cluster()
    async with following(cluster) as scene:
        changes = await cluster.watches.get()
        cluster.timer(1, 99)
        gone = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
        changes.put_nowait({"type": "ERROR", "object": gone})
        await scene.knows(1)
    assert cluster.asked[:3] == ["list", "watch", "list"]
    assert cluster.limits[:2] == ["1", "500"]


async def test_a_watch_that_breaks_goes_on() -> None:
    cluster = Cluster()
    async with following(cluster) as scene:
        (await cluster.watches.get()).put_nowait(None)
        changes = await cluster.watches.get()
        changes.put_nowait({"type": "ADDED", "object": cluster.timer(1, 101)})
        await scene.knows(1)


async def test_a_watch_that_falls_silent_is_begun_again() -> None:
    cluster = Cluster()
    async with following(cluster) as scene:
        await cluster.watches.get()
        changes = await cluster.watches.get()
        changes.put_nowait({"type": "ADDED", "object": cluster.timer(1, 101)})
        await scene.knows(1)


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_server_that_cannot_list_for_a_moment_is_asked_again(status: int) -> None:
    cluster = Cluster()
    cluster.fail_lists = [status] * 3
    async with following(cluster) as scene:
        changes = await cluster.watches.get()
        changes.put_nowait({"type": "ADDED", "object": cluster.timer(1, 101)})
        await scene.knows(1)


async def test_a_token_that_was_replaced_is_used_once_the_old_one_is_refused() -> None:
    cluster = Cluster()
    async with following(cluster) as scene:
        changes = await cluster.watches.get()
        scene.configuration.api_key = {"BearerToken": "Bearer second"}
        cluster.accepted = "second"
        changes.put_nowait(None)
        changes = await cluster.watches.get()
        changes.put_nowait({"type": "ADDED", "object": cluster.timer(1, 101)})
        await scene.knows(1)
    assert cluster.tokens == {"first", "second"}


# Some namespaces only.


async def test_of_some_namespaces_each_is_watched_by_itself_and_nothing_else_asked() -> None:
    cluster = Cluster()
    async with following(cluster, "a", "b") as scene:
        await scene.has_started()
        for number in (1, 2):
            changes = await cluster.watches.get()
            one = cluster.timer(number, 101, cluster.watched[number - 1])
            changes.put_nowait({"type": "ADDED", "object": one})
        await scene.knows(1, 2)
    assert sorted(cluster.watched) == ["a", "b"]
    assert cluster.limits == ["1", "1"]


async def test_a_refused_namespace_keeps_none_from_starting_and_is_told_in_full_once_it_is_granted() -> None:
    cluster = Cluster()
    cluster.refused.add("a")
    cluster.timer(1, 90, "a")
    async with following(cluster, "a", "b") as scene:
        await scene.has_started()
        changes = await cluster.watches.get()
        changes.put_nowait({"type": "ADDED", "object": cluster.timer(2, 101, "b")})
        await scene.knows(2)
        assert cluster.watched == ["b"]
        cluster.refused.clear()
        await scene.knows(1)
        await cluster.watches.get()
    assert cluster.watched == ["b", "a"]


async def test_watching_has_not_begun_before_it_has_in_every_namespace() -> None:
    cluster = Cluster()
    cluster.may_list.clear()
    cluster.refused.add("a")
    async with following(cluster, "a", "b") as scene:
        await cluster.list_begun.wait()
        assert not scene.started.is_set()
        cluster.may_list.set()
        await scene.has_started()


async def test_a_namespace_that_is_refused_while_it_is_watched_ends_nothing() -> None:
    cluster = Cluster()
    async with following(cluster, "a", "b") as scene:
        await scene.has_started()
        watches = {}
        for number in (0, 1):
            changes = await cluster.watches.get()
            watches[cluster.watched[number]] = changes
        cluster.refused.add("a")
        watches["a"].put_nowait(None)
        watches["b"].put_nowait({"type": "ADDED", "object": cluster.timer(2, 101, "b")})
        await scene.knows(2)
        cluster.timer(1, 99, "a")
        cluster.refused.clear()
        await scene.knows(1)
        await cluster.watches.get()
    assert cluster.watched.count("a") > 1


async def test_where_only_the_watch_is_refused_the_others_go_on() -> None:
    """Whoever asks whether a namespace may be looked at may be told yes all the same."""
    cluster = Cluster()
    cluster.refuse_watches.add("a")
    async with following(cluster, "a", "b") as scene:
        await scene.has_started()
        for number in (1, 2):
            # No watch tells of it, but a list does: that with which kopf begins anew.
            cluster.timer(number, 101 + number, "a")
            await scene.knows(number)
    assert cluster.watched == ["b"]


async def test_timers_of_a_namespace_are_not_told_before_its_jobs_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """A status must not be written from timers without their Jobs."""
    monkeypatch.setattr(job_watch, "REFUSED_PAUSE_S", 0.01)
    cluster = Cluster()
    cluster.refuse_jobs = True
    cluster.timer(1, 90, "a")
    table, started, stop = Table(2), asyncio.Event(), asyncio.Event()
    async with listening(cluster) as address:
        configuration = Configuration(host=address)
        configuration.api_key = {"BearerToken": "Bearer first"}
        async with ApiServer(configuration, Settings()) as api:
            scene = Scene(table, configuration, started)
            task = asyncio.create_task(main._watch(api, Reach(("a",)), table, started, stop))
            try:
                await scene.has_started()
                assert cluster.watched == []
                cluster.refuse_jobs = False
                await scene.knows(1)
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
