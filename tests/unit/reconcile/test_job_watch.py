"""The watch of Jobs: every change once it has begun, over any number of connections, and what was missed in between."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from controller.core.job import job_manifest
from controller.core.timer import parse_timer
from controller.kube.errors import ApiError, ApiUnreachableError
from controller.reconcile.job_watch import JobWatch
from controller.reconcile.reach import Reach
from controller.reconcile.table import Table
from tests.unit.clocks import Monotonic, sleepless
from tests.unit.core.objects import ms, timer_object

TEN = ms("2026-03-01T10:00:00Z")
SPEC = {"schedule": "*/5 * * * *", "jobTemplate": {"spec": {}}}

Change = dict[str, Any]


def a_job(number: int, version: str, **changes: Any) -> dict[str, Any]:
    """The Job of one of the timer's occurrences."""
    made = job_manifest(parse_timer(timer_object(SPEC)), TEN + number * 60_000)
    made["metadata"] |= {
        "uid": f"job-{number}",
        "resourceVersion": version,
        "creationTimestamp": "2026-03-01T10:00:00Z",
    }
    return made | changes


def change(kind: str, obj: dict[str, Any]) -> Change:
    return {"type": kind, "object": obj}


def bookmark(version: str) -> Change:
    return change("BOOKMARK", {"metadata": {"resourceVersion": version}})


class Server:
    """Gives one answer after the other to whoever watches: changes, and an error at their end, if any."""

    def __init__(self, *answers: list[Change | Exception]) -> None:
        self.answers = list(answers)
        self.watched_from: list[str] = []
        self.listed = 0
        self.jobs: list[dict[str, Any]] = []
        self.version = "100"
        self.paths: list[str] = []
        self.refusals: list[ApiError] = []

    async def get(self, path: str, **parameters: str) -> dict[str, Any]:
        assert parameters["limit"] == "1", "what there is already is for the rebuild to list"
        self.paths.append(path)
        if self.refusals:
            raise self.refusals.pop(0)
        return {"metadata": {"resourceVersion": self.version}}

    async def pages(self, path: str, **parameters: str) -> AsyncIterator[list[dict[str, Any]]]:
        self.listed += 1
        self.paths.append(path)
        yield self.jobs

    async def watch(self, path: str, version: str, **parameters: str) -> AsyncIterator[Change]:
        assert parameters == {"labelSelector": "redistimer.dev/timer-uid", "allowWatchBookmarks": "true"}
        self.watched_from.append(version)
        self.paths.append(path)
        for one in self.answers.pop(0):
            if isinstance(one, Exception):
                raise one
            yield one


@pytest.fixture
def table() -> Table:
    table = Table(2.0, Monotonic())
    table.see_timer(timer_object(SPEC))
    return table


def runs(table: Table) -> list[str]:
    (entry,) = table.entries.values()
    return sorted(run.uid for run in entry.runs.values() if not run.gone)


async def watched(table: Table, server: Server) -> JobWatch:
    watch = JobWatch(table, server, asyncio.Event())  # type: ignore[arg-type]
    for _ in range(len(server.answers)):
        assert await watch.step()
    return watch


async def test_it_begins_at_the_newest_version_and_says_so_before_anything_comes(table: Table) -> None:
    server, started = Server([bookmark("101")]), asyncio.Event()
    await JobWatch(table, server, started).step()  # type: ignore[arg-type]
    assert started.is_set()
    assert (server.watched_from, server.listed) == (["100"], 0)


async def test_jobs_that_come_change_and_go_are_told(table: Table) -> None:
    first, second = a_job(0, "101"), a_job(1, "102")
    await watched(table, Server([change("ADDED", first), change("ADDED", second), change("DELETED", first)]))
    assert runs(table) == ["job-1"]


async def test_the_next_connection_goes_on_where_the_last_one_ended(table: Table) -> None:
    server = Server([change("ADDED", a_job(0, "101"))], [bookmark("150")], [change("ADDED", a_job(1, "151"))])
    await watched(table, server)
    assert server.watched_from == ["100", "101", "150"]
    assert runs(table) == ["job-0", "job-1"]


