"""What a rebuild does not believe: tickets that no controller or worker can have written. They begin anew."""

import pytest

from controller.core.identity import manual_ticket, ticket_of
from controller.core.instants import CLOCKS_APART_MS
from controller.core.timer import TRIGGER_ANNOTATION
from controller.index.messages import Done, Wanted
from controller.kube import paths
from controller.reconcile.rebuild import Rebuild
from tests.unit.core.objects import HOUR_MS, UID, handled, timer
from tests.unit.kube.stub_api import Request
from tests.unit.reconcile.desk import ELEVEN, HOURLY, TEN, THIRTEEN, TWELVE, Desk, job

TICKET = ticket_of(UID)


@pytest.fixture
def rebuild(desk: Desk) -> Rebuild:
    desk.api.put(paths.CLUSTER_IDENTITY, {"metadata": {"name": "kube-system", "uid": "this-cluster"}})
    return Rebuild(desk.table, desk.api, desk.index, desk.sync)  # type: ignore[arg-type]


async def forge(desk: Desk, ticket: str = TICKET, generation: int = 1, mark_ms: int = TEN) -> list[int]:
    """Write a ticket, due in a year. How much the index is told to be junk from now on."""
    await desk.redis.hset(desk.index.keys.tickets, ticket, f"{generation} {mark_ms} 0 default/nightly")
    await desk.redis.zadd(desk.index.keys.due, {ticket: TEN + 365 * 24 * HOUR_MS})
    junk: list[int] = []
    desk.index.on_junk = junk.append
    return junk


async def test_a_generation_that_no_timer_has_does_not_keep_the_timer_from_being_scheduled(
    desk: Desk, rebuild: Rebuild, caplog: pytest.LogCaptureFixture
) -> None:
    desk.store()
    junk = await forge(desk, generation=10**14)
    await rebuild.run()
    assert await desk.known(TICKET) == f"1 {TEN} 0 default/nightly"
    assert await desk.due_ms(TICKET) == ELEVEN
    assert junk == [1]
    assert "begin anew" in caplog.text


async def test_a_mark_in_the_future_does_not_silence_the_timer_until_then(desk: Desk, rebuild: Rebuild) -> None:
    desk.store()
    junk = await forge(desk, mark_ms=THIRTEEN)
    await rebuild.run()
    assert await desk.known(TICKET) == f"1 {TEN} 0 default/nightly"
    assert await desk.due_ms(TICKET) == ELEVEN
    assert junk == [1]


async def test_a_run_in_the_future_is_not_believed_either(desk: Desk, rebuild: Rebuild) -> None:
    """Forbid would look for that one, and overlook the one that is active."""
    desk.store()
    junk = await forge(desk)
    await desk.redis.hset(desk.index.keys.tickets, TICKET, f"1 {TEN} {TEN - THIRTEEN} default/nightly")
    await rebuild.run()
    assert await desk.known(TICKET) == f"1 {TEN} 0 default/nightly"
    assert junk == [1]


async def test_a_lease_under_a_ticket_that_is_not_believed_is_lost(desk: Desk, rebuild: Rebuild) -> None:
    desk.store()
    await rebuild.run()
    (lease,) = (await desk.index.claim("token", 1, 0, HOUR_MS)).leases
    await forge(desk, mark_ms=THIRTEEN)
    await rebuild.run()
    assert await desk.index.renew([lease], HOUR_MS) == [False]


async def test_a_worker_whose_clock_is_ahead_is_believed(desk: Desk, rebuild: Rebuild) -> None:
    desk.store()
    ahead_ms = desk.clock() + CLOCKS_APART_MS
    junk = await forge(desk, mark_ms=ahead_ms)
    await rebuild.run()
    assert (await desk.known(TICKET) or "").startswith(f"1 {ahead_ms} ")
    assert await desk.due_ms(TICKET) == TWELVE, "and what else somebody wrote is corrected by it"
    assert junk == []


async def test_what_status_says_is_believed_whatever_the_time(desk: Desk, rebuild: Rebuild) -> None:
    desk.store(status=handled(THIRTEEN, timer(HOURLY)))
    junk = await forge(desk, mark_ms=THIRTEEN)
    await rebuild.run()
    assert await desk.due_ms(TICKET) == THIRTEEN + HOUR_MS
    assert junk == []


async def test_a_mark_that_a_worker_has_set_meanwhile_is_kept(desk: Desk, rebuild: Rebuild) -> None:
    desk.store()
    await rebuild.run()

    async def a_worker_fires(request: Request) -> None:
        if request.path == paths.ALL_TIMERS:
            (lease,) = (await desk.index.claim("token", 1, 0, HOUR_MS)).leases
            await desk.index.ack([Done(lease, 1, ELEVEN, TWELVE, ELEVEN)])

    desk.api.before = a_worker_fires
    await rebuild.run()
    assert await desk.known(TICKET) == f"1 {ELEVEN} 0 default/nightly"
    assert await desk.due_ms(TICKET) == TWELVE


async def test_an_edit_that_a_worker_has_met_before_the_controller_is_no_forgery(desk: Desk, rebuild: Rebuild) -> None:
    """The list is younger than the ticket, and so shows the edit, too."""
    desk.store(generation=2, managedFields=[], status=handled(TEN, timer(HOURLY), observedGeneration=2))
    await desk.index.sync([Wanted(TICKET, 2, ELEVEN, TWELVE, "default", "nightly", ELEVEN)])
    junk: list[int] = []
    desk.index.on_junk = junk.append
    await rebuild.run()
    assert await desk.known(TICKET) == f"2 {ELEVEN} 0 default/nightly"
    assert junk == []


async def test_the_ticket_of_a_request_begins_anew_as_well(desk: Desk, rebuild: Rebuild) -> None:
    desk.store(annotations={TRIGGER_ANNOTATION: "now"})
    ticket = manual_ticket(TICKET, "now")
    junk = await forge(desk, ticket, generation=7)
    await rebuild.run()
    assert await desk.known(ticket) == "1 0 0 default/nightly"
    assert await desk.due_ms(ticket) == desk.clock()
    assert junk == [1]


async def test_a_job_of_an_occurrence_to_come_silences_nobody(desk: Desk, rebuild: Rebuild) -> None:
    desk.store()
    desk.store_job(job(THIRTEEN + 365 * 24 * HOUR_MS))
    await rebuild.run()
    assert await desk.due_ms(TICKET) == ELEVEN
