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
    """Of the Jobs that were created suspended those that will never be committed.

    To commit one takes a status of the generation that it was made from, which has not decided about it yet. Where the
    timer is of another by now, or its status has decided otherwise, that is no more.
    """
    chosen = timer.recorded.committed_uids
    return [run for run in uncommitted if run.uid not in chosen and _is_lost(timer, run)]


def _is_lost(timer: Timer, run: Run) -> bool:
    if run.uncommitted is not None and run.uncommitted < timer.generation:
        return True
    if run.by_hand:
        return not is_for(run.request_key, timer.open_request)
    return run.occurrence_ms <= max(timer.recorded.handled_through_ms or 0, timer.recorded.committed_ms)


def expires_at_ms(timer: Timer) -> int | None:
    """When to delete the timer, as its status tells of its completion; None for never."""
    complete = condition(timer.status, "Complete")
    if timer.policy.complete_ttl_ms is None or timer.being_deleted or timer.open_request:
        return None
    if complete.get("observedGeneration") != timer.generation:
        return None
    return parse_rfc3339(complete["lastTransitionTime"]) + timer.policy.complete_ttl_ms
