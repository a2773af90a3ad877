"""Objects of the API server that nobody would write who means well: whatever the schema lets in can be worked with."""

import copy
import logging
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controller.core.decision import decide
from controller.core.events import events_between
from controller.core.fence import fence_ms
from controller.core.history import expires_at_ms, losers, surplus_runs
from controller.core.identity import is_for
from controller.core.job import job_manifest, parse_run
from controller.core.news import news_of
from controller.core.reasons import Reason
from controller.core.report import Report
from controller.core.status import next_status, status_patch
from controller.core.template import accepted, refused
from controller.core.timer import parse_timer
from controller.index.messages import Wanted
from controller.reconcile.packed import pack
from controller.reconcile.sync import wanted
from controller.reconcile.table import Entry, Table
from tests.hostile.objects import NOW_MS, Object, job_objects, timer_objects
from tests.unit.core.objects import OTHER_UID, UID, timer_object
from tests.unit.reconcile.desk import ELEVEN, FAILED, HOURLY, TEN, TWELVE, job

FUZZED = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)

INSTANTS = st.sampled_from([NOW_MS, NOW_MS + 3_600_000, NOW_MS + 10**11])
MARKS = st.sampled_from([0, NOW_MS - 1, NOW_MS, NOW_MS + 60_000])
CHECKS = st.none() | st.sampled_from([accepted(1), refused(2, 422, "é" * 5000, ()), refused(1, 403, "\u0000", ("x",))])


@st.composite
def reports(draw: st.DrawFn) -> Report:
    """Any report that can be read."""
    return Report(
        ticket=parse_timer(timer_object(HOURLY)).ticket + draw(st.sampled_from(["", "~abcdefgh"])),
        reason=draw(st.sampled_from(list(Reason))),
        generation=draw(st.sampled_from([1, 2, 10**15])),
        occurrence_ms=draw(st.sampled_from([0, NOW_MS, NOW_MS + 10**12, 253_402_300_799_999])),
        count=draw(st.sampled_from([1, 10**9])),
        message=draw(st.sampled_from(["", "💣" * 1000, "\u0000"])),
    )


@FUZZED
@given(obj=timer_objects, mark_ms=MARKS, now_ms=INSTANTS)
async def test_every_timer_that_the_schema_lets_in_can_be_decided_about_and_its_job_made(
    obj: Object, mark_ms: int, now_ms: int
) -> None:
    timer = parse_timer(obj)
    decision = decide(timer, mark_ms, now_ms, 3_000)
    assert decision.fire_ms is None or mark_ms < decision.fire_ms <= now_ms + 3_000
    assert decision.fire_ms is None or decision.fire_ms > fence_ms(timer, now_ms)
    orjson.dumps(job_manifest(timer, decision.fire_ms or now_ms))
    for one in wanted(Entry(pack(obj)), now_ms):
        assert isinstance(one, Wanted)


@FUZZED
@given(
    obj=timer_objects,
    jobs=st.lists(job_objects, max_size=4),
    told=st.lists(reports(), max_size=3),
    template=CHECKS,
    now_ms=INSTANTS,
)
async def test_every_status_that_somebody_wrote_is_followed_by_one_that_the_api_server_takes(
    obj: Object, jobs: list[Object], told: list[Report], template: Any, now_ms: int
) -> None:
    timer = parse_timer(obj)
    entry = Entry(pack(obj), runs={run.uid: run for job in jobs if (run := parse_run(job)) is not None})
    runs = entry.started_runs(now_ms)
    news = news_of(timer, runs, told, now_ms)
    status = next_status(timer, runs, news, now_ms, template)
    orjson.dumps(status_patch(timer.status, status))
    assert len(status["conditions"]) == len({one["type"] for one in status["conditions"]}) <= 32
    for condition in status["conditions"]:
        assert len(condition["message"]) <= 32_768
        assert 1 <= len(condition["reason"]) <= 1024
    assert all(0 <= count < 2**63 for count in status["runs"].values())
    assert len(status["scheduleSummary"]) <= 1024
    for draft in events_between(timer.status, status, news):
        assert draft.reason
    surplus_runs(timer, runs)
    losers(timer, entry.uncommitted_runs())
    expires_at_ms(timer)
    is_for("abcdefgh", timer.open_request)


@FUZZED
@given(data=st.data())
async def test_whatever_a_table_is_shown_it_keeps_to_the_others(data: st.DataObject) -> None:
    """Objects that no schema has seen: fields away, or of another type."""
    junk = st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=2),
        max_leaves=3,
    )
    table = Table(2)
    table.see_timer(timer_object(HOURLY, uid=OTHER_UID, name="innocent"))
    for kind, strategy in (("timer", timer_objects), ("job", job_objects), ("job", job_objects)):
        obj = copy.deepcopy(data.draw(strategy))
        for _ in range(data.draw(st.integers(1, 3))):
            part = obj.get(data.draw(st.sampled_from(["metadata", "spec", "status"]))) or {}
            names = [name for name in part if name not in ("uid", "resourceVersion", "namespace")]
            if names and isinstance(part, dict):
                part[data.draw(st.sampled_from(sorted(names)))] = data.draw(junk)
        if kind == "timer":
            table.see_timer(obj)
        else:
            table.see_job(obj)
            table.job_gone(obj)
    assert OTHER_UID in table.entries
    assert table.entries.keys() <= {UID, OTHER_UID}


def test_counts_end_where_the_schema_ends() -> None:
    largest = {"succeeded": 2**63 - 1, "failed": 2**63 - 1, "missed": 2**63 - 1, "skipped": 2**63 - 2}
    status = {"runs": largest, "consecutiveFailures": 2**31 - 1, "observedGeneration": 1}
    timer = parse_timer(timer_object(HOURLY, status=status))
    run = parse_run(job(ELEVEN, status=FAILED))
    assert run is not None
    missed = Report(ticket=timer.ticket, reason=Reason.MISS_SCHEDULE, generation=1, occurrence_ms=TEN + 1, count=10**9)
    skipped = missed.model_copy(update={"reason": Reason.JOB_ALREADY_ACTIVE})
    after = next_status(timer, [run], news_of(timer, [run], [missed, skipped], TWELVE), TWELVE)
    assert after["runs"] == dict.fromkeys(largest, 2**63 - 1)
    assert after["consecutiveFailures"] == 2**31 - 1


def test_a_template_check_that_no_check_of_ours_ends_with_is_made_again() -> None:
    foreign = {"type": "TemplateValid", "status": "False", "reason": "ByHand", "message": "", "observedGeneration": 1}
    status = {"conditions": [foreign | {"lastTransitionTime": "2026-03-01T10:00:00Z"}]}
    timer = parse_timer(timer_object(HOURLY, status=status))
    after = next_status(timer, [], news_of(timer, [], [], TWELVE), TWELVE)
    assert [one["type"] for one in after["conditions"]] == ["Ready"]


@pytest.mark.parametrize("date", ["0000-01-01T00:00:00Z", "x", 5])
def test_a_job_whose_status_names_no_date_is_kept_from_the_others(date: object) -> None:
    table = Table(2)
    table.see_timer(timer_object(HOURLY))
    done = {"conditions": [{"type": "Complete", "status": "True"}], "completionTime": date}
    table.see_job(job(ELEVEN, status=done))
    table.job_gone(job(ELEVEN, status=done))
    table.see_job(job(TWELVE))
    assert [run.occurrence_ms for run in table.entries[UID].runs.values()] == [TWELVE]


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Ten thousand labels in a traceback help nobody."""
    caplog.set_level(logging.CRITICAL)
