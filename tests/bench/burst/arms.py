"""What is compared, and in which order. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

LIFTED = "--kube-api-qps=5000", "--kube-api-burst=10000", "--concurrent-cron-job-syncs=64"
"""Without limits of its own, CronJob is as fast as its design lets it be."""

DEFAULTS = "--kube-api-qps=20", "--kube-api-burst=30", "--concurrent-cron-job-syncs=5"
"""Kubernetes' own values: named, because the local stack has others."""

COMMON = ("--concurrent-job-syncs=5",)
"""Kubernetes' own value: the Job controller, whose CPU all arms pay for, works alike in each."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One of the systems that are compared, as one run has it on a stack of its own."""

    name: str
    title: str
    workers: int = 0
    uses_cronjobs: bool = False
    posts: bool = False
    """A process that does nothing but send the same Jobs takes the place of the workers."""
    limits: Sequence[str] = LIFTED
    once: bool = False
    patience_s: int = 180
    """So long after the instant Jobs and statuses are waited for; what is not there then is missed."""

    @property
    def flags(self) -> tuple[str, ...]:
        """Flags of its kube-controller-manager."""
        return (*COMMON, *self.limits)

    @property
    def is_ours(self) -> bool:
        """Whether workers of ours fire."""
        return self.workers > 0


CRONJOB, CRONJOB_DEFAULT, POSTS = "cronjob", "cronjob-default", "posts"

ARMS = {
    arm.name: arm
    for arm in (
        Arm("ours-1", "1 worker", workers=1),
        Arm("ours-2", "2 workers", workers=2),
        Arm("ours-4", "4 workers", workers=4),
        Arm(POSTS, "plain POSTs", posts=True),
        Arm(CRONJOB, "CronJob", uses_cronjobs=True),
        Arm(
            CRONJOB_DEFAULT,
            "CronJob, default limits",
            uses_cronjobs=True,
            limits=DEFAULTS,
            once=True,
            patience_s=900,
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Step:
    """One run of the plan. Rounds count from 1, for each number of timers anew."""

    timers: int
    round: int
    arm: Arm


def plan(arms: Sequence[Arm], sizes: Sequence[int], pairs: int) -> Iterator[Step]:
    """Round after round each arm once, every other round backwards: a drift of the machine then hits all alike.

    An arm that runs once does so after the rounds of the first size.
    """
    paired = [arm for arm in arms if not arm.once]
    for timers in sizes:
        for number in range(1, pairs + 1) if paired else ():
            for arm in paired if number % 2 else reversed(paired):
                yield Step(timers, number, arm)
        if timers == sizes[0]:
            yield from (Step(timers, 1, arm) for arm in arms if arm.once)


def next_minute_ms(not_before_ms: int) -> int:
    """The first full minute that is not before an instant: CronJob knows no finer ones."""
    return -(-not_before_ms // 60_000) * 60_000
