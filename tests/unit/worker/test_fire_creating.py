"""Firing: wait for the instant, confirm, create, acknowledge; and everything that stops it in between."""

import asyncio

import pytest
from redis.exceptions import RedisError

from controller.core.identity import job_name
from controller.core.instants import rfc3339_ms
from controller.core.job import job_manifest
from controller.core.reasons import Reason
from controller.core.report import Report
from controller.core.timer import Timer
from controller.index.messages import Lease
from controller.observe import metrics
from controller.worker.fire import EARLY_MS
from tests.unit.clocks import eventually
from tests.unit.core.objects import MINUTE_MS, OTHER_UID, UID, ms
from tests.unit.kube.stub_api import Request
from tests.unit.worker.workbench import AHEAD_MS, HOURLY, JOBS_PATH, TIMER_PATH, Workbench, job_path

ELEVEN, TWELVE = (ms(f"2026-03-01T{hour}:00:00Z") for hour in (11, 12))

SPREAD = {**HOURLY, "jitter": "30m"}


def due_of(timer: Timer, occurrence_ms: int) -> int:
    assert timer.timing is not None
    return timer.timing.due_ms(occurrence_ms)


def lag_sum_s() -> float:
    return metrics.WORKER.get_sample_value("redistimer_firing_lag_seconds_sum") or 0.0


async def test_the_job_carries_its_name_its_labels_and_its_owner(bench: Workbench) -> None:
    timer = bench.timer()
    await bench.firing.handle(await bench.claim(timer))
    (request,) = bench.jobs_made()
    metadata = request.body["metadata"]
    assert request.path == JOBS_PATH
    assert metadata["name"] == job_name("nightly", UID, ELEVEN)
    assert metadata["labels"] == {"redistimer.dev/timer": "nightly", "redistimer.dev/timer-uid": UID}
    assert metadata["ownerReferences"][0]["uid"] == UID
    assert request.body["spec"]["template"]["spec"]["containers"] == [{"name": "main", "image": "busybox"}]


async def test_what_is_fired_is_acknowledged_with_its_next_occurrence(bench: Workbench) -> None:
    timer = bench.timer()
    await bench.firing.handle(await bench.claim(timer))
    assert await bench.known(timer) == (1, ELEVEN)
    assert await bench.due_ms(timer) == TWELVE
    assert not await bench.is_leased(timer)
    assert bench.alarm.named == [TWELVE - AHEAD_MS]
    assert len(bench.leases) == 0
    assert await bench.reports() == []


async def test_the_confirmation_comes_after_the_wait_and_right_before_the_creation(bench: Workbench) -> None:
    bench.clock.set("2026-03-01T10:59:59.900Z")
    lease = await bench.claim(bench.timer())
    bench.clock.run()
    await bench.firing.handle(lease)
    assert [act for act, _ in bench.journal] == ["GET", "confirm", "POST", "ack"]
    (_, read_ms), (_, confirmed_ms), (_, created_ms), _ = bench.journal
    assert read_ms < ELEVEN - EARLY_MS <= confirmed_ms
    assert created_ms >= ELEVEN


async def test_a_worker_told_to_end_between_confirmation_and_instant_gives_the_lease_back(bench: Workbench) -> None:
    bench.clock.set(rfc3339_ms(ELEVEN - EARLY_MS))
    timer = bench.timer()
    firing = asyncio.create_task(bench.firing.handle(await bench.claim(timer)))
    await eventually(lambda: "confirm" in [act for act, _ in bench.journal])
    assert not firing.done(), "it waits for the instant"
    bench.firing.stop()
    await firing
    assert bench.jobs_made() == []
    assert not await bench.is_leased(timer)
    assert await bench.due_ms(timer) == ELEVEN


