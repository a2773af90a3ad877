"""What a lease comes to before anything is created: who is believed, and what is acknowledged without a Job."""

from typing import Any

import pytest

from controller.core.reasons import Reason
from tests.unit.core.objects import HOUR_MS, MINUTE_MS, OTHER_UID, handled, ms, spec_written_at, timer, timer_object
from tests.unit.kube.stub_api import NOT_FOUND, Request
from tests.unit.worker.workbench import AHEAD_MS, HOURLY, TIMER_PATH, Workbench

TEN, ELEVEN, TWELVE = (ms(f"2026-03-01T{hour}:00:00Z") for hour in (10, 11, 12))

CACHED = Request("GET", TIMER_PATH, {"resourceVersion": "0"})
CONSISTENT = Request("GET", TIMER_PATH)


async def test_a_timer_that_a_consistent_read_does_not_find_is_forgotten(bench: Workbench) -> None:
    lease = await bench.claim(gone := timer(HOURLY))
    await bench.firing.handle(lease)
    assert bench.api.requests == [CACHED, CONSISTENT]
    assert await bench.known(gone) is None
    assert len(bench.leases) == 0


async def test_a_name_that_another_timer_has_now_counts_as_gone(bench: Workbench) -> None:
    lease = await bench.claim(gone := timer(HOURLY))
    bench.timer(uid=OTHER_UID)
    await bench.firing.handle(lease)
    assert await bench.known(gone) is None
    assert bench.jobs_made() == []


@pytest.mark.parametrize(
    "cached",
    [
        pytest.param(None, id="not there yet"),
        pytest.param(timer_object(HOURLY, uid=OTHER_UID), id="the predecessor of the same name"),
        pytest.param(timer_object({"schedule": "* * * * *"}, generation=1), id="an older generation"),
    ],
)
async def test_a_cache_that_shows_the_past_is_not_believed(bench: Workbench, cached: dict[str, Any] | None) -> None:
    current = bench.timer({**HOURLY, "suspend": True}, generation=2)
    bench.api.cached[TIMER_PATH] = cached
    await bench.firing.handle(await bench.claim(current))
    assert bench.api.requests == [CACHED, CONSISTENT]
    assert await bench.known(current) is not None
    assert bench.jobs_made() == []


async def test_an_edit_that_left_no_trace_is_dated_by_the_status_that_knows_of_it_and_not_by_a_cache_that_does_not(
    bench: Workbench,
) -> None:
    """To the cache, which is behind, it could have been made this very moment: what came since would never run."""
    spec = {"schedule": "30 * * * *", "missedRunPolicy": "All"}
    before = handled(TEN, timer(HOURLY))
    edited = bench.timer(spec, generation=2, status=handled(TEN + MINUTE_MS, timer(spec, generation=2)))
    bench.api.cached[TIMER_PATH] = timer_object(spec, generation=2, status=before)
    bench.clock.set("2026-03-01T10:31:00Z")
    await bench.firing.handle(await bench.claim(edited))
    assert bench.api.made("GET") == [CACHED, CONSISTENT]
    (job,) = bench.jobs_made()
    assert job.body["metadata"]["annotations"]["redistimer.dev/scheduled-at"] == "2026-03-01T10:30:00.000Z"


async def test_a_cache_that_shows_the_present_is_enough(bench: Workbench) -> None:
    await bench.firing.handle(await bench.claim(bench.timer()))
    assert bench.api.made("GET") == [CACHED]


