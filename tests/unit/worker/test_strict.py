"""guarantee: Strict. Whatever is left half done, one Job of an occurrence runs, and no second one ever does."""

from typing import Any

import pytest

from controller.core.identity import job_name, manual_job_name
from controller.core.instants import rfc3339
from controller.core.job import job_manifest
from controller.core.reasons import Reason
from controller.core.timer import Timer, parse_timer
from controller.kube import paths
from controller.kube.errors import ApiError, ApiUnreachableError
from tests.unit.core.objects import HOUR_MS, UID, handled, ms, timer
from tests.unit.kube.stub_api import CONFLICT, Request
from tests.unit.worker.workbench import AHEAD_MS, HOURLY, JOBS_PATH, TIMER_PATH, Workbench, job_path, request_path

ELEVEN, TWELVE = (ms(f"2026-03-01T{hour}:00:00Z") for hour in (11, 12))

STRICT = {**HOURLY, "guarantee": "Strict"}
STATUS = paths.timer_status("default", "nightly")
LOST = ApiUnreachableError("the answer was lost")
UNCOMMITTED = "redistimer.dev/uncommitted"


def held(bench: Workbench, path: str) -> bool:
    """Whether a Job on the API server may not run."""
    job = bench.api.objects[path]
    assert bool(job["spec"].get("suspend")) == (UNCOMMITTED in job["metadata"]["annotations"])
    return bool(job["spec"].get("suspend"))


def committed(bench: Workbench, field: str = "committedRun") -> dict[str, Any]:
    """What status says of the run that is committed."""
    record: dict[str, Any] = bench.api.objects[TIMER_PATH].get("status", {}).get(field, {})
    return record


def write_status(bench: Workbench, **status: Any) -> None:
    """Somebody else writes status."""
    obj = bench.api.objects[TIMER_PATH]
    bench.api.put(TIMER_PATH, {**obj, "status": {**obj.get("status", {}), **status}})


def edit(bench: Workbench, **changes: Any) -> None:
    """Somebody edits the spec, at half a minute past eleven."""
    obj = bench.api.objects[TIMER_PATH]
    fields = [{"time": "2026-03-01T11:00:30Z", "fieldsV1": {"f:spec": {}}}]
    metadata = {**obj["metadata"], "generation": obj["metadata"]["generation"] + 1, "managedFields": fields}
    bench.api.put(TIMER_PATH, {**obj, "metadata": metadata, "spec": {**obj["spec"], **changes}})


def meanwhile(bench: Workbench, method: str, path: str, act: Any) -> None:
    """Let something happen once, when a request of this kind arrives and before it is carried out."""
    note, acts = bench.api.before, [act]

    async def before(request: Request) -> None:
        assert note is not None
        await note(request)
        if (request.method, request.path) == (method, path) and acts:
            acts.pop()()

    bench.api.before = before


async def fire(bench: Workbench, one: Timer) -> None:
    """One more look at the timer, by whoever claims it."""
    bench.pace.recovered()
    await bench.firing.handle(await bench.claim(parse_timer(bench.api.objects[TIMER_PATH]), one.generation))


async def test_a_job_is_born_suspended_then_committed_then_started(bench: Workbench) -> None:
    one = bench.timer(STRICT)
    await bench.firing.handle(await bench.claim(one))
    assert bench.acts() == ["GET", "GET", "confirm", "POST", "PATCH", "PATCH", "ack"]
    (posted,), (commit, start) = bench.jobs_made(), bench.api.made("PATCH")
    uid = bench.api.objects[job_path(one, ELEVEN)]["metadata"]["uid"]
    assert posted.body["spec"]["suspend"] is True
    assert posted.body["metadata"]["annotations"][UNCOMMITTED] == "1"
    assert UNCOMMITTED not in posted.body["spec"]["template"]["metadata"]["annotations"]
    assert (commit.path, commit.body["metadata"]["resourceVersion"]) == (STATUS, one.resource_version)
    assert (start.path, start.body["metadata"]["uid"]) == (job_path(one, ELEVEN), uid)
    assert not held(bench, job_path(one, ELEVEN))
    name = job_name("nightly", UID, ELEVEN)
    assert committed(bench) == {"scheduledAt": rfc3339(ELEVEN), "jobName": name, "jobUid": uid, "started": False}
    assert await bench.known(one) == (1, ELEVEN)
    assert await bench.due_ms(one) == TWELVE


