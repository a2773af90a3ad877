"""What a user changes takes effect from that moment on: nothing fires in retrospect, and nothing is lost."""

from controller.core.identity import job_name
from tests.integration.occurrences import assert_on_grid, assert_once_and_not_before, assert_steady
from tests.integration.product import Product
from tests.integration.together import side_by_side
from tests.integration.waiting import now_ms, rfc3339, seconds_from_now, wait_for_clock, wait_until
from tests.integration.world import KEYS, NO_PODS, Timer, World, template

HOUR_MS = 3_600_000


def start_clock(world: World) -> Timer:
    """A timer that fires every second: while it does, the product is alive and time passes."""
    return world.create("clock", every="1s")


@side_by_side
def test_an_edit_of_the_schedule_moves_the_next_run_and_fires_nothing_in_retrospect(world: World) -> None:
    clock = start_clock(world)
    # Far enough that a slow machine edits before it.
    sooner_ms, later_ms = seconds_from_now(15), seconds_from_now(18)
    brought_forward = world.create("brought-forward", at=rfc3339(now_ms() + HOUR_MS))
    put_off = world.create("put-off", at=rfc3339(sooner_ms))
    quickened = world.create("quickened", every="1h")
    changed_kind = world.create("changed-kind", schedule="0 0 1 1 *")
    clock.wait_for_beats(2)
    edited_ms = now_ms() // 1000 * 1000
    brought_forward.edit(at=rfc3339(sooner_ms))
    put_off.edit(at=rfc3339(later_ms))
    quickened.edit(every="1s")
    changed_kind.edit(schedule=None, every="1s")
    for timer in (brought_forward, put_off):
        timer.wait_for_runs(1)
    for timer in (quickened, changed_kind):
        timer.wait_for_runs(3)
        assert min(timer.nominal()) > edited_ms
        assert_steady(timer, 1)
    assert brought_forward.nominal() == [sooner_ms]
    assert put_off.nominal() == [later_ms]


@side_by_side
def test_an_edit_to_an_instant_in_the_past_fires_nothing(world: World) -> None:
    clock = start_clock(world)
    timer = world.create("timer", at=rfc3339(now_ms() + HOUR_MS), startingDeadlineSeconds=7200)
    clock.wait_for_beats(1)
    timer.edit(at=rfc3339(now_ms() - 60_000))
    timer.wait_for_condition("Complete", "True", "Missed")
    clock.wait_for_beats(3)
    assert timer.fired() == []


@side_by_side
def test_an_edit_of_the_template_changes_the_next_job_and_loses_no_run(world: World) -> None:
    clock = start_clock(world)
    timer = world.create("timer", template(parallelism=0, backoffLimit=1), every="1s")
    clock.wait_for_beats(3)
    edited_ms = now_ms()
    timer.edit(jobTemplate=template(parallelism=0, backoffLimit=2))
    timer.wait_for_beats(3)
    assert_steady(timer, 1)
    limits = {job["metadata"]["uid"]: job["spec"]["backoffLimit"] for job in timer.jobs()}
    before = [limits[fired.uid] for fired in timer.fired() if fired.nominal_ms < edited_ms]
    # In the very second of the edit, the run may be of either version.
    after = [limits[fired.uid] for fired in timer.fired() if fired.nominal_ms > edited_ms + 1000]
    assert set(before) == {1}
    assert set(after) == {2}


@side_by_side
def test_an_edit_that_only_removes_a_field_fires_nothing_of_the_time_before(world: World) -> None:
    """Kubernetes notes in managedFields when a field was set, and nothing of when one was removed."""
    clock = start_clock(world)
    ended = world.create("ended", every="1s", endTime=rfc3339(seconds_from_now(2)))
    ended.wait_for_status(lambda seen: "nextScheduleTime" not in seen, "has no next run")
    clock.wait_for_beats(4)
    before = ended.nominal()
    edited_ms = now_ms() // 1000 * 1000
    ended.edit(endTime=None)
    ended.wait_for_runs(len(before) + 3)
    assert min(ended.nominal()[len(before) :]) > edited_ms


@side_by_side
def test_a_suspended_timer_fires_nothing_and_a_resumed_one_nothing_of_the_time_between(world: World) -> None:
    clock = start_clock(world)
    suspended = world.create("suspended", every="1s")
    born_suspended = world.create("born-suspended", every="1s", suspend=True)
    # Far enough that a slow machine suspends it before.
    pending_ms = seconds_from_now(15)
    pending = world.create("pending", at=rfc3339(pending_ms))
    suspended.wait_for_runs(1)
    for timer in (suspended, pending):
        timer.edit(suspend=True)
    stopped_ms = now_ms()
    for timer in (suspended, born_suspended, pending):
        timer.wait_for_condition("Suspended", "True", "Suspended")
        assert timer.condition("Ready")["status"] == "True"
        assert "nextScheduleTime" not in timer.status()
    clock.wait_for_beats(3)
    wait_for_clock(pending_ms)
    # What was being created in the moment of the edit is of the time before it.
    assert [nominal_ms for nominal_ms in suspended.nominal() if nominal_ms > stopped_ms] == []
    resumed_ms = now_ms() // 1000 * 1000
    for timer in (suspended, born_suspended, pending):
        timer.edit(suspend=False)
    for timer in (suspended, born_suspended):
        wait_until(timer.nominal, lambda seen: sum(one > resumed_ms for one in seen) >= 2, f"{timer.name} fires again")
        assert [one for one in timer.nominal() if stopped_ms < one <= resumed_ms] == []
        assert_once_and_not_before(timer)
        assert_on_grid(timer, 1)
        assert timer.condition("Suspended") == {}
    pending.wait_for_condition("Complete", "True", "Missed")
    assert pending.fired() == []


