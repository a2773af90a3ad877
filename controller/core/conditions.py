"""The conditions of a timer, as kstatus reads them: Ready always, the others where there is something to say."""

from collections.abc import Mapping
from typing import Any

from controller.core.commit import read_commits
from controller.core.instants import rfc3339
from controller.core.news import News
from controller.core.reasons import COMPLETE_REASONS, CREATE_PROBLEMS, TEMPLATE_REASONS, Reason
from controller.core.report import Report
from controller.core.schedule.occurrences import never_fires
from controller.core.template import PROBLEM, TemplateCheck, is_misspelt
from controller.core.timer import Timer, condition

_REQUEST_REFUSED = "The Job that was asked for by hand was refused: "

_Ready = tuple[bool, Reason, str]


def conditions_of(
    timer: Timer,
    status: Mapping[str, Any],
    news: News,
    next_ms: int | None,
    stopped: bool,
    template: TemplateCheck | None,
) -> list[dict[str, Any]]:
    """All conditions of a status that is complete but for them; without their dates.

    Ready always; TemplateValid once the template was checked; Stalled, Suspended and Complete only while they hold.
    """
    checked = _template_valid(timer, template, news)
    is_over = next_ms is None and not status["activeCount"] and all(one.started for one in read_commits(status))
    ready, reason, message = (
        _spec_problem(timer)
        or _create_problem(timer, news, is_over)
        or _template_problem(checked)
        or _well(timer, status, is_over, stopped)
    )
    conditions = [_condition(timer, "Ready", str(ready), reason, message)]
    if checked is not None:
        conditions.append(checked)
    if not ready and (timer.problem is not None or reason is Reason.INVALID_TEMPLATE):
        conditions.append(_condition(timer, "Stalled", "True", reason, message))
    if timer.suspended:
        conditions.append(_condition(timer, "Suspended", "True", Reason.SUSPENDED, "spec.suspend is true."))
    elif stopped:
        conditions.append(_condition(timer, "Suspended", "True", Reason.TOO_MANY_FAILURES, _stop(status)))
    if reason in COMPLETE_REASONS:
        conditions.append(_condition(timer, "Complete", "True", reason, message))
    return conditions


def _condition(timer: Timer, kind: str, status: str, reason: Reason, message: str) -> dict[str, Any]:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "observedGeneration": timer.generation,
    }


def _template_valid(timer: Timer, template: TemplateCheck | None, news: News) -> dict[str, Any] | None:
    """What this check found, else what an earlier one of the same generation did."""
    if template is not None and template.generation == timer.generation:
        reasons = {True: Reason.TEMPLATE_ACCEPTED, False: Reason.INVALID_TEMPLATE, None: Reason.TEMPLATE_NOT_CHECKED}
        state = "Unknown" if template.valid is None else str(template.valid)
        return _condition(timer, "TemplateValid", state, reasons[template.valid], template.message)
    before = condition(timer.status, "TemplateValid")
    if before.get("observedGeneration") != timer.generation or before["reason"] not in TEMPLATE_REASONS:
        # Of no check, or of one that somebody else claims to have made.
        return None
    if before["status"] == "False" and news.started and not is_misspelt(before["message"]):
        # A policy refused it, and does no longer.
        return None
    return _condition(timer, "TemplateValid", before["status"], Reason(before["reason"]), before["message"])


def _spec_problem(timer: Timer) -> _Ready | None:
    return None if timer.problem is None else (False, timer.problem.reason, timer.problem.message)


def _create_problem(timer: Timer, news: News, is_over: bool) -> _Ready | None:
    """Whether the youngest attempt to create a Job failed, by the reports or else by the status written before.

    Once no run is left, a refused one was missed, and nothing will mend it.
    """
    if is_over and not timer.open_request:
        return None
    if news.refused is not None:
        return False, news.refused.reason, _refusal(news.refused)
    before = condition(timer.status, "Ready")
    if before.get("reason") not in CREATE_PROBLEMS or before.get("observedGeneration") != timer.generation:
        return None
    withdrawn = before["message"].startswith(_REQUEST_REFUSED) and not timer.open_request
    if news.started or withdrawn or before["message"].startswith(PROBLEM):
        return None
    return False, Reason(before["reason"]), before["message"]


def _refusal(report: Report) -> str:
    if report.request_key:
        return f"{_REQUEST_REFUSED}{report.message}"
    return f"The Job of {rfc3339(report.occurrence_ms)} was refused: {report.message}"


def _template_problem(checked: Mapping[str, Any] | None) -> _Ready | None:
    if checked is None or checked["status"] != "False":
        return None
    return False, Reason.INVALID_TEMPLATE, checked["message"]


def _well(timer: Timer, status: Mapping[str, Any], is_over: bool, stopped: bool) -> _Ready:
    if is_over:
        if timer.schedule is not None and never_fires(timer.schedule):
            return True, Reason.NEVER_FIRES, _warned(timer, "The schedule never fires: it has no occurrence at all.")
        if "lastScheduleTime" not in status:
            return True, Reason.MISSED, "No occurrence lies in the future, and none has run."
        if failed := status["runs"]["failed"]:
            return True, Reason.COMPLETED_WITH_FAILURES, f"No occurrence is left; {failed} run(s) failed."
        return True, Reason.COMPLETE, "No occurrence is left and no Job is active."
    if timer.suspended:
        return True, Reason.SUSPENDED, _warned(timer, "spec.suspend is true: nothing fires until it is false.")
    if stopped:
        return True, Reason.TOO_MANY_FAILURES, _stop(status)
    return True, Reason.SCHEDULED, _warned(timer, "The timer fires as scheduled.")


def _stop(status: Mapping[str, Any]) -> str:
    return (
        f"{status['consecutiveFailures']} runs in a row failed: nothing fires until the spec is edited, or a run asked "
        "for by hand succeeds."
    )


def _warned(timer: Timer, message: str) -> str:
    """The message, and what the spec says that surely means something else."""
    remarks = timer.timing.remarks if timer.timing else ()
    return f"{message} Warning: {'; '.join(remarks)}." if remarks else message
