"""What a dry run says of a jobTemplate, and what status makes of it."""

from typing import Any

import pytest

from controller.core.instants import rfc3339
from controller.core.job import Outcome
from controller.core.reasons import Reason
from controller.core.template import TemplateCheck, accepted, refused
from controller.core.timer import condition
from tests.unit.core.life import HOURLY, Life, nth
from tests.unit.core.objects import MINUTE_MS, SECOND_MS, report, run, timer

STRICT = (
    'Job in version "v1" cannot be handled as a Job: strict decoding error: '
    'unknown field "spec.template.spec.containers[0].imagePullPolice"'
)
INVALID = 'Job.batch "nightly-x" is invalid: spec.template.spec.containers[0].image: Required value'
NO_DRY_RUN = 'admission webhook "a.example.com" does not support dry run'


@pytest.mark.parametrize(
    ("status", "message", "causes", "valid"),
    [
        pytest.param(400, STRICT, (), False, id="an unknown field"),
        pytest.param(422, INVALID, ("FieldValueRequired",), False, id="an invalid Job"),
        pytest.param(400, "the body cannot be read", (), False, id="no Job at all"),
        pytest.param(413, "request is too large", (), False, id="too large"),
        pytest.param(400, NO_DRY_RUN, (), None, id="a webhook that takes no part in dry runs"),
        pytest.param(403, "exceeded quota: jobs, used: count/jobs.batch=5", (), None, id="a quota that is used up"),
        pytest.param(403, "you may not", (), None, id="no rights"),
        pytest.param(403, "no more", ("NamespaceTerminating",), None, id="a namespace that is being deleted"),
        pytest.param(404, 'namespaces "default" not found', (), None, id="a namespace that is gone"),
        pytest.param(409, "an admission plugin", (), None, id="another conflict"),
        pytest.param(500, "webhook failed", (), None, id="a webhook that failed"),
    ],
)
def test_only_what_is_wrong_with_the_job_itself_makes_a_template_invalid(
    status: int, message: str, causes: tuple[str, ...], valid: bool | None
) -> None:
    found = refused(3, status, message, causes)
    assert (found.generation, found.valid) == (3, valid)
    assert message.rpartition("error: ")[2] in found.message


def test_an_unknown_field_is_told_without_what_every_such_message_begins_with() -> None:
    found = refused(1, 400, STRICT, ())
    assert found.message == 'jobTemplate: unknown field "spec.template.spec.containers[0].imagePullPolice"'


def test_several_unknown_fields_are_all_told() -> None:
    found = refused(1, 400, f'{STRICT}, unknown field "spec.parallel"', ())
    assert found.message.endswith('imagePullPolice", unknown field "spec.parallel"')


def test_what_could_not_be_checked_is_told_as_that() -> None:
    assert refused(1, 403, "you may not", ()).message == "The template could not be checked: you may not"


@pytest.mark.parametrize("status", [422, 403])
def test_a_message_can_be_as_long_as_it_likes(status: int) -> None:
    assert len(refused(1, status, "x" * 100_000, ()).message) <= 1000


# In status.


def test_a_template_that_is_accepted_is_said_to_be_valid_and_the_timer_is_ready() -> None:
    life = Life()
    life.write(template=accepted(1))
    assert life.said("TemplateValid") == ("True", "TemplateAccepted")
    assert life.said("Ready") == ("True", "Scheduled")


def test_a_template_that_is_not_accepted_makes_the_timer_not_ready_and_stalled() -> None:
    life = Life()
    life.write(template=refused(1, 400, STRICT, ()))
    for kind, state in (("TemplateValid", "False"), ("Ready", "False"), ("Stalled", "True")):
        assert life.said(kind) == (state, "InvalidTemplate")
        assert life.message(kind).startswith("jobTemplate: unknown field")
    assert life.status["nextScheduleTime"] == rfc3339(nth(1)), "its times are known all the same"


@pytest.mark.parametrize("message", [NO_DRY_RUN, "exceeded quota: jobs", "you may not"])
def test_a_template_that_could_not_be_checked_leaves_the_timer_ready(message: str) -> None:
    life = Life()
    life.write(template=refused(1, 400 if message is NO_DRY_RUN else 403, message, ()))
    assert life.said("TemplateValid") == ("Unknown", "TemplateNotChecked")
    assert life.said("Ready") == ("True", "Scheduled")
    assert life.said("Stalled") is None


def test_a_template_that_was_never_checked_is_not_spoken_of() -> None:
    life = Life()
    life.write()
    assert life.said("TemplateValid") is None
    assert life.said("Ready") == ("True", "Scheduled")


FOUND = [
    pytest.param(accepted(1), id="valid"),
    pytest.param(refused(1, 400, STRICT, ()), id="invalid"),
    pytest.param(refused(1, 403, "you may not", ()), id="unknown"),
]


@pytest.mark.parametrize("found", FOUND)
def test_what_was_found_stays_known_for_its_generation(found: TemplateCheck) -> None:
    life = Life()
    life.write(template=found)
    before = life.status["conditions"]
    life.now_ms += MINUTE_MS
    life.write([run(nth(1))])
    assert life.status["conditions"] == before


