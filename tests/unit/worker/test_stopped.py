"""A timer that stops after too many failures while a worker holds its next run: it does not run."""

from typing import Any

import pytest

from controller.core.decision import STOPPED_LOOK_MS
from controller.core.timer import Timer
from controller.index.messages import Wanted
from tests.unit.core.objects import SECOND_MS, handled, ms, timer
from tests.unit.kube.stub_api import Request
from tests.unit.worker.workbench import AHEAD_MS, HOURLY, TIMER_PATH, Workbench

ELEVEN, TWELVE = (ms(f"2026-03-01T{hour}:00:00Z") for hour in (11, 12))

LIMITED = {**HOURLY, "maxConsecutiveFailures": 2}
CACHED = Request("GET", TIMER_PATH, {"resourceVersion": "0"})


def failed(bench: Workbench, times: int, spec: dict[str, Any] = LIMITED, **changes: Any) -> Timer:
    """A timer that fired at eleven, and whose last runs failed so many times in a row."""
    status = handled(ELEVEN, timer(spec), consecutiveFailures=times)
    return bench.timer(spec, status=status, **changes)


async def look_at_twelve(bench: Workbench, one: Timer) -> None:
    """Claim ahead of twelve, hold the run until then, and have it looked at by then as it is now."""
    bench.clock.set("2026-03-01T11:59:59.950Z")
    await bench.index.sync([Wanted(one.ticket, 1, ELEVEN, TWELVE, one.namespace, one.name, ELEVEN)])
    lease = await bench.claim_again()
    bench.clock.run()
    await bench.firing.handle(lease)


async def test_a_timer_that_has_stopped_is_acknowledged_and_looked_at_now_and_then(bench: Workbench) -> None:
    stopped = failed(bench, 2)
    bench.clock.set("2026-03-01T12:00:10Z")
    await bench.firing.handle(await bench.claim(stopped))
    assert bench.jobs_made() == []
    assert await bench.known(stopped) == (1, ELEVEN)
    assert await bench.due_ms(stopped) == bench.clock() + STOPPED_LOOK_MS
    assert await bench.reports() == []


async def test_a_run_that_is_held_when_the_failure_before_it_stops_the_timer_does_not_run(bench: Workbench) -> None:
    one = failed(bench, 1)
    reads = 0

    async def stop_after_the_first_look(request: Request) -> None:
        nonlocal reads
        reads += request.path == TIMER_PATH
        if reads == 2:
            failed(bench, 2)

    bench.api.before = stop_after_the_first_look
    await look_at_twelve(bench, one)
    assert bench.jobs_made() == []
    assert await bench.known(one) == (1, ELEVEN)
    due_ms = await bench.due_ms(one)
    assert due_ms is not None, "it is looked at again"
    assert due_ms <= bench.clock() + AHEAD_MS + SECOND_MS


async def test_a_timer_whose_last_run_failed_is_read_again_at_the_instant_and_fires_where_it_may(
    bench: Workbench,
) -> None:
    await look_at_twelve(bench, failed(bench, 1))
    assert [request.parameters for request in bench.api.made("GET")] == [CACHED.parameters, {}]
    assert len(bench.jobs_made()) == 1


@pytest.mark.parametrize(("times", "spec"), [(0, LIMITED), (5, HOURLY)], ids=["nothing failed", "no limit"])
async def test_a_timer_that_cannot_have_stopped_is_read_once(
    bench: Workbench, times: int, spec: dict[str, Any]
) -> None:
    await look_at_twelve(bench, failed(bench, times, spec))
    assert bench.api.made("GET") == [CACHED]
    assert len(bench.jobs_made()) == 1


async def test_with_a_limit_of_one_it_is_always_read_again(bench: Workbench) -> None:
    await look_at_twelve(bench, failed(bench, 0, {**HOURLY, "maxConsecutiveFailures": 1}))
    assert len(bench.api.made("GET")) == 2
    assert len(bench.jobs_made()) == 1


async def test_a_timer_that_starts_again_while_a_worker_sees_it_stopped_is_not_forgotten(bench: Workbench) -> None:
    """A run by hand succeeded: the controller says so to the index, while a worker reads a cache that lags behind."""
    stopped = failed(bench, 2)
    bench.clock.set("2026-03-01T11:59:58Z")
    lease = await bench.claim(stopped)
    bench.api.cached[TIMER_PATH] = bench.api.objects[TIMER_PATH]
    started_ms = bench.clock()
    failed(bench, 0)
    await bench.index.sync([Wanted(stopped.ticket, 1, started_ms, TWELVE, "default", "nightly", ELEVEN)])
    await bench.firing.handle(lease)
    assert await bench.due_ms(stopped) is not None
