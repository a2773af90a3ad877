"""`redistimer backfill`: what it creates, in which order, what it remembers, and what it says."""

import json
import os
import signal
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from controller.cli.app import app
from controller.core.backfill import Record, Span
from controller.core.identity import job_name
from controller.kube import paths
from controller.kube.errors import ApiError, ApiUnreachableError
from tests.unit.cli.backfill_world import FAILS, IS_REMOVED, JOBS, NEVER_ENDS, SPEC, TIMER, BackfillWorld
from tests.unit.core.objects import OTHER_UID, UID, ms
from tests.unit.kube.stub_api import CONFLICT, NOT_FOUND, TOO_MANY_REQUESTS, Request

NOW = "2026-03-05T00:00:00Z"
FROM, TO = "2026-02-01T00:00:00Z", "2026-02-04T12:00:00Z"
TIMES = [f"2026-02-0{day}T06:00:00Z" for day in range(1, 5)]
SPAN = ("--from", FROM, "--to", TO)

UNREACHABLE = ApiUnreachableError("POST: ConnectionError")
IN_ORDER = 0
INTERRUPTED = 128 + signal.SIGINT


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controller.cli.backfill.command.wall_clock_ms", lambda: ms(NOW))
    monkeypatch.setattr("controller.cli.backfill.run._PAUSES_S", (0.0, 0.0))
    monkeypatch.setattr("controller.cli.backfill.jobs._PAUSES_S", (0.0,))


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> BackfillWorld:
    """A timer that is due every morning."""
    return instead_of_the_cluster(BackfillWorld(), monkeypatch)


def instead_of_the_cluster(world: BackfillWorld, monkeypatch: pytest.MonkeyPatch) -> BackfillWorld:
    monkeypatch.setattr("controller.cli.backfill.flow.reach", world.reach)
    return world


def backfill(*options: str, span: tuple[str, ...] = SPAN) -> Result:
    """Run it, for four mornings of February where nothing else is said."""
    return CliRunner().invoke(app, ["backfill", "nightly", *span, *options])


def name_of(time: str) -> str:
    return job_name("nightly", UID, ms(time))


def record(through: str, start: str = FROM, end: str = TO, uid: str = UID) -> str:
    return Record(Span(ms(start), ms(end)), ms(through), uid, "before").text()


def on_record(world: BackfillWorld) -> dict[str, str]:
    told: dict[str, str] = json.loads(world.annotation or "{}")
    return {field: told[field] for field in ("from", "to", "through")}


def before(world: BackfillWorld, method: str, path: str, number: int, act: Any) -> None:
    """Do something, or raise it, right before the request of this kind with this number."""
    arrived = 0

    async def hook(request: Request) -> None:
        nonlocal arrived
        if (request.method, request.path) == (method, path) and "dryRun" not in request.parameters:
            arrived += 1
            if arrived == number:
                if isinstance(act, Exception):
                    raise act
                act()

    world.before = hook


# What it creates


def test_each_nominal_time_gets_its_job_oldest_first(world: BackfillWorld) -> None:
    result = backfill("--yes")
    assert result.exit_code == IN_ORDER, result.output
    assert world.created == TIMES
    assert [request.body["metadata"]["name"] for request in world.made("POST")[1:]] == [name_of(one) for one in TIMES]
    assert result.stdout.splitlines()[-1] == "4 Jobs created: 4 succeeded, 0 failed"


def test_the_jobs_are_marked_as_backfilled_and_belong_to_the_timer(world: BackfillWorld) -> None:
    backfill("--yes")
    job = world.made("POST")[-1].body
    assert job["metadata"]["annotations"]["redistimer.dev/trigger"] == "backfill"
    assert job["metadata"]["annotations"]["redistimer.dev/scheduled-at"] == "2026-02-04T06:00:00.000Z"
    assert [owner["uid"] for owner in job["metadata"]["ownerReferences"]] == [UID]


@pytest.mark.parametrize(("flags", "most"), [((), 1), (("--max-concurrent", "3"), 3), (("--max-concurrent", "9"), 4)])
def test_only_so_many_are_unfinished_at_a_time(world: BackfillWorld, flags: tuple[str, ...], most: int) -> None:
    backfill("--yes", *flags)
    assert world.created == TIMES
    assert world.most_active == most


def test_the_schedule_s_own_jobs_take_no_room_and_one_that_is_there_is_found(world: BackfillWorld) -> None:
    backfill("--yes", span=("--from", FROM, "--to", TIMES[1]))
    for path in [path for path in world.objects if path.startswith(JOBS)]:
        job = world.objects[path]
        del job["metadata"]["annotations"]["redistimer.dev/trigger"], job["status"]
    result = backfill("--yes")
    assert result.exit_code == IN_ORDER, result.output
    assert "jobs      2 to create, one after the other; 2 times with a Job already" in result.stdout
    assert f"found     {TIMES[0]}  {name_of(TIMES[0])}" in result.stdout
    assert result.stdout.splitlines()[-1] == "2 Jobs created, 2 found that existed: 2 succeeded, 0 failed"


