"""The plan of a run: a function of its seed. What breaks when, what users do when, and which timers there are."""

import random
from dataclasses import dataclass

from tests.chaos.timers import Planned, plan_timers

FAULTS = {
    "kill worker": 10,
    "kill controller": 5,
    "stop worker": 8,
    "stop controller": 4,
    "redis killed and restarted empty": 2,
    "redis wiped": 2,
    "redis restored from an older snapshot": 2,
    "redis failed over": 3,
    "redis clock moved": 4,
    "redis key lost": 3,
    "redis hangs": 2,
    "redis connections cut": 3,
    "subscriptions cut": 3,
    "api delay": 5,
    "api reset": 5,
    "api 429": 4,
    "api 500": 3,
    "api 503": 3,
    "api commit and drop": 8,
    "api hang": 4,
    "api blackout": 3,
    "watches cut": 5,
    "api server killed": 1,
}
"""By kind: how often, beside the others."""

NOT_SHORT = ("redis failed over", "redis hangs", "api server killed", "api hang")
"""Takes longer to recover from than a short run has, or needs Sentinels."""

USERS = {
    "edit timing": 8,
    "edit template": 6,
    "suspend": 4,
    "resume": 5,
    "delete and recreate": 4,
    "run by hand": 8,
    "delete jobs": 8,
    "create one-shot": 6,
}

_LONGER_THAN_A_LEASE_S = (6.0, 14.0)


@dataclass(frozen=True)
class Action:
    """Something to do `at_s` seconds after the start. `who` chooses among those there are, `amount` is from 0 to 1."""

    at_s: float
    kind: str
    who: int
    seconds: float
    amount: float


@dataclass(frozen=True)
class Plan:
    """Everything that the seed decides."""

    seed: int
    timers: list[Planned]
    faults: list[Action]
    users: list[Action]


def make_plan(
    seed: int,
    seconds: float,
    timers: int,
    faults: int,
    users: int,
    mean_s: float,
    strict_part: float = 0.0,
    kinds: dict[str, int] | None = None,
) -> Plan:
    """The plan of so many faults and actions of users within so many seconds."""
    return Plan(
        seed,
        plan_timers(random.Random(f"{seed}/timers"), timers, mean_s, strict_part),
        _actions(random.Random(f"{seed}/faults"), kinds or FAULTS, seconds, faults),
        _actions(random.Random(f"{seed}/users"), USERS, seconds, users),
    )


def _actions(chance: random.Random, kinds: dict[str, int], seconds: float, count: int) -> list[Action]:
    # Every kind at least once, where there is room: by chance alone a rare one could stay away.
    chosen = list(kinds)[: count if count >= len(kinds) else 0]
    chosen += chance.choices(list(kinds), list(kinds.values()), k=count - len(chosen))
    chance.shuffle(chosen)
    instants = sorted(chance.uniform(0, seconds) for _ in chosen)
    return [
        Action(round(at_s, 3), kind, chance.randrange(1 << 30), round(_seconds(chance, kind), 2), chance.random())
        for at_s, kind in zip(instants, chosen, strict=True)
    ]


def _seconds(chance: random.Random, kind: str) -> float:
    """How long a fault lasts."""
    if kind.startswith("stop "):
        return chance.uniform(*_LONGER_THAN_A_LEASE_S)
    if kind == "redis clock moved":
        return chance.uniform(3, 12)
    if kind == "redis hangs":
        return chance.uniform(0.5, 6)
    return chance.uniform(1, 8)
