"""Carrying timers into the index: what a timer wants, and what happens to what does not arrive."""

from typing import Any

import pytest

from controller.core.fence import fence_ms
from controller.core.identity import ticket_of
from controller.core.instants import CLOCKS_APART_MS
from controller.core.timer import Timer
from controller.index.messages import Wanted
from controller.reconcile.entry import Entry
from controller.reconcile.packed import pack
from controller.reconcile.sync import wanted as all_wanted
from tests.unit.core.objects import UID, handled, run, timer, timer_object
from tests.unit.reconcile.desk import ELEVEN, HOURLY, TEN, THIRTEEN, TWELVE, Desk, uid

NOW = ELEVEN + 10_000
TICKET = ticket_of(UID)


def wanted(entry: Entry, now_ms: int) -> Wanted:
    """The ticket for the occurrences; it is the only one."""
    (one,) = all_wanted(entry, now_ms)
    return one


def of(spec: dict[str, Any], **changes: Any) -> Entry:
    return Entry(pack(timer_object(spec, **changes)))


def test_a_timer_wants_to_be_looked_at_when_its_first_occurrence_after_the_fence_is_due() -> None:
    assert wanted(of(HOURLY, generation=1), NOW) == Wanted(TICKET, 1, TEN, ELEVEN, "default", "nightly")


def test_what_status_knows_as_handled_is_over() -> None:
    entry = of(HOURLY, status=handled(TWELVE, timer(HOURLY)))
    assert (wanted(entry, NOW).mark_ms, wanted(entry, NOW).next_ms) == (TWELVE, THIRTEEN)


def test_what_has_a_job_is_over_also_where_status_does_not_know_it_yet() -> None:
    entry = of(HOURLY)
    entry.runs = {"a": run(ELEVEN), "b": run(TWELVE, gone=True)}
    assert (wanted(entry, TWELVE).mark_ms, wanted(entry, TWELVE).next_ms) == (TWELVE, THIRTEEN)


def test_a_job_of_an_occurrence_to_come_is_not_believed_before_its_time() -> None:
    """Whoever may create Jobs can name any occurrence, and would silence the timer until then."""
    entry = of(HOURLY)
    entry.runs = {"a": run(ELEVEN), "b": run(THIRTEEN)}
    ahead = THIRTEEN - CLOCKS_APART_MS
    assert (wanted(entry, ahead - 1).mark_ms, wanted(entry, ahead - 1).next_ms) == (ELEVEN, TWELVE)
    assert wanted(entry, ahead).mark_ms == THIRTEEN, "its worker's clock can be ahead"


def test_what_the_index_knows_to_be_handled_is_not_looked_at_again() -> None:
    entry = of(HOURLY)
    (one,) = all_wanted(entry, ELEVEN, TWELVE)
    assert (one.mark_ms, one.next_ms) == (TWELVE, THIRTEEN)


def test_a_timer_that_is_spread_wants_to_be_looked_at_when_it_fires_and_not_at_its_nominal_time() -> None:
    entry = of({**HOURLY, "jitter": "30m"})
    assert entry.timer.timing is not None
    due_ms = entry.timer.timing.due_ms(ELEVEN)
    assert ELEVEN < due_ms < ELEVEN + 30 * 60_000
    assert wanted(entry, NOW) == Wanted(TICKET, 1, TEN, due_ms, "default", "nightly")


@pytest.mark.parametrize(
    ("spec", "changes"),
    [
        pytest.param({**HOURLY, "suspend": True}, {}, id="suspended"),
        pytest.param({"schedule": "at noon"}, {}, id="unusable"),
        pytest.param(HOURLY, {"deletionTimestamp": "2026-03-01T11:00:00Z"}, id="being deleted"),
        pytest.param({"at": "2026-03-01T09:00:00Z"}, {}, id="complete"),
    ],
)
def test_a_timer_that_wants_nothing_keeps_its_mark(spec: dict[str, Any], changes: dict[str, Any]) -> None:
    assert (wanted(of(spec, **changes), NOW).mark_ms, wanted(of(spec, **changes), NOW).next_ms) == (TEN, None)


async def test_a_step_carries_new_timers_over_and_remembers_which_generation_arrived(desk: Desk) -> None:
    desk.table.see_timer(timer_object(HOURLY, generation=3))
    assert desk.table.entries[UID].synced_generation == 0
    assert await desk.sync.step()
    assert await desk.due_ms(TICKET) is not None
    assert (await desk.known(TICKET) or "").startswith("3 ")
    assert desk.table.entries[UID].synced_generation == 3


async def test_a_step_removes_the_tickets_of_deleted_timers(desk: Desk) -> None:
    desk.table.see_timer(timer_object(HOURLY))
    await desk.sync.step()
    desk.table.timer_deleted(UID)
    await desk.sync.step()
    assert await desk.known(TICKET) is None
    assert await desk.due_ms(TICKET) is None


@pytest.mark.parametrize("verb", ["sync", "remove"])
async def test_what_does_not_arrive_is_carried_again(desk: Desk, pauses: list[float], verb: str) -> None:
    desk.table.see_timer(timer_object(HOURLY))
    desk.table.timer_deleted(uid(7))
    desk.index.away = frozenset({verb})
    assert await desk.sync.step()
    assert len(desk.table.to_sync) == 2
    assert pauses == [0.5]
    if verb == "sync":
        assert desk.table.entries[UID].synced_generation == 0, "status must not acknowledge what did not arrive"
    desk.index.away = frozenset()
    desk.monotonic.now_s += 1
    await desk.sync.step()
    assert desk.table.entries[UID].synced_generation == 1
    assert len(desk.table.to_sync) == 0


async def test_an_edit_that_comes_while_a_batch_is_under_way_has_not_arrived_with_it(desk: Desk) -> None:
    desk.table.see_timer(timer_object(HOURLY))

    def edit(verb: str) -> None:
        desk.table.see_timer(timer_object(HOURLY, generation=2, resourceVersion="2"))

    desk.index.told = edit
    await desk.sync.step()
    assert desk.table.entries[UID].synced_generation == 1
    assert len(desk.table.to_sync) == 1


async def test_a_timer_whose_next_time_cannot_be_computed_delays_nobody(
    desk: Desk, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile, other = uid(1), uid(2)
    for one in (hostile, other):
        desk.table.see_timer(timer_object(HOURLY, uid=one, name=f"timer-{one[-1]}"))

    def fence(timer: Timer, now_ms: int) -> int:
        if timer.uid == hostile:
            raise OverflowError("date value out of range")
        return fence_ms(timer, now_ms)

    monkeypatch.setattr("controller.reconcile.sync.fence_ms", fence)
    assert await desk.sync.step()
    assert await desk.known(ticket_of(other)) is not None
    assert desk.table.entries[other].synced_generation == 1
    assert desk.table.entries[hostile].synced_generation == 0
    assert "timer-1" in " ".join(str(vars(record)) for record in caplog.records)


async def test_a_batch_of_nothing_asks_the_index_nothing(desk: Desk) -> None:
    await desk.sync.carry([])
    assert desk.journal == []
