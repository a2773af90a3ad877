"""Running `redistimer backfill` over four mornings of February, in a world of its own."""

import json
import signal
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from controller.cli.app import app
from controller.core.backfill import Record, Span
from controller.core.identity import job_name
from controller.kube.errors import ApiUnreachableError
from tests.unit.cli.backfill.world import BackfillWorld
from tests.unit.core.objects import UID, ms
from tests.unit.kube.stub_api import Request

NOW = "2026-03-05T00:00:00Z"
FROM, TO = "2026-02-01T00:00:00Z", "2026-02-04T12:00:00Z"
TIMES = [f"2026-02-0{day}T06:00:00Z" for day in range(1, 5)]
SPAN = ("--from", FROM, "--to", TO)

UNREACHABLE = ApiUnreachableError("POST: ConnectionError")
IN_ORDER = 0
INTERRUPTED = 128 + signal.SIGINT


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
