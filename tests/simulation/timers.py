"""Timers as users write them, and when they are due: arithmetic of its own, for the oracle."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

VERSION_LABEL = "version"
"""Of a jobTemplate: by it a Job tells which version of the spec it was made from."""

BROKEN_LABEL = "broken"
"""Of a Job that the API server refuses: a quota, as far as anybody can tell."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Every so many seconds from creation on, at every so many seconds of the clock, once, or nonsense."""

    kind: str
    seconds: int = 0
    at_ms: int = 0

    def fields(self) -> dict[str, Any]:
        """As a spec says it."""
        if self.kind == "every":
            return {"every": f"{self.seconds}s"}
        if self.kind == "cron":
            return {"schedule": f"*/{self.seconds} * * * * *"}
        if self.kind == "nonsense":
            return {"schedule": "61 * * * * *"}
        return {"at": datetime.fromtimestamp(self.at_ms / 1000, UTC).isoformat().replace("+00:00", "Z")}

    def between(self, created_ms: int, after_ms: int, until_ms: int) -> list[int]:
        """All occurrences with after < occurrence <= until."""
        if self.kind == "nonsense":
            return []
        if self.kind == "at":
            return [self.at_ms] if after_ms < self.at_ms <= until_ms else []
        step, anchor = self.seconds * 1000, created_ms if self.kind == "every" else 0
        first = anchor + ((after_ms - anchor) // step + 1) * step
        if self.kind == "every":
            first = max(first, created_ms + step)
        return list(range(first, until_ms + 1, step))


@dataclass(frozen=True, slots=True)
class Spec:
    """What a user asks for."""

    timing: Timing
    version: int = 1
    suspend: bool | None = None
    policy: str | None = None
    deadline_s: int | None = None
    concurrency: str | None = None
    history: tuple[int, int] | None = None
    run_s: float = 0.5
    """How long its Jobs take."""
    fails: float = 0.0
    """The part of them that fails."""
    ttl_s: int | None = None
    strict: bool = False
    broken: bool = False
    """Its Jobs are refused."""

    def manifest(self) -> dict[str, Any]:
        """The `spec` of the object."""
        optional = {
            "suspend": self.suspend,
            "missedRunPolicy": self.policy,
            "startingDeadlineSeconds": self.deadline_s,
            "concurrencyPolicy": self.concurrency,
            "guarantee": "Strict" if self.strict else None,
            "successfulJobsHistoryLimit": self.history and self.history[0],
            "failedJobsHistoryLimit": self.history and self.history[1],
        }
        given = {name: value for name, value in optional.items() if value is not None}
        job: dict[str, Any] = {"template": {"spec": {"containers": [{"name": "main"}]}}}
        if self.ttl_s is not None:
            job["ttlSecondsAfterFinished"] = self.ttl_s
        labels = {VERSION_LABEL: str(self.version)} | ({BROKEN_LABEL: "yes"} if self.broken else {})
        template = {"metadata": {"labels": labels}, "spec": job}
        return {**self.timing.fields(), **given, "jobTemplate": template}

    @property
    def forbids(self) -> bool:
        return self.concurrency in ("Forbid", "Replace")


@dataclass(slots=True)
class Version:
    """A spec from the moment on at which the API server took it."""

    spec: Spec
    generation: int
    since_ms: int
    fences: bool
    """Whether it changed more than the template: then nothing due before it fires any more."""
    undated: bool = False
    """Whether the object does not tell when: it only removed fields, or came in the second of a write of status."""
    known_ms: float = float("inf")
    """When a status first said that it is observed."""


@dataclass(slots=True)
class History:
    """All that became of one timer."""

    uid: str
    namespace: str
    name: str
    created_ms: int
    versions: list[Version] = field(default_factory=list)
    deleted_ms: int | None = None
    requests: dict[str, int] = field(default_factory=dict)
    """What was asked for by hand, and when."""

    @property
    def spec(self) -> Spec:
        return self.versions[-1].spec

    def cut_off_ms(self, occurrence_ms: int) -> float:
        """Until when an occurrence can fire: deletion, or the first edit after it that is a fence.

        Where nobody had seen the edit before, nobody can tell what lay between the two, and the second is one always.
        """
        ends = [math.inf if self.deleted_ms is None else self.deleted_ms]
        for before, version in pairwise(self.versions):
            if version.since_ms >= occurrence_ms and (version.fences or before.known_ms > version.since_ms):
                ends.append(version.since_ms)
        return min(ends)

    def policies(self, occurrence_ms: int) -> Iterator[Spec]:
        """The specs by which it can have been decided about an occurrence."""
        until_ms = self.cut_off_ms(occurrence_ms)
        for version, following in zip(self.versions, [*self.versions[1:], None], strict=True):
            if version.since_ms < until_ms and (following is None or following.since_ms >= occurrence_ms):
                yield version.spec

    def version(self, label: str) -> Version:
        """The version by its label."""
        return next(one for one in reversed(self.versions) if str(one.spec.version) == label)


def draw_spec(rng: random.Random, now_ms: int) -> Spec:
    """Some timer. Most are simple: what goes wrong with a simple one is easily understood."""
    kind = rng.choices(("every", "cron", "at", "nonsense"), (50, 40, 10, 3))[0]
    seconds = rng.choice((3, 4, 5, 6, 10)) if kind == "every" else rng.choice((4, 5, 6, 10, 12))
    at_ms = (now_ms // 1000 + rng.randint(3, 25)) * 1000
    return Spec(
        Timing(kind, seconds, at_ms),
        policy=rng.choice((None, None, "Latest", "All", "Skip")),
        deadline_s=rng.choice((None, None, None, 4, 20)),
        concurrency=rng.choice((None, None, None, "Allow", "Forbid")),
        history=rng.choice((None, None, (0, 0), (100, 100))),
        run_s=rng.choice((0.1, 0.1, 0.5, 1.0, 3.0, 7.0)),
        fails=rng.choice((0.0, 0.0, 0.3)),
        ttl_s=rng.choice((None, 0, 0, 1, 5)),
        strict=rng.random() < 0.3,
        broken=rng.random() < 0.05,
    )


def edited(rng: random.Random, spec: Spec, now_ms: int) -> tuple[Spec, bool, bool]:
    """Some edit: the new spec, whether it fences, and whether it leaves no trace."""
    if spec.suspend and rng.random() < 0.3:
        # Of a field that is removed the object shows no trace; of a changed template it would.
        return replace(spec, suspend=None), True, True
    spec = replace(spec, version=spec.version + 1)
    what = rng.choice(("template", "timing", "suspend", "suspend", "policy"))
    if what == "suspend":
        if spec.suspend:
            return replace(spec, suspend=rng.choice((None, False))), True, False
        return replace(spec, suspend=True), True, False
    if what == "timing":
        while True:
            timing = draw_spec(rng, now_ms).timing
            if timing.fields() != spec.timing.fields():
                return replace(spec, timing=timing), True, False
    if what == "policy":
        return replace(spec, policy=rng.choice((None, "All", "Skip"))), False, False
    return replace(spec, run_s=rng.choice((0.1, 0.5, 2.0))), False, False
