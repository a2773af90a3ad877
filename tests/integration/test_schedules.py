"""Fields that say when, on the real API server: bounds, jitter, exclusions, and more than a CronJob understands."""

from datetime import timedelta

from controller.core.instants import from_ms
from controller.core.timer import parse_timer
from tests.integration.occurrences import assert_on_grid, assert_once_and_not_before, assert_steady
from tests.integration.together import side_by_side
from tests.integration.waiting import instant_of, now_ms, rfc3339, seconds_from_now, wait_until
from tests.integration.world import Timer, World, template


def due_ms(timer: Timer, nominal_ms: int) -> int:
    """When an occurrence fires, jitter included."""
    timing = parse_timer(timer.read()).timing
    assert timing is not None
    return timing.due_ms(nominal_ms)


@side_by_side
def test_a_sixth_field_is_for_seconds(world: World) -> None:
    timer = world.create("timer", schedule="*/2 * * * * *")
    beats = timer.wait_for_beats(4)
    assert [beat % 2000 for beat in beats] == [0] * len(beats)
    assert_once_and_not_before(timer)
    assert timer.status()["scheduleSummary"] == "*/2 * * * * *"


@side_by_side
def test_an_instant_that_several_schedules_name_runs_once(world: World) -> None:
    schedules = [{"cron": "*/2 * * * * *"}, {"cron": "*/3 * * * * *", "timeZone": "Asia/Kolkata"}]
    # A machine that stands still for a second leaves none out.
    timer = world.create("timer", schedules=schedules, missedRunPolicy="All")
    beats = timer.wait_for_beats(6)
    assert {beat // 1000 % 6 for beat in beats} == {0, 2, 3, 4}
    assert_once_and_not_before(timer)


@side_by_side
def test_an_interval_inside_a_schedule_is_anchored_at_creation(world: World) -> None:
    timer = world.create("timer", schedule="@every 3s")
    timer.wait_for_beats(3)
    assert_steady(timer, 3)
    assert_on_grid(timer, 3)


@side_by_side
def test_a_timer_runs_from_its_start_to_its_end_both_included_and_is_complete_then(world: World) -> None:
    start_ms = seconds_from_now(4)
    bounds = {"startTime": rfc3339(start_ms), "endTime": rfc3339(start_ms + 6_000)}
    world.wait_for_pods_to_be_possible()
    interval = world.create("interval", template(), every="3s", **bounds)
    cron = world.create("cron", template(), schedule="*/2 * * * * *", **bounds)
    assert wait_until(interval.status, lambda status: status.get("nextScheduleTime"), "it has a next time")
    assert instant_of(interval.status()["nextScheduleTime"]) == start_ms
    for timer in (interval, cron):
        timer.wait_for_condition("Complete", "True", "Complete")
        assert "nextScheduleTime" not in timer.status()
    assert interval.nominal() == [start_ms, start_ms + 3_000, start_ms + 6_000]
    within = [fired for fired in cron.nominal() if start_ms <= fired <= start_ms + 6_000]
    assert within == cron.nominal()
    assert_once_and_not_before(cron)


@side_by_side
def test_an_end_that_is_moved_arms_a_complete_timer_again(world: World) -> None:
    world.wait_for_pods_to_be_possible()
    timer = world.create("timer", template(), every="1s", endTime=rfc3339(seconds_from_now(3)))
    timer.wait_for_condition("Complete", "True", "Complete")
    edited_ms = now_ms() // 1000 * 1000
    timer.edit(endTime=rfc3339(seconds_from_now(3600)))
    beats = timer.wait_for_beats(2)
    assert min(beats) > edited_ms
    assert timer.condition("Complete") == {}
    assert_once_and_not_before(timer)


@side_by_side
def test_jitter_delays_a_run_and_leaves_its_nominal_time_alone(world: World) -> None:
    timers = [world.create(f"timer-{number}", every="4s", jitter="3s") for number in range(5)]
    delays = set()
    for timer in timers:
        timer.wait_for_runs(3)
        assert_on_grid(timer, 4)
        assert_once_and_not_before(timer)
        for fired in timer.fired():
            assert fired.born_s >= due_ms(timer, fired.nominal_ms) // 1000, "it has not waited for its jitter"
            delays.add(due_ms(timer, fired.nominal_ms) - fired.nominal_ms)
    assert len(delays) > len(timers), "each run is delayed by its own"


@side_by_side
def test_what_is_excluded_does_not_run(world: World) -> None:
    """Today and tomorrow are left out, so that midnight does not matter."""
    today = from_ms(now_ms()).date()
    days = {"from": str(today), "to": str(today + timedelta(days=1))}
    clock = world.create("clock", every="1s")
    excluded = [
        world.create("interval", every="1s", exclude=[days]),
        world.create("cron", schedule="* * * * * *", exclude=[days]),
    ]
    all_minutes = world.create("all-minutes", schedule="* * * * * *", exclude=[{"cron": "* * * * *"}])
    all_minutes.wait_for_condition("Complete", "True", "NeverFires")
    for timer in excluded:
        timer.wait_for_condition("Ready", "True", "Scheduled")
        assert timer.status()["nextScheduleTime"] == f"{today + timedelta(days=2)}T00:00:00Z"
    clock.wait_for_beats(4)
    assert [timer.fired() for timer in (*excluded, all_minutes)] == [[], [], []]


@side_by_side
def test_what_is_no_longer_excluded_runs_from_then_on(world: World) -> None:
    timer = world.create("timer", every="1s", exclude=[{"cron": "* * * * *"}])
    timer.wait_for_condition("Complete", "True", "NeverFires")
    edited_ms = now_ms() // 1000 * 1000
    timer.edit(exclude=None)
    assert min(timer.wait_for_beats(2)) > edited_ms
    assert_once_and_not_before(timer)


@side_by_side
def test_a_day_that_never_comes_makes_a_timer_complete_and_says_so(world: World) -> None:
    timer = world.create("timer", schedule="0 0 31 2 *")
    ready = timer.wait_for_condition("Ready", "True", "NeverFires")
    assert ready["message"] == "The schedule never fires: it has no occurrence at all."
    assert timer.condition("Complete")["status"] == "True"


@side_by_side
def test_what_surely_means_something_else_is_warned_about(world: World) -> None:
    timer = world.create("timer", schedule="*/61 * * * *")
    ready = timer.wait_for_condition("Ready", "True", "Scheduled")
    assert "Warning: minute '*/61' is the same as '0'" in ready["message"]


@side_by_side
def test_a_spread_time_is_the_same_for_the_same_name_and_differs_between_names(world: World) -> None:
    def next_time(timer: Timer) -> str:
        status = wait_until(
            timer.status, lambda status: status.get("nextScheduleTime"), f"{timer.name} has a next time"
        )
        return str(status["nextScheduleTime"])[11:]

    first = world.create("first", schedule="H H * * *")
    others = [world.create(f"other-{number}", schedule="H H * * *") for number in range(3)]
    before = next_time(first)
    assert len({before, *map(next_time, others)}) > 1
    first.delete()
    assert next_time(world.create("first", schedule="H H * * *")) == before
