"""guarantee: Strict in a spec."""

from typing import Any

import pytest

from controller.core.commit import Commit, read_commits, with_started
from controller.core.fence import fence_ms
from controller.core.job import job_manifest, parse_run
from tests.unit.core.objects import CREATED_MS, HOUR_MS, timer

TEMPLATE: dict[str, Any] = {"spec": {"template": {"spec": {"containers": [{"name": "main"}]}}}}


def test_a_timer_is_standard_by_default() -> None:
    assert not timer({"every": "1h"}).strict
    assert timer({"every": "1h", "guarantee": "Strict"}).strict


def test_another_word_is_a_problem_that_names_the_accepted_ones() -> None:
    problem = timer({"every": "1h", "guarantee": "Exactly"}).problem
    assert problem is not None
    assert problem.message == "spec.guarantee 'Exactly' is not accepted: choose from Standard, Strict"


@pytest.mark.parametrize(("suspend", "accepted"), [(True, False), (False, True), (None, True)])
def test_a_template_that_is_started_by_something_else_is_refused(suspend: bool | None, accepted: bool) -> None:
    template = {"spec": {**TEMPLATE["spec"], "suspend": suspend}}
    problem = timer({"every": "1h", "guarantee": "Strict", "jobTemplate": template}).problem
    assert (problem is None) == accepted
    assert timer({"every": "1h", "jobTemplate": template}).problem is None


@pytest.mark.parametrize("template", [None, {}, {"spec": None}, "text", {"spec": []}], ids=str)
def test_a_template_that_is_none_says_nothing_of_that(template: Any) -> None:
    assert timer({"every": "1h", "guarantee": "Strict", "jobTemplate": template}).problem is None


def job(annotation: str | None = "3", suspend: bool = True) -> dict[str, Any]:
    """A Job of a Strict timer on the API server."""
    one = timer({"every": "1h", "guarantee": "Strict", "jobTemplate": TEMPLATE}, generation=3)
    made = job_manifest(one, CREATED_MS + HOUR_MS)
    made["metadata"] |= {"uid": "u", "resourceVersion": "7"}
    made["spec"]["suspend"] = suspend
    if annotation is None:
        del made["metadata"]["annotations"]["redistimer.dev/uncommitted"]
    else:
        made["metadata"]["annotations"]["redistimer.dev/uncommitted"] = annotation
    return made


def test_its_job_is_uncommitted_until_it_is_started() -> None:
    run = parse_run(job())
    assert run is not None
    assert (run.uncommitted, run.version) == (3, "7")


@pytest.mark.parametrize(
    ("annotation", "suspend"),
    [(None, True), (None, False), ("3", False), ("", True), ("three", True), ("-3", True), ("9" * 5000, True)],
    ids=lambda value: str(value)[:6],
)
def test_any_other_job_is_a_run(annotation: str | None, suspend: bool) -> None:
    run = parse_run(job(annotation, suspend))
    assert run is not None
    assert (run.uncommitted, run.version) == (None, "")


def test_a_template_cannot_pretend_that_its_jobs_are_uncommitted() -> None:
    template = {"metadata": {"annotations": {"redistimer.dev/uncommitted": "1"}}, **TEMPLATE}
    made = job_manifest(timer({"every": "1h", "jobTemplate": template}), CREATED_MS + HOUR_MS)
    assert "redistimer.dev/uncommitted" not in made["metadata"]["annotations"]


def test_a_backfilled_job_is_started_by_whoever_makes_it() -> None:
    one = timer({"every": "1h", "guarantee": "Strict", "jobTemplate": TEMPLATE})
    assert "suspend" not in job_manifest(one, CREATED_MS, backfill=True)["spec"]


COMMITS = (Commit("run", "uid-1", occurrence_ms=CREATED_MS), Commit("by-hand", "uid-2", trigger="now", started=True))


def test_what_is_committed_reads_as_it_was_written() -> None:
    assert read_commits({one.field: one.record() for one in COMMITS}) == COMMITS
    assert read_commits({}) == ()


def test_a_job_that_was_seen_to_run_is_started_and_stays_so() -> None:
    assert [one.started for one in read_commits(with_started(COMMITS, ["uid-1"]))] == [True, True]
    assert [one.started for one in read_commits(with_started(COMMITS, ["uid-3"]))] == [False, True]


def test_what_is_committed_is_a_fence() -> None:
    one = timer(
        {"every": "1h"}, status={COMMITS[0].field: {**COMMITS[0].record(), "scheduledAt": "2026-03-01T15:00:00Z"}}
    )
    assert fence_ms(one, CREATED_MS) == CREATED_MS + 5 * HOUR_MS
