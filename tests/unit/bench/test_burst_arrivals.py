"""What a watch shows of Jobs and of statuses, and what is created for it."""

from typing import Any

import orjson
import pytest

from controller.core.instants import rfc3339, rfc3339_ms
from tests.bench.common.arrivals import Jobs, Statuses
from tests.bench.common.timers import AT_A_TIME, create_all, cronjob, timer_at
from tests.harness.watch import Seen

INSTANT = 1_795_348_800_000


def job(owner: str, annotation: str, value: str) -> dict[str, Any]:
    """A Job as the API server shows it, as far as it matters here."""
    return {"metadata": {"annotations": {annotation: value}, "ownerReferences": [{"uid": owner}]}}


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        ("redistimer.dev/scheduled-at", rfc3339_ms(INSTANT)),
        ("batch.kubernetes.io/cronjob-scheduled-timestamp", rfc3339(INSTANT)),
    ],
    ids=["of a timer", "of a CronJob"],
)
def test_a_job_says_itself_when_it_was_due(annotation: str, value: str) -> None:
    jobs = Jobs(expected=1)
    jobs.see(Seen(INSTANT + 12, "ADDED", job("a", annotation, value)))

    assert jobs.lags_ms() == [12]
    assert jobs.complete.is_set()


def test_a_job_that_changes_is_not_another_one() -> None:
    jobs = Jobs(expected=2)
    for kind in ("ADDED", "MODIFIED", "DELETED"):
        jobs.see(Seen(INSTANT, kind, job("a", "redistimer.dev/scheduled-at", rfc3339_ms(INSTANT))))

    assert [arrival.owner for arrival in jobs] == ["a"]
    assert not jobs.complete.is_set()


def test_a_status_counts_once_and_when_it_tells_of_a_run() -> None:
    statuses = Statuses(expected=1)
    checked = {"conditions": [{"type": "Ready"}, {"type": "TemplateValid"}]}
    for arrived_ms, status in ((1, None), (2, checked), (3, {"lastScheduleTime": "x"}), (4, {"lastScheduleTime": "x"})):
        statuses.see(Seen(arrived_ms, "MODIFIED", {"metadata": {"uid": "a"}, "status": status}))

    assert statuses.settled == {"a"}
    assert (statuses.owners, statuses.last_ms) == ({"a"}, 3)
    assert statuses.complete.is_set()


def test_timers_and_cronjobs_have_the_same_job_template() -> None:
    ours, native = orjson.loads(timer_at("a", "bench", INSTANT)), orjson.loads(cronjob("a", "bench", "7 10 30 11 *"))

    assert ours["spec"]["jobTemplate"] == native["spec"]["jobTemplate"]
    assert ours["spec"]["jobTemplate"]["spec"]["parallelism"] == 0
    assert ours["spec"]["at"] == rfc3339(INSTANT)


async def test_many_objects_are_created_each_once() -> None:
    class Server:
        def __init__(self) -> None:
            self.made: list[bytes] = []

        async def create(self, path: str, body: bytes) -> None:
            self.made.append(body)

    server = Server()
    bodies = [str(number).encode() for number in range(3 * AT_A_TIME + 1)]
    assert await create_all(server, "/path", iter(bodies)) == len(bodies)  # type: ignore[arg-type]
    assert sorted(server.made) == sorted(bodies)
