"""A backfill: the Jobs of a span of time that has passed, one for each of its nominal times, and how far they are.

How far is kept in an annotation of the timer, so that whoever asks for the same span again goes on there.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice
from typing import Any

import orjson

from controller.core.instants import parse_rfc3339, rfc3339
from controller.core.job import BACKFILL, Outcome, Run
from controller.core.policy import Concurrency
from controller.core.schedule.occurrences import Count, Schedule, between
from controller.core.schedule.reading import TIMING_FIELDS
from controller.core.schedule.zones import DEFAULT_ZONE
from controller.core.timer import GROUP, Timer

BACKFILL_ANNOTATION = f"{GROUP}/backfill"
"""On a timer: the Record of its last backfill."""


@dataclass(frozen=True, slots=True)
class Span:
    """The nominal times with from < time <= to, in milliseconds."""

    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True)
class Record:
    """How far a backfill is, as the annotation says."""

    span: Span
    through_ms: int
    """Each nominal time of the span at or before this has been given its Job."""
    timer_uid: str = ""
    """Manifests are copied with their annotations: of another timer this says nothing."""
    run: str = ""
    """Who wrote it: whoever finds another one here has been relieved."""

    @property
    def finished(self) -> bool:
        """Whether no nominal time is left."""
        return self.through_ms >= self.span.to_ms

    def through(self, occurrence_ms: int) -> "Record":
        """The same, so far."""
        return replace(self, through_ms=occurrence_ms)

    def text(self) -> str:
        """The annotation."""
        told = {
            "from": rfc3339(self.span.from_ms),
            "to": rfc3339(self.span.to_ms),
            "through": rfc3339(self.through_ms),
            "uid": self.timer_uid,
            "run": self.run,
        }
        return orjson.dumps(told).decode()


def annotation_of(obj: Mapping[str, Any]) -> str | None:
    """What a timer's annotation says about a backfill, unread."""
    text: str | None = (obj["metadata"].get("annotations") or {}).get(BACKFILL_ANNOTATION)
    return text


def read_record(text: str) -> Record | None:
    """The Record of an annotation; None where it is none, since anybody may edit it."""
    try:
        told = orjson.loads(text)
        span = Span(parse_rfc3339(told["from"]), parse_rfc3339(told["to"]))
        return Record(span, parse_rfc3339(told["through"]), str(told.get("uid", "")), str(told.get("run", "")))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return None


class TooManyError(ValueError):
    """A span has more nominal times than are accepted."""

    def __init__(self, count: Count) -> None:
        super().__init__(f"{count.number}")
        self.count = count


def nominal_times(schedule: Schedule, span: Span, limit: int) -> tuple[int, ...]:
    """All nominal times of a span, in order; raises TooManyError, at once for any span, where they exceed the limit."""
    times = tuple(islice(between(schedule, span.from_ms, span.to_ms), limit + 1))
    if len(times) > limit:
        number, exact = schedule.count(span.from_ms, span.to_ms)
        raise TooManyError(Count(max(number, limit + 1), exact))
    return times


def what_says_when(obj: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a spec that nominal times follow from, the same for one that is not set and its default."""
    spec = obj.get("spec") or {}
    fields = (field for field in TIMING_FIELDS if field != "jitter")
    return {field: spec[field] for field in fields if spec.get(field) not in (None, [], DEFAULT_ZONE)}


def in_each_others_way(timer: Timer, now_ms: int) -> bool:
    """Whether runs of the schedule and Jobs of a backfill may meet, and the timer's policy is not to let both run."""
    if timer.idle or timer.schedule is None or timer.policy.concurrency is Concurrency.ALLOW:
        return False
    return timer.schedule.next_after(now_ms) is not None


class End(StrEnum):
    """How a Job of a backfill ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REMOVED = "removed"
    """It was seen active, and then gone: nobody can tell how it ended."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a Job that was seen active."""

    name: str
    occurrence_ms: int
    end: End
    why: str = ""
    """Of a failure."""


class Tally:
    """What becomes of a timer's backfilled Jobs, as lists and watches tell it, in any order and more than once.

    A Job that had ended before it was first seen is none of its business.
    """

    def __init__(self, times: Collection[int]) -> None:
        self._times = frozenset(times)
        self._active: dict[str, Run] = {}
        self._ended: dict[str, Ended] = {}
        self._numbers: Counter[End] = Counter()

    @property
    def active(self) -> list[Run]:
        """All that have not finished, those of other spans included."""
        return list(self._active.values())

    @property
    def unfinished(self) -> list[Run]:
        """Those of this span, by nominal time."""
        own = (run for run in self._active.values() if run.occurrence_ms in self._times)
        return sorted(own, key=lambda run: run.occurrence_ms)

    @property
    def ended(self) -> list[Ended]:
        """Those of this span that have ended, by nominal time."""
        own = (ended for ended in self._ended.values() if ended.occurrence_ms in self._times)
        return sorted(own, key=lambda ended: ended.occurrence_ms)

    def number(self, end: End) -> int:
        """How many of these ended so."""
        return self._numbers[end]

    def active_uids(self) -> set[str]:
        """The UIDs of all that have not finished, for `listed`."""
        return set(self._active)

    def see(self, run: Run) -> Ended | None:
        """A Job as it is; what is new, where that is its end."""
        if run.trigger != BACKFILL or run.request_key or run.uid in self._ended:
            return None
        if run.outcome is Outcome.ACTIVE:
            self._active[run.uid] = run
            return None
        if run.uid not in self._active:
            return None
        if run.outcome is Outcome.SUCCEEDED:
            return self._end(run, End.SUCCEEDED)
        why = ": ".join(filter(None, (run.failure.reason, run.failure.message))) if run.failure else ""
        return self._end(run, End.FAILED, why)

    def gone(self, run: Run) -> Ended | None:
        """A Job as it was when it was deleted."""
        ended = self.see(run)
        return self._end(self._active[run.uid], End.REMOVED) if run.uid in self._active else ended

    def listed(self, runs: Iterable[Run], active_before: Collection[str]) -> list[Ended]:
        """All Jobs as they are: one that was active before they were asked for, and is not among them, is gone."""
        runs = list(runs)
        ended = [self.see(run) for run in runs]
        missing = set(active_before).difference(run.uid for run in runs).intersection(self._active)
        ended += [self._end(self._active[uid], End.REMOVED) for uid in missing]
        return sorted(filter(None, ended), key=lambda one: one.occurrence_ms)

    def _end(self, run: Run, end: End, why: str = "") -> Ended | None:
        self._active.pop(run.uid)
        ended = self._ended[run.uid] = Ended(run.name, run.occurrence_ms, end, why)
        if run.occurrence_ms not in self._times:
            return None
        self._numbers[end] += 1
        return ended