async def test_other_timers_are_created_as_they_are(bench: Workbench) -> None:
    await bench.firing.handle(await bench.claim(bench.timer()))
    (posted,) = bench.jobs_made()
    assert "suspend" not in posted.body["spec"]
    assert bench.api.made("PATCH") == []


async def test_a_suspended_job_whose_maker_died_is_found_committed_and_started(bench: Workbench) -> None:
    one = bench.timer(STRICT)
    bench.api.lose_answer("POST", JOBS_PATH)
    await fire(bench, one)
    first = bench.api.objects[job_path(one, ELEVEN)]["metadata"]["uid"]
    assert held(bench, job_path(one, ELEVEN))
    assert committed(bench) == {}
    await fire(bench, one)
    assert not held(bench, job_path(one, ELEVEN))
    assert committed(bench)["jobUid"] == first


@pytest.mark.parametrize("error", [LOST, ApiError(500, "InternalError", "no")], ids=["lost", "refused"])
async def test_a_committed_job_that_was_not_started_is_started_by_the_next_look(
    bench: Workbench, error: Exception
) -> None:
    one = bench.timer(STRICT)
    bench.api.fail("PATCH", job_path(one, ELEVEN), error)
    await fire(bench, one)
    assert held(bench, job_path(one, ELEVEN))
    assert committed(bench)["started"] is False
    bench.api.requests.clear()
    await fire(bench, one)
    assert not held(bench, job_path(one, ELEVEN))
    assert committed(bench)["started"] is True
    assert bench.jobs_made() == []
    assert await bench.due_ms(one) == TWELVE


async def test_a_namesake_of_a_committed_job_is_not_started_in_its_place(bench: Workbench) -> None:
    one = bench.timer(STRICT)
    path = job_path(one, ELEVEN)

    def replace() -> None:
        job = bench.api.objects[path]
        bench.api.put(path, {**job, "metadata": {**job["metadata"], "uid": "namesake"}})

    meanwhile(bench, "PATCH", path, replace)
    await fire(bench, one)
    assert held(bench, path)
    assert await bench.due_ms(one) == TWELVE


async def test_a_committed_job_is_started_even_where_the_timer_was_suspended_since(bench: Workbench) -> None:
    one = bench.timer(STRICT)
    bench.api.fail("PATCH", job_path(one, ELEVEN), LOST)
    await fire(bench, one)
    edit(bench, suspend=True)
    await fire(bench, one)
    assert not held(bench, job_path(one, ELEVEN))
    assert await bench.due_ms(one) is None


async def test_what_is_committed_is_started_before_its_record_is_replaced(bench: Workbench) -> None:
    """The cache shows a status from before, and so nobody sees at first that something was left to do."""
    one = bench.timer(STRICT)
    bench.api.fail("PATCH", job_path(one, ELEVEN), LOST)
    bench.api.cached[TIMER_PATH] = bench.api.objects[TIMER_PATH]
    await fire(bench, one)
    bench.clock.set("2026-03-01T12:00:10Z")
    await fire(bench, one)
    assert not held(bench, job_path(one, ELEVEN))
    assert not held(bench, job_path(one, TWELVE))
    assert committed(bench)["scheduledAt"] == rfc3339(TWELVE)


async def test_a_job_that_is_created_after_another_was_committed_and_removed_never_runs(bench: Workbench) -> None:
    one = bench.timer(STRICT)
    other = {"scheduledAt": rfc3339(ELEVEN), "jobName": job_name("nightly", UID, ELEVEN), "jobUid": "another"}
    meanwhile(bench, "POST", JOBS_PATH, lambda: write_status(bench, committedRun={**other, "started": True}))
    await fire(bench, one)
    assert len(bench.jobs_made()) == 1
    assert job_path(one, ELEVEN) not in bench.api.objects
    assert [request.path for request in bench.api.made("PATCH")] == [STATUS]
    assert committed(bench)["jobUid"] == "another"
    bench.api.requests.clear()
    await fire(bench, one)
    assert bench.jobs_made() == []
    assert await bench.due_ms(one) == TWELVE