@pytest.mark.parametrize("error", [ApiUnreachableError("reset"), ApiError(500, "InternalError", "no")])
async def test_after_an_error_it_goes_on_there_a_moment_later(
    table: Table, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses = sleepless(monkeypatch)
    server = Server([change("ADDED", a_job(0, "101")), error], [])
    await watched(table, server)
    assert server.watched_from == ["100", "101"]
    assert pauses == [1.0]


async def test_what_happened_while_the_server_forgot_is_found_by_listing(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleepless(monkeypatch)
    server = Server([change("ADDED", a_job(0, "101")), ApiError(410, "Expired", "too old")], [])
    server.jobs = [a_job(1, "180")]
    await watched(table, server)
    assert runs(table) == ["job-1"], "one was created meanwhile, and one deleted"
    assert (server.listed, server.watched_from) == (1, ["100", "100"])


async def test_a_server_that_forgets_at_once_is_not_asked_without_end(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses = sleepless(monkeypatch)
    await watched(table, Server(*[[ApiError(410, "Expired", "too old")]] * 3))
    assert pauses == [1.0, 1.0, 1.0]


# One namespace of several.

FORBIDDEN = ApiError(403, "Forbidden", "jobs.batch is forbidden")


async def test_of_a_namespace_nothing_else_is_asked(table: Table) -> None:
    server = Server([bookmark("101")])
    await JobWatch(table, server, asyncio.Event(), Reach(("default",)), "default").step()  # type: ignore[arg-type]
    assert set(server.paths) == {"/apis/batch/v1/namespaces/default/jobs"}


async def test_a_refused_namespace_is_not_waited_for_and_told_in_full_once_it_is_granted(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses = sleepless(monkeypatch)
    server, started, reach = Server([change("ADDED", a_job(1, "101"))]), asyncio.Event(), Reach(("default",))
    server.refusals, server.jobs = [FORBIDDEN, FORBIDDEN], [a_job(0, "99")]
    watch = JobWatch(table, server, started, reach, "default")  # type: ignore[arg-type]
    await watch.step()
    assert started.is_set(), "others must not wait for it"
    assert (watch.has_begun, reach.out, pauses) == (False, {"default"}, [5.0])
    await watch.step()
    await watch.step()
    assert (watch.has_begun, reach.out, server.listed) == (True, frozenset(), 1)
    assert runs(table) == ["job-0", "job-1"]


async def test_a_namespace_that_is_refused_later_begins_anew(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    sleepless(monkeypatch)
    server, reach = Server([change("ADDED", a_job(0, "101")), FORBIDDEN], []), Reach(("default",))
    server.jobs = [a_job(1, "180")]
    watch = JobWatch(table, server, asyncio.Event(), reach, "default")  # type: ignore[arg-type]
    await watch.step()
    assert not watch.has_begun
    assert reach.out == {"default"}
    await watch.step()
    assert runs(table) == ["job-1"], "one was created meanwhile, and one deleted"


async def test_a_list_of_one_namespace_says_nothing_about_another(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleepless(monkeypatch)
    table.see_job(a_job(0, "99"))
    server, reach = Server([]), Reach(("other",))
    server.refusals = [FORBIDDEN]
    watch = JobWatch(table, server, asyncio.Event(), reach, "other")  # type: ignore[arg-type]
    await watch.step()
    await watch.step()
    assert (server.listed, runs(table)) == (1, ["job-0"])


async def test_where_the_whole_cluster_is_refused_it_is_tried_again_as_ever(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses = sleepless(monkeypatch)
    server, started = Server([]), asyncio.Event()
    server.refusals = [FORBIDDEN]
    watch = JobWatch(table, server, started)  # type: ignore[arg-type]
    await watch.step()
    assert (started.is_set(), pauses) == (False, [1.0])
