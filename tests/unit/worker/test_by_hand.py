"""A run that was asked for by hand: made at once, once, and whatever the schedule says."""

from typing import Any

import pytest

from controller.core.identity import manual_job_name, manual_ticket
from controller.core.instants import rfc3339_ms
from controller.core.reasons import Reason
from controller.core.timer import Timer
from controller.index.messages import Again
from controller.kube.errors import ApiError, ApiUnreachableError
from controller.observe import metrics
from tests.unit.core.objects import OTHER_UID, UID, handled, ms, timer
from tests.unit.kube.stub_api import TOO_MANY_REQUESTS, Request
from tests.unit.worker.workbench import AHEAD_MS, HOURLY, JOBS_PATH, TIMER_PATH, Workbench

TEN, ELEVEN, TWELVE = (ms(f"2026-03-01T{hour}:00:00Z") for hour in (10, 11, 12))

CONSISTENT = Request("GET", TIMER_PATH)
SUCCEEDED = {"conditions": [{"type": "Complete", "status": "True"}]}


def asked(bench: Workbench, request: str = "x", spec: dict[str, Any] = HOURLY, **changes: Any) -> Timer:
    """A timer of which a run is asked for."""
    annotations = {"redistimer.dev/trigger": request} if request else {}
    return bench.timer(spec, annotations=annotations, **changes)


def ticket_of_request(one: Timer, request: str = "x") -> str:
    return manual_ticket(one.ticket, request)


async def test_a_run_is_made_at_once_named_after_its_request_and_says_when_and_by_what(bench: Workbench) -> None:
    one = asked(bench)
    await bench.firing.handle(await bench.claim_by_hand(one))
    (request,) = bench.jobs_made()
    metadata = request.body["metadata"]
    assert metadata["name"] == manual_job_name("nightly", UID, "x")
    assert metadata["annotations"] == {
        "redistimer.dev/trigger": "x",
        "redistimer.dev/scheduled-at": rfc3339_ms(bench.clock()),
    }
    assert metadata["ownerReferences"][0]["uid"] == UID


async def test_it_is_acknowledged_for_good_and_leaves_a_tombstone(bench: Workbench) -> None:
    one = asked(bench)
    await bench.firing.handle(await bench.claim_by_hand(one))
    assert await bench.known(ticket_of_request(one)) == (1, 1)
    assert await bench.due_ms(ticket_of_request(one)) is None
    assert not await bench.is_leased(ticket_of_request(one))
    assert [one.reason for one in await bench.reports()] == [Reason.SUCCESSFUL_CREATE]
    assert bench.alarm.named == []
    assert len(bench.leases) == 0


async def test_it_leaves_the_schedule_as_it_was(bench: Workbench) -> None:
    one = asked(bench)
    lease = await bench.claim_by_hand(one, fired_ms=TEN)
    await bench.firing.handle(lease)
    assert await bench.known(one) == (1, TEN), "no occurrence is handled by it"
    again = await bench.claim(one, mark_ms=TEN)
    assert (again.mark_ms, again.fired_ms) == (TEN, TEN), "and none has fired with it"


async def test_the_tombstone_keeps_the_request_from_being_handled_a_second_time(bench: Workbench) -> None:
    """The controller asks for it until status says that it was handled."""
    one = asked(bench)
    await bench.firing.handle(await bench.claim_by_hand(one))
    await bench.firing.handle(await bench.claim_by_hand(one))
    assert bench.jobs_made() == bench.jobs_made()[:1]
    assert await bench.known(ticket_of_request(one)) == (1, 1)
    assert await bench.due_ms(ticket_of_request(one)) is None


async def test_the_tombstone_outlives_an_edit(bench: Workbench) -> None:
    one = asked(bench)
    await bench.firing.handle(await bench.claim_by_hand(one))
    edited = asked(bench, generation=2)
    await bench.firing.handle(await bench.claim_by_hand(edited))
    assert len(bench.jobs_made()) == 1


async def test_a_request_whose_job_is_there_already_finds_it(bench: Workbench) -> None:
    """Its worker died before it could say so, or the index was lost."""
    one = asked(bench)
    bench.job(one, TEN, "x")
    await bench.firing.handle(await bench.claim_by_hand(one))
    assert await bench.known(ticket_of_request(one)) == (1, 1)
    assert [one.reason for one in await bench.reports()] == [Reason.SUCCESSFUL_CREATE]