def test_a_job_that_goes_between_the_attempt_to_create_it_and_a_look_at_it_is_created(world: BackfillWorld) -> None:
    backfill("--yes", span=("--from", FROM, "--to", TIMES[0]))
    before(world, "GET", paths.job("default", name_of(TIMES[0])), 1, world.remove_jobs)
    result = backfill("--yes")
    assert world.created[-4:] == TIMES
    assert result.stdout.splitlines()[-1] == "4 Jobs created: 4 succeeded, 0 failed"


def test_a_job_of_somebody_else_with_that_name_is_an_error_that_names_it(world: BackfillWorld) -> None:
    name = name_of(TIMES[2])
    world.put(f"{JOBS}/{name}", {"metadata": {"name": name, "namespace": "default", "uid": "x"}})
    result = backfill("--yes")
    assert result.exit_code == 1
    assert f"error: the Job {name} exists and does not belong to this timer" in result.stderr
    assert "stopped: 2 nominal times left, after 2026-02-02T06:00:00Z; no Job is active" in result.stderr
    del world.objects[f"{JOBS}/{name}"]
    assert backfill("--yes").exit_code == IN_ORDER
    assert world.created == [*TIMES[:3], *TIMES[2:]]


# Failures


def test_a_failure_does_not_stop_the_others_and_is_told_at_the_end(world: BackfillWorld) -> None:
    world.ends = {TIMES[1]: FAILS}
    result = backfill("--yes")
    assert result.exit_code == 1
    assert world.created == TIMES
    assert f"failed    {TIMES[1]}  {name_of(TIMES[1])}  BackoffLimitExceeded: tried too often" in result.stdout
    assert result.stdout.splitlines()[-2:] == [
        "4 Jobs created: 3 succeeded, 1 failed",
        f"failed: {name_of(TIMES[1])}",
    ]


def test_a_failure_stops_the_others_where_that_is_asked_for(world: BackfillWorld) -> None:
    world.ends = {TIMES[1]: FAILS}
    result = backfill("--yes", "--stop-on-failure")
    assert result.exit_code == 1
    assert world.created == TIMES[:2]
    assert "error: a Job has failed, and --stop-on-failure is given" in result.stderr
    assert "stopped: 2 nominal times left, after 2026-02-02T06:00:00Z" in result.stderr
    assert backfill("--yes", "--stop-on-failure").exit_code == IN_ORDER
    assert world.created == TIMES


def test_a_failure_of_the_last_job_leaves_nothing_to_stop(world: BackfillWorld) -> None:
    world.ends = {TIMES[3]: FAILS}
    result = backfill("--yes", "--stop-on-failure")
    assert (result.exit_code, result.stderr) == (1, "")


def test_many_failures_are_counted_and_some_of_them_named(world: BackfillWorld) -> None:
    span = ("--from", FROM, "--to", "2026-02-09T00:00:00Z")
    world.ends = {f"2026-02-{day:02}T06:00:00Z": FAILS for day in range(1, 29)}
    lines = backfill("--yes", span=span).stdout.splitlines()
    assert lines[-2] == "8 Jobs created: 0 succeeded, 8 failed"
    assert lines[-1].startswith(f"failed: {name_of(TIMES[0])}, ")
    assert lines[-1].endswith(" and 3 more")


def test_a_job_that_is_gone_after_it_was_active_is_removed_and_not_lost(world: BackfillWorld) -> None:
    world.ends = {TIMES[1]: IS_REMOVED}
    result = backfill("--yes")
    assert result.exit_code == IN_ORDER
    assert f"removed   {TIMES[1]}  {name_of(TIMES[1])}" in result.stdout
    assert "4 Jobs created: 3 succeeded, 0 failed, 1 removed" in result.stdout


def test_jobs_that_the_history_limits_remove_have_ended_as_they_did(world: BackfillWorld) -> None:
    world.keep = 0
    world.ends = {TIMES[2]: FAILS}
    result = backfill("--yes", "--max-concurrent", "4")
    assert world.jobs == []
    assert "4 Jobs created: 3 succeeded, 1 failed\n" in result.stdout


# The plan


