"""Replace: the run that is active is deleted, and the one that is due is created; nothing of it without a right to."""

import pytest

from controller.core.identity import job_name
from controller.core.reasons import Reason
from controller.core.timer import Timer
from controller.index.messages import Again, Lease, Wanted
from controller.kube.errors import ApiError, ApiUnreachableError
from tests.unit.core.objects import OTHER_UID, UID, handled, ms, timer
from tests.unit.kube.stub_api import CONFLICT, NOT_FOUND, TOO_MANY_REQUESTS
from tests.unit.worker.workbench import AHEAD_MS, HOURLY, JOBS_PATH, LEASE_MS, Workbench, job_path, request_path

TEN, ELEVEN, TWELVE, THIRTEEN = (ms(f"2026-03-01T{hour}:00:00Z") for hour in (10, 11, 12, 13))

REPLACE = {**HOURLY, "concurrencyPolicy": "Replace"}
SUCCEEDED = {"conditions": [{"type": "Complete", "status": "True"}]}


async def due_at_twelve(bench: Workbench, one: Timer) -> Lease:
    """The lease for twelve of a timer that fired last at eleven, and whose Job of eleven runs still."""
    bench.clock.set("2026-03-01T12:00:10Z")
    bench.job(one, ELEVEN)
    await bench.index.sync([Wanted(one.ticket, 1, ELEVEN, 1, one.namespace, one.name, ELEVEN)])
    return await bench.claim_again()


def jobs(bench: Workbench) -> set[str]:
    """The paths of the Jobs that exist."""
    return {path for path in bench.api.objects if path.startswith(JOBS_PATH)}


async def test_the_run_that_is_active_gives_way_to_the_one_that_is_due(bench: Workbench) -> None:
    one = bench.timer(REPLACE)
    await bench.firing.handle(await due_at_twelve(bench, one))
    assert jobs(bench) == {job_path(one, TWELVE)}
    assert await bench.known(one) == (1, TWELVE)
    assert await bench.due_ms(one) == THIRTEEN
    (report,) = await bench.reports()
    assert (report.reason, report.occurrence_ms) == (Reason.SUCCESSFUL_DELETE, TWELVE)
    old, new = job_name("nightly", UID, ELEVEN), job_name("nightly", UID, TWELVE)
    assert report.message == f"Deleted job {old}, replaced by {new}"


async def test_it_is_deleted_by_its_uid_and_with_its_pods(bench: Workbench) -> None:
    one = bench.timer(REPLACE)
    lease = await due_at_twelve(bench, one)
    uid = bench.api.objects[job_path(one, ELEVEN)]["metadata"]["uid"]
    await bench.firing.handle(lease)
    (request,) = bench.api.made("DELETE")
    assert request.path == job_path(one, ELEVEN)
    assert request.body == {"propagationPolicy": "Background", "preconditions": {"uid": uid}}


async def test_nothing_is_deleted_without_a_confirmation_and_nothing_created_without_another(
    bench: Workbench,
) -> None:
    one = bench.timer(REPLACE)
    await bench.firing.handle(await due_at_twelve(bench, one))
    assert bench.acts()[0] == "GET"
    assert [act for act in bench.acts() if act != "GET"] == ["confirm", "DELETE", "confirm", "POST", "ack"]


async def test_all_that_are_active_give_way(bench: Workbench) -> None:
    older = job_path(timer(REPLACE), TEN)
    active = [{"name": older.rpartition("/")[2], "uid": "x", "scheduledAt": "2026-03-01T10:00:00Z"}]
    one = bench.timer(
        REPLACE, status=handled(TEN, timer(REPLACE), active=active), annotations={"redistimer.dev/trigger": "x"}
    )
    bench.job(one, TEN)
    bench.job(one, TEN, "x")
    await bench.firing.handle(await due_at_twelve(bench, one))
    assert jobs(bench) == {job_path(one, TWELVE)}
    assert len(await bench.reports()) == len(bench.api.made("DELETE")) == 3
    assert request_path(one, "x") in {request.path for request in bench.api.made("DELETE")}


