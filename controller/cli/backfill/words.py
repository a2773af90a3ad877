"""What a backfill says: the plan and the result for people and for programs, and progress in between."""

from collections.abc import Mapping
from typing import Any

import typer

from controller.cli.backfill.plan import Plan
from controller.cli.backfill.run import Result
from controller.cli.columns import printable
from controller.cli.flags import program
from controller.core.backfill import End, Span
from controller.core.instants import rfc3339
from controller.core.policy import Concurrency
from controller.core.timer import Timer

_NAMES_SHOWN = 5


def plan_table(plan: Plan, max_concurrent: int) -> str:
    """The plan for people, a block of lines."""
    timer = plan.timer
    title = typer.style(f"{timer.namespace}/{timer.name}", bold=True)
    summary = timer.timing.summary if timer.timing else ""
    lines = ["  ".join(filter(None, (title, summary, (plan.obj.get("spec") or {}).get("timeZone"))))]
    lines += [f"  {label:<9} {text}" for label, text in _facts(plan, max_concurrent)]
    lines += [f"  {typer.style('warning', fg='yellow')}: {printable(text)}" for text in _warnings(plan)]
    return "\n".join(lines)


def plan_object(plan: Plan, max_concurrent: int) -> dict[str, Any]:
    """The plan for programs."""
    timer = plan.timer
    return {
        "namespace": timer.namespace,
        "name": timer.name,
        "uid": timer.uid,
        **_span(plan.span),
        "times": len(plan.times),
        "first": _instant(plan.times[:1]),
        "last": _instant(plan.times[-1:]),
        "through": rfc3339(plan.begun.through_ms) if plan.begun else None,
        "left": len(plan.left),
        "withJob": len(plan.with_job),
        "toCreate": plan.to_create,
        "maxConcurrent": max_concurrent,
        "templateProblem": plan.template_problem or None,
        "refusedNow": plan.refused_now or None,
        "warnings": _warnings(plan),
    }


def result_object(result: Result) -> dict[str, Any]:
    """The result for programs."""
    return {
        "created": result.created,
        "found": result.found,
        "adopted": result.adopted,
        **{end.value: [ended.name for ended in result.ended if ended.end is end] for end in End},
        "unfinished": list(result.unfinished),
        "through": rfc3339(result.through_ms),
        "left": result.left,
        "stopped": "interrupted" if result.interrupted else result.stopped or None,
    }


def result_line(result: Result) -> str:
    """The result for people."""
    parts = [f"{_number(result.created, 'Job')} created"]
    if result.adopted:
        parts.append(f"{result.adopted} of an earlier attempt waited for")
    if result.found:
        parts.append(f"{result.found} found that existed")
    ends = [f"{result.number(end)} {end}" for end in End if result.number(end) or end is not End.REMOVED]
    if result.unfinished:
        ends.append(f"{len(result.unfinished)} not finished")
    line = f"{', '.join(parts)}: {', '.join(ends)}"
    if failed := [ended.name for ended in result.ended if ended.end is End.FAILED]:
        more = f" and {len(failed) - _NAMES_SHOWN} more" if len(failed) > _NAMES_SHOWN else ""
        line += f"\n{typer.style('failed', fg='red')}: {', '.join(failed[:_NAMES_SHOWN])}{more}"
    if result.number(End.REMOVED):
        line += "\nremoved: deleted before anybody could see how they ended, by the history limits for example"
    return line


def template_error(plan: Plan) -> str:
    """Why no Job can be created."""
    problem = printable(" ".join(plan.template_problem.split()))
    return f"the API server would refuse these Jobs, correct spec.jobTemplate first: {problem}"


def question(plan: Plan) -> str:
    """What has to be agreed to."""
    what = f"Create {_number(plan.to_create, 'Job')}" if plan.to_create else "Go through them all the same"
    return f"{what}, and forget the other backfill?" if plan.replaced else f"{what}?"


def how_to_go_on(result: Result) -> str:
    """What an attempt that did not come to its end has left behind."""
    running = f"{_number(len(result.unfinished), 'Job')} not finished" if result.unfinished else "no Job is active"
    if not result.left:
        return f"every nominal time has its Job, {running}. The same command waits for the end"
    return (
        f"{_number(result.left, 'nominal time')} left, after {rfc3339(result.through_ms)}; {running}. "
        "The same command goes on there"
    )


def _facts(plan: Plan, max_concurrent: int) -> list[tuple[str, str]]:
    facts = [("span", _words(plan.span)), ("times", _times(plan))]
    if not plan.times:
        return facts
    if plan.begun:
        facts.append(("progress", f"begun before and done through {rfc3339(plan.begun.through_ms)}"))
    if plan.left:
        at_once = "one after the other" if max_concurrent == 1 else f"at most {max_concurrent} unfinished at a time"
        there = f"; {_number(len(plan.with_job), 'time')} with a Job already" if plan.with_job else ""
        facts.append(("jobs", f"{plan.to_create} to create, {at_once}{there}"))
        policy = plan.timer.policy
        kept = f"{policy.successful_history} that succeeded, {policy.failed_history} that failed"
        facts.append(("kept", f"{kept}: the timer's history limits hold for these Jobs, too"))
    else:
        facts.append(("jobs", "nothing is left to create: --again starts over"))
    return facts


def _times(plan: Plan) -> str:
    if len(plan.times) > 1:
        return f"{len(plan.times)}, the first {rfc3339(plan.times[0])}, the last {rfc3339(plan.times[-1])}"
    if plan.times:
        return f"1, {rfc3339(plan.times[0])}"
    if plan.span.from_ms >= plan.timer.created_ms:
        return "none"
    return (
        f"none; the timer was created at {rfc3339(plan.timer.created_ms)}, and an every without startTime, an @every "
        "and an afterCreation have none before"
    )


def _warnings(plan: Plan) -> list[str]:
    warnings = [_meeting(plan.timer)] if plan.meets_schedule and plan.left else []
    if plan.replaced:
        record = plan.replaced
        warnings.append(
            f"another backfill of this timer is not finished, {_words(record.span)}, done through "
            f"{rfc3339(record.through_ms)}: this one takes its place, and what that has done is forgotten"
        )
    if plan.unreadable:
        warnings.append("the timer's annotation redistimer.dev/backfill says nothing that can be read: it is replaced")
    if plan.begun and plan.left:
        warnings.append("if that is still running somewhere, it stops when this one begins")
    return warnings


def _meeting(timer: Timer) -> str:
    if timer.policy.concurrency is Concurrency.FORBID:
        found = "Forbid: a scheduled run that is due while a Job of this backfill is active is skipped"
    else:
        found = "Replace: a scheduled run that is due while Jobs of this backfill are active deletes them"
    return f"concurrencyPolicy is {found}; {program()} suspend {timer.name} keeps the two apart"


def _words(span: Span) -> str:
    return f"after {rfc3339(span.from_ms)} and until {rfc3339(span.to_ms)}"


def _span(span: Span) -> Mapping[str, str]:
    return {"from": rfc3339(span.from_ms), "to": rfc3339(span.to_ms)}


def _instant(times: tuple[int, ...]) -> str | None:
    return rfc3339(times[0]) if times else None


def _number(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
