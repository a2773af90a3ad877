"""The cluster that a stub shows a controller: many settled timers in pages, watches without changes, a Lease."""

import gzip
from collections.abc import AsyncIterator
from typing import Any

import orjson

from controller.core.template import is_unchecked
from controller.core.timer import parse_timer
from controller.kube import paths
from controller.loops import wall_clock_ms
from controller.reconcile.table import Table
from tests.bench.stub.http import Request
from tests.bench.stub.lister import LIST_VERSION, SEEN, Lister
from tests.bench.stub.objects import name_of, uid_of

LEASES = paths.leases("redistimer-system")


def ask(
    lister: Lister, method: str, path: str, query: str = "", obj: dict[str, Any] | None = None, gzipped: bool = False
) -> tuple[int, dict[str, Any]]:
    body = b"" if obj is None else orjson.dumps(obj)
    reply = lister.handle(Request(method, path, query, body, gzipped))
    assert isinstance(reply, bytes)
    head, _, payload = reply.partition(b"\r\n\r\n")
    if b"Content-Encoding: gzip" in head:
        payload = gzip.decompress(payload)
    return int(head.split(b" ")[1]), orjson.loads(payload)


def pages(lister: Lister, limit: int, gzipped: bool = False) -> list[list[dict[str, Any]]]:
    found, go_on = [], ""
    while True:
        query = f"limit={limit}" + (f"&continue={go_on}" if go_on else "")
        _, page = ask(lister, "GET", paths.ALL_TIMERS, query, gzipped=gzipped)
        found.append(page["items"])
        go_on = page["metadata"].get("continue", "")
        if not go_on:
            return found


def test_all_timers_are_listed_in_pages_once_each() -> None:
    found = pages(Lister(25), limit=10)

    assert [len(page) for page in found] == [10, 10, 5]
    assert [obj["metadata"]["uid"] for page in found for obj in page] == [uid_of(number) for number in range(25)]


def test_without_a_limit_there_is_one_page() -> None:
    assert len(ask(Lister(25), "GET", paths.ALL_TIMERS)[1]["items"]) == 25


def test_long_pages_are_packed_for_those_who_ask_for_it() -> None:
    lister = Lister(100)
    lister.prepare(100)

    assert pages(lister, 100, gzipped=True) == pages(lister, 100)
    packed = lister.handle(Request("GET", paths.ALL_TIMERS, "limit=100", b"", True))
    assert isinstance(packed, bytes)
    assert len(packed) < 100 * lister.bytes_per_timer / 4


def test_its_timers_leave_a_controller_nothing_to_write() -> None:
    (items,) = pages(Lister(3), limit=10)
    table = Table(status_seconds=2)
    for obj in items:
        table.see_timer(obj)
    timers = [parse_timer(obj) for obj in items]

    assert table.sizes()["timers"] == 3
    assert [timer.problem for timer in timers] == [None] * 3
    assert not any(is_unchecked(timer) for timer in timers)
    assert all(timer.recorded.generation == timer.generation == 1 for timer in timers)
    assert all(timer.spec_changed_ms for timer in timers)


def test_they_are_due_at_different_minutes() -> None:
    (items,) = pages(Lister(61), limit=100)

    assert len({obj["spec"]["schedule"] for obj in items}) == 61
    assert all(obj["status"]["nextScheduleTime"] for obj in items)


def test_there_are_no_jobs() -> None:
    assert ask(Lister(1), "GET", paths.ALL_JOBS, "limit=500&labelSelector=x")[1]["items"] == []


def test_a_lease_is_taken_and_renewed() -> None:
    lister = Lister(1)
    lease = {"metadata": {"name": "leader"}, "spec": {"holderIdentity": "a"}}

    assert ask(lister, "GET", f"{LEASES}/leader")[0] == 404
    created = ask(lister, "POST", LEASES, obj=lease)
    renewed = ask(lister, "PUT", f"{LEASES}/leader", obj={**lease, "spec": {"holderIdentity": "b"}})

    assert (created[0], renewed[0]) == (201, 200)
    assert created[1]["metadata"]["resourceVersion"] != renewed[1]["metadata"]["resourceVersion"]
    assert ask(lister, "GET", f"{LEASES}/leader")[1]["spec"] == {"holderIdentity": "b"}


def test_a_status_that_is_written_is_answered_and_counted() -> None:
    lister = Lister(2)
    path = f"{paths.timer('bench', name_of(1))}/status"

    status, obj = ask(lister, "PATCH", path, obj={"status": {"activeCount": 7}})

    assert (status, obj["status"]["activeCount"], obj["metadata"]["uid"]) == (200, 7, uid_of(1))
    assert int(obj["metadata"]["resourceVersion"]) > LIST_VERSION
    assert ask(lister, "GET", SEEN)[1]["asked"] == {f"PATCH {paths.timers('bench')}/NAME/status": 1}


def test_what_a_controller_discovers_is_there() -> None:
    lister = Lister(1)
    groups = {group["name"] for group in ask(lister, "GET", "/apis")[1]["groups"]}

    assert {"redistimer.dev", "batch"} <= groups
    assert ask(lister, "GET", paths.CLUSTER_IDENTITY)[1]["metadata"]["uid"]
    assert ask(lister, "GET", "/apis/other/v1")[0] == 404


async def test_a_watch_shows_what_there_is_if_it_is_asked_to() -> None:
    query = "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=0.1"
    stream = Lister(250).handle(Request("GET", paths.ALL_TIMERS, query, b""))
    assert isinstance(stream, AsyncIterator)
    events = [orjson.loads(line) for piece in [piece async for piece in stream] for line in piece.splitlines()]

    kinds = [event["type"] for event in events]
    assert kinds[:251] == ["ADDED"] * 250 + ["BOOKMARK"]
    assert events[250]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


async def test_a_watch_from_a_version_shows_no_changes_and_ends_in_time() -> None:
    began_ms = wall_clock_ms()
    stream = Lister(3).handle(Request("GET", paths.ALL_TIMERS, "watch=true&resourceVersion=5&timeoutSeconds=0.1", b""))
    assert isinstance(stream, AsyncIterator)

    events = [orjson.loads(piece) async for piece in stream]

    assert {event["type"] for event in events} == {"BOOKMARK"}
    assert wall_clock_ms() - began_ms >= 100
