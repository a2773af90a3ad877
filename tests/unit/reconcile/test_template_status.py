"""What status says of templates, and which statuses wait for their check."""

from typing import Any

import pytest

from controller.core.template import TemplateCheck
from controller.kube import paths
from controller.kube.errors import ApiError
from tests.unit.core.objects import UID
from tests.unit.kube.stub_api import TOO_MANY_REQUESTS
from tests.unit.reconcile.desk import ELEVEN, HOURLY, Desk, job
from tests.unit.reconcile.writer import JOBS, STATUS, Writer

STRICT = ApiError(400, "BadRequest", 'strict decoding error: unknown field "spec.typo"')
SUSPENDED = {**HOURLY, "suspend": True}


@pytest.fixture
def writer(desk: Desk, pauses: list[float]) -> Writer:
    return Writer(desk)


def stored(desk: Desk, spec: dict[str, Any] = HOURLY, **changes: Any) -> None:
    """Store a timer, and let the watch show it."""
    desk.table.see_timer(desk.store(spec, **changes))


def found(desk: Desk) -> TemplateCheck | None:
    return desk.table.entries[UID].template


async def test_the_first_status_of_a_generation_waits_for_the_check(desk: Desk, writer: Writer) -> None:
    stored(desk)
    await desk.sync.step()
    await writer.step()
    assert desk.api.made("PATCH") == []
    await writer.templates.step()
    await writer.step()
    assert writer.said("TemplateValid") == ("True", "TemplateAccepted")
    assert len(desk.api.made("PATCH")) == 1


async def test_so_does_the_first_status_after_an_edit(desk: Desk, writer: Writer) -> None:
    await writer.start()
    stored(desk, SUSPENDED, generation=2, status=writer.status)
    await desk.sync.step()
    await writer.step()
    assert writer.status["observedGeneration"] == 1
    desk.api.fail("POST", JOBS, STRICT)
    await writer.templates.step()
    await writer.step()
    assert writer.status["observedGeneration"] == 2
    assert writer.said("Stalled") == ("True", "InvalidTemplate")


async def test_a_later_status_waits_for_no_check(desk: Desk, writer: Writer) -> None:
    """Written by a version that checked no templates, say."""
    status = {"observedGeneration": 1, "handledThrough": "2026-03-01T10:00:00Z"}
    stored(desk, status=status)
    await desk.sync.step()
    await writer.step()
    assert writer.said("Ready") == ("True", "Scheduled")
    assert writer.said("TemplateValid") is None
    await writer.templates.step()
    await writer.step()
    assert writer.said("TemplateValid") == ("True", "TemplateAccepted")


async def test_a_bad_spec_waits_for_no_check(desk: Desk, writer: Writer) -> None:
    stored(desk, {**HOURLY, "schedule": "at noon"})
    await desk.sync.step()
    await writer.step()
    assert writer.said("Ready") == ("False", "InvalidSchedule")


async def test_what_was_found_is_kept_until_status_says_it(desk: Desk, writer: Writer) -> None:
    stored(desk)
    await desk.sync.step()
    await writer.templates.step()
    desk.api.fail("PATCH", STATUS, TOO_MANY_REQUESTS)
    await writer.step()
    await writer.write()
    assert writer.said("TemplateValid") == ("True", "TemplateAccepted")
    assert len(writer.dry_runs()) == 1
    assert found(desk) is None, "and no longer"


async def test_what_was_found_stays_in_status_while_runs_come_and_go(desk: Desk, writer: Writer) -> None:
    desk.api.fail("POST", JOBS, STRICT)
    await writer.start()
    desk.table.see_job(job(ELEVEN))
    await writer.write()
    assert writer.said("TemplateValid") == ("False", "InvalidTemplate")
    assert writer.status["activeCount"] == 1
    assert paths.job("default", job(ELEVEN)["metadata"]["name"]) not in desk.api.objects


async def test_status_does_not_wait_for_ever_for_a_check_that_gets_no_answer(desk: Desk, writer: Writer) -> None:
    desk.table.see_timer(desk.store())
    await desk.sync.step()
    for _ in range(3):
        desk.api.fail("POST", JOBS, ApiError(503, "ServiceUnavailable", "a webhook says no"))
        await writer.templates.step()
        await writer.write()
        desk.monotonic.now_s += 6
    assert writer.status["observedGeneration"] == 1
    assert [one["type"] for one in writer.status["conditions"]] == ["Ready"]
