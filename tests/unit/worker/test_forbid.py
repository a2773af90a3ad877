"""Forbid: a run that is due while another one is active is skipped; who is active is asked of the API server."""

from typing import Any

import pytest

from controller.core.identity import job_name
from controller.core.reasons import Reason
from controller.core.timer import Timer
from controller.index.messages import Wanted
from controller.kube.errors import ApiError, ApiUnreachableError
from tests.unit.core.objects import OTHER_UID, UID, handled, ms, timer
from tests.unit.kube.stub_api import TOO_MANY_REQUESTS
from tests.unit.worker.workbench import AHEAD_MS, HOURLY, JOBS_PATH, TIMER_PATH, Workbench, job_path, request_path

TEN, ELEVEN, TWELVE, THIRTEEN = (ms(f"2026-03-01T{hour}:00:00Z") for hour in (10, 11, 12, 13))

FORBID = {**HOURLY, "concurrencyPolicy": "Forbid"}

SUCCEEDED = {"conditions": [{"type": "Complete", "status": "True"}]}
FAILED = {"conditions": [{"type": "Failed", "status": "True"}]}


async def look(bench: Workbench, one: Timer, fired_ms: int = 0) -> None:
    """Handle a lease of a timer that fired last at this instant."""
    wanted = Wanted(one.ticket, one.generation, fired_ms, 1, one.namespace, one.name, fired_ms)
    await bench.index.sync([wanted])
    await bench.firing.handle(await bench.claim_again())


def jobs_asked_for(bench: Workbench) -> list[str]:
    """The paths of the Jobs that were read."""
    return [request.path for request in bench.api.made("GET") if "/jobs/" in request.path]


def active_in_status(*paths: str) -> dict[str, Any]:
    """A status that calls these Jobs active."""
    entries = [{"name": path.rpartition("/")[2], "uid": "x", "scheduledAt": "2026-03-01T10:00:00Z"} for path in paths]
    return handled(TEN, timer(FORBID), active=entries, activeCount=len(entries))


async def test_what_fired_last_and_runs_still_keeps_the_next_run_from_running(bench: Workbench) -> None:
    bench.clock.set("2026-03-01T12:00:10Z")
    one = bench.timer(FORBID)
    bench.job(one, ELEVEN)
    await look(bench, one, fired_ms=ELEVEN)
    assert bench.jobs_made() == []


async def test_a_skipped_run_is_acknowledged_with_its_mark_its_report_and_the_next_look(bench: Workbench) -> None:
    bench.clock.set("2026-03-01T12:00:10Z")
    one = bench.timer(FORBID)
    bench.job(one, ELEVEN)
    await look(bench, one, fired_ms=ELEVEN)
    (report,) = await bench.reports()
    assert (report.reason, report.occurrence_ms, report.count) == (Reason.JOB_ALREADY_ACTIVE, TWELVE, 1)
    assert report.message == (
        f"The run of 2026-03-01T12:00:00Z was skipped: {job_name('nightly', UID, ELEVEN)} is active, "
        "and concurrencyPolicy is Forbid."
    )
    assert await bench.known(one) == (1, TWELVE)
    assert await bench.due_ms(one) == THIRTEEN
    assert not await bench.is_leased(one)
    assert bench.alarm.named == [THIRTEEN - AHEAD_MS]
    assert len(bench.leases) == 0


async def test_what_was_skipped_is_not_what_fired_last(bench: Workbench) -> None:
    """The run that keeps others from running is remembered until it is over, however many it keeps."""
    one = bench.timer(FORBID)
    bench.clock.set("2026-03-01T12:00:10Z")
    bench.job(one, ELEVEN)
    await look(bench, one, fired_ms=ELEVEN)
    bench.clock.set("2026-03-01T13:00:10Z")
    lease = await bench.claim_again()
    assert (lease.mark_ms, lease.fired_ms) == (TWELVE, ELEVEN)
    await bench.firing.handle(lease)
    assert bench.jobs_made() == []
    assert [report.occurrence_ms for report in await bench.reports()] == [TWELVE, THIRTEEN]


async def test_a_run_that_status_calls_active_counts(bench: Workbench) -> None:
    """From before an edit, say, or made by hand a while ago: it is not what fired last."""
    old = bench.job(timer(FORBID), TEN - 1)
    one = bench.timer(FORBID, status=active_in_status(old))
    await look(bench, one)
    assert bench.jobs_made() == []
    (report,) = await bench.reports()
    assert old.rpartition("/")[2] in report.message


async def test_a_run_that_was_asked_for_by_hand_counts_also_where_status_does_not_know_it_yet(
    bench: Workbench,
) -> None:
    one = bench.timer(FORBID, annotations={"redistimer.dev/trigger": "x"})
    bench.job(one, TEN, "x")
    await look(bench, one)
    assert bench.jobs_made() == []


