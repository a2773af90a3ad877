"""A RedisTimer does what a CronJob with the same spec does, but for differences that are meant.

Both are created from each manifest, and all of them live through the same four minutes side by side; each test looks
at some. docs/cronjob.md says the same in words, and names these tests. What the API server accepts of both is in
test_conformance_acceptance.py.
"""

from collections.abc import Iterator

import pytest

from tests.conformance.compare import (
    NO_JOB,
    SOME_JOB,
    assert_alike,
    assert_both,
    assert_each,
    content,
    without_additions,
)
from tests.conformance.manifests import LONG_NAME, MINUTES, POLICIES
from tests.conformance.story import REQUEST, Story, told
from tests.integration.product import Product
from tests.integration.waiting import instant_of, rfc3339, wait_until
from tests.integration.world import Cluster

pytestmark = pytest.mark.timeout(600)  # the first test waits for all four minutes

KEPT, REMOVED = "Complete, kept", "Complete, removed"
FAILED, FAILED_REMOVED = "Failed, kept", "Failed, removed"


@pytest.fixture(scope="module")
def story(cluster: Cluster, product_processes: Product) -> Iterator[Story]:
    """Four minutes, lived through."""
    product_processes.restore()
    with told(cluster) as story:
        yield story


# The same.


@pytest.mark.parametrize("policy", POLICIES)
def test_a_quick_job_runs_every_minute_and_the_newest_three_are_kept(story: Story, policy: str) -> None:
    assert_both(story, f"{policy.lower()}-quick", REMOVED, KEPT, KEPT, KEPT)


@pytest.mark.parametrize("policy", POLICIES)
def test_a_failing_job_runs_every_minute_and_the_newest_one_is_kept(story: Story, policy: str) -> None:
    assert_both(story, f"{policy.lower()}-failing", FAILED_REMOVED, FAILED_REMOVED, FAILED_REMOVED, FAILED)


def test_allow_lets_jobs_overlap(story: Story) -> None:
    assert_both(story, "allow-slow", KEPT, KEPT, SOME_JOB, SOME_JOB)
    for side in story.pairs["allow-slow"]:
        first, second, *_ = side.runs()
        assert first.finished_ms is not None
        assert second.created_ms < first.finished_ms


def test_replace_deletes_the_job_that_still_runs(story: Story) -> None:
    assert_both(story, "replace-slow", *["deleted while active"] * 3, SOME_JOB)
    for side in story.pairs["replace-slow"]:
        side.wait_for_events(("Normal", "SuccessfulDelete"))


def test_forbid_skips_where_the_deadline_is_shorter_than_the_overlap(story: Story) -> None:
    assert_both(story, "forbid-slow-deadline", KEPT, NO_JOB, SOME_JOB, NO_JOB)


def test_history_limits_keep_the_newest_and_remove_the_rest(story: Story) -> None:
    assert_both(story, "keep-no-succeeded", *[REMOVED] * 4)
    assert_both(story, "keep-one-succeeded", *[REMOVED] * 3, KEPT)
    assert_both(story, "keep-no-failed", *[FAILED_REMOVED] * 4)
    assert_both(story, "keep-two-failed", *[FAILED_REMOVED] * 2, *[FAILED] * 2)


def test_a_backoff_limit_is_that_of_the_job(story: Story) -> None:
    assert_both(story, "tried-twice", *[FAILED_REMOVED] * 3, FAILED)
    for side in story.pairs["tried-twice"]:
        assert [run.latest["status"]["failed"] for run in side.runs()] == [2, 2, 2, 2]


def test_a_finished_job_goes_when_its_ttl_is_over(story: Story) -> None:
    assert_both(story, "short-lived", *[REMOVED] * 4)


def test_a_deadline_changes_nothing_about_what_runs_in_time(story: Story) -> None:
    assert_both(story, "deadline", *["active"] * 4)


def test_a_suspended_one_never_fires(story: Story) -> None:
    assert_both(story, "suspended", *[NO_JOB] * 4)


def test_one_that_is_resumed_later_than_its_deadline_starts_with_the_next_minute(story: Story) -> None:
    assert_both(story, "resumed-deadline", NO_JOB, NO_JOB, "active", "active")


def test_a_schedule_is_read_in_its_time_zone(story: Story) -> None:
    assert_both(story, "in-a-zone", "active", NO_JOB, "active", NO_JOB)
    assert_both(story, "in-no-zone", *[NO_JOB] * 4)


def test_an_interval_counts_from_creation(story: Story) -> None:
    for side in story.pairs["interval"]:
        created_ms = instant_of(side.created["metadata"]["creationTimestamp"])
        steps = [nominal_ms - created_ms for nominal_ms in side.nominal()]
        assert steps[:3] == [65_000, 130_000, 195_000], f"{side.kind}: {steps}"