def test_without_yes_a_pipe_gets_the_plan_and_nothing_is_created(world: BackfillWorld) -> None:
    result = backfill()
    assert result.exit_code == 2
    assert result.stdout.splitlines() == [
        "default/nightly  0 6 * * *",
        "  span      after 2026-02-01T00:00:00Z and until 2026-02-04T12:00:00Z",
        "  times     4, the first 2026-02-01T06:00:00Z, the last 2026-02-04T06:00:00Z",
        "  jobs      4 to create, one after the other",
        "  kept      3 that succeeded, 1 that failed: the timer's history limits hold for these Jobs, too",
    ]
    assert result.stderr == "nothing was created: this is what it would do, give --yes to do it\n"
    assert (world.created, world.made("PATCH")) == ([], [])


def test_a_dry_run_is_the_plan_alone(world: BackfillWorld) -> None:
    result = backfill("--dry-run", "--max-concurrent", "2")
    assert (result.exit_code, result.stderr) == (IN_ORDER, "")
    assert "jobs      4 to create, at most 2 unfinished at a time" in result.stdout
    assert (world.created, world.made("PATCH")) == ([], [])


def test_the_template_is_tried_once_with_every_field_looked_at(world: BackfillWorld) -> None:
    backfill("--dry-run")
    (tried,) = world.made("POST")
    assert tried.parameters == {"dryRun": "All", "fieldValidation": "Strict"}
    assert tried.body["metadata"]["name"] == name_of(TIMES[0])


@pytest.mark.parametrize("flags", [(), ("--yes",), ("--dry-run",)])
def test_a_template_that_would_be_refused_ends_it_before_anything_is_created(
    world: BackfillWorld, flags: tuple[str, ...]
) -> None:
    world.fail("POST", JOBS, ApiError(422, "Invalid", "Job.batch is invalid:\nspec.template: Required value"))
    result = backfill(*flags)
    assert result.exit_code == 1
    assert result.stderr == (
        "error: the API server would refuse these Jobs, correct spec.jobTemplate first: "
        "Job.batch is invalid: spec.template: Required value\n"
    )
    assert (world.created, world.made("PATCH")) == ([], [])


def test_missing_rights_are_told_before_anything_is_created(world: BackfillWorld) -> None:
    world.fail("POST", JOBS, ApiError(403, "Forbidden", 'jobs.batch is forbidden: User "me" cannot create'))
    result = backfill("--yes")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == 'error: not allowed: jobs.batch is forbidden: User "me" cannot create\n'


@pytest.mark.parametrize("flags", [(), ("--yes",), ("--dry-run",)])
def test_a_quota_that_leaves_no_room_is_no_lack_of_rights_and_the_plan_is_told_before(
    world: BackfillWorld, flags: tuple[str, ...]
) -> None:
    full = ApiError(403, "Forbidden", 'jobs.batch "nightly-1" is forbidden: exceeded quota: few')
    world.fail("POST", JOBS, full)
    result = backfill(*flags)
    assert result.exit_code == 1
    assert "jobs      4 to create" in result.stdout
    assert result.stderr == 'error: refused for now: jobs.batch "nightly-1" is forbidden: exceeded quota: few\n'
    assert (world.created, world.made("PATCH")) == ([], [])


def test_a_quota_that_leaves_no_room_is_told_to_programs_with_the_plan(world: BackfillWorld) -> None:
    world.fail("POST", JOBS, ApiError(403, "Forbidden", "exceeded quota: few"))
    result = backfill("--yes", "-o", "json")
    assert json.loads(result.stdout)["plan"]["refusedNow"] == "refused for now: exceeded quota: few"
    assert (result.exit_code, result.stderr) == (1, "error: refused for now: exceeded quota: few\n")


def test_a_quota_that_is_used_up_on_the_way_ends_it_and_the_same_command_goes_on(world: BackfillWorld) -> None:
    before(world, "POST", JOBS, 3, ApiError(403, "Forbidden", "exceeded quota: few"))
    result = backfill("--yes")
    assert (result.exit_code, world.jobs) == (1, TIMES[:2])
    assert result.stderr.splitlines() == [
        "error: refused for now: exceeded quota: few",
        "stopped: 2 nominal times left, after 2026-02-02T06:00:00Z; no Job is active. The same command goes on there",
    ]


