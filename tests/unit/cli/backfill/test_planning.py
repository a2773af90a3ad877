"""The plan: what it says before anything is created, to people and to programs, and what ends it there."""

import json
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from controller.cli.app import app
from controller.kube.errors import ApiError
from tests.unit.cli.backfill.running import (
    FROM,
    IN_ORDER,
    INTERRUPTED,
    SPAN,
    TIMES,
    TO,
    backfill,
    before,
    instead_of_the_cluster,
    name_of,
)
from tests.unit.cli.backfill.world import FAILS, IS_REMOVED, JOBS, SPEC, TIMER, BackfillWorld
from tests.unit.core.objects import UID


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
