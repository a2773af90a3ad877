"""What an API server that does not take a Job comes to: whom it is blamed on, and when it is tried again."""

from typing import Any

import pytest

from controller.core.instants import rfc3339_ms
from controller.core.reasons import Reason
from controller.core.report import MESSAGE_LIMIT
from controller.kube.errors import ApiError, ApiUnreachableError
from tests.unit.core.objects import MINUTE_MS, SECOND_MS, ms
from tests.unit.kube.stub_api import TOO_MANY_REQUESTS
from tests.unit.worker.workbench import AHEAD_MS, HOURLY, JOBS_PATH, TIMER_PATH, Workbench

TEN, ELEVEN, TWELVE, THIRTEEN = (ms(f"2026-03-01T{hour}:00:00Z") for hour in (10, 11, 12, 13))

FORBIDDEN = ApiError(403, "Forbidden", "you may not")
REFUSALS = [
    pytest.param(ApiError(422, "Invalid", "no image"), Reason.INVALID_TEMPLATE, id="invalid"),
    pytest.param(ApiError(400, "BadRequest", "what?"), Reason.INVALID_TEMPLATE, id="bad request"),
    pytest.param(ApiError(403, "Forbidden", "exceeded quota: jobs"), Reason.QUOTA_EXCEEDED, id="quota"),
    pytest.param(
        ApiError(403, "Forbidden", "no more", causes=("NamespaceTerminating",)),
        Reason.NAMESPACE_TERMINATING,
        id="terminating namespace",
    ),
    pytest.param(FORBIDDEN, Reason.FORBIDDEN, id="forbidden"),
    pytest.param(ApiError(409, "Conflict", "an admission plugin"), Reason.FAILED_CREATE, id="another conflict"),
    pytest.param(ApiError(500, "InternalError", "webhook failed"), Reason.FAILED_CREATE, id="webhook"),
]

NO_CAPACITY = [
    pytest.param(TOO_MANY_REQUESTS, id="429"),
    pytest.param(ApiError(503, "ServiceUnavailable", "starting"), id="503"),
    pytest.param(ApiUnreachableError("connection refused"), id="away"),
]


@pytest.mark.parametrize(("error", "reason"), REFUSALS)
async def test_a_refused_job_is_reported_with_its_reason_and_stays_to_be_done(
    bench: Workbench, error: ApiError, reason: Reason
) -> None:
    timer = bench.timer()
    bench.api.fail("POST", JOBS_PATH, error)
    await bench.firing.handle(await bench.claim(timer))
    (report,) = await bench.reports()
    assert (report.reason, report.occurrence_ms, report.generation) == (reason, ELEVEN, 1)
    assert report.message == error.message
    assert await bench.known(timer) == (1, 0), "an occurrence without its Job is not handled"
    assert bench.pace.pause_s() == 0
    assert len(bench.leases) == 0


async def test_how_late_a_refused_job_is_counts_from_when_it_was_due(bench: Workbench) -> None:
    timer = bench.timer({**HOURLY, "jitter": "30m"})
    assert timer.timing is not None
    due_ms = timer.timing.due_ms(ELEVEN)
    bench.clock.set(rfc3339_ms(due_ms + 10 * SECOND_MS))
    bench.api.fail("POST", JOBS_PATH, FORBIDDEN)
    await bench.firing.handle(await bench.claim(timer))
    assert bench.alarm.named == [due_ms + 20 * SECOND_MS]


@pytest.mark.parametrize(("now", "wait_s"), [("11:00:00", 1), ("11:00:10", 10), ("11:00:40", 40), ("11:10:00", 60)])
async def test_a_refused_job_is_tried_again_after_as_long_as_it_is_late_but_within_a_minute(
    bench: Workbench, now: str, wait_s: int
) -> None:
    bench.clock.set(f"2026-03-01T{now}Z")
    timer = bench.timer()
    bench.api.fail("POST", JOBS_PATH, FORBIDDEN)
    await bench.firing.handle(await bench.claim(timer))
    look_ms = bench.clock() + wait_s * SECOND_MS
    assert bench.alarm.named == [look_ms]
    # Claims reach ahead, and must not take it before its wait is over.
    assert await bench.due_ms(timer) == look_ms + AHEAD_MS


async def test_the_wait_for_another_try_does_not_go_beyond_the_next_occurrence(bench: Workbench) -> None:
    bench.clock.set("2026-03-01T10:01:50Z")
    timer = bench.timer({**HOURLY, "schedule": "* * * * *"})
    bench.api.fail("POST", JOBS_PATH, FORBIDDEN)
    await bench.firing.handle(await bench.claim(timer))
    assert bench.alarm.named == [TEN + 2 * MINUTE_MS]