async def test_a_run_of_the_past_counts_while_status_calls_it_active(bench: Workbench) -> None:
    made = bench.job(timer(FORBID), TEN - 5, backfill=True)
    one = bench.timer(FORBID, status=active_in_status(made))
    await look(bench, one)
    assert bench.jobs_made() == []


@pytest.mark.parametrize("status", [SUCCEEDED, FAILED], ids=["succeeded", "failed"])
async def test_what_has_finished_counts_no_more_whatever_status_says(bench: Workbench, status: dict[str, Any]) -> None:
    bench.clock.set("2026-03-01T12:00:10Z")
    asked = {"annotations": {"redistimer.dev/trigger": "x"}}
    older = bench.job(timer(FORBID), TEN, status=status)
    one = bench.timer(FORBID, status=active_in_status(older, job_path(timer(FORBID), ELEVEN)), **asked)
    bench.job(one, ELEVEN, status=status)
    bench.job(one, TEN, "x", status=status)
    await look(bench, one, fired_ms=ELEVEN)
    assert bench.made() == [job_name("nightly", UID, TWELVE)]
    assert await bench.reports() == []


async def test_a_suspended_job_is_not_over(bench: Workbench) -> None:
    bench.clock.set("2026-03-01T12:00:10Z")
    one = bench.timer(FORBID)
    bench.job(one, ELEVEN, status={"conditions": [{"type": "Suspended", "status": "True"}]})
    await look(bench, one, fired_ms=ELEVEN)
    assert bench.jobs_made() == []


async def test_what_is_gone_counts_no_more(bench: Workbench) -> None:
    bench.clock.set("2026-03-01T12:00:10Z")
    one = bench.timer(FORBID, status=active_in_status(job_path(timer(FORBID), ELEVEN), "x/never-there"))
    await look(bench, one, fired_ms=ELEVEN)
    assert bench.made() == [job_name("nightly", UID, TWELVE)]


@pytest.mark.parametrize("foreign", [OTHER_UID, None], ids=["another timer's", "nobody's"])
async def test_a_job_of_somebody_else_that_has_the_name_does_not_count(bench: Workbench, foreign: str | None) -> None:
    bench.clock.set("2026-03-01T12:00:10Z")
    one = bench.timer(FORBID)
    path = bench.job(one, ELEVEN)
    owners = bench.api.objects[path]["metadata"]["ownerReferences"]
    bench.api.objects[path]["metadata"]["ownerReferences"] = [{**owners[0], "uid": foreign}] if foreign else []
    await look(bench, one, fired_ms=ELEVEN)
    assert bench.made() == [job_name("nightly", UID, TWELVE)]


async def test_its_own_job_does_not_count(bench: Workbench) -> None:
    """An earlier attempt created it, and its answer was lost; status may know it already."""
    one = bench.timer(FORBID, status=active_in_status(job_path(timer(FORBID), ELEVEN)))
    bench.job(one, ELEVEN)
    await look(bench, one)
    assert await bench.reports() == []
    assert await bench.known(one) == (1, ELEVEN)
    assert len([path for path in bench.api.objects if "/jobs/" in path]) == 1


async def test_several_active_ones_are_told_in_few_words(bench: Workbench) -> None:
    bench.clock.set("2026-03-01T12:00:10Z")
    older = bench.job(timer(FORBID), TEN)
    one = bench.timer(FORBID, status=active_in_status(older))
    bench.job(one, ELEVEN)
    await look(bench, one, fired_ms=ELEVEN)
    (report,) = await bench.reports()
    first = min(path.rpartition("/")[2] for path in (older, job_path(one, ELEVEN)))
    assert f"{first} and 1 more are active" in report.message


async def test_the_others_are_asked_for_by_name_at_the_instant_between_two_confirmations(bench: Workbench) -> None:
    asked = {"annotations": {"redistimer.dev/trigger": "x"}}
    old = job_path(timer(FORBID), TEN - 1)
    one = bench.timer(FORBID, status=active_in_status(old) | {"lastHandledTrigger": "x"}, **asked)
    bench.clock.set("2026-03-01T10:59:59.950Z")
    wanted = Wanted(one.ticket, 1, TEN, ELEVEN, one.namespace, one.name, TEN)
    await bench.index.sync([wanted])
    lease = await bench.claim_again()
    bench.clock.run()
    await bench.firing.handle(lease)
    assert sorted(jobs_asked_for(bench)) == sorted([old, job_path(one, TEN), request_path(one, "x")])
    assert all(not request.parameters for request in bench.api.made("GET")[1:]), "and not of a cache"
    assert bench.acts() == ["GET", "GET", "confirm", "GET", "GET", "GET", "confirm", "POST", "ack"]
    assert min(at_ms for _, at_ms in bench.journal[1:]) >= ELEVEN


