"""Names: of tickets in the index, of Jobs in the cluster."""

import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.identity import JOB_NAME_LIMIT, job_name, manual_ticket, ticket_of, uid_of
from tests.unit.core.objects import OTHER_UID, UID, ms

OCCURRENCE_MS = ms("2026-11-22T10:00:00Z")
LATEST_MS = ms("9999-12-31T23:59:59.999Z")

_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_LABEL_CHARACTERS = "abcxyz019-"
LABELS = st.from_regex(_LABEL, fullmatch=True, alphabet=_LABEL_CHARACTERS)
SUBDOMAINS = st.lists(st.from_regex(r"[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?", fullmatch=True), min_size=1, max_size=5).map(
    lambda labels: ".".join(labels)[:63].rstrip("-.")
)


@given(st.uuids())
def test_a_ticket_has_22_characters_and_names_the_timer_whole(uid: uuid.UUID) -> None:
    ticket = ticket_of(str(uid))
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", ticket)
    assert ticket_of(str(uid).upper()) == ticket


@given(st.uuids(), st.uuids())
def test_tickets_differ_as_the_uids_do(one: uuid.UUID, other: uuid.UUID) -> None:
    assert (ticket_of(str(one)) == ticket_of(str(other))) == (one == other)


@given(st.uuids())
def test_a_ticket_tells_its_uid_also_where_it_is_one_of_a_run_by_hand(uid: uuid.UUID) -> None:
    ticket = ticket_of(str(uid))
    assert uid_of(ticket) == uid_of(manual_ticket(ticket, "now")) == str(uid)


@pytest.mark.parametrize(
    "ticket", ["", "!", "Wxp8HpP1Sx6KDi9vDJ0aE", "Wxp8HpP1Sx6KDi9vDJ0aER", "Wxp8HpP1Sx6KDi9vDJ0a💣Q", "+" * 22]
)
def test_what_is_no_ticket_tells_none(ticket: str) -> None:
    assert uid_of(ticket) is None


@pytest.mark.parametrize(
    "uid", ["", "not-a-uid", UID[:-1], f"{UID}0", f"{UID[:-2]}g0", f"{UID[:-2]}  ", f"{UID} ", f"{UID[:-1]}💣"]
)
def test_a_uid_that_is_none_has_no_ticket(uid: str) -> None:
    with pytest.raises(ValueError, match="badly formed"):
        ticket_of(uid)


def test_a_job_is_named_after_its_timer_and_its_occurrence_in_one_way_for_ever() -> None:
    # This pattern is a contract: Jobs of an older version must be found under the same names.
    assert job_name("nightly", UID, OCCURRENCE_MS) == "nightly-asmkmcm2-mwro18g0"


@given(name=LABELS, uid=st.uuids(), occurrence_ms=st.integers(0, LATEST_MS))
def test_the_name_of_a_job_is_a_dns_label_of_at_most_63_characters(
    name: str, uid: uuid.UUID, occurrence_ms: int
) -> None:
    job = job_name(name, str(uid), occurrence_ms)
    assert len(job) <= JOB_NAME_LIMIT
    assert re.fullmatch(_LABEL, job)


@given(name=SUBDOMAINS, uid=st.uuids(), occurrence_ms=st.integers(0, LATEST_MS))
def test_the_name_of_a_job_of_a_dotted_timer_is_a_dns_subdomain_and_a_label_value(
    name: str, uid: uuid.UUID, occurrence_ms: int
) -> None:
    job = job_name(name, str(uid), occurrence_ms)
    assert len(job) <= JOB_NAME_LIMIT
    assert all(re.fullmatch(_LABEL, label) for label in job.split("."))


def test_the_name_of_a_job_says_the_name_of_its_timer_as_far_as_it_fits() -> None:
    assert job_name("report", UID, OCCURRENCE_MS).startswith("report-")
    assert job_name("x" * 63, UID, OCCURRENCE_MS).startswith("x" * 45 + "-")
    assert job_name("x" * 44 + "-y", UID, OCCURRENCE_MS).startswith("x" * 44 + "-")
    assert "--" not in job_name("x" * 44 + "-y", UID, OCCURRENCE_MS)


@pytest.mark.parametrize("name", ["nightly", "x" * 63])
def test_jobs_of_different_timers_or_occurrences_have_different_names(name: str) -> None:
    names = {
        job_name(name, UID, OCCURRENCE_MS),
        job_name(name, OTHER_UID, OCCURRENCE_MS),
        job_name(name, UID, OCCURRENCE_MS + 1),
        job_name(name, UID, OCCURRENCE_MS - 1),
    }
    assert len(names) == 4
