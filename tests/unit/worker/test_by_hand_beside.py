"""A run by hand beside other runs of its timer: what concurrencyPolicy makes of it."""

from typing import Any

import pytest

from controller.core.identity import manual_job_name, manual_ticket
from controller.core.reasons import Reason
from controller.core.timer import Timer
from controller.index.messages import Wanted
from controller.kube.errors import ApiError, ApiUnreachableError
from tests.unit.core.objects import OTHER_UID, UID, ms
from tests.unit.kube.stub_api import TOO_MANY_REQUESTS, Request
from tests.unit.worker.workbench import AHEAD_MS, HOURLY, JOBS_PATH, Workbench, job_path, request_path

TEN, ELEVEN, TWELVE = (ms(f"2026-03-01T{hour}:00:00Z") for hour in (10, 11, 12))

SUCCEEDED = {"conditions": [{"type": "Complete", "status": "True"}]}


def asked(bench: Workbench, request: str = "x", spec: dict[str, Any] = HOURLY) -> Timer:
    """A timer of which a run is asked for."""
    return bench.timer(spec, annotations={"redistimer.dev/trigger": request})


def ticket_of_request(one: Timer, request: str = "x") -> str:
    return manual_ticket(one.ticket, request)


async def test_with_forbid_a_request_is_skipped_while_a_run_is_active_and_handled_by_that(bench: Workbench) -> None:
    one = asked(bench, spec={**HOURLY, "concurrencyPolicy": "Forbid", "missedRunPolicy": "All"})
    bench.job(one, TEN)
    await bench.firing.handle(await bench.claim_by_hand(one, fired_ms=TEN))
    assert bench.jobs_made() == []
    (report,) = await bench.reports()
    assert (report.reason, report.ticket) == (Reason.JOB_ALREADY_ACTIVE, ticket_of_request(one))
    assert report.message.startswith("The run asked for by hand (x) was skipped: nightly-")
    assert await bench.known(ticket_of_request(one)) == (1, 1)
    assert await bench.due_ms(ticket_of_request(one)) is None
    assert await bench.known(one) == (1, TEN)


async def test_with_forbid_the_job_of_the_request_itself_does_not_count(bench: Workbench) -> None:
    one = asked(bench, spec={**HOURLY, "concurrencyPolicy": "Forbid"})
    bench.job(one, TEN, "x")
    await bench.firing.handle(await bench.claim_by_hand(one))
    assert [one.reason for one in await bench.reports()] == [Reason.SUCCESSFUL_CREATE]
    assert await bench.known(ticket_of_request(one)) == (1, 1)


async def test_with_forbid_a_request_runs_once_what_fired_last_is_over(bench: Workbench) -> None:
    one = asked(bench, spec={**HOURLY, "concurrencyPolicy": "Forbid"})
    bench.job(one, TEN, status=SUCCEEDED)
    await bench.firing.handle(await bench.claim_by_hand(one, fired_ms=TEN))
    assert bench.made() == [manual_job_name("nightly", UID, "x")]


async def test_with_replace_a_request_takes_the_place_of_what_is_active(bench: Workbench) -> None:
    one = asked(bench, spec={**HOURLY, "concurrencyPolicy": "Replace"})
    bench.job(one, TEN)
    await bench.firing.handle(await bench.claim_by_hand(one, fired_ms=TEN))
    assert {path for path in bench.api.objects if path.startswith(JOBS_PATH)} == {request_path(one, "x")}
    replaced, handled = await bench.reports()
    assert (replaced.reason, replaced.ticket) == (Reason.SUCCESSFUL_DELETE, ticket_of_request(one))
    assert (handled.reason, handled.ticket) == (Reason.SUCCESSFUL_CREATE, ticket_of_request(one))


@pytest.mark.parametrize("policy", ["Forbid", "Replace"])
async def test_two_requests_one_right_after_the_other_do_not_run_at_the_same_time(
    bench: Workbench, policy: str
) -> None:
    """The second replaces the first before status could tell of its Job."""
    spec = {**HOURLY, "concurrencyPolicy": policy}
    await bench.firing.handle(await bench.claim_by_hand(asked(bench, "x", spec)))
    second = asked(bench, "y", spec)
    await bench.firing.handle(await bench.claim_by_hand(second))
    assert len([path for path in bench.api.objects if path.startswith(JOBS_PATH)]) == 1


