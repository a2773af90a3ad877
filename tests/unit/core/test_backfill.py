"""A backfill without a cluster: its nominal times, its record, and what becomes of its Jobs."""

import json
from typing import Any

import pytest

from controller.core.backfill import (
    End,
    Ended,
    Record,
    Span,
    Tally,
    TooManyError,
    annotation_of,
    in_each_others_way,
    nominal_times,
    read_record,
    what_says_when,
)
from controller.core.instants import rfc3339
from controller.core.job import BACKFILL, Failure, Outcome
from tests.unit.core.objects import CREATED_MS, DAY_MS, HOUR_MS, UID, ms, run, timer, timer_object

FIRST_MS = ms("2026-01-05T06:00:00Z")
DAILY = {"schedule": "0 6 * * *"}


def span(start: str, end: str) -> Span:
    return Span(ms(start), ms(end))


def times_of(spec: dict[str, Any], within: Span, limit: int = 1000) -> list[str]:
    schedule = timer(spec).schedule
    assert schedule is not None
    return [rfc3339(time_ms) for time_ms in nominal_times(schedule, within, limit)]


# Nominal times


def test_the_nominal_times_come_after_from_and_until_to() -> None:
    within = span("2026-01-05T06:00:00Z", "2026-01-07T06:00:00Z")
    assert times_of(DAILY, within) == ["2026-01-06T06:00:00Z", "2026-01-07T06:00:00Z"]


def test_times_before_the_creation_of_the_timer_count() -> None:
    within = span("1970-01-01T00:00:00Z", "1970-01-02T12:00:00Z")
    assert times_of(DAILY, within) == ["1970-01-01T06:00:00Z", "1970-01-02T06:00:00Z"]


@pytest.mark.parametrize("spec", [{"every": "1h"}, {"schedule": "@every 1h"}, {"afterCreation": "1h"}])
def test_what_counts_from_the_creation_has_nothing_before_it(spec: dict[str, Any]) -> None:
    assert times_of(spec, Span(0, CREATED_MS)) == []


def test_an_interval_with_a_start_time_has_its_times_whenever_the_timer_was_created() -> None:
    within = span("2026-01-01T00:00:00Z", "2026-01-01T02:00:00Z")
    assert times_of({"every": "1h", "startTime": "2026-01-01T00:30:00Z"}, within) == [
        "2026-01-01T00:30:00Z",
        "2026-01-01T01:30:00Z",
    ]


def test_as_many_times_as_the_limit_are_accepted() -> None:
    within = span("2026-01-05T00:00:00Z", "2026-01-08T00:00:00Z")
    assert len(times_of(DAILY, within, limit=3)) == 3
    with pytest.raises(TooManyError) as refused:
        times_of(DAILY, within, limit=2)
    assert refused.value.count == (3, True)


def test_years_of_seconds_are_refused_with_their_number() -> None:
    with pytest.raises(TooManyError) as refused:
        times_of({"schedule": "* * * * * *"}, span("1970-01-01T00:00:00Z", "2026-01-01T00:00:00Z"))
    years = (ms("2026-01-01T00:00:00Z")) // 1000
    assert refused.value.count.number == pytest.approx(years, rel=0.01)


def test_a_refusal_never_names_a_number_below_the_limit() -> None:
    crons = [{"cron": "0 6 * * *"}, {"cron": "0 7 * * *"}]
    with pytest.raises(TooManyError) as refused:
        times_of({"schedules": crons}, span("2010-01-01T00:00:00Z", "2026-01-01T00:00:00Z"))
    assert refused.value.count.number > 1000


# The record


def test_a_record_survives_its_annotation() -> None:
    record = Record(span("2026-01-05T00:00:00Z", "2026-01-08T00:00:00.5Z"), FIRST_MS, UID, "me")
    assert read_record(record.text()) == record
    assert json.loads(record.text()) == {
        "from": "2026-01-05T00:00:00Z",
        "to": "2026-01-08T00:00:00.500Z",
        "through": "2026-01-05T06:00:00Z",
        "uid": UID,
        "run": "me",
    }


def test_a_record_that_says_only_what_is_needed_is_read() -> None:
    text = '{"from": "2026-01-05T00:00:00Z", "to": "2026-01-08T00:00:00Z", "through": "2026-01-05T06:00:00Z"}'
    assert read_record(text) == Record(span("2026-01-05T00:00:00Z", "2026-01-08T00:00:00Z"), FIRST_MS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yes",
        "[]",
        "null",
        '"2026-01-05T00:00:00Z"',
        "{}",
        '{"from": 1, "to": 2, "through": 3}',
        '{"from": "2026-01-05T00:00:00Z", "to": "2026-01-08", "through": "2026-01-05T06:00:00Z"}',
    ],
)
def test_what_anybody_has_written_there_is_no_record(text: str) -> None:
    assert read_record(text) is None


def test_a_record_is_finished_where_it_reaches_the_end_of_its_span() -> None:
    record = Record(span("2026-01-05T00:00:00Z", "2026-01-08T00:00:00Z"), FIRST_MS)
    assert not record.finished
    assert record.through(record.span.to_ms).finished


def test_a_timer_without_annotations_has_no_record() -> None:
    assert annotation_of(timer_object(DAILY)) is None
    assert annotation_of(timer_object(DAILY, annotations={"redistimer.dev/backfill": "x"})) == "x"