def test_missing_rights_to_keep_a_record_end_it_before_the_first_job(world: BackfillWorld) -> None:
    world.fail("PATCH", TIMER, ApiError(403, "Forbidden", "cannot patch redistimers"))
    result = backfill("--yes")
    assert (result.exit_code, world.created) == (1, [])
    assert result.stderr == "error: not allowed: cannot patch redistimers\n"


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("Forbid", "a scheduled run that is due while a Job of this backfill is active is skipped"),
        ("Replace", "a scheduled run that is due while Jobs of this backfill are active deletes them"),
    ],
)
def test_a_policy_that_lets_the_two_collide_is_warned_about(
    policy: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = instead_of_the_cluster(BackfillWorld(SPEC | {"concurrencyPolicy": policy}), monkeypatch)
    assert (
        f"  warning: concurrencyPolicy is {policy}: {words}; redistimer suspend nightly keeps the two apart\n"
        in backfill("--dry-run").stdout
    )
    world.edit({"suspend": True})
    assert "warning" not in backfill("--dry-run").stdout


def test_a_span_without_nominal_times_is_told_and_nothing_is_wrong(world: BackfillWorld) -> None:
    result = backfill(span=("--from", "2026-03-03T07:00:00Z", "--to", "2026-03-03T08:00:00Z"))
    assert (result.exit_code, result.stderr) == (IN_ORDER, "")
    assert result.stdout.splitlines()[-1] == "  times     none"
    assert world.made("POST") == []


def test_why_there_is_nothing_before_the_creation_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    instead_of_the_cluster(BackfillWorld({"every": "1h", "jobTemplate": {}}), monkeypatch)
    assert backfill().stdout.splitlines()[-1] == (
        "  times     none; the timer was created at 2026-03-01T10:00:00Z, and an every without startTime, an @every "
        "and an afterCreation have none before"
    )


def test_programs_get_the_plan_in_json(world: BackfillWorld) -> None:
    result = backfill("--dry-run", "-o", "json")
    assert (result.exit_code, result.stderr) == (IN_ORDER, "")
    assert json.loads(result.stdout) == {
        "plan": {
            "namespace": "default",
            "name": "nightly",
            "uid": UID,
            "from": FROM,
            "to": TO,
            "times": 4,
            "first": TIMES[0],
            "last": TIMES[-1],
            "through": None,
            "left": 4,
            "withJob": 0,
            "toCreate": 4,
            "maxConcurrent": 1,
            "templateProblem": None,
            "refusedNow": None,
            "warnings": [],
        }
    }


@pytest.mark.parametrize(("output", "load"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_programs_get_plan_and_result_as_one_document(world: BackfillWorld, output: str, load: Any) -> None:
    world.ends = {TIMES[0]: FAILS, TIMES[1]: IS_REMOVED}
    result = backfill("--yes", "-o", output)
    told = load(result.stdout)
    assert result.exit_code == 1
    assert told["plan"]["left"] == 4
    assert told["result"] == {
        "created": 4,
        "found": 0,
        "adopted": 0,
        "succeeded": [name_of(TIMES[2]), name_of(TIMES[3])],
        "failed": [name_of(TIMES[0])],
        "removed": [name_of(TIMES[1])],
        "unfinished": [],
        "through": TO,
        "left": 0,
        "stopped": None,
    }
    assert result.stderr.splitlines()[0] == f"created   {TIMES[0]}  {name_of(TIMES[0])}"


def test_programs_are_not_asked(world: BackfillWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controller.cli.backfill.flow._on_a_terminal", lambda: True)
    result = backfill("-o", "json")
    assert (result.exit_code, world.created) == (2, [])
    assert "plan" in json.loads(result.stdout)


@pytest.mark.parametrize(("answer", "created"), [("y\n", TIMES), ("YES\n", TIMES), ("n\n", []), ("\n", []), ("", [])])
def test_a_terminal_is_asked(
    world: BackfillWorld, monkeypatch: pytest.MonkeyPatch, answer: str, created: list[str]
) -> None:
    monkeypatch.setattr("controller.cli.backfill.flow._on_a_terminal", lambda: True)
    result = CliRunner().invoke(app, ["backfill", "nightly", *SPAN], input=answer)
    assert "Create 4 Jobs? [y/N] " in result.stderr
    assert world.created == created
    if not created:
        assert result.exit_code == (1 if answer else INTERRUPTED)
        assert result.stderr.endswith("error: nothing was created\n")
        assert world.made("PATCH") == []


# The record


def test_the_record_is_there_before_the_first_job_and_follows_each(world: BackfillWorld) -> None:
    backfill("--yes")
    steps: list[str] = []
    for request in world.requests:
        if request.method == "PATCH":
            steps.append(json.loads(request.body["metadata"]["annotations"]["redistimer.dev/backfill"])["through"])
        if request.method == "POST" and "dryRun" not in request.parameters:
            steps.append("create")
    assert steps == [FROM, "create", TIMES[0], "create", TIMES[1], "create", TIMES[2], "create", TO]
    assert all("resourceVersion" in request.body["metadata"] for request in world.made("PATCH"))


def test_the_same_span_goes_on_where_it_stopped_though_all_jobs_are_gone(world: BackfillWorld) -> None:
    world.annotate(record(through=TIMES[1]))
    result = backfill("--yes")
    assert result.exit_code == IN_ORDER
    assert world.created == TIMES[2:]
    assert "progress  begun before and done through 2026-02-02T06:00:00Z" in result.stdout
    assert "jobs      2 to create" in result.stdout
    assert on_record(world) == {"from": FROM, "to": TO, "through": TO}


def test_the_same_instants_written_otherwise_are_the_same_span(world: BackfillWorld) -> None:
    world.annotate(record(through=TIMES[1]))
    backfill("--yes", span=("--from", "2026-02-01T01:00:00+01:00", "--to", "2026-02-04T12:00:00.0Z"))
    assert world.created == TIMES[2:]


def test_when_all_is_done_nothing_is_left(world: BackfillWorld) -> None:
    backfill("--yes")
    world.remove_jobs()
    world.requests.clear()
    for flags in ((), ("--yes",), ("--dry-run",)):
        result = backfill(*flags)
        assert (result.exit_code, result.stderr) == (IN_ORDER, "")
        assert result.stdout.splitlines()[-1] == "  jobs      nothing is left to create: --again starts over"
    assert (world.made("POST"), world.made("PATCH")) == ([], [])


def test_again_starts_over(world: BackfillWorld) -> None:
    backfill("--yes")
    world.remove_jobs()
    assert backfill("--yes", "--again").exit_code == IN_ORDER
    assert world.created == TIMES + TIMES


def test_a_job_that_was_created_right_before_a_kill_is_found(world: BackfillWorld) -> None:
    before(world, "PATCH", TIMER, 3, RuntimeError("killed"))
    assert repr(backfill("--yes").exception) == "RuntimeError('killed')"
    world.before = None
    assert (world.created, on_record(world)["through"]) == (TIMES[:2], TIMES[0])
    result = backfill("--yes")
    assert result.exit_code == IN_ORDER, result.output
    assert world.created.count(TIMES[1]) == 2
    assert world.jobs == TIMES
    assert result.stdout.splitlines()[-1].startswith("2 Jobs created, 1 found that existed: ")


def test_jobs_of_an_earlier_attempt_that_still_run_take_room_and_are_waited_for(world: BackfillWorld) -> None:
    world.ends = {TIMES[0]: NEVER_ENDS, TIMES[1]: NEVER_ENDS}
    world.when_idle = lambda: os.kill(os.getpid(), signal.SIGINT)
    assert backfill("--yes", "--max-concurrent", "2").exit_code == INTERRUPTED
    world.ends = {TIMES[0]: FAILS}
    world.most_active = 0
    result = backfill("--yes", "--max-concurrent", "2")
    assert result.exit_code == 1
    assert world.most_active == 2
    assert "2 Jobs created, 2 of an earlier attempt waited for: 3 succeeded, 1 failed" in result.stdout


def test_jobs_that_still_run_are_waited_for_where_nothing_else_is_left(world: BackfillWorld) -> None:
    world.ends = {TIMES[3]: NEVER_ENDS}
    world.when_idle = None
    world.end_watch()
    before(world, "PATCH", TIMER, 5, lambda: os.kill(os.getpid(), signal.SIGINT))
    result = backfill("--yes")
    assert result.exit_code == INTERRUPTED
    assert result.stderr == (
        "interrupted: every nominal time has its Job, 1 Job not finished. The same command waits for the end\n"
    )
    world.ends, world.before = {TIMES[3]: FAILS}, None
    result = backfill()
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-2:] == [
        "0 Jobs created, 1 of an earlier attempt waited for: 0 succeeded, 1 failed",
        f"failed: {name_of(TIMES[3])}",
    ]


def test_another_backfill_that_is_not_finished_is_warned_about_and_its_place_taken(world: BackfillWorld) -> None:
    world.annotate(record(start="2026-01-01T00:00:00Z", end="2026-01-31T00:00:00Z", through="2026-01-05T06:00:00Z"))
    warning = (
        "another backfill of this timer is not finished, after 2026-01-01T00:00:00Z and until 2026-01-31T00:00:00Z, "
        "done through 2026-01-05T06:00:00Z: this one takes its place, and what that has done is forgotten"
    )
    assert f"  warning: {warning}\n" in backfill().stdout
    assert world.created == []
    assert backfill("--yes").exit_code == IN_ORDER
    assert on_record(world) == {"from": FROM, "to": TO, "through": TO}


def test_the_question_says_that_another_backfill_is_forgotten(
    world: BackfillWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controller.cli.backfill.flow._on_a_terminal", lambda: True)
    world.annotate(record(start="2026-01-01T00:00:00Z", end="2026-01-31T00:00:00Z", through="2026-01-05T06:00:00Z"))
    assert "Create 4 Jobs, and forget the other backfill? [y/N] " in backfill().stderr


def test_another_backfill_that_is_finished_is_nothing_to_speak_of(world: BackfillWorld) -> None:
    world.annotate(record(start="2026-01-01T00:00:00Z", end="2026-01-31T00:00:00Z", through="2026-01-31T00:00:00Z"))
    assert "warning" not in backfill("--dry-run").stdout


def test_an_annotation_that_nobody_can_read_is_replaced(world: BackfillWorld) -> None:
    world.annotate("by hand")
    assert "  warning: the timer's annotation redistimer.dev/backfill says nothing" in backfill("--dry-run").stdout
    assert backfill("--yes").exit_code == IN_ORDER
    assert (world.created, on_record(world)["through"]) == (TIMES, TO)


def test_a_record_that_was_copied_from_another_timer_counts_for_nothing(world: BackfillWorld) -> None:
    world.annotate(record(through=TO, uid=OTHER_UID))
    assert backfill("--yes").exit_code == IN_ORDER
    assert world.created == TIMES


# Others, meanwhile


def test_a_status_that_is_written_meanwhile_disturbs_nobody(world: BackfillWorld) -> None:
    before(world, "PATCH", TIMER, 3, world.edit)
    result = backfill("--yes")
    assert (result.exit_code, world.created, on_record(world)["through"]) == (IN_ORDER, TIMES, TO)


def test_a_timer_that_changes_all_the_time_ends_it(world: BackfillWorld) -> None:
    world.fail("PATCH", TIMER, *[CONFLICT] * 100)
    result = backfill("--yes")
    assert (result.exit_code, world.created) == (1, [])
    assert result.stderr == "error: the timer default/nightly changes faster than it can be written to\n"


def test_whoever_begins_last_goes_on_and_the_other_stops(world: BackfillWorld) -> None:
    before(world, "POST", JOBS, 3, lambda: world.annotate(record(through=TIMES[1])))
    result = backfill("--yes")
    assert result.exit_code == 1
    assert world.created == TIMES[:3]
    assert result.stderr == (
        "error: somebody has begun a backfill of this timer meanwhile, from 2026-02-01T00:00:00Z to "
        "2026-02-04T12:00:00Z: this one leaves it to that\n"
    )
    assert json.loads(world.annotation or "")["run"] == "before"


def test_one_that_is_begun_while_somebody_thinks_about_the_plan_is_not_disturbed(world: BackfillWorld) -> None:
    before(world, "PATCH", TIMER, 1, lambda: world.annotate(record(through=TIMES[0])))
    result = backfill("--yes")
    assert (result.exit_code, world.created) == (1, [])
    assert "error: somebody has begun a backfill of this timer meanwhile" in result.stderr


def test_a_record_that_is_taken_away_stops_it(world: BackfillWorld) -> None:
    before(world, "POST", JOBS, 2, lambda: world.annotate(None))
    result = backfill("--yes")
    assert (result.exit_code, world.created) == (1, TIMES[:2])
    assert "error: the record of this backfill was taken off the timer meanwhile" in result.stderr


def test_an_edit_of_the_schedule_stops_it_and_the_same_command_goes_on_with_the_new_one(world: BackfillWorld) -> None:
    before(world, "POST", JOBS, 2, lambda: world.edit({"schedule": "0 18 * * *"}))
    result = backfill("--yes")
    assert (result.exit_code, world.created) == (1, TIMES[:2])
    assert "error: the schedule was changed meanwhile" in result.stderr
    assert backfill("--yes").exit_code == IN_ORDER
    assert world.created[2:] == ["2026-02-01T18:00:00Z", "2026-02-02T18:00:00Z", "2026-02-03T18:00:00Z"]


def test_an_edit_of_the_template_counts_from_the_next_job_on(world: BackfillWorld) -> None:
    mended = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "mended"}]}}}}
    before(world, "POST", JOBS, 2, lambda: world.edit({"jobTemplate": mended, "suspend": True}))
    assert backfill("--yes").exit_code == IN_ORDER
    jobs = [request.body for request in world.made("POST")[1:]]
    images = [job["spec"]["template"]["spec"]["containers"][0]["image"] for job in jobs]
    assert images == ["busybox", "busybox", "mended", "mended"]


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda world: world.delete_timer(), id="gone"),
        pytest.param(lambda world: world.edit(deletionTimestamp=NOW), id="going"),
        pytest.param(lambda world: world.edit(uid=OTHER_UID), id="created again"),
    ],
)
def test_a_timer_that_is_deleted_stops_it(world: BackfillWorld, act: Any) -> None:
    before(world, "POST", JOBS, 2, lambda: act(world))
    result = backfill("--yes")
    assert (result.exit_code, world.created) == (1, TIMES[:2])
    assert result.stderr == ("error: the timer default/nightly was deleted meanwhile, and its Jobs go with it\n")


