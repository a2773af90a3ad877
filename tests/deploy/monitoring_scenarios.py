"""What can become of an installation, and which alert is to fire then, or is not."""

from tests.deploy.monitoring_installation import (
    CONTROLLERS,
    UNKNOWN,
    WORKERS,
    Installation,
    Scenarios,
    changing,
    rising,
)

SCENARIOS = Scenarios()
fires, silent = SCENARIOS.fires, SCENARIOS.silent


@fires("RedisTimerNoLeader")
def the_leader_ends_and_no_standby_follows(it: Installation) -> None:
    it.end(CONTROLLERS[0], at=10)


@fires("RedisTimerNoLeader")
def the_leader_never_finishes_a_rebuild(it: Installation) -> None:
    it.tell(CONTROLLERS[0], "rebuild_age_seconds", UNKNOWN)


@fires("RedisTimerNoLeader")
@fires("RedisTimerNoWorkers")
def nothing_is_scraped(it: Installation) -> None:
    it.end(*CONTROLLERS, *WORKERS)


@fires("RedisTimerNoLeader")
def only_another_cluster_has_a_leader(it: Installation) -> None:
    it.data.add("redistimer_index_valid", 1, instance="worker-1", cluster="blue")


@silent("RedisTimerNoLeader")
def a_standby_follows_after_the_longest_lease_and_reads_a_large_cluster(it: Installation) -> None:
    it.end(CONTROLLERS[0], at=10)
    it.lead(CONTROLLERS[1], since=12.5)
    it.tell(CONTROLLERS[1], "rebuild_age_seconds", changing(UNKNOWN, (14, 0)))


