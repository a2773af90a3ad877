"""What `redistimer doctor` finds in Redis, and about clocks."""

import time
from collections.abc import AsyncIterator

import pytest
from redis.exceptions import AuthenticationError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError

from controller.cli.doctor.findings import Level
from controller.core.identity import ticket_of
from controller.index.connect import client_name
from controller.index.keys import LAYOUT
from controller.kube import paths
from tests.unit.cli.patient import CLUSTER_UID, HOLDER, INFO, Patient, healthy, not_ok, only, well
from tests.unit.cli.stub_cluster import timer_object


@pytest.fixture
async def patient(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Patient]:
    async with healthy(monkeypatch) as patient:
        yield patient


# The server.


async def test_a_redis_that_somebody_has_named_and_that_does_not_answer_is_a_problem(patient: Patient) -> None:
    patient.server.connected = False
    patient.info = RedisConnectionError("Error 111 connecting to redis:6379.")
    patient.processes = RedisConnectionError("refused")
    findings = await patient.findings()
    assert not_ok(findings) == [("Redis", Level.PROBLEM)]
    assert [finding.check for finding in findings] == [
        "API server",
        "definition",
        "leader",
        "timers",
        "Redis",
        "clocks",
    ]
    redis = findings[4]
    assert redis.found.endswith(" does not answer: Error 111 connecting to redis:6379.")


async def test_one_that_nobody_has_named_is_only_a_warning_that_says_how_to_name_it(patient: Patient) -> None:
    patient.server.connected = False
    patient.info = patient.processes = RedisConnectionError("refused")
    findings = await patient.findings(is_guess=True)
    assert not_ok(findings) == [("Redis", Level.WARNING)]
    assert "kubectl -n redistimer-system port-forward svc/redis 6379" in findings[4].advice


async def test_a_wrong_password_is_told_as_such(patient: Patient) -> None:
    patient.info = AuthenticationError("WRONGPASS invalid username-password pair")
    redis = await only(patient, "Redis")
    assert redis.level is Level.PROBLEM
    assert redis.found.endswith(" does not accept these credentials")


@pytest.mark.parametrize(
    ("info", "level", "words"),
    [
        ({"redis_version": "6.2.0"}, Level.OK, "Redis 6.2.0 at "),
        ({"redis_version": "6.0.16"}, Level.PROBLEM, "Redis 6.0.16 at "),
        ({"redis_version": "7.2.4", "valkey_version": "8.0.1"}, Level.OK, "Valkey 8.0.1 at "),
        ({"role": "slave"}, Level.PROBLEM, " is a replica"),
    ],
)
async def test_a_redis_that_cannot_hold_the_index_is_a_problem(
    patient: Patient, info: dict[str, str], level: Level, words: str
) -> None:
    patient.info = INFO | info
    redis = await only(patient, "Redis")
    assert redis.level is level
    assert words in redis.found


@pytest.mark.parametrize(
    ("policy", "limit", "level"),
    [
        ("noeviction", 100 * 2**20, Level.OK),
        ("allkeys-lru", 100 * 2**20, Level.PROBLEM),
        ("allkeys-lru", 0, Level.WARNING),
        ("volatile-lru", 100 * 2**20, Level.OK),
    ],
)
async def test_a_redis_that_evicts_the_index_is_a_problem_where_it_can_come_to_that(
    patient: Patient, policy: str, limit: int, level: Level
) -> None:
    patient.info = INFO | {"maxmemory_policy": policy, "maxmemory": limit}
    eviction = await only(patient, "eviction")
    assert eviction.level is level
    assert policy in eviction.found
    assert ("noeviction" in eviction.advice) == (level is not Level.OK)


async def test_where_a_redis_tells_no_policy_nothing_is_said_about_it(patient: Patient) -> None:
    patient.info = {"redis_version": "7.2.4"}
    assert "eviction" not in [finding.check for finding in await patient.findings()]


# The index.


async def test_an_index_that_is_lost_is_a_problem_until_it_is_rebuilt(patient: Patient) -> None:
    patient.server.restart(keep_data=True)
    index = await only(patient, "index")
    assert index.level is Level.PROBLEM
    assert index.found == "it is lost or was begun anew, and nothing fires before it is rebuilt"
    await patient.build()
    assert (await only(patient, "index")).level is Level.OK


async def test_no_index_at_all_means_another_redis_or_that_nobody_has_led(patient: Patient) -> None:
    patient.server.restart()
    another = await only(patient, "index")
    assert (another.level, another.found) == (Level.PROBLEM, "there is no index of installation default")
    assert another.advice.startswith("is this the Redis of your installation?")
    assert (await only(patient, "index", is_guess=True)).level is Level.WARNING
    patient.lead(holder="")
    assert (await only(patient, "index")).advice == "the first controller that leads builds it: see leader"


async def test_an_index_that_another_version_keeps_is_told_as_such(patient: Patient) -> None:
    patient.server.restart()
    await patient.redis.set(patient.index.keys.owner.replace(LAYOUT, "rt1"), CLUSTER_UID)
    index = await only(patient, "index")
    assert index.level is Level.PROBLEM
    assert index.found == f"that of installation default has layout rt1, and this command knows {LAYOUT}"


