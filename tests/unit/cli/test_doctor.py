"""`redistimer doctor`: a healthy installation has no problem, and each illness has a finding that says what to do."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from controller.cli.cluster import Cluster
from controller.cli.doctor.examination import Examination
from controller.cli.doctor.findings import Level
from controller.cli.doctor.kubernetes import ask_leader, ask_lease
from controller.core.timer import SPEC_FIELDS
from controller.kube import paths
from controller.kube.errors import ApiError, ApiUnreachableError
from controller.kube.leadership import NAMESPACES
from controller.settings import Settings
from tests.unit.cli.patient import (
    CLUSTER_UID,
    LEASE,
    REVIEW,
    SCHEMA,
    Patient,
    healthy,
    not_ok,
    only,
    well,
)
from tests.unit.cli.stub_cluster import ready, timer_object

ALL_CHECKS = (
    "API server, definition, leader, timers, Redis, eviction, index, tickets, overdue, outcomes, processes, clocks"
)


@pytest.fixture
async def patient(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Patient]:
    async with healthy(monkeypatch) as patient:
        yield patient


async def test_a_healthy_installation_passes_every_check(patient: Patient) -> None:
    findings = await patient.findings()
    assert not_ok(findings) == []
    assert ", ".join(finding.check for finding in findings) == ALL_CHECKS
    found = {finding.check: finding.found for finding in findings}
    assert found["API server"] == "v1.34.1 at https://api.example, as jane"
    assert found["leader"].startswith("controller-1, renewed ")
    assert found["timers"] == "2 timers in all namespaces; none is in trouble"
    assert found["index"] == "valid, of this cluster, 2 tickets, 0 in work"
    assert found["processes"] == "1 worker is connected: worker-1; so is the controller that leads"
    assert all(finding.advice == "" for finding in findings)


# The API server.


async def test_an_api_server_that_does_not_answer_is_told_once_and_redis_is_looked_at(patient: Patient) -> None:
    async def silent(*_: object) -> None:
        raise ApiUnreachableError("GET /version: refused")

    patient.api.before = silent
    patient.api.fail("POST", REVIEW, ApiUnreachableError("POST: refused"))
    findings = await patient.findings()
    assert not_ok(findings) == [("API server", Level.PROBLEM)]
    assert findings[0].found == "https://api.example does not answer: GET /version: refused"
    assert [finding.check for finding in findings] == [
        *("API server", "Redis", "eviction", "index", "overdue", "outcomes", "processes", "clocks")
    ]


async def test_credentials_that_are_not_accepted_are_told_once(patient: Patient) -> None:
    async def refusing(*_: object) -> None:
        raise ApiError(401, "Unauthorized", "no")

    patient.api.before = refusing
    patient.api.fail("POST", REVIEW, ApiError(401, "Unauthorized", "no"))
    findings = await patient.findings()
    assert not_ok(findings) == [("API server", Level.PROBLEM)]
    assert findings[0].found == "https://api.example does not accept these credentials"


@pytest.mark.parametrize(
    ("version", "level"),
    [
        ({"major": "1", "minor": "31"}, Level.OK),
        ({"major": "1", "minor": "30+"}, Level.PROBLEM),
        ({"major": "2", "minor": "0"}, Level.OK),
        ({}, Level.WARNING),
    ],
)
async def test_an_api_server_that_is_too_old_is_a_problem(
    patient: Patient, version: dict[str, str], level: Level
) -> None:
    patient.api.objects["/version"] = version
    assert (await only(patient, "API server")).level is level


async def test_a_missing_right_is_a_finding_and_stops_nothing_else(patient: Patient) -> None:
    for path in (SCHEMA, LEASE, paths.CLUSTER_IDENTITY, paths.ALL_TIMERS):
        patient.refuse(path)
    patient.api.fail("POST", REVIEW, ApiError(403, "Forbidden", "no"))
    findings = await patient.findings()
    assert not_ok(findings) == [
        ("definition", Level.WARNING),
        ("leader", Level.WARNING),
        ("timers", Level.WARNING),
    ]
    told = {finding.check: finding for finding in findings}
    assert told["definition"].found == "not looked at, as that is not allowed: jane cannot get it"
    assert told["timers"].advice == "name a namespace with -n"
    assert told["index"].found == f"valid, of cluster {CLUSTER_UID}, 2 tickets, 0 in work"
    assert told["processes"].found == "2 controllers and workers are connected: controller-1, worker-1"
    assert "tickets" not in told


async def test_a_check_that_takes_too_long_is_given_up(patient: Patient) -> None:
    async def slow(request: object) -> None:
        if getattr(request, "path", "") == SCHEMA:
            await asyncio.Event().wait()

    patient.api.before = slow
    cluster = Cluster(patient.api, "default", "https://api.example")  # type: ignore[arg-type]
    async with Examination(cluster, patient.redis, Settings(), None, False, 0.2) as examination:
        findings = await examination.findings()
    (definition,) = [finding for finding in findings if finding.check == "definition"]
    assert (definition.level, definition.found) == (Level.WARNING, "not looked at: there was no answer within 0.2s")


# The definition.


async def test_a_cluster_without_redistimers_is_told_how_to_get_them(patient: Patient) -> None:
    del patient.api.objects[SCHEMA]
    patient.refuse(paths.ALL_TIMERS, 404)
    findings = await patient.findings()
    assert not_ok(findings) == [("definition", Level.PROBLEM)]
    definition = findings[1]
    assert definition.found == "the API server knows no RedisTimers"
    assert definition.advice.endswith("kubectl apply --server-side -f crds/")


async def test_a_definition_of_another_version_is_told_by_the_fields_that_differ(patient: Patient) -> None:
    patient.serve_fields(*(name for name in SPEC_FIELDS if name not in ("jitter", "exclude")))
    older = await only(patient, "definition")
    assert older.level is Level.PROBLEM
    assert older.found == "redistimer.dev/v1alpha1 is older than this command: it has no jitter, exclude"
    patient.serve_fields(*SPEC_FIELDS, "priority")
    newer = await only(patient, "definition")
    assert newer.level is Level.WARNING
    assert newer.found == "redistimer.dev/v1alpha1 is newer than this command, which does not know priority"


# The controller that leads.


async def test_without_a_lease_no_controller_has_ever_led(patient: Patient) -> None:
    del patient.api.objects[LEASE]
    leader = await only(patient, "leader")
    assert leader.level is Level.PROBLEM
    assert leader.found == "no controller has ever led in namespace redistimer-system"
    assert "--system-namespace" in leader.advice


async def test_a_leader_that_ended_in_order_or_fell_silent_is_a_problem(patient: Patient) -> None:
    patient.lead(holder="")
    assert (await only(patient, "leader")).found == "no controller leads: the last one has ended in order"
    patient.lead(ago_s=3_601)
    silent = await only(patient, "leader")
    assert silent.level is Level.PROBLEM
    assert silent.found == "no controller leads: the last one, controller-1, fell silent 1h ago"


async def test_a_leader_whose_clock_is_slow_is_known_by_its_next_renewal(patient: Patient) -> None:
    patient.lead(ago_s=60)
    looks = 0

    async def renewing(request: object) -> None:
        nonlocal looks
        if getattr(request, "path", "") == LEASE:
            looks += 1
            patient.lead(ago_s=60 - looks * 3)

    patient.api.before = renewing
    assert (await only(patient, "leader")).level is Level.OK
    assert looks == 2


async def test_the_lease_of_another_installation_has_its_name(patient: Patient) -> None:
    patient.api.objects[f"{LEASE}-green"] = patient.api.objects.pop(LEASE)
    cluster = Cluster(patient.api, "default")  # type: ignore[arg-type]
    green, default = [await ask_lease(cluster, "redistimer-system", name) for name in ("green", "default")]
    assert (await ask_leader(cluster, green, 0)).live
    assert not (await ask_leader(cluster, default, 0)).exists


# Timers; test_doctor_timers has the details.


async def test_timers_in_trouble_are_warnings_grouped_by_reason(patient: Patient) -> None:
    for name in ("a", "b", "c", "d"):
        patient.hold(well(name, status={"conditions": [ready("False", "InvalidSchedule", f"{name} is bad")]}))
    patient.hold(well("e", status={"conditions": [ready("False", "QuotaExceeded", "no room")]}))
    first, second = [finding for finding in await patient.findings() if finding.check == "timers"]
    assert first.level is Level.WARNING
    assert first.found == "4 not ready for reason InvalidSchedule: billing/a, billing/b, billing/c and 1 more"
    assert first.advice == "billing/a: a is bad"
    assert second.found == "1 not ready for reason QuotaExceeded: billing/e"


async def test_only_a_namespace_is_looked_at_on_request(patient: Patient) -> None:
    patient.hold(well("other", namespace="team"))
    findings = {finding.check: finding for finding in await patient.findings(namespace="billing")}
    assert findings["timers"].found == "2 timers in this namespace; none is in trouble"
    assert findings["tickets"].level is Level.OK


async def test_late_timers_say_nothing_where_nobody_leads(patient: Patient) -> None:
    patient.hold(well("late", status={"nextScheduleTime": "2026-11-20T09:00:00Z"}))
    assert ("timers", Level.PROBLEM) in not_ok(await patient.findings())
    patient.lead(holder="")
    assert not_ok(await patient.findings())[0] == ("leader", Level.PROBLEM)
    assert ("timers", Level.PROBLEM) not in not_ok(await patient.findings())


async def test_what_the_number_in_brackets_means_is_told(patient: Patient) -> None:
    clocks = await only(patient, "clocks")
    assert clocks.found.endswith("by the clock of this machine (in brackets: how exact the measurement is)")


# An installation that serves only some namespaces.


@pytest.fixture
async def narrow(patient: Patient) -> Patient:
    """The same, serving only two namespaces, one of which has the timers; there are others elsewhere."""
    patient.api.objects[LEASE]["metadata"] = {"annotations": {NAMESPACES: "billing,shop"}}
    patient.api.objects[paths.namespace("redistimer-system")] = {"metadata": {"uid": "home"}}
    patient.refuse(paths.CLUSTER_IDENTITY)
    patient.refuse(paths.ALL_TIMERS)
    await patient.index.take_ownership("home")
    patient.hold(timer_object("foreign", namespace="elsewhere"))
    return patient


async def test_one_that_serves_some_namespaces_is_looked_at_there(narrow: Patient) -> None:
    findings = await narrow.findings()
    assert not_ok(findings) == []
    told = {finding.check: finding.found for finding in findings}
    assert told["timers"] == "2 timers in the namespaces that are served (billing, shop); none is in trouble"
    assert told["index"] == "valid, of this cluster, 2 tickets, 0 in work"
    assert told["tickets"] == "all timers are in the index"


async def test_where_it_serves_nothing_nothing_is_missed(narrow: Patient) -> None:
    findings = await narrow.findings("elsewhere")
    assert not_ok(findings) == [("timers", Level.WARNING)]
    (timers,) = [finding for finding in findings if finding.check == "timers"]
    assert timers.found == "elsewhere is none of the namespaces that this installation serves: billing, shop"


async def test_its_index_is_its_own_by_the_name_of_its_namespace(narrow: Patient) -> None:
    await narrow.index.take_ownership(CLUSTER_UID)
    assert (await only(narrow, "index")).level is Level.PROBLEM
