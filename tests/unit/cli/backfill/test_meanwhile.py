"""What others do meanwhile: edits, deletions, another backfill of the same timer."""

import json
from typing import Any

import pytest

from tests.unit.cli.backfill.running import (
    IN_ORDER,
    NOW,
    TIMES,
    TO,
    backfill,
    before,
    on_record,
    record,
)
from tests.unit.cli.backfill.world import JOBS, NEVER_ENDS, TIMER, BackfillWorld
from tests.unit.core.objects import OTHER_UID
from tests.unit.kube.stub_api import CONFLICT


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