@pytest.mark.parametrize("policy", ["Allow", None])
async def test_with_allow_nobody_asks(bench: Workbench, policy: str | None) -> None:
    bench.clock.set("2026-03-01T12:00:10Z")
    asked = {"annotations": {"redistimer.dev/trigger": "x"}}
    old = bench.job(timer(HOURLY), TEN)
    one = bench.timer({**HOURLY, "concurrencyPolicy": policy}, status=active_in_status(old), **asked)
    bench.job(one, ELEVEN)
    await look(bench, one, fired_ms=ELEVEN)
    assert bench.made() == [job_name("nightly", UID, TWELVE)]
    assert jobs_asked_for(bench) == []
    assert bench.api.made("DELETE") == []


@pytest.mark.parametrize(
    ("error", "paused"),
    [
        (TOO_MANY_REQUESTS, True),
        (ApiUnreachableError("away"), True),
        (ApiError(403, "Forbidden", "you may not look"), False),
        (ApiError(500, "InternalError", "broken"), False),
    ],
)
async def test_where_nobody_can_say_who_is_active_nothing_runs_and_nothing_is_skipped(
    bench: Workbench, error: Exception, paused: bool
) -> None:
    bench.clock.set("2026-03-01T12:00:10Z")
    one = bench.timer(FORBID)
    bench.api.fail("GET", job_path(one, ELEVEN), error)
    await look(bench, one, fired_ms=ELEVEN)
    assert bench.jobs_made() == []
    assert await bench.known(one) == (1, ELEVEN), "it stays to be done"
    assert await bench.due_ms(one) is not None
    assert Reason.JOB_ALREADY_ACTIVE not in [report.reason for report in await bench.reports()]
    assert (bench.pace.pause_s() > 0) == paused


async def test_what_was_missed_is_reported_with_what_is_skipped(bench: Workbench) -> None:
    bench.clock.set("2026-03-01T14:00:10Z")
    one = bench.timer(FORBID)
    bench.job(one, ELEVEN)
    await look(bench, one, fired_ms=ELEVEN)
    missed, skipped = await bench.reports()
    assert (missed.reason, missed.occurrence_ms, missed.count) == (Reason.MISS_SCHEDULE, THIRTEEN, 2)
    assert (skipped.reason, skipped.occurrence_ms) == (Reason.JOB_ALREADY_ACTIVE, ms("2026-03-01T14:00:00Z"))


# Jobs of which nobody has told.


@pytest.mark.parametrize("guarantee", ["Standard", "Strict"])
async def test_a_job_whose_answer_was_lost_keeps_the_next_run_from_running(bench: Workbench, guarantee: str) -> None:
    """Its worker never comes to acknowledge it, and by the next look a later occurrence is due."""
    one = bench.timer({**FORBID, "guarantee": guarantee})
    lost = {"Standard": ("POST", JOBS_PATH), "Strict": ("PATCH", job_path(one, ELEVEN))}
    bench.api.lose_answer(*lost[guarantee])
    await bench.firing.handle(await bench.claim(one, mark_ms=TEN))
    bench.clock.set("2026-03-01T12:00:10Z")
    bench.pace.recovered()
    await bench.firing.handle(await bench.claim(one, mark_ms=TEN))
    assert bench.made() == [job_name("nightly", UID, ELEVEN)]
    skipped = [report.occurrence_ms for report in await bench.reports() if report.reason is Reason.JOB_ALREADY_ACTIVE]
    assert skipped == [TWELVE]


async def test_a_run_that_was_only_about_to_ask_is_not_looked_for(bench: Workbench) -> None:
    """What fired last is still the one to look for, however many runs it keeps from running."""
    bench.clock.set("2026-03-01T12:00:10Z")
    one = bench.timer(FORBID)
    bench.job(one, ELEVEN)
    await look(bench, one, fired_ms=ELEVEN)
    bench.clock.set("2026-03-01T13:00:10Z")
    await bench.firing.handle(await bench.claim(one))
    assert bench.jobs_made() == []


async def test_what_was_decided_since_it_was_claimed_does_not_run(bench: Workbench) -> None:
    """Another worker, on another primary, has fired it; status tells, and its Job is gone."""
    one = bench.timer(FORBID)
    bench.api.cached[TIMER_PATH] = bench.api.objects[TIMER_PATH]
    bench.timer(FORBID, status=handled(ELEVEN, one))
    await bench.firing.handle(await bench.claim(one, mark_ms=TEN))
    assert bench.jobs_made() == []
