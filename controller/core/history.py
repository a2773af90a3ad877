"""What is not kept: finished Jobs beyond the youngest few, and a timer that has been complete for long enough."""

from collections.abc import Iterable

from controller.core.identity import is_for
from controller.core.instants import parse_rfc3339
from controller.core.job import Outcome, Run
from controller.core.timer import Timer, condition


def surplus_runs(timer: Timer, runs: Iterable[Run]) -> list[Run]:
    """The finished runs beyond successfulJobsHistoryLimit and failedJobsHistoryLimit, oldest first."""
    # By creation: a run made up for, or asked for by hand, is as young as it looks, whatever its nominal time.
    ordered = sorted((run for run in runs if not run.gone), key=lambda run: (run.created_ms, run.occurrence_ms))
    limits = {Outcome.SUCCEEDED: timer.policy.successful_history, Outcome.FAILED: timer.policy.failed_history}
    surplus: list[Run] = []
    for outcome, limit in limits.items():
        finished = [run for run in ordered if run.outcome is outcome]
        surplus += finished[: len(finished) - limit] if limit < len(finished) else []
    return surplus


def losers(timer: Timer, uncommitted: Iterable[Run]) -> list[Run]:
    """Of the Jobs that were created suspended those that will never be committed: status has decided otherwise.

    To commit one takes a status that has not decided about it yet, and that status is no more.
    """
    recorded = timer.recorded
    decided_ms, chosen = (
        max(recorded.handled_through_ms or 0, recorded.committed_ms),
        {commit.job_uid for commit in recorded.commits},
    )
    return [
        run
        for run in uncommitted
        if run.uid not in chosen
        and (not is_for(run.request_key, timer.open_request) if run.by_hand else run.occurrence_ms <= decided_ms)
    ]


def expires_at_ms(timer: Timer) -> int | None:
    """When to delete the timer, as its status tells of its completion; None for never."""
    complete = condition(timer.status, "Complete")
    if timer.policy.complete_ttl_ms is None or timer.being_deleted or timer.open_request:
        return None
    if complete.get("observedGeneration") != timer.generation:
        return None
    return parse_rfc3339(complete["lastTransitionTime"]) + timer.policy.complete_ttl_ms