async def test_a_newer_generation_is_acted_on_before_the_controller_has_seen_it(bench: Workbench) -> None:
    edited = bench.timer(
        {**HOURLY, "schedule": "30 * * * *"}, generation=2, managedFields=spec_written_at("2026-03-01T10:20:00Z")
    )
    bench.clock.set("2026-03-01T10:31:00Z")
    await bench.firing.handle(await bench.claim(edited, generation=1))
    (job,) = bench.jobs_made()
    scheduled_at = job.body["metadata"]["annotations"]["redistimer.dev/scheduled-at"]
    assert scheduled_at == "2026-03-01T10:30:00.000Z"
    assert await bench.known(edited) == (2, TEN + HOUR_MS // 2)


async def test_what_was_due_before_an_edit_does_not_fire_after_it(bench: Workbench) -> None:
    edited = bench.timer(generation=2, managedFields=spec_written_at("2026-03-01T11:00:05Z"))
    await bench.firing.handle(await bench.claim(edited, generation=1))
    assert bench.jobs_made() == []
    assert await bench.due_ms(edited) == TWELVE


@pytest.mark.parametrize(
    ("spec", "changes"),
    [
        pytest.param({**HOURLY, "suspend": True}, {}, id="suspended"),
        pytest.param({"at": "2026-03-01T10:00:00Z"}, {}, id="complete"),
        pytest.param({"schedule": "at noon"}, {}, id="unusable"),
        pytest.param(HOURLY, {"deletionTimestamp": "2026-03-01T10:30:00Z"}, id="being deleted"),
    ],
)
async def test_a_timer_that_wants_nothing_is_acknowledged_and_not_looked_at_again(
    bench: Workbench, spec: dict[str, Any], changes: dict[str, Any]
) -> None:
    idle = bench.timer(spec, **changes)
    await bench.firing.handle(await bench.claim(idle))
    assert bench.jobs_made() == []
    assert await bench.known(idle) == (1, TEN)
    assert await bench.due_ms(idle) is None
    assert not await bench.is_leased(idle)
    assert bench.alarm.named == []


async def test_a_timer_that_is_not_due_is_looked_at_again_at_its_next_occurrence(bench: Workbench) -> None:
    bench.clock.set("2026-03-01T10:59:56.999Z")  # a moment more than the time ahead
    early = bench.timer()
    await bench.firing.handle(await bench.claim(early))
    assert bench.jobs_made() == []
    assert await bench.known(early) == (1, TEN)
    assert await bench.due_ms(early) == ELEVEN
    assert bench.alarm.named == [ELEVEN - AHEAD_MS]
    assert len(bench.leases) == 0


async def test_an_occurrence_that_status_knows_as_handled_is_not_fired(bench: Workbench) -> None:
    known = bench.timer(status=handled(ELEVEN, timer(HOURLY)))
    await bench.firing.handle(await bench.claim(known))
    assert bench.jobs_made() == []
    assert await bench.due_ms(known) == TWELVE


async def test_an_occurrence_that_the_index_knows_as_handled_is_not_fired(bench: Workbench) -> None:
    known = bench.timer()
    await bench.firing.handle(await bench.claim(known, mark_ms=ELEVEN))
    assert bench.jobs_made() == []
    assert await bench.due_ms(known) == TWELVE


async def test_what_is_older_than_its_deadline_is_reported_as_missed(bench: Workbench) -> None:
    late = bench.timer({**HOURLY, "startingDeadlineSeconds": 5})
    await bench.firing.handle(await bench.claim(late))
    (report,) = await bench.reports()
    assert (report.reason, report.occurrence_ms, report.count) == (Reason.MISS_SCHEDULE, ELEVEN, 1)
    assert bench.jobs_made() == []
    assert await bench.known(late) == (1, ELEVEN)
    assert await bench.due_ms(late) == TWELVE


async def test_a_timer_that_nobody_can_read_is_looked_at_again_a_second_later(bench: Workbench) -> None:
    forbidden = NOT_FOUND.__class__(403, "Forbidden", "no")
    bench.api.fail("GET", TIMER_PATH, forbidden)
    hidden = bench.timer()
    await bench.firing.handle(await bench.claim(hidden))
    assert await bench.due_ms(hidden) == bench.clock() + 1000 + AHEAD_MS
    assert bench.pace.pause_s() == 0
