"""The Job of a run by hand, and the one that somebody made for an occurrence of the past."""

from typing import Any

import pytest

from controller.core.identity import job_name, manual_job_name, request_key_of
from controller.core.job import BACKFILL, Outcome, job_manifest, job_name_of, parse_run
from tests.unit.core.objects import UID, ms, timer

AT_MS = ms("2026-03-01T11:00:00.250Z")
CREATED = "2026-03-01T11:00:01Z"
ANNOTATION = "redistimer.dev/trigger"


def manifest(request: str = "", template: Any = None) -> dict[str, Any]:
    return job_manifest(timer({"every": "1h", "jobTemplate": template or {}}), AT_MS, request)


def manifest_of_the_past() -> dict[str, Any]:
    return job_manifest(timer({"every": "1h"}), AT_MS, backfill=True)


def shown(made: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A Job as the API server shows it."""
    return {**made, "metadata": {**made["metadata"], "uid": "job-uid", "creationTimestamp": CREATED, **changes}}


def test_a_job_by_hand_is_named_after_its_request_and_says_which_it_was_and_when() -> None:
    job = manifest("deploy-17")
    assert job["metadata"]["name"] == manual_job_name("nightly", UID, "deploy-17")
    for metadata in (job["metadata"], job["spec"]["template"]["metadata"]):
        assert metadata["annotations"] == {
            ANNOTATION: "deploy-17",
            "redistimer.dev/scheduled-at": "2026-03-01T11:00:00.250Z",
        }
        assert metadata["labels"]["redistimer.dev/timer-uid"] == UID


def test_a_job_of_the_schedule_says_nothing_of_a_trigger_whatever_its_template_does() -> None:
    forged = {"annotations": {ANNOTATION: "x", "note": "kept"}}
    job = manifest(template={"metadata": forged, "spec": {"template": {"metadata": forged}}})
    for metadata in (job["metadata"], job["spec"]["template"]["metadata"]):
        assert ANNOTATION not in metadata["annotations"]
        assert metadata["annotations"]["note"] == "kept"


def test_a_template_cannot_pass_one_request_off_as_another() -> None:
    forged = {"annotations": {ANNOTATION: "theirs"}}
    job = manifest("ours", {"metadata": forged, "spec": {"template": {"metadata": forged}}})
    assert job["metadata"]["annotations"][ANNOTATION] == "ours"
    assert job["spec"]["template"]["metadata"]["annotations"][ANNOTATION] == "ours"


def test_a_job_of_the_past_has_the_name_of_its_occurrence_and_says_what_it_was_made_by() -> None:
    job = manifest_of_the_past()
    assert job["metadata"]["name"] == job_name("nightly", UID, AT_MS)
    assert job["metadata"]["annotations"][ANNOTATION] == "backfill"


def test_the_name_of_a_job_is_known_without_making_it() -> None:
    one = timer({"every": "1h"})
    for request in ("", "x"):
        assert job_name_of(one, AT_MS, request) == manifest(request)["metadata"]["name"]
    assert job_name_of(one, AT_MS) == manifest_of_the_past()["metadata"]["name"]


def test_a_request_may_be_called_like_what_marks_the_past() -> None:
    job = manifest(BACKFILL)
    assert job["metadata"]["name"] == manual_job_name("nightly", UID, BACKFILL)
    run = parse_run(shown(job))
    assert run is not None
    assert run.request_key


def test_a_run_by_hand_is_recognised_and_counts_from_its_creation() -> None:
    run = parse_run(shown(manifest("x")))
    assert run is not None
    assert run.by_hand
    assert run.occurrence_ms == run.created_ms == ms(CREATED)
    assert run.request_key == request_key_of(run.name, "nightly", UID)
    assert (run.trigger, run.outcome) == ("x", Outcome.ACTIVE)


def test_a_run_of_the_past_is_by_hand_and_of_its_occurrence() -> None:
    run = parse_run(shown(manifest_of_the_past()))
    assert run is not None
    assert run.by_hand
    assert (run.occurrence_ms, run.created_ms) == (AT_MS, ms(CREATED))
    assert (run.trigger, run.request_key) == (BACKFILL, "")


def test_a_run_of_the_schedule_is_not_by_hand() -> None:
    run = parse_run(shown(manifest()))
    assert run is not None
    assert not run.by_hand
    assert (run.occurrence_ms, run.created_ms) == (AT_MS, ms(CREATED))


@pytest.mark.parametrize("annotations", [None, {}, {ANNOTATION: ""}])
def test_a_run_by_hand_whose_annotation_somebody_took_away_is_by_hand_still(annotations: Any) -> None:
    run = parse_run(shown(manifest("x"), annotations=annotations))
    assert run is not None
    assert run.by_hand
    assert run.request_key
    assert run.trigger == ""


def test_what_a_job_was_asked_for_with_is_read_as_far_as_it_counts() -> None:
    run = parse_run(shown(manifest("x"), annotations={ANNOTATION: "y" * 10_000}))
    assert run is not None
    assert run.trigger == "y" * 253


@pytest.mark.parametrize("made", ["", "x"])
def test_a_job_without_a_creation_time_is_as_old_as_can_be(made: str) -> None:
    run = parse_run(shown(manifest(made), creationTimestamp=None))
    assert run is not None
    assert run.created_ms == 0
