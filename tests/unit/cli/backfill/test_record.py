"""What it remembers on the timer, so that the same command goes on where it stopped."""

import json
import os
import signal

import pytest

from tests.unit.cli.backfill.running import (
    FROM,
    IN_ORDER,
    INTERRUPTED,
    TIMES,
    TO,
    backfill,
    before,
    name_of,
    on_record,
    record,
)
from tests.unit.cli.backfill.world import FAILS, NEVER_ENDS, TIMER, BackfillWorld
from tests.unit.core.objects import OTHER_UID


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