def test_a_timer_that_is_deleted_while_the_last_job_runs_is_told(world: BackfillWorld) -> None:
    world.ends = {TIMES[3]: NEVER_ENDS}

    def wait_and_delete() -> None:
        world.when_idle = world.delete_timer

    before(world, "PATCH", TIMER, 5, wait_and_delete)
    result = backfill("--yes")
    assert result.exit_code == 1
    assert "the timer default/nightly was deleted meanwhile" in result.stderr


# The API server, and Ctrl-C


def test_an_api_server_that_is_away_for_a_while_is_waited_for(world: BackfillWorld) -> None:
    world.fail("PATCH", TIMER, UNREACHABLE, TOO_MANY_REQUESTS)
    result = backfill("--yes")
    assert (result.exit_code, world.created) == (IN_ORDER, TIMES)
    assert result.stderr.count("waiting: the API server has no answer now, trying again in ") == 2


def test_an_api_server_that_stays_away_is_given_up_and_the_same_command_goes_on(world: BackfillWorld) -> None:
    async def away(request: Request) -> None:
        if request.method == "POST" and len(world.created) > 2:
            raise UNREACHABLE

    world.before = away
    result = backfill("--yes")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-2:] == [
        "error: POST: ConnectionError",
        "stopped: 2 nominal times left, after 2026-02-02T06:00:00Z; no Job is active. The same command goes on there",
    ]
    world.before = None
    assert backfill("--yes").exit_code == IN_ORDER
    assert world.jobs == TIMES