async def test_what_has_finished_stays(bench: Workbench) -> None:
    one = bench.timer(REPLACE)
    lease = await due_at_twelve(bench, one)
    bench.api.objects[job_path(one, ELEVEN)]["status"] = SUCCEEDED
    await bench.firing.handle(lease)
    assert jobs(bench) == {job_path(one, ELEVEN), job_path(one, TWELVE)}
    assert bench.api.made("DELETE") == []
    assert await bench.reports() == []


async def test_a_job_of_another_timer_under_that_name_stays(bench: Workbench) -> None:
    one = bench.timer(REPLACE)
    lease = await due_at_twelve(bench, one)
    bench.api.objects[job_path(one, ELEVEN)]["metadata"]["ownerReferences"][0]["uid"] = OTHER_UID
    await bench.firing.handle(lease)
    assert bench.api.made("DELETE") == []


async def lose_lease(bench: Workbench, one: Timer) -> None:
    await bench.redis.hset(bench.index.keys.lease, one.ticket, "somebody else")


async def let_it_expire(bench: Workbench, one: Timer) -> None:
    await bench.redis.zadd(bench.index.keys.leased, {one.ticket: bench.clock()})


async def edit_timer(bench: Workbench, one: Timer) -> None:
    await bench.redis.hset(bench.index.keys.tickets, one.ticket, f"2 {ELEVEN} 0 default/nightly")


async def handle_elsewhere(bench: Workbench, one: Timer) -> None:
    await bench.redis.hset(bench.index.keys.tickets, one.ticket, f"1 {TWELVE} 0 default/nightly")


async def lose_index(bench: Workbench, _: Timer) -> None:
    bench.server.fail_over()


async def pause_for_too_long(bench: Workbench, _: Timer) -> None:
    bench.monotonic.now_s += 8.0


HAPPENINGS = [lose_lease, let_it_expire, edit_timer, handle_elsewhere, lose_index, pause_for_too_long]


@pytest.mark.parametrize("happens", HAPPENINGS)
async def test_who_may_not_act_any_more_deletes_nothing(bench: Workbench, happens: object) -> None:
    one = bench.timer(REPLACE)
    lease = await due_at_twelve(bench, one)
    await happens(bench, one)  # type: ignore[operator]
    await bench.firing.handle(lease)
    assert bench.api.made("DELETE") == []
    assert bench.jobs_made() == []
    assert jobs(bench) == {job_path(one, ELEVEN)}
    assert len(bench.leases) == 0


@pytest.mark.parametrize("happens", HAPPENINGS)
async def test_who_may_not_act_any_more_after_the_deletion_creates_nothing(bench: Workbench, happens: object) -> None:
    one = bench.timer(REPLACE)
    lease = await due_at_twelve(bench, one)
    confirmations = 0

    async def later() -> None:
        nonlocal confirmations
        confirmations += 1
        if confirmations == 2:
            await happens(bench, one)  # type: ignore[operator]

    bench.index.before_confirm = later
    await bench.firing.handle(lease)
    assert len(bench.api.made("DELETE")) == 1
    assert bench.jobs_made() == []


async def test_a_deletion_after_which_nothing_may_be_created_is_on_record_if_the_lease_still_is(
    bench: Workbench,
) -> None:
    one = bench.timer(REPLACE)
    lease = await due_at_twelve(bench, one)
    confirmations = 0

    async def later() -> None:
        nonlocal confirmations
        confirmations += 1
        if confirmations == 2:
            await edit_timer(bench, one)

    bench.index.before_confirm = later
    await bench.firing.handle(lease)
    assert [report.reason for report in await bench.reports()] == [Reason.SUCCESSFUL_DELETE]