async def test_without_redis_and_without_its_job_a_committed_occurrence_does_not_run_again(bench: Workbench) -> None:
    one = bench.timer(STRICT)
    await fire(bench, one)
    del bench.api.objects[job_path(one, ELEVEN)]
    await bench.redis.flushall()
    await bench.build()
    bench.api.requests.clear()
    await fire(bench, one)
    assert bench.jobs_made() == []


async def test_a_status_that_somebody_else_wrote_meanwhile_is_read_again(bench: Workbench) -> None:
    one = bench.timer(STRICT)
    meanwhile(bench, "PATCH", STATUS, lambda: write_status(bench, activeCount=0))
    await fire(bench, one)
    assert not held(bench, job_path(one, ELEVEN))
    assert [request.path for request in bench.api.made("PATCH")] == [STATUS, STATUS, job_path(one, ELEVEN)]


async def test_a_commit_whose_answer_was_lost_is_found_in_status(bench: Workbench) -> None:
    one = bench.timer(STRICT)
    bench.api.lose_answer("PATCH", STATUS)
    await fire(bench, one)
    assert not held(bench, job_path(one, ELEVEN))
    assert [request.path for request in bench.api.made("PATCH")] == [STATUS, job_path(one, ELEVEN)]


async def test_a_status_that_never_stands_still_costs_a_retry_and_no_second_job(bench: Workbench) -> None:
    one = bench.timer(STRICT)
    bench.api.fail("PATCH", STATUS, *[CONFLICT] * 5)
    await fire(bench, one)
    assert held(bench, job_path(one, ELEVEN))
    await fire(bench, one)
    assert not held(bench, job_path(one, ELEVEN))


async def test_an_edit_in_between_is_committed_with_the_new_template_alone(bench: Workbench) -> None:
    one = bench.timer(STRICT, status=handled(ms("2026-03-01T10:00:00Z"), timer(STRICT)))
    new = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "new"}]}}}}
    meanwhile(bench, "PATCH", STATUS, lambda: edit(bench, jobTemplate=new))
    await fire(bench, one)
    assert held(bench, job_path(one, ELEVEN))
    old = bench.api.objects[job_path(one, ELEVEN)]["metadata"]
    await fire(bench, one)
    job = bench.api.objects[job_path(one, ELEVEN)]
    assert not held(bench, job_path(one, ELEVEN))
    assert job["spec"]["template"]["spec"]["containers"][0]["image"] == "new"
    (deletion,) = bench.api.made("DELETE")
    assert deletion.body["preconditions"] == {"uid": old["uid"], "resourceVersion": old["resourceVersion"]}
    assert committed(bench)["jobUid"] == job["metadata"]["uid"]


async def test_an_uncommitted_job_is_no_run_for_a_timer_that_is_not_strict_any_more(bench: Workbench) -> None:
    one = bench.timer(STRICT, status=handled(ms("2026-03-01T10:00:00Z"), timer(STRICT)))
    bench.api.lose_answer("POST", JOBS_PATH)
    await fire(bench, one)
    edit(bench, guarantee="Standard")
    await fire(bench, one)
    job = bench.api.objects[job_path(one, ELEVEN)]
    assert "suspend" not in job["spec"]
    assert UNCOMMITTED not in job["metadata"]["annotations"]


@pytest.mark.parametrize("change", [{"suspend": True}, {"schedule": "30 * * * *"}], ids=["suspend", "schedule"])
async def test_what_was_suspended_or_rescheduled_in_between_is_not_started(
    bench: Workbench, change: dict[str, Any]
) -> None:
    one = bench.timer(STRICT)
    meanwhile(bench, "PATCH", STATUS, lambda: edit(bench, **change))
    await fire(bench, one)
    await fire(bench, one)
    assert held(bench, job_path(one, ELEVEN)), "the controller deletes it once status says that it is decided"
    assert committed(bench) == {}