async def test_a_made_up_run_that_is_refused_waits_as_long_as_it_is_late_though_later_ones_are_due(
    bench: Workbench,
) -> None:
    """The next one does not decide what becomes of it, as it does where only the latest runs."""
    bench.clock.set("2026-03-01T13:30:00Z")
    timer = bench.timer({**HOURLY, "missedRunPolicy": "All"})
    bench.api.fail("POST", JOBS_PATH, FORBIDDEN)
    await bench.firing.handle(await bench.claim(timer))
    assert bench.alarm.named == [bench.clock() + MINUTE_MS]


async def test_misses_are_put_on_record_before_the_refusal_is(bench: Workbench) -> None:
    bench.clock.set("2026-03-01T13:00:10Z")
    timer = bench.timer()
    bench.api.fail("POST", JOBS_PATH, FORBIDDEN)
    await bench.firing.handle(await bench.claim(timer))
    missed, refused = await bench.reports()
    assert (missed.reason, missed.occurrence_ms, missed.count) == (Reason.MISS_SCHEDULE, TWELVE, 2)
    assert (refused.reason, refused.occurrence_ms) == (Reason.FORBIDDEN, THIRTEEN)
    assert await bench.known(timer) == (1, TWELVE)


async def test_a_refusal_can_be_as_wordy_as_it_likes(bench: Workbench) -> None:
    bench.api.fail("POST", JOBS_PATH, ApiError(422, "Invalid", "x" * 100_000))
    await bench.firing.handle(await bench.claim(bench.timer()))
    (report,) = await bench.reports()
    assert len(report.message) == MESSAGE_LIMIT


@pytest.mark.parametrize("error", NO_CAPACITY)
async def test_a_server_without_capacity_slows_the_worker_down_and_is_blamed_on_no_timer(
    bench: Workbench, error: Exception
) -> None:
    timer = bench.timer()
    bench.api.fail("POST", JOBS_PATH, error)
    await bench.firing.handle(await bench.claim(timer))
    pause_s = bench.pace.pause_s()
    assert pause_s > 0
    assert await bench.reports() == []
    assert await bench.known(timer) == (1, 0)
    assert await bench.due_ms(timer) == bench.clock() + round(pause_s * 1000) + AHEAD_MS
    assert len(bench.leases) == 0


@pytest.mark.parametrize("error", NO_CAPACITY)
async def test_so_does_one_that_cannot_show_the_timer(bench: Workbench, error: Exception) -> None:
    timer = bench.timer()
    bench.api.fail("GET", TIMER_PATH, error)
    await bench.firing.handle(await bench.claim(timer))
    assert bench.pace.pause_s() > 0
    assert await bench.known(timer) == (1, 0)
    assert not await bench.is_leased(timer)


async def test_the_pause_that_the_server_asks_for_is_kept(bench: Workbench) -> None:
    timer = bench.timer()
    bench.api.fail("POST", JOBS_PATH, ApiError(429, "TooManyRequests", "slow down", retry_after_s=7))
    await bench.firing.handle(await bench.claim(timer))
    assert bench.pace.pause_s() == 7
    assert bench.alarm.named == [bench.clock() + 7 * SECOND_MS]


async def test_a_job_whose_answer_was_lost_is_found_at_the_next_try(bench: Workbench) -> None:
    timer = bench.timer()
    created = bench.api.create

    async def create_and_lose_the_answer(path: str, body: bytes, **parameters: Any) -> None:
        await created(path, body, **parameters)
        raise ApiUnreachableError("timed out")

    bench.api.create = create_and_lose_the_answer  # type: ignore[method-assign, assignment]
    await bench.firing.handle(await bench.claim(timer))
    bench.api.create = created  # type: ignore[method-assign]
    bench.clock.set("2026-03-01T11:00:20Z")
    await bench.firing.handle(await bench.claim_again())
    assert len([path for path in bench.api.objects if path.startswith(JOBS_PATH)]) == 1
    assert await bench.known(timer) == (1, ELEVEN)
    assert await bench.due_ms(timer) == TWELVE


async def test_a_success_ends_the_slow_pace(bench: Workbench) -> None:
    timer = bench.timer()
    for _ in range(4):
        bench.pace.slow_down(TOO_MANY_REQUESTS)
        bench.monotonic.now_s += bench.pace.pause_s()
    await bench.firing.handle(await bench.claim(timer))
    assert bench.pace.slow_down(TOO_MANY_REQUESTS) == 0.25
