"""The story that the demo's watches tell: timers and Jobs from events, whatever their order."""

from typing import Any

from controller.core.identity import job_name
from controller.core.instants import parse_rfc3339, rfc3339, rfc3339_ms
from controller.core.job import TIMER_UID_LABEL
from controller.core.timer import API_VERSION, KIND
from tests.demo.story import JobStory, Story
from tests.harness.watch import Seen

NOON = parse_rfc3339("2026-11-22T12:00:00Z")
UID = "11111111-2222-3333-4444-555555555555"


def timer_seen(at_ms: int = NOON, kind: str = "ADDED", **spec: Any) -> Seen:
    metadata = {
        "namespace": "demo",
        "name": "every",
        "uid": UID,
        "resourceVersion": "1",
        "creationTimestamp": rfc3339(NOON),
    }
    return Seen(at_ms, kind, {"metadata": metadata, "spec": {"every": "5s", "jobTemplate": {}} | spec})


def job_seen(second: int, lag_ms: int = 10, kind: str = "ADDED", **status: Any) -> Seen:
    occurrence_ms = NOON + second * 1000
    owner = {"apiVersion": API_VERSION, "kind": KIND, "name": "every", "uid": UID, "controller": True}
    metadata = {
        "namespace": "demo",
        "name": job_name("every", UID, occurrence_ms),
        "uid": f"job-{second}",
        "labels": {TIMER_UID_LABEL: UID},
        "annotations": {"redistimer.dev/scheduled-at": rfc3339_ms(occurrence_ms)},
        "ownerReferences": [owner],
    }
    return Seen(occurrence_ms + lag_ms, kind, {"metadata": metadata, "status": status})


def ended_as(condition: str) -> dict[str, Any]:
    return {"conditions": [{"type": condition, "status": "True"}]}


def state(job: JobStory | None) -> str | None:
    return job.state if job else None


def test_a_job_is_created_then_runs_then_finishes_and_each_is_told_once() -> None:
    story = Story()
    told = [
        state(story.see_job(event))
        for event in (
            job_seen(5),
            job_seen(5, 20, "MODIFIED"),
            job_seen(5, 30, "MODIFIED", active=1),
            job_seen(5, 40, "MODIFIED", active=1, ready=1),
            job_seen(5, 1_000, "MODIFIED"),
            job_seen(5, 1_010, "MODIFIED", **ended_as("Complete")),
            job_seen(5, 9_000, "DELETED", **ended_as("Complete")),
        )
    ]

    assert told == ["created", None, "running", None, None, "succeeded", None]


def test_the_lag_counts_to_the_first_event_of_a_job() -> None:
    story = Story()
    story.see_timer(timer_seen())
    story.see_job(job_seen(5, lag_ms=12))
    story.see_job(job_seen(5, 900, "MODIFIED", active=1))

    assert [job.seen.lag_ms for job in story.jobs] == [12]


def test_a_job_beyond_the_history_limit_still_counts() -> None:
    story = Story()
    story.see_timer(timer_seen())
    story.see_job(job_seen(5, **ended_as("Complete")))
    story.see_job(job_seen(5, 3_000, "DELETED", **ended_as("Complete")))

    account = story.timers[0].account(NOON + 6_000)

    assert (account.due, account.jobs, account.succeeded) == (1, 1, 1)
    assert account.faultless


def test_a_job_may_be_seen_before_its_timer() -> None:
    story = Story()
    story.see_job(job_seen(5))
    story.see_timer(timer_seen())

    assert [len(timer.jobs) for timer in story.timers] == [1]


def test_the_end_waits_for_jobs_that_are_due_or_active() -> None:
    story = Story()
    story.see_timer(timer_seen())
    story.see_job(job_seen(5))

    assert story.open_until(NOON + 4_000) == (0, 0)
    assert story.open_until(NOON + 5_000) == (0, 1)
    assert story.open_until(NOON + 10_000) == (1, 1)

    story.see_job(job_seen(5, 50, "MODIFIED", **ended_as("Failed")))

    assert story.open_until(NOON + 5_000) == (0, 0)


def test_what_is_due_after_the_end_is_no_part_of_the_story() -> None:
    story = Story()
    story.see_timer(timer_seen())
    story.until_ms = NOON + 5_000

    assert state(story.see_job(job_seen(5))) == "created"
    assert story.see_job(job_seen(10)) is None
    assert len(story.jobs) == 1


def test_a_suspended_timer_has_no_next_occurrence_and_nothing_due() -> None:
    story = Story()
    story.see_timer(timer_seen())
    story.see_timer(timer_seen(NOON + 2_500, "MODIFIED", suspend=True))
    (timer,) = story.timers

    assert timer.next_ms(NOON + 3_000) is None
    assert timer.account(NOON + 60_000).due == 0


def test_an_edit_of_the_template_changes_nothing_of_what_is_due() -> None:
    story = Story()
    story.see_timer(timer_seen())
    story.see_timer(timer_seen(NOON + 4_000, "MODIFIED", jobTemplate={"spec": {}}))

    assert len(story.timers[0].phases) == 1
    assert story.timers[0].account(NOON + 5_000).due == 1


def test_a_timer_deleted_by_somebody_owes_nothing_more_and_its_active_job_is_not_held_against_it() -> None:
    story = Story()
    story.see_timer(timer_seen())
    story.see_job(job_seen(5, active=1))
    story.see_timer(timer_seen(NOON + 7_100, "DELETED"))
    story.see_job(job_seen(5, 2_200, "DELETED", active=1))

    assert story.timers[0].next_ms(NOON + 8_000) is None
    assert story.timers[0].account(NOON + 60_000).faultless
    assert story.open_until(NOON + 60_000) == (0, 0)


def test_a_timer_that_is_not_ready_says_why() -> None:
    story = Story()
    seen = timer_seen()
    ready = {"type": "Ready", "status": "False", "reason": "InvalidTemplate", "message": "..."}
    story.see_timer(Seen(seen.arrived_ms, seen.kind, seen.obj | {"status": {"conditions": [ready]}}))

    assert story.timers[0].obstacle == "InvalidTemplate"