@pytest.mark.parametrize(
    ("spec", "changes"),
    [
        pytest.param({**HOURLY, "suspend": True}, {}, id="suspended"),
        pytest.param({**HOURLY, "schedule": "at noon"}, {}, id="unusable"),
        pytest.param(
            {"at": "2026-03-01T09:00:00Z", "jobTemplate": HOURLY["jobTemplate"]},
            {},
            id="complete",
        ),
        pytest.param(
            {**HOURLY, "maxConsecutiveFailures": 1},
            {"status": handled(TEN, timer({**HOURLY, "maxConsecutiveFailures": 1}), consecutiveFailures=1)},
            id="stopped after too many failures",
        ),
        pytest.param({**HOURLY, "startingDeadlineSeconds": 0, "jitter": "30m"}, {}, id="spread, and with a deadline"),
    ],
)
async def test_a_timer_that_fires_nothing_by_itself_runs_when_it_is_asked_to(
    bench: Workbench, spec: dict[str, Any], changes: dict[str, Any]
) -> None:
    one = asked(bench, spec=spec, **changes)
    await bench.firing.handle(await bench.claim_by_hand(one))
    assert bench.made() == [manual_job_name("nightly", UID, "x")]


@pytest.mark.parametrize(
    ("request_now", "changes"),
    [
        pytest.param("", {}, id="withdrawn"),
        pytest.param("y", {}, id="replaced by another"),
        pytest.param("x", {"status": {"lastHandledTrigger": "x"}}, id="handled as status knows"),
        pytest.param("x", {"deletionTimestamp": "2026-03-01T11:00:00Z"}, id="its timer is being deleted"),
    ],
)
async def test_a_request_that_is_not_open_any_more_is_dropped(
    bench: Workbench, request_now: str, changes: dict[str, Any]
) -> None:
    one = asked(bench)
    lease = await bench.claim_by_hand(one)
    asked(bench, request_now, **changes)
    await bench.firing.handle(lease)
    assert bench.jobs_made() == []
    assert await bench.known(ticket_of_request(one)) is None
    assert await bench.known(one) is not None, "the timer's own ticket stays"
    assert len(bench.leases) == 0


@pytest.mark.parametrize("gone", ["gone", "recreated"])
async def test_a_request_of_a_timer_that_is_gone_is_dropped(bench: Workbench, gone: str) -> None:
    one = asked(bench)
    lease = await bench.claim_by_hand(one)
    del bench.api.objects[TIMER_PATH]
    if gone == "recreated":
        asked(bench, uid=OTHER_UID)
    await bench.firing.handle(lease)
    assert bench.jobs_made() == []
    assert await bench.known(ticket_of_request(one)) is None


async def test_whether_a_request_is_open_is_asked_of_no_cache(bench: Workbench) -> None:
    one = asked(bench)
    bench.api.cached[TIMER_PATH] = bench.api.objects[TIMER_PATH]
    lease = await bench.claim_by_hand(one)
    asked(bench, status={"lastHandledTrigger": "x"})
    await bench.firing.handle(lease)
    assert bench.api.made("GET") == [CONSISTENT]
    assert bench.jobs_made() == []


async def test_a_timer_that_was_edited_since_runs_as_it_is_now(bench: Workbench) -> None:
    one = asked(bench)
    lease = await bench.claim_by_hand(one)
    edited = {**HOURLY, "jobTemplate": {"spec": {"backoffLimit": 7}}}
    asked(bench, spec=edited, generation=2)
    await bench.firing.handle(lease)
    (request,) = bench.jobs_made()
    assert request.body["spec"]["backoffLimit"] == 7
    assert await bench.known(ticket_of_request(one)) == (2, 1)


@pytest.mark.parametrize("request_id", ["x", "backfill", "run", "é 🦊\n", " ", "~", "y" * 300])
async def test_a_request_can_have_any_id(bench: Workbench, request_id: str) -> None:
    one = asked(bench, request_id)
    await bench.firing.handle(await bench.claim_by_hand(one))
    assert bench.made() == [manual_job_name("nightly", UID, request_id[:253])]


async def test_the_instant_of_a_run_by_hand_is_no_lag_of_the_schedule(bench: Workbench) -> None:
    before = metrics.WORKER.get_sample_value("redistimer_firing_lag_seconds_count")
    await bench.firing.handle(await bench.claim_by_hand(asked(bench)))
    assert metrics.WORKER.get_sample_value("redistimer_firing_lag_seconds_count") == before


# What does not go well.