@fires("RedisTimerLeaderChanges")
def two_controllers_take_the_lead_from_each_other(it: Installation) -> None:
    for number, process in enumerate(CONTROLLERS):
        it.tell(process, "leader", lambda minute, number=number: float(minute // 8 % 2 == number))  # type: ignore[misc]


@silent("RedisTimerLeaderChanges")
@silent("RedisTimerNoLeader")
@silent("RedisTimerNoWorkers")
@silent("RedisTimerIndexInvalid")
def two_versions_are_rolled_out(it: Installation) -> None:
    old = [*CONTROLLERS, *WORKERS]
    for minute in (10, 20):
        new = [f"{process}-of-{minute}" for process in (*CONTROLLERS, *WORKERS)]
        for process in new:
            it.start(process)
        it.end(*old, at=minute)
        it.lead(new[0], since=minute)
        old = new


@fires("RedisTimerNoWorkers")
def the_workers_end(it: Installation) -> None:
    it.end(*WORKERS, at=10)


@silent("RedisTimerNoWorkers")
def one_worker_is_left(it: Installation) -> None:
    it.end(WORKERS[0], at=10)


@fires("RedisTimerIndexInvalid")
def no_worker_reaches_redis_while_the_leader_does(it: Installation) -> None:
    for process in WORKERS:
        it.tell(process, "index_valid", changing(1, (10, 0)))


@silent("RedisTimerIndexInvalid")
def redis_loses_the_index_and_it_is_rebuilt_within_a_minute(it: Installation) -> None:
    for process in (CONTROLLERS[0], *WORKERS):
        it.tell(process, "index_valid", changing(1, (10, 0), (11, 1)))


@silent("RedisTimerIndexInvalid")
def one_worker_does_not_reach_redis(it: Installation) -> None:
    it.tell(WORKERS[0], "index_valid", 0)


@fires("RedisTimerOverdue")
def due_timers_wait(it: Installation) -> None:
    it.tell(CONTROLLERS[0], "oldest_due_age_seconds", rising(60, since=10))


@silent("RedisTimerOverdue")
def due_timers_wait_for_half_a_minute(it: Installation) -> None:
    it.tell(CONTROLLERS[0], "oldest_due_age_seconds", changing(0, (10, 31), (10.5, 0)))


@fires("RedisTimerLate")
def one_run_in_twenty_is_late(it: Installation) -> None:
    it.observe_lag(rising(20), rising(1))


@silent("RedisTimerLate")
def one_run_in_a_thousand_is_late(it: Installation) -> None:
    it.observe_lag(rising(20), rising(0.02))


@silent("RedisTimerLate")
def an_outage_is_made_up_for_at_once(it: Installation) -> None:
    it.observe_lag(rising(20), rising(20, since=10, until=12))


@silent("RedisTimerLate")
def nothing_fires(it: Installation) -> None:
    it.observe_lag(rising(0), rising(0))


@fires("RedisTimerMissed")
def a_run_is_missed(it: Installation) -> None:
    it.tell(WORKERS[0], "missed_total", changing(0, (10, 1)))


@silent("RedisTimerMissed")
def a_worker_that_has_missed_runs_long_ago_starts_again(it: Installation) -> None:
    it.tell(WORKERS[0], "missed_total", changing(5, (10, 0)))


@fires("RedisTimerJobsRefused")
def jobs_are_refused_again_and_again(it: Installation) -> None:
    it.tell(WORKERS[0], "fires_total", rising(1, since=10), result="Forbidden")


@silent("RedisTimerJobsRefused")
def jobs_are_refused_for_four_minutes(it: Installation) -> None:
    it.tell(WORKERS[0], "fires_total", rising(10, since=10, until=14), result="FailedCreate")


@silent("RedisTimerJobsRefused")
def a_namespace_takes_its_time_to_end(it: Installation) -> None:
    it.tell(WORKERS[0], "fires_total", rising(5), result="NamespaceTerminating")


@silent("RedisTimerJobsRefused")
def leases_are_lost_and_jobs_found(it: Installation) -> None:
    for result in ("lost", "found", "unavailable"):
        it.tell(WORKERS[0], "fires_total", rising(5), result=result)


@fires("RedisTimerApiErrors")
def one_request_in_ten_gets_no_answer(it: Installation) -> None:
    for process in (*CONTROLLERS, *WORKERS):
        it.tell(process, "api_requests_total", rising(10), method="POST", status="0")


@fires("RedisTimerApiErrors")
def the_api_server_sheds_load_of_one_kind(it: Installation) -> None:
    it.tell(WORKERS[0], "api_requests_total", rising(60, since=20), method="POST", status="429")


@silent("RedisTimerApiErrors")
def the_api_server_is_replaced(it: Installation) -> None:
    for process in (*CONTROLLERS, *WORKERS):
        it.tell(process, "api_requests_total", rising(200, since=10, until=13), method="GET", status="503")


@silent("RedisTimerApiErrors")
@silent("RedisTimerApiForbidden")
def much_is_gone_in_conflict_or_above_a_quota(it: Installation) -> None:
    for method, status in (("GET", "404"), ("PATCH", "409"), ("POST", "403")):
        it.tell(CONTROLLERS[0], "api_requests_total", rising(300), method=method, status=status)


@fires("RedisTimerApiForbidden")
def the_controller_may_not_write_status(it: Installation) -> None:
    it.tell(CONTROLLERS[0], "api_requests_total", rising(2), method="PATCH", status="403")


@silent("RedisTimerApiForbidden")
def the_api_server_has_just_started_and_knows_no_rights(it: Installation) -> None:
    it.tell(CONTROLLERS[0], "api_requests_total", rising(20, since=10, until=12), method="GET", status="403")


@fires("RedisTimerRedisErrors")
def one_call_in_five_fails(it: Installation) -> None:
    for process in (*CONTROLLERS, *WORKERS):
        it.tell(process, "redis_errors_total", rising(12), script="claim")


@silent("RedisTimerRedisErrors")
def redis_fails_over(it: Installation) -> None:
    for process in (*CONTROLLERS, *WORKERS):
        it.tell(process, "redis_errors_total", rising(60, since=10, until=12), script="claim")


@fires("RedisTimerRebuildOld")
def no_rebuild_finishes_any_more(it: Installation) -> None:
    it.tell(CONTROLLERS[0], "rebuild_age_seconds", rising(60))


@silent("RedisTimerRebuildOld")
def some_rebuilds_fail(it: Installation) -> None:
    it.tell(CONTROLLERS[0], "rebuild_age_seconds", lambda minute: minute % 20 * 60)


@fires("RedisTimerLeasesLost")
def a_worker_stands_still_every_five_minutes(it: Installation) -> None:
    it.tell(WORKERS[0], "leases_lost_total", lambda minute: minute // 5)


@fires("RedisTimerLeasesLost")
def workers_die_every_five_minutes(it: Installation) -> None:
    it.tell(WORKERS[1], "leases_reaped_total", lambda minute: minute // 5)


@silent("RedisTimerLeasesLost")
def a_restart_of_redis_takes_all_leases(it: Installation) -> None:
    for process in WORKERS:
        it.tell(process, "leases_lost_total", changing(0, (10, 100)))


@fires("RedisTimerEventLoopLag")
def a_worker_has_too_little_cpu(it: Installation) -> None:
    it.observe_loop_lag(WORKERS[0], rising(3))


@silent("RedisTimerEventLoopLag")
def a_controller_is_busy_with_a_rebuild(it: Installation) -> None:
    it.observe_loop_lag(CONTROLLERS[0], rising(30, since=10, until=12))


@fires("RedisTimerStatusWritesFailing")
def the_status_of_one_timer_is_refused(it: Installation) -> None:
    it.tell(CONTROLLERS[0], "status_writes_total", rising(1, since=5), result="failed")


@silent("RedisTimerStatusWritesFailing")
def status_fails_for_ten_minutes_and_conflicts_for_ever(it: Installation) -> None:
    it.tell(CONTROLLERS[0], "status_writes_total", rising(30, since=10, until=20), result="failed")
    it.tell(CONTROLLERS[0], "status_writes_total", rising(30), result="conflict")


@fires("RedisTimerNamespaceOutOfReach")
def the_rights_in_one_namespace_are_taken_away(it: Installation) -> None:
    it.tell(CONTROLLERS[0], "namespace_in_reach", 1, served_namespace="team-a")
    it.tell(CONTROLLERS[0], "namespace_in_reach", changing(1, (10, 0)), served_namespace="team-b")


@silent("RedisTimerNamespaceOutOfReach")
def a_namespace_is_created_some_minutes_after_the_installation(it: Installation) -> None:
    it.tell(CONTROLLERS[0], "namespace_in_reach", changing(0, (8, 1)), served_namespace="team-a")


@fires("RedisTimerForeignData")
def somebody_writes_into_redis(it: Installation) -> None:
    it.tell(WORKERS[0], "index_junk_total", changing(0, (10, 3)))


@silent("RedisTimerForeignData")
def somebody_wrote_into_redis_before(it: Installation) -> None:
    it.tell(WORKERS[0], "index_junk_total", 3)
