"""Checking jobTemplates by dry runs: once per generation, so many a second, and in nobody's way."""

from typing import Any

import pytest

from controller.core.template import TemplateCheck
from controller.kube.errors import ApiError, ApiUnreachableError
from controller.reconcile.templates import Templates
from tests.unit.core.objects import OTHER_UID, UID, timer_object
from tests.unit.kube.stub_api import NOT_FOUND, TOO_MANY_REQUESTS, Request
from tests.unit.reconcile.desk import ELEVEN, HOURLY, Desk, job, uid
from tests.unit.reconcile.writer import JOBS, TIMER, Writer

STRICT = ApiError(400, "BadRequest", 'strict decoding error: unknown field "spec.typo"')
SUSPENDED = {**HOURLY, "suspend": True}


@pytest.fixture
def templates(desk: Desk, pauses: list[float]) -> Templates:
    """A hundred a second; pauses take no time."""
    return Templates(desk.table, desk.api, desk.health, 100, desk.monotonic)  # type: ignore[arg-type]


@pytest.fixture
def writer(desk: Desk, pauses: list[float]) -> Writer:
    return Writer(desk)


def stored(desk: Desk, spec: dict[str, Any] = HOURLY, **changes: Any) -> None:
    """Store a timer, and let the watch show it."""
    desk.table.see_timer(desk.store(spec, **changes))


def dry_runs(desk: Desk) -> list[Request]:
    return [request for request in desk.api.made("POST") if request.path == JOBS]


def found(desk: Desk, one: str = UID) -> TemplateCheck | None:
    return desk.table.entries[one].template


async def test_a_template_is_checked_by_creating_its_job_for_show_with_every_field_known(
    desk: Desk, templates: Templates
) -> None:
    stored(desk)
    assert await templates.step()
    (request,) = dry_runs(desk)
    assert request.parameters == {"dryRun": "All", "fieldValidation": "Strict"}
    assert request.body["kind"] == "Job"
    assert request.body["spec"]["template"]["spec"] == {"containers": [{"name": "main"}]}
    assert request.body["metadata"]["ownerReferences"][0]["uid"] == UID
    assert found(desk) == TemplateCheck(1, True, "The API server accepts a Job of this template.")
    assert not [path for path in desk.api.objects if path.startswith(JOBS)]


async def test_no_job_that_there_is_can_stand_in_its_way(desk: Desk, templates: Templates) -> None:
    stored(desk, name="n" * 63)
    await templates.step()
    (request,) = dry_runs(desk)
    assert "name" not in request.body["metadata"]
    assert request.body["metadata"]["generateName"].endswith("-")
    assert len(request.body["metadata"]["generateName"]) <= 58, "five characters are added to it"


@pytest.mark.parametrize(
    ("error", "valid"),
    [
        pytest.param(STRICT, False, id="an unknown field"),
        pytest.param(ApiError(422, "Invalid", "no image"), False, id="invalid"),
        pytest.param(ApiError(400, "BadRequest", "the webhook does not support dry run"), None, id="no dry run"),
        pytest.param(ApiError(403, "Forbidden", "exceeded quota: jobs"), None, id="quota"),
        pytest.param(ApiError(500, "InternalError", "webhook failed"), None, id="broken webhook"),
        pytest.param(ApiUnreachableError("timed out"), None, id="a webhook that takes too long"),
        pytest.param(RuntimeError("a fault of ours"), None, id="a fault of ours"),
    ],
)
async def test_what_the_api_server_says_is_what_is_found(
    desk: Desk, templates: Templates, error: Exception, valid: bool | None, caplog: pytest.LogCaptureFixture
) -> None:
    stored(desk)
    desk.api.fail("POST", JOBS, error)
    await templates.step()
    check = found(desk)
    assert check is not None
    assert (check.generation, check.valid) == (1, valid)
    assert await desk.ripe(desk.table.to_report) == {UID}
    assert len(desk.table.to_check) == 0


async def test_each_generation_is_checked_once(desk: Desk, writer: Writer) -> None:
    await writer.start()
    desk.table.see_timer(desk.store(status=writer.status, labels={"a": "b"}))
    desk.table.see_job(job(ELEVEN))
    await writer.write()
    assert len(desk.table.to_check) == 0
    stored(desk, SUSPENDED, generation=2, status=writer.status)
    assert await desk.ripe(desk.table.to_check) == {UID}


async def test_what_status_says_already_is_not_checked_again_after_a_restart(desk: Desk, writer: Writer) -> None:
    await writer.start()
    fresh = Desk()
    fresh.table.see_timer(fresh.store(status=writer.status))
    assert len(fresh.table.to_check) == 0
    await fresh.redis.aclose()


