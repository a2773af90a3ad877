"""Names of runs by hand: of their tickets, of their Jobs, and never those of an occurrence."""

import re
import uuid
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from controller.core.identity import (
    JOB_NAME_LIMIT,
    TICKET_LENGTH,
    is_for,
    job_name,
    manual_job_name,
    manual_ticket,
    occurrence_of,
    request_key_of,
    ticket_of,
)
from controller.core.report import Report
from tests.unit.core.objects import OTHER_UID, UID, ms
from tests.unit.core.test_identity import LATEST_MS, SUBDOMAINS

_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"

REQUESTS = st.text(min_size=1, max_size=300)
"""An annotation can be any text."""

ODD_NAMES = st.sampled_from(["run", "run-run", "a-run", "x-run-aaaaaaaa", "nightly-asmkmcm2", "a.run", "r" * 63, "7"])
NAMES = SUBDOMAINS | ODD_NAMES
"""Of timers."""

OCCURRENCES = st.integers(0, LATEST_MS)


def test_the_names_of_a_request_are_the_same_for_ever() -> None:
    # Both are contracts: Jobs and tickets of an older version must be found under the same names.
    assert manual_job_name("nightly", UID, "x") == "nightly-asmkmcm2-run-fvyrmqvx"
    assert manual_ticket(ticket_of(UID), "x") == f"{ticket_of(UID)}~fvyrmqvx"


@given(name=NAMES, uid=st.uuids(), request_id=REQUESTS)
def test_the_key_of_a_request_comes_back_from_the_name_of_its_job(name: str, uid: uuid.UUID, request_id: str) -> None:
    job = manual_job_name(name, str(uid), request_id)
    key = request_key_of(job, name, str(uid))
    assert key is not None
    assert is_for(key, request_id)


@given(name=NAMES, uid=st.uuids(), request_id=REQUESTS)
def test_the_name_of_such_a_job_is_a_dns_subdomain_and_a_label_value(
    name: str, uid: uuid.UUID, request_id: str
) -> None:
    job = manual_job_name(name, str(uid), request_id)
    assert len(job) <= JOB_NAME_LIMIT
    assert all(re.fullmatch(_LABEL, label) for label in job.split("."))


@given(uid=st.uuids(), request_id=REQUESTS)
def test_the_ticket_of_a_request_begins_with_that_of_its_timer_and_ends_with_the_key_of_its_job(
    uid: uuid.UUID, request_id: str
) -> None:
    ticket, timer_ticket = manual_ticket(ticket_of(str(uid)), request_id), ticket_of(str(uid))
    assert ticket[:TICKET_LENGTH] == timer_ticket
    assert ticket[TICKET_LENGTH] == "~"
    key = ticket[TICKET_LENGTH + 1 :]
    assert key == request_key_of(manual_job_name("nightly", str(uid), request_id), "nightly", str(uid))
    report: Any = {"reason": "Forbidden", "generation": 1, "occurrence_ms": 0}
    assert Report(ticket=ticket, **report).request_key == key
    assert Report(ticket=timer_ticket, **report).request_key == ""


@given(name=NAMES, uid=st.uuids(), occurrence_ms=OCCURRENCES)
def test_the_job_of_an_occurrence_is_never_taken_for_one_by_hand(name: str, uid: uuid.UUID, occurrence_ms: int) -> None:
    job = job_name(name, str(uid), occurrence_ms)
    assert request_key_of(job, name, str(uid)) is None
    assert occurrence_of(job, name, str(uid)) == occurrence_ms


@given(name=NAMES, uid=st.uuids(), request_id=REQUESTS)
def test_a_job_by_hand_is_never_taken_for_that_of_an_occurrence(name: str, uid: uuid.UUID, request_id: str) -> None:
    assert occurrence_of(manual_job_name(name, str(uid), request_id), name, str(uid)) is None


@given(name=NAMES, uid=st.uuids(), other=st.uuids(), request_id=REQUESTS)
def test_a_job_by_hand_is_never_taken_for_that_of_another_timer(
    name: str, uid: uuid.UUID, other: uuid.UUID, request_id: str
) -> None:
    assume(uid != other)
    assert request_key_of(manual_job_name(name, str(other), request_id), name, str(uid)) is None


@given(one=REQUESTS, other=REQUESTS)
def test_jobs_and_tickets_differ_as_the_requests_do(one: str, other: str) -> None:
    jobs = {manual_job_name("nightly", UID, request) for request in (one, other)}
    tickets = {manual_ticket(ticket_of(UID), request) for request in (one, other)}
    assert len(jobs) == len(tickets) == len({one, other})


@given(text=st.text(max_size=80), name=NAMES)
def test_whatever_a_job_is_called_it_is_of_an_occurrence_or_by_hand_or_neither_but_not_both(
    text: str, name: str
) -> None:
    for job in (text, f"{name}-{text}", f"nightly-asmkmcm2-{text}", f"nightly-asmkmcm2-run-{text}"):
        of_schedule, by_hand = occurrence_of(job, "nightly", UID), request_key_of(job, "nightly", UID)
        assert of_schedule is None or not by_hand


@pytest.mark.parametrize(
    "name",
    [
        "nightly",
        "nightly-run-fvyrmqvx",
        "nightly-asmkmcm2-fvyrmqvx",
        "nightly-asmkmcm2-RUN-fvyrmqvx",
        "weekly-asmkmcm2-run-fvyrmqvx",
        manual_job_name("nightly", OTHER_UID, "x"),
        job_name("nightly", UID, ms("2026-03-01T11:00:00Z")),
    ],
)
def test_a_name_that_no_request_has_is_none_by_hand(name: str) -> None:
    assert request_key_of(name, "nightly", UID) is None


@pytest.mark.parametrize(("key", "request_id"), [("", ""), ("", "x"), ("fvyrmqvx", ""), ("fvyrmqvx", "y")])
def test_a_key_is_for_its_request_alone_and_none_is_for_no_request(key: str, request_id: str) -> None:
    assert not is_for(key, request_id)