async def test_what_was_decided_otherwise_in_between_is_not_started(bench: Workbench) -> None:
    """Another worker, say, has skipped the occurrence, and status tells of it."""
    one = bench.timer(STRICT)
    meanwhile(bench, "PATCH", STATUS, lambda: write_status(bench, **handled(ELEVEN, one)))
    await fire(bench, one)
    assert held(bench, job_path(one, ELEVEN))
    assert committed(bench) == {}


async def test_a_timer_that_is_gone_in_between_commits_nothing(bench: Workbench) -> None:
    one = bench.timer(STRICT)
    meanwhile(bench, "PATCH", STATUS, lambda: bench.api.objects.pop(TIMER_PATH))
    await bench.firing.handle(await bench.claim(one))
    assert held(bench, job_path(one, ELEVEN))


async def test_a_job_that_runs_already_is_put_on_record_and_left_alone(bench: Workbench) -> None:
    one = bench.timer(STRICT)
    path = bench.job(one, ELEVEN, backfill=True)
    await fire(bench, one)
    assert committed(bench) == {
        "scheduledAt": rfc3339(ELEVEN),
        "jobName": job_name("nightly", UID, ELEVEN),
        "jobUid": bench.api.objects[path]["metadata"]["uid"],
        "started": True,
    }
    assert [request.path for request in bench.api.made("PATCH")] == [STATUS]


async def test_a_run_by_hand_is_committed_under_its_request(bench: Workbench) -> None:
    one = bench.timer(STRICT, annotations={"redistimer.dev/trigger": "now"})
    await bench.firing.handle(await bench.claim_by_hand(one))
    path = request_path(one, "now")
    assert not held(bench, path)
    assert committed(bench, "committedRequest") == {
        "trigger": "now",
        "jobName": manual_job_name("nightly", UID, "now"),
        "jobUid": bench.api.objects[path]["metadata"]["uid"],
        "started": False,
    }
    assert committed(bench) == {}


async def test_a_request_that_was_committed_does_not_run_again_without_redis_and_without_its_job(
    bench: Workbench,
) -> None:
    one = bench.timer(STRICT, annotations={"redistimer.dev/trigger": "now"})
    await bench.firing.handle(await bench.claim_by_hand(one))
    del bench.api.objects[request_path(one, "now")]
    await bench.redis.flushall()
    await bench.build()
    bench.api.requests.clear()
    await bench.firing.handle(await bench.claim_by_hand(one))
    assert bench.jobs_made() == []


async def test_a_job_that_may_not_run_is_not_in_the_way_of_another_under_forbid(bench: Workbench) -> None:
    one = bench.timer({**STRICT, "concurrencyPolicy": "Forbid"})
    earlier = ms("2026-03-01T10:00:00Z")
    bench.api.put(paths.job("default", job_name("nightly", UID, earlier)), job_manifest(one, earlier) | {"status": {}})
    bench.api.objects[job_path(one, earlier)]["metadata"]["uid"] = "left over"
    lease = await bench.claim(one, mark_ms=earlier)
    await bench.firing.handle(lease)
    assert not held(bench, job_path(one, ELEVEN))


async def test_under_forbid_a_run_that_another_worker_commits_meanwhile_is_in_the_way(bench: Workbench) -> None:
    """It had not begun when this one asked which are active."""
    one = bench.timer({**STRICT, "concurrencyPolicy": "Forbid"})
    earlier = {"scheduledAt": rfc3339(ELEVEN - HOUR_MS), "jobName": "earlier", "jobUid": "earlier", "started": True}
    meanwhile(bench, "PATCH", STATUS, lambda: write_status(bench, committedRun=earlier))
    await fire(bench, one)
    assert held(bench, job_path(one, ELEVEN))
    assert committed(bench) == earlier