async def test_a_clock_that_is_set_back_after_the_confirmation_keeps_no_turn_taken(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controller.worker.fire._SOON_S", 0.01)
    bench.clock.set(rfc3339_ms(ELEVEN - EARLY_MS))
    timer = bench.timer()
    firing = asyncio.create_task(bench.firing.handle(await bench.claim(timer)))
    await eventually(lambda: "confirm" in [act for act, _ in bench.journal])
    bench.clock.set("2026-03-01T10:30:00Z")
    await firing
    assert bench.jobs_made() == []
    assert await bench.due_ms(timer) == ELEVEN


@pytest.mark.parametrize("changes", [{"concurrencyPolicy": "Forbid"}, {"guarantee": "Strict"}])
async def test_what_is_looked_at_again_waits_for_the_instant_first(bench: Workbench, changes: dict[str, str]) -> None:
    bench.clock.set("2026-03-01T10:59:59.950Z")
    lease = await bench.claim(bench.timer({**HOURLY, **changes}))
    bench.clock.run()
    await bench.firing.handle(lease)
    (_, first_read_ms), *later = bench.journal
    assert first_read_ms < ELEVEN
    assert all(asked_ms >= ELEVEN for _, asked_ms in later)


async def test_what_is_spread_fires_at_its_own_time_under_its_nominal_one(bench: Workbench) -> None:
    timer = bench.timer(SPREAD)
    due_ms = due_of(timer, ELEVEN)
    assert due_ms > ELEVEN
    bench.clock.set(rfc3339_ms(due_ms - 50))
    lease = await bench.claim(timer)
    bench.clock.run()
    lag_before_s = lag_sum_s()
    await bench.firing.handle(lease)
    assert lag_sum_s() - lag_before_s < (due_ms - ELEVEN) / 1000, "lag counts from when it was due"
    (request,) = bench.jobs_made()
    assert request.body["metadata"]["name"] == job_name("nightly", UID, ELEVEN)
    assert request.body["metadata"]["annotations"]["redistimer.dev/scheduled-at"] == rfc3339_ms(ELEVEN)
    assert [at_ms >= due_ms for act, at_ms in bench.journal if act == "POST"] == [True]
    assert await bench.known(timer) == (1, ELEVEN)
    assert await bench.due_ms(timer) == due_of(timer, TWELVE)


async def test_of_several_overdue_occurrences_the_others_are_reported_before_the_last_one_fires(
    bench: Workbench,
) -> None:
    """Once there is a Job, whoever comes after a crash takes all before it for decided."""
    bench.clock.set("2026-03-01T13:00:10Z")
    timer = bench.timer()
    told: list[Report] = []
    marks: list[object] = []

    async def look(request: Request) -> None:
        if request.method == "POST":
            told.extend(await bench.reports())
            marks.append(await bench.known(timer))

    lease = await bench.claim(timer)
    bench.api.before = look
    await bench.firing.handle(lease)
    (request,) = bench.jobs_made()
    assert request.body["metadata"]["name"] == job_name("nightly", UID, TWELVE + 60 * MINUTE_MS)
    assert marks == [(1, TWELVE)]
    (missed,) = told
    assert await bench.reports() == told
    expected = Report(ticket=timer.ticket, reason=Reason.MISS_SCHEDULE, generation=1, occurrence_ms=TWELVE, count=2)
    assert missed == expected


async def test_more_missed_than_a_report_can_say_are_cut_to_what_it_can(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controller.worker.attempt.COUNT_LIMIT", 2)
    bench.clock.set("2026-03-01T20:00:10Z")
    await bench.firing.handle(await bench.claim(bench.timer()))
    (missed,) = await bench.reports()
    assert missed.count == 2


async def test_a_job_that_an_earlier_attempt_created_is_as_good_as_a_new_one(bench: Workbench) -> None:
    timer = bench.timer()
    bench.api.put(job_path(timer, ELEVEN), job_manifest(timer, ELEVEN) | {"status": {}})
    bench.api.objects[job_path(timer, ELEVEN)]["metadata"]["uid"] = "first"
    await bench.firing.handle(await bench.claim(timer))
    assert await bench.known(timer) == (1, ELEVEN)
    assert await bench.due_ms(timer) == TWELVE
    assert await bench.reports() == []


@pytest.mark.parametrize("foreign", ["owner", "no owner"])
async def test_a_job_of_that_name_that_is_not_ours_is_reported_and_tried_again(bench: Workbench, foreign: str) -> None:
    timer = bench.timer()
    job = job_manifest(timer, ELEVEN)
    job["metadata"]["uid"] = "theirs"
    if foreign == "owner":
        job["metadata"]["ownerReferences"][0]["uid"] = OTHER_UID
    else:
        del job["metadata"]["ownerReferences"]
    bench.api.put(job_path(timer, ELEVEN), job)
    await bench.firing.handle(await bench.claim(timer))
    (report,) = await bench.reports()
    assert (report.reason, report.occurrence_ms) == (Reason.JOB_NAME_TAKEN, ELEVEN)
    _, mark_ms = await bench.known(timer) or (0, 0)
    assert mark_ms < ELEVEN
    assert await bench.due_ms(timer) == bench.clock() + 10_000 + AHEAD_MS


async def lose_index(bench: Workbench, _: Timer) -> None:
    bench.server.fail_over()


async def lose_lease(bench: Workbench, timer: Timer) -> None:
    await bench.redis.hset(bench.index.keys.lease, timer.ticket, "somebody else")


async def let_it_expire(bench: Workbench, timer: Timer) -> None:
    await bench.redis.zadd(bench.index.keys.leased, {timer.ticket: bench.clock()})


async def delete_timer(bench: Workbench, timer: Timer) -> None:
    await bench.redis.hdel(bench.index.keys.tickets, timer.ticket)


async def edit_timer(bench: Workbench, timer: Timer) -> None:
    await bench.redis.hset(bench.index.keys.tickets, timer.ticket, "2 0 0 default/nightly")


async def handle_elsewhere(bench: Workbench, timer: Timer) -> None:
    await bench.redis.hset(bench.index.keys.tickets, timer.ticket, f"1 {ELEVEN} 0 default/nightly")


@pytest.mark.parametrize(
    ("happens", "still_ours"),
    [
        (lose_index, True),
        (lose_lease, False),
        (let_it_expire, True),
        (delete_timer, False),
        (edit_timer, True),
        (handle_elsewhere, True),
    ],
)
async def test_what_is_not_confirmed_is_not_fired_but_given_back(
    bench: Workbench, happens: object, still_ours: bool
) -> None:
    timer = bench.timer()
    lease = await bench.claim(timer)
    await happens(bench, timer)  # type: ignore[operator]
    await bench.firing.handle(lease)
    assert [act for act, _ in bench.journal] == ["GET", "confirm", "retry"]
    assert await bench.due_ms(timer) == (bench.clock() + AHEAD_MS if still_ours else None)
    assert len(bench.leases) == 0


async def test_a_worker_that_was_paused_for_longer_than_its_lease_fires_nothing(bench: Workbench) -> None:
    timer = bench.timer()
    lease = await bench.claim(timer)

    async def pause() -> None:
        bench.monotonic.now_s += 8.0

    # Redis is asked before the pause is noticed, and knows nothing of it.
    bench.index.before_confirm = pause
    await bench.firing.handle(lease)
    assert bench.jobs_made() == []
    assert await bench.due_ms(timer) == bench.clock() + AHEAD_MS


async def test_a_stop_gives_back_what_still_waits_for_its_instant(bench: Workbench) -> None:
    bench.clock.set("2026-03-01T10:59:57.500Z")
    timer = bench.timer()
    lease = await bench.claim(timer)
    handling = asyncio.create_task(bench.firing.handle(lease))
    await eventually(lambda: bench.api.requests)
    bench.firing.stop()
    await asyncio.wait_for(handling, 10)
    assert [act for act, _ in bench.journal] == ["GET", "retry"]
    # Due at its instant, and so claimed at once by whoever looks ahead.
    assert await bench.due_ms(timer) == ELEVEN
    assert len(bench.leases) == 0


async def test_a_stop_gives_back_what_is_spread_for_its_own_time(bench: Workbench) -> None:
    timer = bench.timer(SPREAD)
    bench.clock.set(rfc3339_ms(due_of(timer, ELEVEN) - 2_500))
    handling = asyncio.create_task(bench.firing.handle(await bench.claim(timer)))
    await eventually(lambda: bench.api.requests)
    bench.firing.stop()
    await asyncio.wait_for(handling, 10)
    assert await bench.due_ms(timer) == due_of(timer, ELEVEN)


async def test_a_stop_lets_what_is_due_already_be_created(bench: Workbench) -> None:
    bench.firing.stop()
    await bench.firing.handle(await bench.claim(bench.timer()))
    assert len(bench.jobs_made()) == 1


@pytest.mark.parametrize("verb", ["confirm", "ack"])
async def test_an_index_that_is_away_costs_the_lease_and_nothing_else(
    bench: Workbench, verb: str, caplog: pytest.LogCaptureFixture
) -> None:
    timer = bench.timer()
    lease = await bench.claim(timer)
    bench.index.away = frozenset({verb, "retry"})
    await bench.firing.handle(lease)
    assert len(bench.jobs_made()) == (1 if verb == "ack" else 0)
    assert len(bench.leases) == 0
    assert await bench.is_leased(timer), "it runs out by itself"
    assert "index did not answer" in caplog.text


async def test_an_occurrence_whose_acknowledgement_was_lost_is_found_and_not_created_twice(bench: Workbench) -> None:
    timer = bench.timer()
    lease = await bench.claim(timer)
    bench.index.away = frozenset({"ack"})
    await bench.firing.handle(lease)
    bench.index.away = frozenset()
    await bench.index.remove([timer.ticket])
    await bench.firing.handle(await bench.claim(timer))
    assert len([path for path in bench.api.objects if path.startswith(JOBS_PATH)]) == 1
    assert await bench.known(timer) == (1, ELEVEN)


async def test_an_unexpected_error_delays_the_timer_by_a_minute_and_nobody_else(
    bench: Workbench, caplog: pytest.LogCaptureFixture
) -> None:
    timer = bench.timer()
    bench.api.fail("GET", TIMER_PATH, RuntimeError("a fault of ours"))
    await bench.firing.handle(await bench.claim(timer))
    assert await bench.due_ms(timer) == bench.clock() + MINUTE_MS + AHEAD_MS
    assert len(bench.leases) == 0
    assert "unexpected error" in caplog.text


async def test_an_unexpected_error_while_the_index_is_away_raises_nothing(bench: Workbench) -> None:
    lease: Lease = await bench.claim(bench.timer())
    bench.api.fail("GET", TIMER_PATH, RuntimeError("a fault of ours"))
    bench.index.away = frozenset({"retry"})
    with pytest.raises(RedisError):
        await bench.index.retry([])
    await bench.firing.handle(lease)
    assert len(bench.leases) == 0
