"""An API server that is away or loses answers, watches that end, and Ctrl-C."""

import json
import os
import signal
from typing import Any

import pytest

from controller.kube.errors import ApiError
from tests.unit.cli.backfill.running import (
    IN_ORDER,
    INTERRUPTED,
    TIMES,
    TO,
    UNREACHABLE,
    backfill,
    before,
    name_of,
    on_record,
)
from tests.unit.cli.backfill.world import JOBS, TIMER, BackfillWorld
from tests.unit.kube.stub_api import TOO_MANY_REQUESTS, Request


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
