"""What a spec says about runs that meet others, come late, or fail."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from controller.core.problems import SpecError, cut
from controller.core.reasons import Reason
from controller.core.sharing import shared
from controller.core.spec import Spec

ON_TIME_MS = 60_000
"""With missedRunPolicy Skip and no startingDeadlineSeconds, a run that is later than this does not start."""


class Concurrency(StrEnum):
    """What becomes of a run that is due while another one is active."""

    ALLOW = "Allow"
    FORBID = "Forbid"
    REPLACE = "Replace"


class Guarantee(StrEnum):
    """What holds for the Jobs of one occurrence."""

    STANDARD = "Standard"
    """One Job, while that Job is retained."""
    STRICT = "Strict"
    """One Job that ever runs."""


class MissedRuns(StrEnum):
    """Which of the runs that are overdue still run."""

    LATEST = "Latest"
    SKIP = "Skip"
    ALL = "All"


@dataclass(frozen=True, slots=True)
class Policy:
    """The policies of one timer, with the defaults of a CronJob."""

    concurrency: Concurrency = Concurrency.ALLOW
    missed_runs: MissedRuns = MissedRuns.LATEST
    missed_limit: int = 100
    """With All: so many overdue runs run, the newest ones."""
    deadline_ms: int | None = None
    """startingDeadlineSeconds: a run that is later is missed."""
    max_failures: int | None = None
    """So many failed runs in a row stop the timer."""
    successful_history: int = 3
    failed_history: int = 1
    complete_ttl_ms: int | None = None
    """How long a timer outlives its completion."""
    guarantee: Guarantee = Guarantee.STANDARD

    @property
    def latest_start_ms(self) -> int | None:
        """How late a run may start; None for however late."""
        if self.deadline_ms is None and self.missed_runs is MissedRuns.SKIP:
            return ON_TIME_MS
        return self.deadline_ms


_Choice = TypeVar("_Choice", bound=StrEnum)


_FIELDS = (
    "concurrencyPolicy",
    "missedRunPolicy",
    "missedRunLimit",
    "startingDeadlineSeconds",
    "maxConsecutiveFailures",
    "successfulJobsHistoryLimit",
    "failedJobsHistoryLimit",
    "ttlSecondsAfterComplete",
    "guarantee",
)


def read_policy(spec: Spec) -> Policy:
    """Read the policies of a spec; raises SpecError. Equal ones are shared."""
    policy = _policy(*(spec.get(field) for field in _FIELDS))
    if policy.missed_runs is MissedRuns.ALL and policy.concurrency is Concurrency.REPLACE:
        raise SpecError(
            Reason.INVALID_SPEC,
            "spec.missedRunPolicy All is not accepted beside concurrencyPolicy Replace, as each run made up for would "
            "replace the one before: choose Forbid or Allow, or Latest or Skip",
        )
    if policy.guarantee is Guarantee.STRICT and _born_suspended(spec):
        raise SpecError(
            Reason.INVALID_SPEC,
            "spec.guarantee Strict is not accepted beside jobTemplate.spec.suspend true, as it starts its Jobs itself: "
            "remove jobTemplate.spec.suspend, or choose Standard where something else starts them, as Kueue does",
        )
    return policy


@shared(1024)
def _policy(*values: Any) -> Policy:
    spec, default = dict(zip(_FIELDS, values, strict=True)), Policy()
    return Policy(
        concurrency=_choice(spec, "concurrencyPolicy", default.concurrency),
        missed_runs=_choice(spec, "missedRunPolicy", default.missed_runs),
        missed_limit=_or(spec["missedRunLimit"], default.missed_limit),
        deadline_ms=_milliseconds(spec["startingDeadlineSeconds"]),
        max_failures=spec["maxConsecutiveFailures"],
        successful_history=_or(spec["successfulJobsHistoryLimit"], default.successful_history),
        failed_history=_or(spec["failedJobsHistoryLimit"], default.failed_history),
        complete_ttl_ms=_milliseconds(spec["ttlSecondsAfterComplete"]),
        guarantee=_choice(spec, "guarantee", default.guarantee),
    )


def _born_suspended(spec: Spec) -> bool:
    part: object = spec
    for field in ("jobTemplate", "spec", "suspend"):
        part = part.get(field) if isinstance(part, Mapping) else None
    return bool(part)


def _choice(spec: Spec, field: str, default: _Choice) -> _Choice:
    value = spec.get(field)
    if value is None:
        return default
    kind = type(default)
    if value not in tuple(kind):
        accepted = ", ".join(kind)
        raise SpecError(Reason.INVALID_SPEC, f"spec.{field} {cut(repr(value))} is not accepted: choose from {accepted}")
    return kind(value)


def _or(value: int | None, default: int) -> int:
    return default if value is None else value


def _milliseconds(seconds: int | None) -> int | None:
    return None if seconds is None else seconds * 1000