async def test_the_index_of_another_cluster_is_a_problem_and_its_tickets_are_left_alone(patient: Patient) -> None:
    await patient.redis.set(patient.index.keys.owner, "another")
    findings = await patient.findings()
    assert not_ok(findings) == [("index", Level.PROBLEM)]
    (index,) = [finding for finding in findings if finding.check == "index"]
    assert index.found == f"it belongs to another cluster (another), and this one is {CLUSTER_UID}"
    assert "tickets" not in [finding.check for finding in findings]


async def test_a_timer_that_the_index_does_not_know_never_fires_and_is_named(patient: Patient) -> None:
    patient.hold(well("forgotten"))
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    patient.hold(timer_object("young", creationTimestamp=now))
    tickets = await only(patient, "tickets")
    assert tickets.level is Level.PROBLEM
    assert tickets.found == "of 4 timers, 1 not in the index, where nobody fires them: billing/forgotten"


async def test_tickets_of_timers_that_are_gone_are_harmless(patient: Patient) -> None:
    gone = well("gone")
    await patient.build(gone)
    del patient.api.objects[paths.timer("billing", "gone")]
    tickets = await only(patient, "tickets")
    assert (tickets.level, tickets.found) == (Level.WARNING, "1 ticket belongs to a timer that is gone")


async def test_a_run_by_hand_has_a_ticket_of_its_own_that_counts_for_its_timer(patient: Patient) -> None:
    ticket = ticket_of(well("report")["metadata"]["uid"])
    await patient.redis.hset(patient.index.keys.tickets, f"{ticket}~abcdefgh", "1 1 0 billing/report")
    assert (await only(patient, "tickets")).level is Level.OK


@pytest.mark.parametrize(("late_s", "level"), [(2, Level.OK), (30, Level.WARNING), (600, Level.PROBLEM)])
async def test_tickets_that_nobody_claims_are_told_by_the_first_of_them(
    patient: Patient, late_s: int, level: Level
) -> None:
    ticket = ticket_of(well("report")["metadata"]["uid"])
    await patient.redis.zadd(patient.index.keys.due, {ticket: int((time.time() - late_s) * 1000)})
    overdue = await only(patient, "overdue")
    assert overdue.level is level
    if level is not Level.OK:
        assert overdue.found.startswith("1 wait for a worker, the first for ")


async def test_reports_that_no_controller_takes_in_are_told(patient: Patient) -> None:
    assert (await only(patient, "outcomes")).found == "0 reports of workers wait for the controller"
    for _ in range(1_000):
        await patient.redis.xadd(patient.index.keys.outcomes, {"report": "unread"})
    outcomes = await only(patient, "outcomes")
    assert (outcomes.level, outcomes.found) == (Level.WARNING, "1000 reports of workers wait for the controller")


async def test_without_a_worker_nothing_fires(patient: Patient) -> None:
    patient.processes = {client_name(HOLDER), client_name("doctor-1")}
    processes = await only(patient, "processes")
    assert (processes.level, processes.found) == (Level.PROBLEM, "no worker is connected, so nothing fires")


async def test_workers_on_another_redis_than_the_controller_are_noticed(patient: Patient) -> None:
    patient.processes = {client_name(f"worker-{number}") for number in range(5)}
    processes = await only(patient, "processes")
    assert processes.level is Level.WARNING
    assert processes.found == (
        "5 workers are connected: worker-0, worker-1, worker-2 and 2 more; the controller that leads is not"
    )


async def test_a_redis_that_does_not_tell_who_is_connected_is_none_the_worse(patient: Patient) -> None:
    patient.processes = ResponseError("NOPERM this user has no permissions to run the 'client|list' command")
    findings = await patient.findings()
    assert not_ok(findings) == []
    assert "processes" not in [finding.check for finding in findings]


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://jane:secret@redis.example:6380/2", "redis.example:6380/2"),
        ("rediss://:secret@redis.example", "redis.example:6379/0"),
        ("unix:///run/redis.sock?password=secret", "/run/redis.sock"),
    ],
)
async def test_it_is_told_by_an_address_without_secrets(patient: Patient, url: str, address: str) -> None:
    patient.url = url
    assert (await only(patient, "Redis")).found.endswith(f" at {address}")


# Clocks.


@pytest.mark.parametrize(
    ("api_s", "redis_s", "level", "words"),
    [
        (0, 0, Level.OK, ""),
        (0, 2.5, Level.WARNING, "Redis and the API server are at least "),
        (-30, 0, Level.PROBLEM, "Redis and the API server are at least "),
        (60, 60, Level.WARNING, "this machine's clock is off"),
    ],
)
async def test_clocks_that_differ_are_told(
    patient: Patient, api_s: float, redis_s: float, level: Level, words: str
) -> None:
    patient.api.ahead_s = api_s
    patient.lead(ago_s=1 - api_s)
    patient.server.now_us = lambda: int((time.time() + redis_s) * 1_000_000)  # type: ignore[method-assign]
    clocks = await only(patient, "clocks")
    assert clocks.level is level
    assert clocks.advice.startswith(words)