async def test_under_replace_a_committed_run_gives_way_even_where_its_job_was_touched_meanwhile(
    bench: Workbench,
) -> None:
    one = bench.timer({**STRICT, "concurrencyPolicy": "Replace"})
    path = job_path(one, ELEVEN)
    bench.api.fail("PATCH", path, LOST)
    bench.api.cached[TIMER_PATH] = bench.api.objects[TIMER_PATH]
    await fire(bench, one)
    bench.clock.set("2026-03-01T12:00:10Z")
    meanwhile(bench, "DELETE", path, lambda: bench.api.put(path, bench.api.objects[path]))
    await fire(bench, one)
    assert path not in bench.api.objects
    assert not held(bench, job_path(one, TWELVE))


async def test_a_found_job_that_runs_is_not_deleted_because_another_one_is_committed(bench: Workbench) -> None:
    """Somebody made it by hand; it runs, and stays."""
    one = bench.timer(STRICT)
    other = {"scheduledAt": rfc3339(ELEVEN), "jobName": "x", "jobUid": "another", "started": True}

    def act() -> None:
        write_status(bench, committedRun=other)
        bench.job(one, ELEVEN, backfill=True)

    meanwhile(bench, "POST", JOBS_PATH, act)
    await fire(bench, one)
    assert job_path(one, ELEVEN) in bench.api.objects


async def test_a_name_that_comes_free_while_its_job_is_looked_at_is_not_taken(bench: Workbench) -> None:
    one = bench.timer(STRICT)
    path = bench.job(one, ELEVEN)
    meanwhile(bench, "GET", path, lambda: bench.api.objects.pop(path))
    await fire(bench, one)
    assert await bench.reports() == []
    assert not held(bench, path)


async def test_where_cache_and_status_differ_the_next_look_waits_a_moment(bench: Workbench) -> None:
    one = bench.timer(STRICT)
    bench.api.cached[TIMER_PATH] = bench.api.objects[TIMER_PATH]
    write_status(bench, **handled(ELEVEN, one))
    await fire(bench, one)
    due_ms = await bench.due_ms(one)
    assert due_ms is not None
    assert due_ms > bench.clock() + AHEAD_MS


async def test_a_committed_job_that_may_not_be_started_is_told_as_refused(bench: Workbench) -> None:
    one = bench.timer(STRICT)
    bench.api.fail("PATCH", job_path(one, ELEVEN), LOST, *[ApiError(403, "Forbidden", "denied by a policy")] * 9)
    await fire(bench, one)
    bench.clock.set("2026-03-01T12:00:10Z")
    await fire(bench, one)
    (report,) = await bench.reports()
    assert (report.reason, report.occurrence_ms) == (Reason.FORBIDDEN, ELEVEN)
    assert report.message == "denied by a policy"


async def test_a_request_that_cannot_be_started_keeps_none_of_the_schedule_from_running(bench: Workbench) -> None:
    one = bench.timer(STRICT, annotations={"redistimer.dev/trigger": "now"})
    bench.api.fail("PATCH", request_path(one, "now"), *[ApiError(403, "Forbidden", "denied by a policy")] * 9)
    await bench.firing.handle(await bench.claim_by_hand(one))
    assert held(bench, request_path(one, "now"))
    await fire(bench, one)
    assert not held(bench, job_path(one, ELEVEN))


@pytest.mark.parametrize("change", ["annotation", "suspend"])
async def test_a_cluster_that_changes_such_jobs_is_told_of(bench: Workbench, change: str) -> None:
    one = bench.timer(STRICT)
    put = bench.api.put

    def changed(path: str, obj: Any) -> Any:
        if path.startswith(JOBS_PATH):
            (obj["metadata"]["annotations"] if change == "annotation" else obj["spec"]).popitem()
        return put(path, obj)

    bench.api.put = changed  # type: ignore[method-assign]
    await fire(bench, one)
    (report,) = await bench.reports()
    assert "something in this cluster changes Jobs" in report.message
    assert job_path(one, ELEVEN) not in bench.api.objects
    assert committed(bench) == {}