def test_a_job_whose_creation_had_no_answer_counts_as_created(
    world: BackfillWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    create, lost = world.create, []

    async def lose_one(path: str, body: bytes, **parameters: str) -> Any:
        made = await create(path, body, **parameters)
        if not parameters and not lost:
            lost.append(made)
            raise UNREACHABLE
        return made

    monkeypatch.setattr(world, "create", lose_one)
    result = backfill("--yes")
    assert result.stdout.splitlines()[-1] == "4 Jobs created: 4 succeeded, 0 failed"
    assert world.jobs == TIMES


def test_a_record_whose_writing_had_no_answer_is_recognised(
    world: BackfillWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    merge, lost = world.merge, []

    async def lose_two(path: str, patch: Any) -> Any:
        made = await merge(path, patch)
        lost.append(made)
        if len(lost) in (1, 3):
            raise UNREACHABLE
        return made

    monkeypatch.setattr(world, "merge", lose_two)
    result = backfill("--yes")
    assert (result.exit_code, world.created, on_record(world)["through"]) == (IN_ORDER, TIMES, TO)


@pytest.mark.parametrize(
    "error", [None, UNREACHABLE, TOO_MANY_REQUESTS, ApiError(410, "Expired", "too old")], ids=lambda one: repr(one)[:20]
)
def test_a_watch_that_ends_is_begun_again_and_nothing_is_overlooked(
    world: BackfillWorld, error: Exception | None
) -> None:
    world.when_idle = lambda: world.end_watch(error)
    result = backfill("--yes")
    assert (result.exit_code, world.created, world.watches) == (IN_ORDER, TIMES, 2)
    assert result.stdout.splitlines()[-1] == "4 Jobs created: 4 succeeded, 0 failed"


def test_a_job_that_goes_while_nobody_watches_is_removed(world: BackfillWorld) -> None:
    def overlook() -> None:
        world.remove_jobs()
        world.end_watch()

    world.when_idle = overlook
    result = backfill("--yes")
    assert result.exit_code == IN_ORDER
    assert "4 Jobs created: 3 succeeded, 0 failed, 1 removed" in result.stdout


def test_jobs_that_cannot_be_watched_end_it(world: BackfillWorld) -> None:
    world.when_idle = lambda: world.end_watch(ApiError(403, "Forbidden", "cannot watch jobs"))
    result = backfill("--yes")
    assert (result.exit_code, world.created) == (1, TIMES[:1])
    assert "error: not allowed: cannot watch jobs" in result.stderr


def test_ctrl_c_ends_it_in_order_and_the_same_command_goes_on(world: BackfillWorld) -> None:
    before(world, "POST", JOBS, 2, lambda: os.kill(os.getpid(), signal.SIGINT))
    result = backfill("--yes")
    assert result.exit_code == INTERRUPTED
    assert world.created == TIMES[:2]
    assert on_record(world)["through"] == TIMES[1]
    assert result.stdout.splitlines()[-1] == "2 Jobs created: 1 succeeded, 0 failed, 1 not finished"
    assert result.stderr == (
        "interrupted: 2 nominal times left, after 2026-02-02T06:00:00Z; 1 Job not finished. "
        "The same command goes on there\n"
    )
    world.before = None
    assert backfill("--yes").exit_code == IN_ORDER
    assert world.created == TIMES


def test_ctrl_c_is_told_to_programs(world: BackfillWorld) -> None:
    world.when_idle = lambda: os.kill(os.getpid(), signal.SIGINT)
    told = json.loads(backfill("--yes", "-o", "json").stdout)["result"]
    assert told["stopped"] == "interrupted"
    assert (told["left"], told["unfinished"]) == (3, [name_of(TIMES[0])])


def test_ctrl_c_ends_the_wait_for_an_api_server(world: BackfillWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controller.cli.backfill.run._PAUSES_S", (3600.0,))

    def go_away() -> None:
        world.when_idle = lambda: os.kill(os.getpid(), signal.SIGINT)
        raise UNREACHABLE

    before(world, "POST", JOBS, 2, go_away)
    result = backfill("--yes")
    assert result.exit_code == INTERRUPTED
    assert "trying again in 3600 s" in result.stderr
    assert on_record(world)["through"] == TIMES[0]


# What is refused


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (("--from", FROM, "--to", "2026-03-05T00:00:01Z"), "--to 2026-03-05T00:00:01Z is in the future: accepted is"),
        (("--from", TO, "--to", FROM), f"--from {TO} is not before --to {FROM}"),
        (("--from", FROM, "--to", FROM), "nothing lies between"),
        (
            ("--from", "1969-12-31T00:00:00Z", "--to", TO),
            "--from: '1969-12-31T00:00:00Z' is not an instant from 1970 to 2999",
        ),
        (("--from", FROM, "--to", "yesterday"), "--to: 'yesterday' is not an instant"),
        (("--from", "2026-02-01", "--to", TO), "--from: '2026-02-01' is not an instant"),
        (("--from", FROM), "the following arguments are required: --to"),
        ((*SPAN, "--limit", "0"), "--limit: '0' is not accepted: write a whole number from 1 to 100000"),
        ((*SPAN, "--max-concurrent", "1001"), "--max-concurrent: '1001' is not accepted"),
        ((*SPAN, "--yes", "--dry-run"), "not allowed with argument"),
    ],
    ids=str,
)
def test_a_wrong_command_line_ends_with_two_and_one_line(
    world: BackfillWorld, span: tuple[str, ...], words: str
) -> None:
    result = backfill(span=span)
    assert (result.exit_code, result.stdout, world.requests) == (2, "", [])
    assert words in result.stderr
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("spec", "span", "words"),
    [
        ({"schedule": "61 * * * *"}, SPAN, "the spec of default/nightly cannot be used: spec.schedule '61 * * * *'"),
        (SPEC, (*SPAN, "--limit", "3"), f"has 4 nominal times from {FROM} to {TO}: at most 3 are accepted"),
        (
            {"schedule": "* * * * * *"},
            ("--from", "1970-01-01T00:00:00Z", "--to", "2026-01-01T00:00:00Z"),
            "has about 1767225600 nominal times from 1970-01-01T00:00:00Z to 2026-01-01T00:00:00Z: at most 1000 are",
        ),
        (
            {"at": "2026-03-04T23:59:59Z", "jitter": "24h"},
            ("--from", FROM, "--to", NOW),
            "the run of 2026-03-04T23:59:59Z is still to come, delayed by jitter until 2026-03-05T",
        ),
    ],
)
def test_what_cannot_be_backfilled_is_refused_in_one_line(
    spec: dict[str, Any], span: tuple[str, ...], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = instead_of_the_cluster(BackfillWorld(spec), monkeypatch)
    result = backfill("--yes", span=span)
    assert (result.exit_code, result.stdout, world.created) == (1, "", [])
    assert words in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_timer_that_is_being_deleted_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    instead_of_the_cluster(BackfillWorld(deletionTimestamp=NOW), monkeypatch)
    assert backfill("--yes").stderr == "error: the timer default/nightly is being deleted\n"


def test_a_timer_that_is_not_there_is_told(world: BackfillWorld) -> None:
    world.fail("GET", TIMER, NOT_FOUND)
    result = backfill("--yes")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: there is no RedisTimer nightly in namespace default")


def test_a_last_instant_that_is_now_is_accepted(world: BackfillWorld) -> None:
    assert backfill("--dry-run", span=("--from", "2026-03-04T00:00:00Z", "--to", NOW)).exit_code == IN_ORDER


def test_the_help_says_exactly_which_times_are_meant(world: BackfillWorld) -> None:
    result = CliRunner().invoke(app, ["backfill", "--help"])
    assert result.exit_code == 0
    assert "one for each nominal time T with\nFROM < T <= TO, oldest first" in result.output
    assert "  redistimer backfill report --from " in result.output
    assert "exit codes: 0 " in result.output
