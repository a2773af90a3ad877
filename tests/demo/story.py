"""What the watches have shown so far, folded into timers and their Jobs. No I/O, no clock of its own."""

import math
from dataclasses import dataclass, field
from typing import Any

from controller.core.job import Outcome, Run, parse_run
from controller.core.timer import Timer, condition, parse_timer
from tests.harness.accounts import Account, Due, Phase, SeenRun, due_in, settle
from tests.harness.lag import Lag, lag_of
from tests.harness.watch import Seen


@dataclass
class JobStory:
    """One Job, from its arrival on."""

    run: Run
    timer_name: str
    arrived_ms: int
    state: str = "created"
    """created, running, succeeded, failed or deleted."""
    changed_ms: int = 0
    """When `state` arrived."""
    output: str = ""

    @property
    def seen(self) -> SeenRun:
        """This Job for the accounts."""
        return SeenRun(self.run.occurrence_ms, self.arrived_ms, self.run.outcome, gone=self.state == "deleted")

    @property
    def ended(self) -> bool:
        """It does not change any more."""
        return self.state in ("succeeded", "failed", "deleted")


@dataclass
class TimerStory:
    """One timer, with the schedules that it had one after the other."""

    timer: Timer
    phases: list[Phase]
    jobs: list[JobStory] = field(default_factory=list)
    deleted: bool = False

    @property
    def obstacle(self) -> str:
        """Why it is not ready, in one word, or nothing."""
        ready = condition(self.timer.status, "Ready")
        return str(ready["reason"]) if ready and ready["status"] == "False" else ""

    def next_ms(self, now_ms: int) -> int | None:
        """The next occurrence, None where there is none."""
        stopped = self.deleted or self.timer.suspended or self.timer.schedule is None
        return None if stopped or self.timer.schedule is None else self.timer.schedule.next_after(now_ms)

    def due(self, until_ms: int) -> Due:
        """What it has to run up to an instant."""
        return due_in(self.phases, until_ms)

    def jobs_until(self, until_ms: int) -> list[JobStory]:
        """The Jobs of occurrences up to an instant."""
        return [job for job in self.jobs if job.run.occurrence_ms <= until_ms]

    def account(self, until_ms: int) -> Account:
        """What was due up to an instant against what ran."""
        return settle(self.due(until_ms), (job.seen for job in self.jobs_until(until_ms)))

    def lag(self, until_ms: int) -> Lag | None:
        """The lag of its Jobs up to an instant."""
        return lag_of(job.seen.lag_ms for job in self.jobs_until(until_ms))


class Story:
    """Everything seen. The Jobs of a deleted timer still count for it."""

    def __init__(self) -> None:
        self.until_ms: float = math.inf
        """Jobs of occurrences after this instant are no part of the story."""
        self._timers: dict[str, TimerStory] = {}
        self._jobs: dict[str, JobStory] = {}
        self._early: dict[str, list[JobStory]] = {}

    @property
    def timers(self) -> list[TimerStory]:
        """All timers, in the order of their arrival."""
        return list(self._timers.values())

    @property
    def jobs(self) -> list[JobStory]:
        """All Jobs, in the order of their arrival."""
        return list(self._jobs.values())

    def see_timer(self, seen: Seen) -> None:
        """A timer was created, edited or deleted, or its status was written."""
        timer = parse_timer(seen.obj)
        story = self._timers.get(timer.uid)
        if story is None:
            first = Phase(None if timer.suspended else timer.schedule, timer.created_ms)
            self._timers[timer.uid] = story = TimerStory(timer, [first], self._early.pop(timer.uid, []))
        elif timer.timing_hash != story.timer.timing_hash:
            _end_phase(story.phases, seen.arrived_ms)
            schedule = None if timer.suspended else timer.schedule
            story.phases.append(Phase(schedule, seen.arrived_ms, begins_with_edit=True))
        story.timer = timer
        if seen.kind == "DELETED":
            story.deleted = True
            _end_phase(story.phases, seen.arrived_ms)

    def see_job(self, seen: Seen) -> JobStory | None:
        """A Job of a timer changed; the Job where its state is a new one, else None."""
        run = parse_run(seen.obj)
        if run is None or run.occurrence_ms > self.until_ms:
            return None
        job = self._jobs.get(run.uid)
        is_new = job is None
        if job is None:
            job = self._jobs[run.uid] = JobStory(run, _owner_name(seen.obj), seen.arrived_ms)
            story = self._timers.get(run.timer_uid)
            # Two watches have no common order: a Job may be seen before its timer.
            (story.jobs if story else self._early.setdefault(run.timer_uid, [])).append(job)
        if job.ended:
            return None
        before, job.run, job.state = job.state, run, _state(run, seen, job.state)
        if not is_new and job.state == before:
            return None
        job.changed_ms = seen.arrived_ms
        return job

    def open_until(self, until_ms: int) -> tuple[int, int]:
        """Of the occurrences up to an instant: how many have no Job yet, and how many Jobs have not ended."""
        without = sum(story.account(until_ms).missed for story in self.timers)
        active = sum(not job.ended for story in self.timers for job in story.jobs_until(until_ms))
        return without, active


def _end_phase(phases: list[Phase], at_ms: int) -> None:
    last = phases[-1]
    phases[-1] = Phase(last.schedule, last.after_ms, at_ms, last.begins_with_edit)


def _state(run: Run, seen: Seen, before: str) -> str:
    if run.outcome is not Outcome.ACTIVE:
        return str(run.outcome.value)
    if seen.kind == "DELETED":
        return "deleted"
    # Between the end of its Pod and its own end a Job has none active: it does not begin anew.
    return "running" if (seen.obj.get("status") or {}).get("active") else before


def _owner_name(job: dict[str, Any]) -> str:
    return next(str(owner["name"]) for owner in job["metadata"]["ownerReferences"] if owner.get("controller"))
