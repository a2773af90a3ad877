"""What can become of a single timer, and which alert is to fire then, or is not."""

from tests.deploy.monitoring_installation import CONTROLLERS, MINUTES, Installation, Scenarios, changing

SCENARIOS = Scenarios()
fires, silent = SCENARIOS.fires, SCENARIOS.silent


def _not_ready(it: Installation, since: float, until: float) -> None:
    it.tell_of_timer(
        "status_condition", changing(1, (since, None), (until, 1)), type="Ready", status="True", reason="Scheduled"
    )
    it.tell_of_timer(
        "status_condition", changing(None, (since, 0), (until, None)), type="Ready", status="False", reason="Forbidden"
    )


@fires("RedisTimerTimerNotReady")
def jobs_of_a_timer_are_refused_for_long(it: Installation) -> None:
    _not_ready(it, 10, 40)


@silent("RedisTimerTimerNotReady")
def jobs_of_a_timer_are_refused_for_ten_minutes(it: Installation) -> None:
    _not_ready(it, 10, 20)


@fires("RedisTimerTimerStopped")
def a_timer_stops_after_too_many_failures(it: Installation) -> None:
    it.tell_of_timer("status_condition", 1, type="Suspended", status="True", reason="TooManyFailures")


@silent("RedisTimerTimerStopped")
def a_timer_is_suspended(it: Installation) -> None:
    it.tell_of_timer("status_condition", 1, type="Suspended", status="True", reason="Suspended")


@fires("RedisTimerTimerFailed")
def the_last_run_failed(it: Installation) -> None:
    it.tell_of_timer("status_last_failed_time", 600)


@fires("RedisTimerTimerFailed")
def the_only_run_failed(it: Installation) -> None:
    it.tell_of_timer("status_last_failed_time", 600)
    it.tell_of_timer("status_last_successful_time", changing(None))


@silent("RedisTimerTimerFailed")
def the_only_run_failed_days_ago(it: Installation) -> None:
    it.tell_of_timer("status_last_failed_time", -200_000)
    it.tell_of_timer("status_last_successful_time", changing(None))


@fires("RedisTimerTimerMissed")
def a_timer_misses_a_run(it: Installation) -> None:
    it.tell_of_timer("status_runs", changing(2, (10, 3)), result="missed")


@silent("RedisTimerTimerMissed")
def kube_state_metrics_is_replaced(it: Installation) -> None:
    it.tell_of_timer("status_runs", changing(2, (10, None)), result="missed")
    it.tell_of_timer("status_runs", changing(None, (10, 3)), instance="another", result="missed")


def _is_late(it: Installation) -> None:
    it.tell_of_timer("status_next_schedule_time", 600)


@fires("RedisTimerTimerLate")
def a_run_does_not_come(it: Installation) -> None:
    _is_late(it)


@fires("RedisTimerTimerLate")
def a_run_does_not_come_while_another_one_runs_beside_it(it: Installation) -> None:
    _is_late(it)
    it.tell_of_timer("status_active", 1)


@silent("RedisTimerTimerLate")
def a_run_is_delayed_by_jitter(it: Installation) -> None:
    _is_late(it)
    it.tell_of_timer("info", 1, concurrency_policy="Allow", jitter="1h")


@silent("RedisTimerTimerLate")
def a_run_is_refused(it: Installation) -> None:
    _is_late(it)
    _not_ready(it, 0, MINUTES + 1)


@silent("RedisTimerTimerLate")
def a_run_waits_for_the_one_before(it: Installation) -> None:
    _is_late(it)
    it.tell_of_timer("status_active", 1)
    it.tell_of_timer("info", 1, concurrency_policy="Forbid")


@silent("RedisTimerTimerLate")
def nobody_writes_status(it: Installation) -> None:
    _is_late(it)
    it.end(*CONTROLLERS)


@silent("RedisTimerTimerLate")
def nothing_is_next(it: Installation) -> None:
    it.tell_of_timer("status_next_schedule_time", changing(None))
