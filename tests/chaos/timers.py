"""The timers of a run, drawn from its seed: every kind of schedule, every policy, in the proportions given here."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.chaos.occurrences import Spec

NAMESPACES = ("chaos-a", "chaos-b", "chaos-c")
EDIT = "chaos/edit"
"""Annotation in a template, and so on its Jobs: the number of the edit that they were made of."""

_ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo")


@dataclass(frozen=True)
class Planned:
    """A timer to create. `spec` has `at` as a distance from its creation, in seconds."""

    namespace: str
    name: str
    spec: dict[str, Any]
    touched: bool
    """Whether users edit, suspend, delete it; most timers are left in peace, so that nothing hides behind edits."""


def plan_timers(chance: random.Random, count: int, mean_s: float, strict_part: float = 0.0) -> list[Planned]:
    """So many timers, with intervals around a mean; some under guarantee Strict."""
    timers = []
    for number in range(count):
        kind = chance.choices(list(KINDS), [weight for weight, _ in KINDS.values()])[0]
        spec = KINDS[kind][1](chance, mean_s)
        if chance.random() < strict_part:
            spec["guarantee"] = "Strict"
        spec["jobTemplate"] = _template(chance, spec)
        name = f"{kind}-{number:03}"
        timers.append(Planned(chance.choice(NAMESPACES), name, spec, chance.random() < 0.3))
    return timers


def other_timing(chance: random.Random, spec: Spec) -> dict[str, Any]:
    """What to change in a spec so that it fires at other times; None removes a field."""
    kinds = ("schedule", "schedules", "every", "at", "afterCreation", "timeZone", "exclude")
    removed: dict[str, Any] = {field: None for field in kinds if field in spec}
    if "at" in spec or "afterCreation" in spec:
        return removed | {"at": chance.randint(5, 20)}
    interval = duration(chance, 8)
    if chance.random() < 0.5:
        return removed | {"every": f"{interval}s"}
    return removed | {"schedule": f"*/{min(interval, 30)} * * * * *"}


def duration(chance: random.Random, mean_s: float) -> int:
    """Seconds of an interval: around a mean, never below 2."""
    return max(2, round(mean_s * chance.choice((0.4, 0.6, 0.8, 1.0, 1.3, 1.9))))


def _every(chance: random.Random, mean_s: float) -> dict[str, Any]:
    return {"every": f"{duration(chance, mean_s)}s"}


def _seconds(chance: random.Random, mean_s: float) -> dict[str, Any]:
    interval = min(duration(chance, mean_s), 30)
    zone = {"timeZone": chance.choice(_ZONES)} if chance.random() < 0.5 else {}
    if chance.random() < 0.5:
        return {"schedule": f"*/{interval} * * * * *"} | zone
    some = sorted(chance.sample(range(60), max(60 // interval, 1)))
    return {"schedule": f"{','.join(map(str, some))} * * * * *"} | zone


def _minutes(chance: random.Random, _: float) -> dict[str, Any]:
    return {"schedule": chance.choice(("* * * * *", "* * * * *", "*/2 * * * *", "1,3,4,7,9,12,15,20,31,42,53 * * * *"))}


def _several(chance: random.Random, mean_s: float) -> dict[str, Any]:
    one, other = _seconds(chance, mean_s * 2), _seconds(chance, mean_s * 2)
    return {"schedules": [{"cron": one["schedule"]}, {"cron": other["schedule"], "timeZone": chance.choice(_ZONES)}]}


def _jitter(chance: random.Random, mean_s: float) -> dict[str, Any]:
    return _every(chance, mean_s) | {"jitter": f"{chance.randint(1, 3)}s"}


def _exclude(chance: random.Random, mean_s: float) -> dict[str, Any]:
    some = sorted(chance.sample(range(60), 20))
    return _seconds(chance, mean_s * 0.7) | {"exclude": [{"cron": f"{','.join(map(str, some))} * * * *"}]}


def _forbid(chance: random.Random, mean_s: float) -> dict[str, Any]:
    return _every(chance, mean_s) | {"concurrencyPolicy": "Forbid"}


def _replace(chance: random.Random, mean_s: float) -> dict[str, Any]:
    return _every(chance, mean_s) | {"concurrencyPolicy": "Replace"}


def _all(chance: random.Random, mean_s: float) -> dict[str, Any]:
    if chance.random() < 0.2:
        # Runs that are made up for come one after the other: there has to be time for them.
        return _every(chance, mean_s * 3) | {"missedRunPolicy": "All", "concurrencyPolicy": "Forbid"}
    return chance.choice((_every, _seconds))(chance, mean_s) | {"missedRunPolicy": "All"}


def _skip(chance: random.Random, mean_s: float) -> dict[str, Any]:
    deadline = {"startingDeadlineSeconds": chance.randint(3, 20)}
    return _every(chance, mean_s) | chance.choice((deadline, {"missedRunPolicy": "Skip"} | deadline))


def _at(chance: random.Random, _: float) -> dict[str, Any]:
    return {"at": chance.randint(6, 40)}


def _after(chance: random.Random, _: float) -> dict[str, Any]:
    return {"afterCreation": f"{chance.randint(5, 40)}s"}


KINDS: dict[str, tuple[int, Callable[[random.Random, float], dict[str, Any]]]] = {
    "every": (30, _every),
    "seconds": (16, _seconds),
    "minutes": (6, _minutes),
    "several": (6, _several),
    "jitter": (6, _jitter),
    "exclude": (5, _exclude),
    "forbid": (8, _forbid),
    "replace": (6, _replace),
    "all": (8, _all),
    "skip": (6, _skip),
    "at": (1, _at),
    "after": (1, _after),
}
"""By name: how many of a hundred, and how its spec is drawn."""


def _template(chance: random.Random, spec: Spec) -> dict[str, Any]:
    container = {"name": "main", "image": "never-pulled"}
    job: dict[str, Any] = {"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}}
    if spec.get("guarantee") == "Strict":
        # One that has nothing to complete would be complete while it is suspended still.
        job |= {"parallelism": 0, "backoffLimit": 0, "activeDeadlineSeconds": 1}
    elif spec.get("concurrencyPolicy") and spec.get("missedRunPolicy") != "All":
        # It has no Pods, stays active, and is failed by its deadline.
        job |= {"parallelism": 0, "backoffLimit": 0, "activeDeadlineSeconds": chance.choice((1, 2, 4, 15))}
    elif chance.random() > 0.03:
        # Nothing to complete: it is complete as soon as the Job controller sees it.
        job |= {"parallelism": 0, "completions": 0}
    if chance.random() < 0.25:
        job["ttlSecondsAfterFinished"] = chance.choice((0, 0, 1, 5))
    return {"metadata": {"annotations": {EDIT: "0"}}, "spec": job}
