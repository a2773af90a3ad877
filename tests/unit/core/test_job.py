"""The Job of an occurrence: made from a timer, and recognised again."""

import copy
from typing import Any

import pytest

from controller.core.identity import job_name
from controller.core.job import Outcome, Run, job_manifest, parse_run
from tests.unit.core.objects import UID, ms, timer

OCCURRENCE_MS = ms("2026-03-01T11:00:00.250Z")
TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"team": "billing"}, "annotations": {"note": "by hand"}},
    "spec": {
        "backoffLimit": 2,
        "template": {
            "metadata": {
                "labels": {"app": "report"},
                "annotations": {"scrape": "no"},
                "finalizers": ["example.com/keep"],
            },
            "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "busybox"}]},
        },
    },
}
OUR_LABELS = {"redistimer.dev/timer": "nightly", "redistimer.dev/timer-uid": UID}
OUR_ANNOTATIONS = {"redistimer.dev/scheduled-at": "2026-03-01T11:00:00.250Z"}


def manifest(template: Any) -> dict[str, Any]:
    return job_manifest(timer({"every": "1h", "jobTemplate": template}), OCCURRENCE_MS)


def test_the_job_has_the_name_of_its_occurrence_in_the_namespace_of_its_timer() -> None:
    job = manifest(TEMPLATE)
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "Job")
    assert job["metadata"]["name"] == job_name("nightly", UID, OCCURRENCE_MS)
    assert job["metadata"]["namespace"] == "default"


def test_the_timer_is_the_controller_of_its_job() -> None:
    assert manifest(TEMPLATE)["metadata"]["ownerReferences"] == [
        {
            "apiVersion": "redistimer.dev/v1alpha1",
            "kind": "RedisTimer",
            "name": "nightly",
            "uid": UID,
            "controller": True,
            "blockOwnerDeletion": False,
        }
    ]


def test_the_job_and_its_pods_say_whose_and_of_when_they_are_beside_what_the_user_says() -> None:
    job = manifest(TEMPLATE)
    pod = job["spec"]["template"]["metadata"]
    assert job["metadata"]["labels"] == {"team": "billing"} | OUR_LABELS
    assert job["metadata"]["annotations"] == {"note": "by hand"} | OUR_ANNOTATIONS
    assert pod["labels"] == {"app": "report"} | OUR_LABELS
    assert pod["annotations"] == {"scrape": "no"} | OUR_ANNOTATIONS


def test_everything_else_of_the_template_reaches_the_job_as_it_is() -> None:
    job = manifest(TEMPLATE)
    assert job["spec"]["backoffLimit"] == 2
    assert job["spec"]["template"]["spec"] == TEMPLATE["spec"]["template"]["spec"]
    assert job["spec"]["template"]["metadata"]["finalizers"] == ["example.com/keep"]


def test_the_user_cannot_pass_a_job_off_as_that_of_another_timer() -> None:
    forged = {"labels": {"redistimer.dev/timer-uid": "x"}, "annotations": {"redistimer.dev/scheduled-at": "x"}}
    job = manifest({"metadata": forged, "spec": {"template": {"metadata": forged}}})
    for metadata in (job["metadata"], job["spec"]["template"]["metadata"]):
        assert metadata["labels"]["redistimer.dev/timer-uid"] == UID
        assert metadata["annotations"]["redistimer.dev/scheduled-at"] == "2026-03-01T11:00:00.250Z"


def test_to_make_a_job_changes_nothing_in_the_timer() -> None:
    template = copy.deepcopy(TEMPLATE)
    assert manifest(template) == manifest(template)
    assert template == TEMPLATE


@pytest.mark.parametrize("template", [None, {}, {"spec": None}, {"metadata": None, "spec": {"template": None}}])
def test_an_empty_template_still_makes_a_job_for_the_api_server_to_judge(template: Any) -> None:
    assert manifest(template)["spec"]["template"]["metadata"]["labels"] == OUR_LABELS


def job(**changes: Any) -> dict[str, Any]:
    """The Job as the API server shows it."""
    status = changes.pop("status", {})
    made = manifest(TEMPLATE)
    return {**made, "metadata": {**made["metadata"], "uid": "job-uid", **changes}, "status": status}


def test_a_job_that_was_made_is_recognised() -> None:
    name = job_name("nightly", UID, OCCURRENCE_MS)
    assert parse_run(job()) == Run(UID, "default", name, "job-uid", OCCURRENCE_MS, Outcome.ACTIVE, None)


@pytest.mark.parametrize(
    "change",
    [
        {"ownerReferences": []},
        {"ownerReferences": None},
        {"ownerReferences": [{"apiVersion": "batch/v1", "kind": "CronJob", "uid": "x", "controller": True}]},
        {"ownerReferences": [{"apiVersion": "example.com/v1", "kind": "RedisTimer", "uid": "x", "controller": True}]},
        {"ownerReferences": [{"apiVersion": "redistimer.dev/v1alpha1", "kind": "RedisTimer", "uid": UID}]},
        {"name": "nightly"},
        {"name": "nightly-by-hand"},
        {"name": job_name("nightly", "another-uid", OCCURRENCE_MS)},
        {"name": job_name("weekly", UID, OCCURRENCE_MS)},
    ],
)
def test_a_job_of_somebody_else_or_of_no_known_time_is_none_of_ours(change: dict[str, Any]) -> None:
    assert parse_run(job(**change)) is None


@pytest.mark.parametrize("annotations", [None, {}, {"redistimer.dev/scheduled-at": "2030-01-01T00:00:00Z"}])
def test_an_edited_annotation_changes_no_occurrence(annotations: dict[str, str] | None) -> None:
    run = parse_run(job(annotations=annotations))
    assert run is not None
    assert run.occurrence_ms == OCCURRENCE_MS


@pytest.mark.parametrize(
    ("status", "outcome", "finished"),
    [
        ({}, Outcome.ACTIVE, None),
        ({"conditions": [{"type": "Suspended", "status": "True"}]}, Outcome.ACTIVE, None),
        ({"conditions": [{"type": "Complete", "status": "False"}]}, Outcome.ACTIVE, None),
        ({"conditions": [{"type": "SuccessCriteriaMet", "status": "True"}]}, Outcome.ACTIVE, None),
        ({"conditions": [{"type": "FailureTarget", "status": "True"}]}, Outcome.ACTIVE, None),
        (
            {
                "completionTime": "2026-03-01T11:05:00Z",
                "conditions": [
                    {"type": "SuccessCriteriaMet", "status": "True"},
                    {"type": "Complete", "status": "True", "lastTransitionTime": "2026-03-01T11:06:00Z"},
                ],
            },
            Outcome.SUCCEEDED,
            "2026-03-01T11:05:00Z",
        ),
        (
            {"conditions": [{"type": "Failed", "status": "True", "lastTransitionTime": "2026-03-01T11:07:00Z"}]},
            Outcome.FAILED,
            "2026-03-01T11:07:00Z",
        ),
        ({"conditions": [{"type": "Failed", "status": "True"}]}, Outcome.FAILED, None),
    ],
)
def test_how_a_run_stands_is_what_the_conditions_of_its_job_say(
    status: dict[str, Any], outcome: Outcome, finished: str | None
) -> None:
    run = parse_run(job(status=status))
    assert run is not None
    assert (run.outcome, run.finished_ms) == (outcome, None if finished is None else ms(finished))