@pytest.mark.parametrize(
    ("change", "is_the_same"),
    [
        ({"suspend": True}, True),
        ({"jitter": "5m"}, True),
        ({"timeZone": "UTC"}, True),
        ({"exclude": []}, True),
        ({"jobTemplate": {"spec": {}}}, True),
        ({"timeZone": "Europe/Berlin"}, False),
        ({"schedule": "0 7 * * *"}, False),
        ({"exclude": [{"date": "2026-01-01"}]}, False),
        ({"endTime": "2027-01-01T00:00:00Z"}, False),
    ],
)
def test_only_an_edit_of_the_schedule_changes_nominal_times(change: dict[str, Any], is_the_same: bool) -> None:
    assert (what_says_when(timer_object(DAILY)) == what_says_when(timer_object(DAILY | change))) is is_the_same


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, False),
        ({"concurrencyPolicy": "Allow"}, False),
        ({"concurrencyPolicy": "Forbid"}, True),
        ({"concurrencyPolicy": "Replace"}, True),
        ({"concurrencyPolicy": "Forbid", "suspend": True}, False),
        ({"concurrencyPolicy": "Forbid", "endTime": "2026-03-02T00:00:00Z"}, False),
    ],
)
def test_a_backfill_and_the_schedule_meet_only_where_the_policy_cares(changes: dict[str, Any], expected: bool) -> None:
    assert in_each_others_way(timer(DAILY | changes), CREATED_MS + 2 * DAY_MS) is expected


# The tally


def seen(occurrence_ms: int = FIRST_MS, outcome: Outcome = Outcome.ACTIVE, **changes: Any) -> Any:
    return run(occurrence_ms, outcome, **{"trigger": BACKFILL, **changes})


def test_a_job_is_active_until_it_is_seen_to_end_once() -> None:
    tally = Tally([FIRST_MS])
    assert tally.see(seen()) is None
    assert [one.occurrence_ms for one in tally.unfinished] == [FIRST_MS]
    ended = tally.see(seen(outcome=Outcome.SUCCEEDED))
    assert ended == Ended(seen().name, FIRST_MS, End.SUCCEEDED)
    assert tally.see(seen(outcome=Outcome.SUCCEEDED)) is None
    assert tally.see(seen()) is None
    assert (tally.unfinished, tally.ended) == ([], [ended])


def test_a_failure_says_why() -> None:
    tally = Tally([FIRST_MS])
    tally.see(seen())
    ended = tally.see(seen(outcome=Outcome.FAILED, failure=Failure("BackoffLimitExceeded", "too often")))
    assert ended is not None
    assert (ended.end, ended.why) == (End.FAILED, "BackoffLimitExceeded: too often")
    assert tally.number(End.FAILED) == 1


def test_a_job_that_had_ended_before_it_was_seen_is_not_counted() -> None:
    tally = Tally([FIRST_MS])
    assert tally.see(seen(outcome=Outcome.FAILED)) is None
    assert (tally.active, tally.ended) == ([], [])


def test_a_job_of_the_schedule_or_of_another_request_is_not_counted() -> None:
    tally = Tally([FIRST_MS])
    for trigger in ("", "release-1.4"):
        assert tally.see(seen(trigger=trigger)) is None
        assert tally.gone(seen(trigger=trigger)) is None
    assert (tally.active, tally.ended) == ([], [])


def test_a_job_that_goes_while_active_is_removed() -> None:
    tally = Tally([FIRST_MS])
    tally.see(seen())
    ended = tally.gone(seen())
    assert ended is not None
    assert ended.end is End.REMOVED
    assert tally.gone(seen()) is None
    assert tally.number(End.REMOVED) == 1


def test_a_job_that_ends_and_goes_at_once_has_ended_as_it_did() -> None:
    tally = Tally([FIRST_MS])
    tally.see(seen())
    ended = tally.gone(seen(outcome=Outcome.FAILED))
    assert ended is not None
    assert ended.end is End.FAILED


def test_a_list_shows_what_has_ended_and_what_is_gone() -> None:
    times = [FIRST_MS + day * DAY_MS for day in range(3)]
    tally = Tally(times)
    for time_ms in times:
        tally.see(seen(time_ms))
    ended = tally.listed([seen(times[2]), seen(times[1], Outcome.SUCCEEDED)], tally.active_uids())
    assert [(one.occurrence_ms, one.end) for one in ended] == [(times[0], End.REMOVED), (times[1], End.SUCCEEDED)]
    assert [one.occurrence_ms for one in tally.unfinished] == [times[2]]


def test_a_job_that_was_created_after_a_list_began_is_not_missed_in_it() -> None:
    tally = Tally([FIRST_MS])
    before = tally.active_uids()
    tally.see(seen())
    assert tally.listed([], before) == []
    assert len(tally.unfinished) == 1


def test_jobs_of_another_span_take_room_and_are_not_waited_for() -> None:
    tally = Tally([FIRST_MS])
    tally.see(seen(FIRST_MS - HOUR_MS))
    assert (len(tally.active), tally.unfinished) == (1, [])
    assert tally.see(seen(FIRST_MS - HOUR_MS, Outcome.SUCCEEDED)) is None
    assert (tally.active, tally.ended) == ([], [])