@pytest.mark.parametrize("found", FOUND)
def test_what_was_found_says_nothing_of_an_edited_timer(found: TemplateCheck) -> None:
    life = Life()
    life.write(template=found)
    life.edit({"jobTemplate": {"spec": {}}})
    life.write()
    assert life.said("TemplateValid") is None
    assert life.said("Ready") == ("True", "Scheduled")
    assert life.said("Stalled") is None


def test_a_check_of_another_generation_is_not_told() -> None:
    life = Life()
    life.write(template=accepted(1))
    life.edit({"jobTemplate": {"spec": {}}})
    life.write(template=refused(1, 400, STRICT, ()))
    assert life.said("TemplateValid") is None
    life.write(template=refused(3, 400, STRICT, ()))
    assert life.said("TemplateValid") is None


def test_an_edit_that_mends_the_template_makes_the_timer_ready_again() -> None:
    life = Life()
    life.write(template=refused(1, 422, INVALID, ()))
    life.edit({"jobTemplate": {"spec": {}}})
    life.write(template=accepted(2))
    assert life.said("TemplateValid") == ("True", "TemplateAccepted")
    assert life.said("Ready") == ("True", "Scheduled")
    assert condition(life.status, "TemplateValid")["observedGeneration"] == 2


def test_the_condition_says_since_when_it_holds() -> None:
    life = Life()
    life.write(template=accepted(1))
    since = condition(life.status, "TemplateValid")["lastTransitionTime"]
    life.edit({"jobTemplate": {"spec": {}}})
    life.now_ms += 30 * SECOND_MS
    life.write(template=accepted(2))
    assert condition(life.status, "TemplateValid")["lastTransitionTime"] == since
    life.edit({"jobTemplate": {"spec": {"x": 1}}})
    life.write(template=refused(3, 400, STRICT, ()))
    assert condition(life.status, "TemplateValid")["lastTransitionTime"] == rfc3339(life.now_ms)


def test_an_invalid_template_is_told_in_one_warning() -> None:
    life = Life()
    life.write(template=refused(1, 400, STRICT, ()))
    assert [(draft.kind, draft.reason) for draft in life.events] == [("Warning", Reason.INVALID_TEMPLATE)]
    life.write()
    assert life.events == []


def test_a_valid_template_is_not_told_as_an_event() -> None:
    life = Life()
    life.write(template=accepted(1))
    assert life.events == []


def test_a_job_that_was_refused_for_its_template_is_told_before_what_the_dry_run_found() -> None:
    life = Life()
    life.write(template=refused(1, 400, STRICT, ()))
    life.write([], [report(timer(HOURLY), nth(4), Reason.INVALID_TEMPLATE, message="no image")])
    assert life.message() == "The Job of 2026-03-01T14:00:00Z was refused: no image"
    assert life.said("Stalled") == ("True", "InvalidTemplate")
    assert life.said("TemplateValid") == ("False", "InvalidTemplate")


def test_a_job_of_a_template_that_a_dry_run_did_not_accept_is_no_proof_that_it_is_well() -> None:
    """What the template says is not what runs: a field that nobody knows was dropped."""
    life = Life()
    life.write(template=refused(1, 400, STRICT, ()))
    life.write([run(nth(4))])
    assert life.said("Ready") == ("False", "InvalidTemplate")
    assert life.status["lastScheduleTime"] == rfc3339(nth(4))


def test_a_refused_job_of_a_template_that_is_valid_by_the_dry_run_is_mended_by_the_next_job() -> None:
    life = Life()
    life.write(template=accepted(1))
    life.write([], [report(timer(HOURLY), nth(3), Reason.INVALID_TEMPLATE, message="a webhook says no")])
    assert life.said("Ready") == ("False", "InvalidTemplate")
    life.write([run(nth(4))])
    assert life.said("Ready") == ("True", "Scheduled")
    assert life.said("TemplateValid") == ("True", "TemplateAccepted")


@pytest.mark.parametrize(
    "spec", [{"every": "fast"}, {"every": "1h", "concurrencyPolicy": "Maybe"}], ids=["schedule", "policy"]
)
def test_a_bad_spec_is_told_before_a_bad_template(spec: dict[str, Any]) -> None:
    life = Life(spec)
    life.write(template=refused(1, 400, STRICT, ()))
    assert life.said("Ready") == ("False", "InvalidSpec")
    assert life.said("TemplateValid") == ("False", "InvalidTemplate")
    assert life.said("Stalled") == ("True", "InvalidSpec")


def test_a_complete_timer_with_an_invalid_template_is_not_called_complete() -> None:
    life = Life({"at": "2026-03-01T11:00:00Z"})
    life.write([run(nth(1), Outcome.SUCCEEDED)], template=refused(1, 400, STRICT, ()))
    assert life.said("Ready") == ("False", "InvalidTemplate")
    assert life.said("Complete") is None