async def test_what_status_says_of_an_older_generation_is_checked_after_a_restart(desk: Desk, writer: Writer) -> None:
    await writer.start()
    fresh = Desk()
    fresh.table.see_timer(fresh.store(status=writer.status, generation=2))
    assert await fresh.ripe(fresh.table.to_check) == {UID}
    await fresh.redis.aclose()


@pytest.mark.parametrize(
    ("spec", "changes", "checked"),
    [
        (SUSPENDED, {}, True),
        ({**HOURLY, "schedule": "at noon"}, {}, False),
        ({**HOURLY, "concurrencyPolicy": "Maybe"}, {}, False),
        (HOURLY, {"deletionTimestamp": "2026-03-01T11:00:00Z"}, False),
    ],
    ids=["suspended", "a bad schedule", "a bad policy", "being deleted"],
)
async def test_a_timer_that_has_another_problem_or_is_on_its_way_out_is_not_checked(
    desk: Desk, spec: dict[str, Any], changes: dict[str, Any], checked: bool
) -> None:
    stored(desk, spec, **changes)
    assert (UID in await desk.ripe(desk.table.to_check)) == checked


@pytest.mark.parametrize(
    "happens",
    [
        pytest.param(lambda desk: desk.store(SUSPENDED, generation=2), id="edited"),
        pytest.param(lambda desk: desk.store(uid=OTHER_UID), id="recreated"),
        pytest.param(lambda desk: desk.api.objects.pop(TIMER), id="deleted"),
    ],
)
async def test_a_timer_that_is_another_one_by_now_is_not_judged_by_its_template(
    desk: Desk, templates: Templates, happens: Any
) -> None:
    stored(desk)
    happens(desk)
    await templates.step()
    assert dry_runs(desk) == []
    assert found(desk) is None


async def test_an_edit_during_a_check_is_checked_after_it(desk: Desk, templates: Templates) -> None:
    stored(desk)

    async def edit(request: Request) -> None:
        if request.method == "POST" and len(dry_runs(desk)) == 1:
            stored(desk, SUSPENDED, generation=2)

    desk.api.before = edit
    await templates.step()
    assert desk.table.awaits_check(desk.table.entries[UID])
    await templates.step()
    assert len(dry_runs(desk)) == 2
    check = found(desk)
    assert check is not None
    assert check.generation == 2


@pytest.mark.parametrize(
    ("method", "path", "error"),
    [
        ("POST", JOBS, TOO_MANY_REQUESTS),
        ("POST", JOBS, ApiError(503, "ServiceUnavailable", "starting")),
        ("GET", TIMER, TOO_MANY_REQUESTS),
        ("GET", TIMER, ApiUnreachableError("away")),
        ("GET", TIMER, ApiError(403, "Forbidden", "you may not look")),
    ],
)
async def test_a_server_without_capacity_has_said_nothing_and_is_asked_again(
    desk: Desk, templates: Templates, method: str, path: str, error: Exception
) -> None:
    stored(desk)
    desk.api.fail(method, path, error)
    await templates.step()
    assert found(desk) is None
    assert await desk.ripe(desk.table.to_check) == set()
    desk.monotonic.now_s += 5
    await templates.step()
    assert found(desk) is not None


async def test_a_deleted_timer_is_not_waited_for(desk: Desk, templates: Templates) -> None:
    stored(desk)
    desk.table.timer_deleted(UID)
    await templates.step()
    assert desk.api.requests == []
    stored(desk, uid=uid(2))
    desk.api.fail("GET", TIMER, NOT_FOUND)
    await templates.step()
    assert len(desk.table.to_check) == 0


async def test_templates_take_turns_at_the_rate_that_is_set(
    desk: Desk, templates: Templates, pauses: list[float]
) -> None:
    for number in range(20):
        desk.table.see_timer(timer_object(HOURLY, uid=uid(number), name=f"timer-{number}"))
    for _ in range(3):
        await templates.step()
    assert pauses == pytest.approx([0.08, 0.08, 0.04]), "eight at once, and then as long as eight may take"
    assert len(desk.table.to_check) == 0


async def test_the_time_that_the_checks_took_is_part_of_the_pause(
    desk: Desk, templates: Templates, pauses: list[float]
) -> None:
    stored(desk)

    async def take_time(_: Request) -> None:
        desk.monotonic.now_s += 1

    desk.api.before = take_time
    await templates.step()
    assert pauses == [0.0]


async def test_one_template_that_cannot_be_read_delays_no_other(
    desk: Desk, templates: Templates, caplog: pytest.LogCaptureFixture
) -> None:
    stored(desk)
    stored(desk, uid=uid(2), name="other")
    desk.api.fail("GET", TIMER, RuntimeError("a fault of ours"))
    await templates.step()
    check = found(desk, uid(2))
    assert check is not None
    assert check.valid
    assert "template not checked" in caplog.text
