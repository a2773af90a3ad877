"""What docs/operations.md gives to Argo CD, a timer's health in Lua, tried on statuses as they are written."""

from typing import Any

import lupa.lua51 as lua51
import pytest

from controller.core.job import Outcome
from controller.core.reasons import Reason
from tests.docs.examples import examples_in
from tests.docs.markdown import blocks_of
from tests.unit.core.life import Life
from tests.unit.core.objects import report, run

KEY = "resource.customizations.health.redistimer.dev_RedisTimer"
HOURLY = {"every": "1h"}


@pytest.fixture(scope="module")
def script() -> str:
    """The only one that the document has."""
    examples = [obj for one in examples_in(blocks_of("docs/operations.md")) for obj in one.documents]
    (found,) = [obj["data"][KEY] for obj in examples if KEY in (obj.get("data") or {})]
    return str(found)


def health(script: str, life: Life) -> tuple[str, str]:
    """Status and message that the script gives to a timer."""
    # The version that fakeredis runs scripts with: two in one process have crashed it.
    lua = lua51.LuaRuntime()
    status = {**life.status, "conditions": list(life.status.get("conditions", ()))} if life.status else None
    obj: dict[str, Any] = {"metadata": {"generation": life.generation}, "status": status}
    lua.globals().obj = lua.table_from(obj, recursive=True)
    result = lua.execute(script)
    return result.status, result.message


def refused(life: Life) -> Life:
    """Its Job is refused for want of quota."""
    life.write(reports=[report(life.timer, life.now_ms - 60_000, Reason.QUOTA_EXCEEDED, message="none left")])
    return life


def stopped(life: Life) -> Life:
    """It has failed once too often."""
    life.write([run(life.now_ms - 60_000, Outcome.FAILED)])
    return life


def written(spec: dict[str, Any]) -> Life:
    """A timer with its first status."""
    life = Life(spec)
    life.write()
    return life


@pytest.mark.parametrize(
    ("life", "status", "message"),
    [
        (Life(HOURLY), "Progressing", "Waiting for the controller"),
        (written(HOURLY), "Healthy", "The timer fires as scheduled."),
        (written({"at": "2026-01-01T00:00:00Z"}), "Healthy", ""),
        (written({"every": "fast"}), "Degraded", "spec.every"),
        (refused(Life(HOURLY)), "Degraded", "none left"),
        (written({**HOURLY, "suspend": True}), "Suspended", "spec.suspend is true."),
        (stopped(Life({**HOURLY, "maxConsecutiveFailures": 1})), "Degraded", "1"),
    ],
    ids=["new", "ready", "complete", "bad", "refused", "suspended", "stopped"],
)
def test_argo_cd_sees_a_timer_as_it_is(script: str, life: Life, status: str, message: str) -> None:
    found = health(script, life)
    assert found[0] == status
    assert message in found[1]


def test_argo_cd_waits_until_an_edit_is_acknowledged(script: str) -> None:
    life = written({"every": "fast"})
    life.edit(HOURLY)
    assert health(script, life)[0] == "Progressing"
    life.write()
    assert health(script, life)[0] == "Healthy"
