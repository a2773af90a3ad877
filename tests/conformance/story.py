"""Four minutes in the life of all pairs, side by side: what is done to them, and when."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.conformance.manifests import EVERY_MINUTE, JOBS, MINUTE_MS, MINUTES, refused_specs, specs
from tests.conformance.pairs import Pair, created
from tests.conformance.record import Record
from tests.integration.waiting import now_ms, rfc3339, wait_until
from tests.integration.world import Cluster, World

_ROOM_MS = 15_000
"""So long before minute 0 creation has to begin."""

_LATER_MS = 20_000
"""So long after a full minute something is done: what was due then has begun, what takes long has not ended."""

_QUOTA_LIFTED_MS = 14_000
"""So long after minute 2 Jobs are possible again: past all deadlines, and before a CronJob tries for the 15th time,
82 seconds after the first."""

_PATIENCE_S = 150.0
_NO_JOBS = {"metadata": {"name": "no-jobs"}, "spec": {"hard": {"count/jobs.batch": "0"}}}
REQUEST = "conformance"


@dataclass
class Story:
    """What was created, and when that was done which one minute tells from another."""

    first_ms: int
    """Minute 0."""
    pairs: dict[str, Pair] = field(default_factory=dict)
    edited_ms: int = 0
    """Before this instant nothing had been resumed, and no schedule been edited."""

    def minute(self, number: int) -> int:
        """A compared minute, in milliseconds since the epoch."""
        return self.first_ms + number * MINUTE_MS


@contextmanager
def told(cluster: Cluster) -> Iterator[Story]:
    """Create all pairs, live through the minutes, and suspend everything, so that nothing begins while one looks."""
    record = Record(cluster.stack)
    try:
        with cluster.world() as world, cluster.world() as short_of_jobs:
            for each in (world, short_of_jobs):
                each.wait_for_pods_to_be_possible()
            story = _begin(record, world, short_of_jobs)
            _wait_until_minute(story, 0)
            _edit_templates(story)
            _run_by_hand(story, world)
            _give_jobs(story)
            _delete(story)
            _refuse_jobs(short_of_jobs)
            _wait_until_minute(story, 1)
            story.edited_ms = now_ms()
            _resume(story)
            _edit_schedules(story)
            _wait_until(story.minute(2) + _QUOTA_LIFTED_MS)
            short_of_jobs.remove("ResourceQuota", "v1", "no-jobs")
            _wait_until_minute(story, MINUTES[-1])
            _suspend_all(story)
            yield story
    finally:
        record.close()


def _begin(record: Record, world: World, short_of_jobs: World) -> Story:
    _wait_until(_next_minute(now_ms() + _ROOM_MS) - MINUTE_MS)
    story = Story(first_ms=_next_minute(now_ms()))
    for name, spec in specs(story.first_ms).items():
        story.pairs[name] = created(world, record, name, spec)
    for name, spec in refused_specs().items():
        story.pairs[name] = created(short_of_jobs, record, name, spec)
    assert now_ms() < story.first_ms, "the machine was too slow to create everything before minute 0"
    return story


def _edit_templates(story: Story) -> None:
    for side in story.pairs["new-template"]:
        side.edit(jobTemplate={"metadata": {"labels": {"edition": "second"}}})


def _run_by_hand(story: Story, world: World) -> None:
    for name, pair in story.pairs.items():
        if name.startswith("by-hand"):
            source = f"--from=cronjob/{name}"
            world.cluster.stack.kubectl("create", "job", f"{name}-{REQUEST}", source, "-n", world.namespace)
            pair.ours.annotate("redistimer.dev/trigger", REQUEST)


def _give_jobs(story: Story) -> None:
    for side in story.pairs["keep-no-succeeded"]:
        side.give_job(f"foreign-{side.kind.lower()}", JOBS["quick"])


def _delete(story: Story) -> None:
    for side in story.pairs["job-deleted"]:
        side.delete_jobs()
    for name, propagation in (("deleted", "Background"), ("orphaned", "Orphan")):
        for side in story.pairs[name]:
            side.delete(propagation)


def _refuse_jobs(world: World) -> None:
    world.add("ResourceQuota", "v1", _NO_JOBS)
    quotas = world.cluster.resource("ResourceQuota")
    wait_until(
        lambda: quotas.get(namespace=world.namespace, name="no-jobs").to_dict().get("status"), bool, "the quota counts"
    )


def _resume(story: Story) -> None:
    for name in ("resumed", "resumed-deadline"):
        for side in story.pairs[name]:
            side.edit(suspend=False)


def _edit_schedules(story: Story) -> None:
    for name in ("new-schedule", "new-schedule-active"):
        for side in story.pairs[name]:
            side.edit(schedule=EVERY_MINUTE)
    for side in story.pairs["new-interval"]:
        side.edit(schedule="@every 50s")


def _suspend_all(story: Story) -> None:
    for name, pair in story.pairs.items():
        if name not in ("deleted", "orphaned"):
            for side in pair:
                side.edit(suspend=True)


def _wait_until_minute(story: Story, number: int) -> None:
    """Until a minute is over by so much that what was due has its Jobs."""
    minute_ms = story.minute(number)
    _wait_until(minute_ms + _LATER_MS)
    for side in story.pairs["allow-quick"]:
        wait_until(side.nominal, lambda seen: minute_ms in seen, f"the {side.kind} of minute {number} has its Job")


def _wait_until(instant_ms: int) -> None:
    what = f"the clock shows {rfc3339(instant_ms)}"
    wait_until(now_ms, lambda now: now >= instant_ms, what, patience_s=_PATIENCE_S)


def _next_minute(instant_ms: int) -> int:
    return (instant_ms // MINUTE_MS + 1) * MINUTE_MS