@side_by_side
def test_a_deleted_timer_leaves_no_ticket_and_no_job_and_fires_no_more(world: World) -> None:
    clock = start_clock(world)
    redis = world.cluster.redis
    timer = world.create("timer", every="1s")
    timer.wait_for_runs(2)
    timer.delete()
    deleted_ms = now_ms()
    wait_until(lambda: redis.hexists(KEYS.tickets, timer.ticket), lambda known: not known, "the ticket is gone")
    clock.wait_for_beats(3)
    assert [nominal_ms for nominal_ms in timer.nominal() if nominal_ms > deleted_ms] == []
    wait_until(timer.jobs, lambda jobs: not jobs, "its Jobs are collected")
    assert redis.zscore(KEYS.due, timer.ticket) is None
    assert redis.zscore(KEYS.leased, timer.ticket) is None


@side_by_side
def test_a_timer_recreated_under_its_name_fires_by_its_own_schedule_with_jobs_of_its_own(world: World) -> None:
    old = world.create("timer", every="1s")
    old.wait_for_runs(2)
    old.delete()
    new = world.create("timer", every="2s")
    assert new.uid != old.uid
    new.wait_for_runs(2)
    assert_steady(new, 2)
    assert min(new.nominal()) == new.created_ms + 2000
    assert [fired.job for fired in new.fired()] == [job_name("timer", new.uid, one) for one in new.nominal()]
    assert not {fired.job for fired in old.fired()} & {fired.job for fired in new.fired()}
    status = wait_until(new.status, lambda status: status.get("activeCount"), "its Jobs are seen")
    assert {job["uid"] for job in status["active"]} <= {fired.uid for fired in new.fired()}
    assert max(old.nominal()) <= new.created_ms + 1000


@side_by_side
def test_a_fired_at_timer_fires_again_when_it_is_set_to_a_new_instant_and_not_for_a_new_template(world: World) -> None:
    clock = start_clock(world)
    first_ms = seconds_from_now(2)
    timer = world.create("timer", template(), at=rfc3339(first_ms))
    untouched = world.create("untouched", template(), at=rfc3339(first_ms))
    world.wait_for_pods_to_be_possible()
    for one in (timer, untouched):
        one.wait_for_condition("Complete", "True", "Complete")
    second_ms = seconds_from_now(2)
    timer.edit(at=rfc3339(second_ms))
    untouched.edit(jobTemplate=NO_PODS)
    wait_until(lambda: timer.condition("Complete"), lambda seen: not seen, "it is armed again")
    timer.wait_for_runs(2)
    assert timer.nominal() == [first_ms, second_ms]
    timer.wait_for_condition("Complete", "True", "Complete")
    assert timer.status()["runs"]["succeeded"] == 2
    clock.wait_for_beats(1)
    assert untouched.nominal() == [first_ms]


@side_by_side
def test_an_instant_in_the_past_at_creation_fires_only_within_an_explicit_deadline(world: World) -> None:
    clock = start_clock(world)
    past_ms = now_ms() // 1000 * 1000 - 60_000
    late = world.create("late", at=rfc3339(past_ms))
    too_late = world.create("too-late", at=rfc3339(past_ms), startingDeadlineSeconds=30)
    in_time = world.create("in-time", at=rfc3339(past_ms), startingDeadlineSeconds=600)
    for timer in (late, too_late):
        timer.wait_for_condition("Complete", "True", "Missed")
        assert timer.condition("Ready")["status"] == "True"
    in_time.wait_for_runs(1)
    clock.wait_for_beats(2)
    assert late.fired() == too_late.fired() == []
    assert in_time.nominal() == [past_ms]


def test_a_run_that_could_not_start_within_its_deadline_is_counted_as_missed(product: Product, world: World) -> None:
    """While no worker moves nothing fires; of what was due meanwhile, each timer's deadline says what still may."""
    for worker in product.workers:
        worker.pause()
    instant_ms = seconds_from_now(1)
    strict = world.create("strict", at=rfc3339(instant_ms), startingDeadlineSeconds=2)
    patient = world.create("patient", at=rfc3339(instant_ms))
    recurring = world.create("recurring", every="1s")
    wait_for_clock(instant_ms + 3000)
    started_ms = now_ms()
    for worker in product.workers:
        worker.go_on()
    patient.wait_for_runs(1)
    recurring.wait_for_runs(3)
    assert wait_until(lambda: strict.counted("missed"), bool, "the miss is counted") == 1
    assert strict.status()["lastMissedTime"] == rfc3339(instant_ms).replace(".000", "")
    wait_until(
        strict.events, lambda seen: [event["reason"] for event in seen] == ["MissSchedule"], "the miss has an Event"
    )
    assert strict.fired() == []
    assert patient.nominal() == [instant_ms]
    assert_once_and_not_before(recurring)
    first_ms = min(recurring.nominal())
    assert first_ms > started_ms - 1000, "of several overdue only the latest runs"
    due_before = (first_ms - recurring.created_ms) // 1000 - 1
    wait_until(lambda: recurring.counted("missed"), lambda seen: seen >= due_before, "the others count as missed")