async def test_a_refused_request_is_tried_again_ten_seconds_later_for_as_long_as_it_is_open(bench: Workbench) -> None:
    one = asked(bench)
    refusal = ApiError(403, "Forbidden", "you may not")
    bench.api.fail("POST", JOBS_PATH, refusal, refusal)
    await bench.firing.handle(await bench.claim_by_hand(one))
    for minute in ("11:10:00", "12:30:00"):
        assert await bench.due_ms(ticket_of_request(one)) == bench.clock() + 10_000 + AHEAD_MS
        assert bench.alarm.named[-1] == bench.clock() + 10_000
        bench.clock.set(f"2026-03-01T{minute}Z")
        await bench.firing.handle(await bench.claim_again())
    assert len([path for path in bench.api.objects if path.startswith(JOBS_PATH)]) == 1
    assert await bench.known(ticket_of_request(one)) == (1, 1)


async def test_a_refused_request_is_reported_as_that(bench: Workbench) -> None:
    one = asked(bench)
    bench.api.fail("POST", JOBS_PATH, ApiError(403, "Forbidden", "exceeded quota: jobs"))
    await bench.firing.handle(await bench.claim_by_hand(one))
    (report,) = await bench.reports()
    assert (report.reason, report.ticket) == (Reason.QUOTA_EXCEEDED, ticket_of_request(one))
    assert (report.occurrence_ms, report.generation) == (bench.clock(), 1)
    assert await bench.known(ticket_of_request(one)) == (1, 0), "it is not handled"


async def test_a_refused_request_that_is_withdrawn_is_not_tried_again(bench: Workbench) -> None:
    one = asked(bench)
    bench.api.fail("POST", JOBS_PATH, ApiError(422, "Invalid", "no image"))
    await bench.firing.handle(await bench.claim_by_hand(one))
    asked(bench, "")
    bench.clock.set("2026-03-01T11:10:00Z")
    await bench.firing.handle(await bench.claim_again())
    assert len(bench.jobs_made()) == 1
    assert await bench.known(ticket_of_request(one)) is None


async def test_a_job_of_somebody_else_under_that_name_is_reported(bench: Workbench) -> None:
    one = asked(bench)
    path = bench.job(one, TEN, "x")
    bench.api.objects[path]["metadata"]["ownerReferences"] = []
    await bench.firing.handle(await bench.claim_by_hand(one))
    (report,) = await bench.reports()
    assert report.reason is Reason.JOB_NAME_TAKEN


@pytest.mark.parametrize("error", [TOO_MANY_REQUESTS, ApiUnreachableError("away")])
async def test_a_server_without_capacity_is_blamed_on_no_request(bench: Workbench, error: Exception) -> None:
    one = asked(bench)
    bench.api.fail("POST", JOBS_PATH, error)
    await bench.firing.handle(await bench.claim_by_hand(one))
    assert await bench.reports() == []
    assert bench.pace.pause_s() > 0
    assert await bench.due_ms(ticket_of_request(one)) is not None


async def test_a_request_whose_acknowledgement_was_lost_is_not_made_twice(bench: Workbench) -> None:
    one = asked(bench)
    lease = await bench.claim_by_hand(one)
    bench.index.away = frozenset({"ack"})
    await bench.firing.handle(lease)
    bench.index.away = frozenset()
    await bench.index.retry([Again(lease, 0, 1)])  # as the reaper does when the lease has run out
    bench.clock.set("2026-03-01T11:00:30Z")
    await bench.firing.handle(await bench.claim_again())
    assert len([path for path in bench.api.objects if path.startswith(JOBS_PATH)]) == 1


@pytest.mark.parametrize("policy", ["Latest", "All"])
async def test_an_index_that_lost_all_finds_the_job_of_the_request(bench: Workbench, policy: str) -> None:
    one = asked(bench, spec={**HOURLY, "missedRunPolicy": policy})
    await bench.firing.handle(await bench.claim_by_hand(one))
    await bench.redis.flushall()
    await bench.index.build()
    await bench.firing.handle(await bench.claim_by_hand(one))
    assert len([path for path in bench.api.objects if path.startswith(JOBS_PATH)]) == 1


async def test_that_it_has_run_is_said_again_where_nobody_took_note_of_it(bench: Workbench) -> None:
    """Its Job was gone before any controller saw it, and the first report is lost; a rebuild makes the ticket due."""
    one = bench.timer(annotations={"redistimer.dev/trigger": "x"})
    await bench.firing.handle(await bench.claim_by_hand(one))
    bench.api.objects = {path: obj for path, obj in bench.api.objects.items() if not path.startswith(JOBS_PATH)}
    await bench.redis.delete(bench.index.keys.outcomes)
    await bench.firing.handle(await bench.claim_by_hand(one))
    assert len(bench.jobs_made()) == 1
    (report,) = await bench.reports()
    assert (report.reason, report.ticket) == (Reason.SUCCESSFUL_CREATE, manual_ticket(one.ticket, "x"))
