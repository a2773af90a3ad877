"""All beside Forbid: runs that are made up for wait for one another, where one on time would be skipped."""

from controller.core.identity import job_name
from controller.core.reasons import Reason
from controller.core.timer import Timer
from controller.index.messages import Wanted
from tests.unit.core.objects import UID, ms
from tests.unit.worker.workbench import AHEAD_MS, HOURLY, Workbench, job_path

ELEVEN, TWELVE, THIRTEEN = (ms(f"2026-03-01T{hour}:00:00Z") for hour in (11, 12, 13))

FORBID_ALL = {**HOURLY, "concurrencyPolicy": "Forbid", "missedRunPolicy": "All"}

SUCCEEDED = {"conditions": [{"type": "Complete", "status": "True"}]}
FAILED = {"conditions": [{"type": "Failed", "status": "True"}]}


async def look(bench: Workbench, one: Timer, fired_ms: int = 0) -> None:
    """Handle a lease of a timer that fired last at this instant."""
    wanted = Wanted(one.ticket, one.generation, fired_ms, 1, one.namespace, one.name, fired_ms)
    await bench.index.sync([wanted])
    await bench.firing.handle(await bench.claim_again())


async def test_a_run_that_is_made_up_for_waits_for_the_one_before_instead_of_being_skipped(bench: Workbench) -> None:
    bench.clock.set("2026-03-01T13:00:10Z")
    one = bench.timer(FORBID_ALL)
    bench.job(one, ELEVEN)
    await look(bench, one, fired_ms=ELEVEN)
    assert bench.jobs_made() == []
    assert await bench.reports() == []
    assert await bench.known(one) == (1, ELEVEN)
    assert await bench.due_ms(one) == bench.clock() + 2_000 + AHEAD_MS
    assert bench.alarm.named == [bench.clock() + 2_000]
    assert not await bench.is_leased(one)


async def test_made_up_runs_run_one_after_another_each_once_the_one_before_is_over(bench: Workbench) -> None:
    bench.clock.set("2026-03-01T13:30:00Z")
    one = bench.timer(FORBID_ALL)
    await look(bench, one)
    await look_again(bench, "2026-03-01T13:30:02Z")
    assert bench.made() == [job_name("nightly", UID, ELEVEN)]
    bench.api.objects[job_path(one, ELEVEN)]["status"] = SUCCEEDED
    await look_again(bench, "2026-03-01T13:30:10Z")
    await look_again(bench, "2026-03-01T13:30:12Z")
    assert bench.made() == [job_name("nightly", UID, occurrence_ms) for occurrence_ms in (ELEVEN, TWELVE)]
    bench.api.objects[job_path(one, TWELVE)]["status"] = FAILED
    await look_again(bench, "2026-03-01T13:30:20Z")
    assert bench.made() == [job_name("nightly", UID, occurrence_ms) for occurrence_ms in (ELEVEN, TWELVE, THIRTEEN)]
    assert await bench.due_ms(one) == ms("2026-03-01T14:00:00Z")
    assert await bench.reports() == []


async def look_again(bench: Workbench, at: str) -> None:
    """Handle the ticket that is due at this time."""
    bench.clock.set(at)
    await bench.firing.handle(await bench.claim_again())


async def test_the_last_of_the_made_up_runs_waits_as_well(bench: Workbench) -> None:
    bench.clock.set("2026-03-01T12:30:00Z")
    one = bench.timer(FORBID_ALL)
    bench.job(one, ELEVEN)
    await look(bench, one, fired_ms=ELEVEN)
    assert (await bench.reports(), bench.jobs_made()) == ([], [])
    assert await bench.known(one) == (1, ELEVEN)


async def test_with_all_a_run_that_is_on_time_is_skipped_all_the_same(bench: Workbench) -> None:
    bench.clock.set("2026-03-01T12:00:00Z")
    one = bench.timer(FORBID_ALL)
    bench.job(one, ELEVEN)
    await look(bench, one, fired_ms=ELEVEN)
    (report,) = await bench.reports()
    assert (report.reason, report.occurrence_ms) == (Reason.JOB_ALREADY_ACTIVE, TWELVE)


async def test_what_is_too_old_to_be_made_up_for_is_on_record_while_the_rest_waits(bench: Workbench) -> None:
    bench.clock.set("2026-03-01T15:00:10Z")
    one = bench.timer({**FORBID_ALL, "missedRunLimit": 2})
    bench.job(one, ELEVEN)
    await look(bench, one, fired_ms=ELEVEN)
    (report,) = await bench.reports()
    assert (report.reason, report.occurrence_ms, report.count) == (Reason.MISS_SCHEDULE, THIRTEEN, 2)
    assert await bench.known(one) == (1, THIRTEEN), "and is not reported again by the next look"
    bench.clock.set("2026-03-01T15:00:20Z")
    await bench.firing.handle(await bench.claim_again())
    assert len(await bench.reports()) == 1
    assert bench.jobs_made() == []