def test_a_job_says_what_the_template_says(story: Story) -> None:
    assert_both(story, "rich", *["active"] * 4)
    for jobs in zip(*(side.runs() for side in story.pairs["rich"]), strict=True):
        native, ours = (content(job.created) for job in jobs)
        assert len(native) > 40
        assert_alike("rich", native, ours)


def test_a_pod_has_the_labels_and_annotations_of_the_template(cluster: Cluster, story: Story) -> None:
    assert_both(story, "marked", REMOVED, KEPT, KEPT, KEPT)
    seen = []
    for side in story.pairs["marked"]:
        selector = f"batch.kubernetes.io/job-name={side.runs()[-1].name}"
        pods = cluster.resource("Pod").get(namespace=side.world.namespace, label_selector=selector).to_dict()
        (pod,) = pods["items"]
        seen.append(without_additions(pod["metadata"]))
    assert_alike("marked", *seen)
    assert seen[0] == {"labels": {"tier": "batch"}, "annotations": {"example.com/pod": "yes"}}


def test_a_job_without_labels_of_its_own_has_those_of_its_pods(story: Story) -> None:
    assert_both(story, "marked-pods", *["active"] * 4)
    native, ours = (without_additions(side.runs()[0].created["metadata"]) for side in story.pairs["marked-pods"])
    assert native["labels"] == {"tier": "batch"}
    assert_alike("marked-pods", native, ours)


def test_a_new_template_holds_for_the_next_job_and_leaves_the_last_one_alone(story: Story) -> None:
    assert_both(story, "new-template", *["active"] * 4)
    for side in story.pairs["new-template"]:
        editions = [run.latest["metadata"].get("labels", {}).get("edition") for run in side.runs()]
        assert editions == [None, "second", "second", "second"]


def test_a_new_schedule_holds_from_the_next_minute_on_where_no_job_is_active(story: Story) -> None:
    assert_both(story, "new-schedule", "active", NO_JOB, "active", "active")


def test_a_job_that_somebody_deletes_is_not_created_again(story: Story) -> None:
    assert_both(story, "job-deleted", "deleted while active", "active", "active", "active")


def test_deleting_takes_the_jobs_along_or_orphans_them(story: Story) -> None:
    assert_both(story, "deleted", "deleted while active", NO_JOB, NO_JOB, NO_JOB)
    assert_both(story, "orphaned", "active", NO_JOB, NO_JOB, NO_JOB)
    for side in story.pairs["orphaned"]:
        assert not side.runs()[0].latest["metadata"].get("ownerReferences")


def test_of_several_that_could_not_start_the_latest_starts(story: Story) -> None:
    assert_both(story, "refused", "active", NO_JOB, "active", "active")


def test_what_could_not_start_within_its_deadline_does_not_start(story: Story) -> None:
    assert_both(story, "refused-deadline", "active", NO_JOB, NO_JOB, "active")


def test_status_tells_the_last_run_the_last_success_and_how_many_are_active(story: Story) -> None:
    assert_both(story, "allow-quick", REMOVED, KEPT, KEPT, KEPT)
    for name, active in (("allow-quick", 0), ("allow-failing", 0), ("rich", 4), ("suspended", 0)):
        for side in story.pairs[name]:
            wait_until(side.active, lambda seen: seen == active, f"{active} of {side.kind} {name} are active")  # noqa: B023
        native, ours = ({"lastScheduleTime": side.status().get("lastScheduleTime")} for side in story.pairs[name])
        assert_alike(name, native, ours)
    for side in story.pairs["allow-quick"]:
        succeeded = rfc3339(max(run.finished_ms or 0 for run in side.runs())).replace(".000Z", "Z")
        side.wait_for_status(lastSuccessfulTime=succeeded)
        assert instant_of(side.status()["lastScheduleTime"]) == story.minute(MINUTES[-1])