@pytest.mark.parametrize(
    ("error", "reported"),
    [
        pytest.param(ApiError(403, "Forbidden", "you may not delete"), [Reason.FORBIDDEN], id="forbidden"),
        pytest.param(ApiError(500, "InternalError", "broken"), [Reason.FAILED_CREATE], id="broken"),
        pytest.param(TOO_MANY_REQUESTS, [], id="no capacity"),
        pytest.param(ApiUnreachableError("away"), [], id="away"),
    ],
)
async def test_where_the_earlier_one_cannot_be_deleted_nothing_is_created(
    bench: Workbench, error: Exception, reported: list[Reason]
) -> None:
    one = bench.timer(REPLACE)
    lease = await due_at_twelve(bench, one)
    bench.api.fail("DELETE", job_path(one, ELEVEN), error)
    await bench.firing.handle(lease)
    assert bench.jobs_made() == []
    assert [report.reason for report in await bench.reports()] == reported
    assert await bench.known(one) == (1, ELEVEN), "it stays to be done"
    assert not await bench.is_leased(one)
    assert (await bench.due_ms(one) or 0) > bench.clock() + AHEAD_MS


async def test_what_was_deleted_before_another_could_not_be_is_on_record(bench: Workbench) -> None:
    asked = {"annotations": {"redistimer.dev/trigger": "x"}, "status": {"lastHandledTrigger": "x"}}
    one = bench.timer(REPLACE, **asked)
    bench.job(one, TEN, "x")
    lease = await due_at_twelve(bench, one)
    bench.api.fail("DELETE", request_path(one, "x"), ApiError(403, "Forbidden", "you may not delete"))
    await bench.firing.handle(lease)
    assert bench.jobs_made() == []
    assert jobs(bench) == {request_path(one, "x")}, "they are taken in the order of their names"
    assert [report.reason for report in await bench.reports()] == [Reason.SUCCESSFUL_DELETE, Reason.FORBIDDEN]


@pytest.mark.parametrize("error", [NOT_FOUND, CONFLICT], ids=["gone already", "a namesake has its place"])
async def test_what_is_gone_already_holds_up_nothing(bench: Workbench, error: ApiError) -> None:
    one = bench.timer(REPLACE)
    lease = await due_at_twelve(bench, one)
    bench.api.fail("DELETE", job_path(one, ELEVEN), error)
    await bench.firing.handle(lease)
    assert bench.made() == [job_name("nightly", UID, TWELVE)]


async def test_a_worker_that_dies_after_the_deletion_leaves_the_creation_to_the_next_look(bench: Workbench) -> None:
    one = bench.timer(REPLACE)
    lease = await due_at_twelve(bench, one)
    bench.api.fail("POST", JOBS_PATH, RuntimeError("the end"))
    bench.index.away = frozenset({"retry", "ack"})
    await bench.firing.handle(lease)
    assert jobs(bench) == set()
    bench.index.away = frozenset()
    await bench.index.retry([Again(lease, 0, 1)])  # as the reaper does when the lease has run out
    await bench.firing.handle(await bench.claim_again())
    assert jobs(bench) == {job_path(one, TWELVE)}
    assert len(bench.api.made("DELETE")) == 1
    assert await bench.known(one) == (1, TWELVE)


async def test_a_worker_that_dies_after_the_creation_leaves_its_job_alone(bench: Workbench) -> None:
    one = bench.timer(REPLACE)
    lease = await due_at_twelve(bench, one)
    bench.index.away = frozenset({"ack"})
    await bench.firing.handle(lease)
    bench.index.away = frozenset()
    created = bench.api.objects[job_path(one, TWELVE)]["metadata"]["uid"]
    await bench.index.retry([Again(lease, 0, 1)])
    await bench.firing.handle(await bench.claim_again())
    assert bench.api.objects[job_path(one, TWELVE)]["metadata"]["uid"] == created
    assert len(bench.api.made("DELETE")) == 1
    assert await bench.due_ms(one) == THIRTEEN


async def test_what_was_missed_is_reported_before_what_was_replaced(bench: Workbench) -> None:
    one = bench.timer(REPLACE)
    lease = await due_at_twelve(bench, one)
    bench.clock.set("2026-03-01T14:00:10Z")
    await bench.redis.zadd(bench.index.keys.leased, {one.ticket: bench.clock() + LEASE_MS})
    await bench.firing.handle(lease)
    reports = await bench.reports()
    assert [report.reason for report in reports] == [Reason.MISS_SCHEDULE, Reason.SUCCESSFUL_DELETE]
    assert (reports[0].occurrence_ms, reports[0].count) == (THIRTEEN, 2)
