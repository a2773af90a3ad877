"""Which finished Jobs to remove: all but the youngest few, as the history limits say."""

from collections.abc import Iterable

from controller.core.job import Outcome, Run
from controller.core.timer import Timer


def surplus_runs(timer: Timer, runs: Iterable[Run]) -> list[Run]:
    """The finished runs beyond successfulJobsHistoryLimit and failedJobsHistoryLimit, oldest first."""
    ordered = sorted((run for run in runs if not run.gone), key=lambda run: run.occurrence_ms)
    limits = {Outcome.SUCCEEDED: timer.successful_history, Outcome.FAILED: timer.failed_history}
    surplus: list[Run] = []
    for outcome, limit in limits.items():
        finished = [run for run in ordered if run.outcome is outcome]
        surplus += finished[: len(finished) - limit] if limit < len(finished) else []
    return surplus