async def test_the_schedule_goes_on_beside_an_open_request(bench: Workbench) -> None:
    one = asked(bench)
    wanted = [
        Wanted(one.ticket, 1, 0, 1, one.namespace, one.name),
        Wanted(ticket_of_request(one), 1, 0, 2, one.namespace, one.name),
    ]
    await bench.index.sync(wanted)
    for lease in (await bench.index.claim("both", 10, AHEAD_MS, 10_000)).leases:
        bench.leases.hold([lease], bench.leases.now_s())
        await bench.firing.handle(lease)
    paths = {path for path in bench.api.objects if path.startswith(JOBS_PATH)}
    assert paths == {job_path(one, ELEVEN), request_path(one, "x")}
    assert await bench.due_ms(one) == TWELVE


# While a run is asked for, the Jobs of the timer are listed: there may be more than it can name.

FORBID = {**HOURLY, "concurrencyPolicy": "Forbid"}


def lists(bench: Workbench) -> list[Request]:
    return [request for request in bench.api.made("GET") if request.path == JOBS_PATH]


@pytest.mark.parametrize("trigger", ["", "y"], ids=["of the schedule", "by hand"])
async def test_while_a_run_is_asked_for_a_run_that_only_the_list_shows_keeps_others_from_running(
    bench: Workbench, trigger: str
) -> None:
    one = asked(bench, "z", FORBID)
    bench.job(one, TEN, trigger)
    await bench.firing.handle(await bench.claim_by_hand(one))
    assert bench.jobs_made() == []
    assert [report.reason for report in await bench.reports()] == [Reason.JOB_ALREADY_ACTIVE]


async def test_the_list_is_of_this_timer_and_of_no_cache(bench: Workbench) -> None:
    one = asked(bench, spec=FORBID)
    await bench.firing.handle(await bench.claim_by_hand(one))
    (request,) = lists(bench)
    assert request.parameters["labelSelector"] == f"redistimer.dev/timer-uid={UID}"
    assert "resourceVersion" not in request.parameters
    assert bench.acts() == ["GET", "confirm", "GET", "confirm", "POST", "ack"]


async def test_a_run_of_the_schedule_lists_as_well_while_a_run_is_asked_for(bench: Workbench) -> None:
    one = asked(bench, "z", FORBID)
    bench.job(one, TEN, "y")
    await bench.firing.handle(await bench.claim(one))
    assert len(lists(bench)) == 1
    assert bench.jobs_made() == []


async def test_without_an_open_request_nobody_lists(bench: Workbench) -> None:
    one = bench.timer(FORBID, status={"lastHandledTrigger": "x"}, annotations={"redistimer.dev/trigger": "x"})
    await bench.firing.handle(await bench.claim(one))
    assert lists(bench) == []
    assert len(bench.jobs_made()) == 1


async def test_in_a_list_only_what_belongs_to_the_timer_and_runs_still_counts(bench: Workbench) -> None:
    one = asked(bench, spec=FORBID)
    bench.job(one, TEN, status=SUCCEEDED)
    foreign = bench.job(one, TEN + 1)
    bench.api.objects[foreign]["metadata"]["ownerReferences"][0]["uid"] = OTHER_UID
    labelled = bench.job(one, TEN + 2)
    bench.api.objects[labelled]["metadata"]["ownerReferences"] = []
    bench.job(one, TEN, "x")
    await bench.firing.handle(await bench.claim_by_hand(one))
    assert [one.reason for one in await bench.reports()] == [Reason.SUCCESSFUL_CREATE]
    assert await bench.known(ticket_of_request(one)) == (1, 1)


@pytest.mark.parametrize("error", [TOO_MANY_REQUESTS, ApiUnreachableError("away"), ApiError(403, "Forbidden", "no")])
async def test_where_the_list_is_not_to_be_had_nothing_runs_and_nothing_is_skipped(
    bench: Workbench, error: Exception
) -> None:
    one = asked(bench, spec=FORBID)
    bench.api.fail("GET", JOBS_PATH, error)
    await bench.firing.handle(await bench.claim_by_hand(one))
    assert bench.jobs_made() == []
    assert Reason.JOB_ALREADY_ACTIVE not in [report.reason for report in await bench.reports()]
    assert await bench.known(ticket_of_request(one)) == (1, 0)