def test_nothing_starts_early_or_twice(story: Story) -> None:
    for name, pair in story.pairs.items():
        for side in pair:
            assert len(set(side.nominal())) == len(side.nominal()), f"{side.kind} {name}"
            assert [run.name for run in side.runs() if run.created_ms < (run.nominal_ms or 0) // 1000 * 1000] == []


# What is different, and meant to be.


def test_forbid_skips_for_good(story: Story) -> None:
    """A CronJob starts late, in the middle of a minute, when the Job before has ended."""
    assert_each(story, "forbid-slow", native=[KEPT, SOME_JOB, SOME_JOB, NO_JOB], ours=[KEPT, NO_JOB, SOME_JOB, NO_JOB])
    native, ours = story.pairs["forbid-slow"]
    first, second, *_ = native.runs()
    assert first.finished_ms is not None
    assert second.created_ms >= first.finished_ms, "it starts when the first one ends, in the middle of a minute"
    native.wait_for_events(("Normal", "JobAlreadyActive"))
    ours.wait_for_events(("Warning", "JobAlreadyActive"))
    status = ours.status()
    assert status["runs"]["skipped"] == 2
    assert instant_of(status["lastSkippedTime"]) == story.minute(3)


def test_a_run_by_hand_counts_as_active(story: Story) -> None:
    """A CronJob neither waits for one nor replaces it."""
    assert_both(story, "by-hand-allow", NO_JOB, SOME_JOB, NO_JOB, NO_JOB)
    assert_each(
        story, "by-hand-forbid", native=[NO_JOB, SOME_JOB, NO_JOB, NO_JOB], ours=[NO_JOB, NO_JOB, NO_JOB, NO_JOB]
    )
    assert_both(story, "by-hand-replace", NO_JOB, SOME_JOB, NO_JOB, NO_JOB)
    fates = {
        policy: [[run.fate for run in side.by_hand()] for side in story.pairs[f"by-hand-{policy.lower()}"]]
        for policy in POLICIES
    }
    assert fates == {
        "Allow": [[KEPT], [KEPT]],
        "Forbid": [[KEPT], [KEPT]],
        "Replace": [[KEPT], ["deleted while active"]],
    }
    for policy in POLICIES:
        story.pairs[f"by-hand-{policy.lower()}"].ours.wait_for_status(lastHandledTrigger=REQUEST)


def test_a_deadline_of_nothing_means_in_time(story: Story) -> None:
    """A CronJob is always a little late, and never starts."""
    native, ours = story.pairs["deadline-of-nothing"]
    assert native.nominal() == []
    assert ours.nominal()


def test_jobs_of_others_are_left_alone(story: Story) -> None:
    """A CronJob takes any Job that names it as its owner for its own, and counts it in its history."""
    assert_both(story, "keep-no-succeeded", *[REMOVED] * 4)
    pair = story.pairs["keep-no-succeeded"]
    wait_until(
        lambda: [[run.fate for run in side.by_others()] for side in pair],
        lambda seen: seen == [[REMOVED], [KEPT]],
        "the CronJob has removed the Job that it was given",
    )


def test_resuming_starts_nothing_in_retrospect(story: Story) -> None:
    """A CronJob starts at once what was due last while it was suspended."""
    assert_each(
        story, "resumed", native=[NO_JOB, "active", "active", "active"], ours=[NO_JOB, NO_JOB, "active", "active"]
    )
    first = story.pairs["resumed"].native.runs()[0]
    assert first.created_ms >= story.edited_ms // 1000 * 1000 > story.minute(1)


def test_an_edit_starts_nothing_in_retrospect(story: Story) -> None:
    """A CronJob starts for a time before the edit, as soon as anything else makes it look."""
    assert_each(
        story,
        "new-schedule-active",
        native=[KEPT, SOME_JOB, SOME_JOB, SOME_JOB],
        ours=[KEPT, NO_JOB, SOME_JOB, SOME_JOB],
    )
    second = story.pairs["new-schedule-active"].native.runs()[1]
    assert second.created_ms >= story.edited_ms // 1000 * 1000 > story.minute(1), "when the active Job changed"


def test_an_edited_interval_keeps_its_anchor(story: Story) -> None:
    """That of a CronJob counts from its last run before the edit."""
    for side, anchored in zip(story.pairs["new-interval"], (False, True), strict=True):
        created_ms = instant_of(side.created["metadata"]["creationTimestamp"])
        # By creation: the first one after the edit can be for a time before it, of a CronJob.
        before = [run.nominal_ms for run in side.runs() if run.created_ms < story.edited_ms]
        after = side.nominal()[len(before) :]
        assert before == [created_ms + 65_000 * (number + 1) for number in range(len(before))]
        assert after
        anchor_ms = created_ms if anchored else before[-1] or 0
        assert [nominal_ms for nominal_ms in after if (nominal_ms - anchor_ms) % 50_000] == [], side.kind
        assert not anchored or min(after) > story.edited_ms // 1000 * 1000


def test_misses_are_reported(story: Story) -> None:
    """A CronJob says nothing of them."""
    for name, missed in (("refused", 1), ("refused-deadline", 2)):
        native, ours = story.pairs[name]
        ours.wait_for_events(("Warning", "MissSchedule"))
        assert ours.status()["runs"]["missed"] == missed
        assert instant_of(ours.status()["lastMissedTime"]) == story.minute(missed)
        assert "MissSchedule" not in [reason for _, reason in native.events()]
        assert native.status().keys() <= {"active", "lastScheduleTime", "lastSuccessfulTime"}


def test_refusals_are_reported(story: Story) -> None:
    """A CronJob has one reason for all of them, and nothing in its status."""
    native, ours = story.pairs["refused"]
    native.wait_for_events(("Warning", "FailedCreate"))
    ours.wait_for_events(("Warning", "QuotaExceeded"))


def test_runs_are_counted(story: Story) -> None:
    """A CronJob counts nothing."""
    nothing = {"succeeded": 0, "failed": 0, "missed": 0, "skipped": 0}
    story.pairs["allow-quick"].ours.wait_for_status(runs=nothing | {"succeeded": 4})
    story.pairs["allow-failing"].ours.wait_for_status(runs=nothing | {"failed": 4})
    assert "runs" not in story.pairs["allow-quick"].native.status()


def test_removing_old_jobs_makes_no_event(story: Story) -> None:
    """A CronJob tells of each."""
    both = [("Normal", "SawCompletedJob"), ("Normal", "SuccessfulCreate")]
    native, ours = story.pairs["allow-quick"]
    native.wait_for_events(*both, ("Normal", "SuccessfulDelete"))
    assert ours.wait_for_events(*both) == both


def test_each_run_within_a_minute_has_its_job(story: Story) -> None:
    """A CronJob names Jobs by the minute, and has one for each."""
    native, ours = story.pairs["short-interval"]
    whole_minutes = [story.minute(number) // 60_000 for number in MINUTES[:-1]]
    for side, jobs in ((native, 1), (ours, 3)):
        minutes = [nominal_ms // 60_000 for nominal_ms in side.nominal()]
        assert [minutes.count(minute) for minute in whole_minutes] == [jobs] * len(whole_minutes), side.kind


def test_marks_are_our_own_and_on_pods_too(story: Story) -> None:
    """A CronJob annotates its Jobs, in its time zone."""
    native, ours = (side.runs()[0].created for side in story.pairs["in-a-zone"])
    uid = story.pairs["in-a-zone"].ours.uid
    at = story.minute(0)
    assert without_additions(native["metadata"]) == {"labels": {}, "annotations": {}}
    (annotation,) = native["metadata"]["annotations"].items()
    assert annotation[0] == "batch.kubernetes.io/cronjob-scheduled-timestamp"
    assert annotation[1].endswith("+05:45")
    assert instant_of(annotation[1]) == at
    labels = {"redistimer.dev/timer": "in-a-zone", "redistimer.dev/timer-uid": uid}
    assert ours["metadata"]["labels"] == labels
    (annotation,) = ours["metadata"]["annotations"].items()
    assert annotation[0] == "redistimer.dev/scheduled-at"
    assert annotation[1].endswith(":00.000Z")
    assert instant_of(annotation[1]) == at
    pods = [job["spec"]["template"]["metadata"] for job in (native, ours)]
    assert pods[0]["labels"].keys() & labels.keys() == set()
    assert "annotations" not in pods[0]
    assert pods[1]["labels"].items() >= labels.items()
    assert pods[1]["annotations"] == ours["metadata"]["annotations"]


def test_the_owner_reference_does_not_block(story: Story) -> None:
    native, ours = ([run.created["metadata"]["ownerReferences"] for run in side.runs()] for side in story.pairs["rich"])
    for (theirs,), (own,) in zip(native, ours, strict=True):
        assert theirs.pop("blockOwnerDeletion") is True
        assert own.pop("blockOwnerDeletion") is False
        assert (theirs.pop("apiVersion"), theirs.pop("kind")) == ("batch/v1", "CronJob")
        assert (own.pop("apiVersion"), own.pop("kind")) == ("redistimer.dev/v1alpha1", "RedisTimer")
        for owner, side in zip((theirs, own), story.pairs["rich"], strict=True):
            assert owner == {"name": "rich", "uid": side.uid, "controller": True}


def test_jobs_have_other_names(story: Story) -> None:
    """Those of a CronJob end in minutes since 1970."""
    for name in ("rich", LONG_NAME):
        native, ours = story.pairs[name]
        numbers = [story.minute(minute) // 60_000 for minute in MINUTES]
        assert [run.name for run in native.runs()] == [f"{name}-{number}" for number in numbers]
        names = [run.name for run in ours.runs()]
        assert len(set(names)) == len(MINUTES)
        assert all(one.startswith(f"{name[:40]}") and len(one) <= 63 for one in names)
