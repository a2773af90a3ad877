"""`redistimer next` without files: when the timers of a cluster will fire."""

import argparse
import asyncio
import gc
import sys
from collections.abc import AsyncIterator
from typing import Any

import typer

from controller.cli import times
from controller.cli.cluster import EXIT_FAILED, Cluster, CommandError, failed, reach, read_timer, run
from controller.cli.columns import aligned, printable
from controller.cli.flags import where_of
from controller.cli.forecast.answers import print_answers
from controller.cli.forecast.manifests import BadManifest, Manifest
from controller.cli.forecast.timeline import Firing, Held, Timeline, first_after, held_back
from controller.cli.forecast.upcoming import Forecast
from controller.cli.output import coloured, dump, json_line
from controller.cli.progress import Progress
from controller.core.instants import rfc3339
from controller.core.problems import cut
from controller.core.reasons import Reason
from controller.core.timer import Timer, parse_timer
from controller.kube import paths

_TITLES = ("LOCAL TIME", "UTC", "IN", "TIMER", "SCHEDULE", "NOTE")
_HELD_TITLES = ("TIMER", "REASON", "MESSAGE")
_HELD_SHOWN = 20
_SCHEDULE_WIDTH = 40
_MESSAGE_WIDTH = 100


def next_in_cluster(options: argparse.Namespace) -> int:
    """Print what the command line asks for; the exit code."""
    return run(_named(options) if options.names else _all(options))


async def _named(options: argparse.Namespace) -> int:
    answers: list[Forecast | BadManifest] = []
    problems: list[CommandError] = []
    not_ready = 0
    async with reach(where_of(options)) as cluster:
        for name in dict.fromkeys(options.names):
            try:
                obj = await read_timer(cluster, name)
            except CommandError as error:
                problems.append(error)
                continue
            timer = parse_timer(obj)
            held = held_back(obj, timer)
            answers.append(_forecast(obj, timer, held, options))
            not_ready += held is not None and held.is_not_ready
    print_answers(answers, options)
    sys.stdout.flush()
    for problem in problems:
        failed(problem)
    return EXIT_FAILED if not_ready or problems else 0


def _forecast(
    obj: dict[str, Any], timer: Timer, held: Held | None, options: argparse.Namespace
) -> Forecast | BadManifest:
    if timer.timing is None:
        return BadManifest(timer.name, timer.problem.message if timer.problem else "")
    return Forecast(
        manifest=Manifest(timer.namespace, timer.name, timer.created_ms, obj["spec"]),
        namespace=timer.namespace,
        start_ms=options.start,
        after_ms=first_after(timer, options.start, options.now),
        created_ms=timer.created_ms,
        timing=timer.timing,
        held=None if held is None or held.reason == Reason.SUSPENDED else (held.reason, held.message),
        stopped=timer.idle,
    )


async def _all(options: argparse.Namespace) -> int:
    timeline = Timeline(options.count, options.start, options.now)
    # What is read goes away without it, and looking through that again and again takes as long as all the rest.
    gc.disable()
    try:
        async with reach(where_of(options)) as cluster:
            await _read(cluster, timeline, options)
    finally:
        gc.enable()
    if not timeline.timers:
        where = "in this cluster" if options.all_namespaces else f"in namespace {cluster.namespace} (-A looks in all)"
        print(f"no RedisTimer {where}{f' matches {options.selector}' if options.selector else ''}", file=sys.stderr)
    if options.output == "yaml":
        typer.echo(dump(_told(timeline), "yaml"))
    elif options.output == "json":
        for told in _told(timeline):
            typer.echo(json_line(told))
    elif timeline.timers:
        typer.echo("\n".join(_lines(timeline, options.start)), color=coloured())
    return EXIT_FAILED if any(held.is_not_ready for held in timeline.held) else 0


async def _read(cluster: Cluster, timeline: Timeline, options: argparse.Namespace) -> None:
    parameters = {"labelSelector": options.selector} if options.selector else {}
    pages = cluster.api.pages(paths.timers(None if options.all_namespaces else cluster.namespace), **parameters)
    with Progress() as progress:
        page = await anext(pages, None)
        while page is not None:
            # While one page is worked through, the API server puts the next one together.
            following = asyncio.create_task(_next_page(pages))
            await asyncio.to_thread(timeline.add, page)
            progress.show(f"{timeline.timers:,} timers read ({{seconds}}s) ...")
            page = await following


async def _next_page(pages: AsyncIterator[list[dict[str, Any]]]) -> list[dict[str, Any]] | None:
    return await anext(pages, None)


def _told(timeline: Timeline) -> list[dict[str, Any]]:
    """An object for each timer that fires in this time, the first one first, and for each that is held back."""
    told: dict[tuple[str, str], dict[str, Any]] = {}
    for firing in timeline.firings:
        key = firing.namespace, firing.name
        timer = told.setdefault(key, {"namespace": firing.namespace, "name": firing.name, "next": []})
        timer["next"].append(rfc3339(firing.occurrence_ms))
        if firing.has_jitter:
            timer.setdefault("firesAt", []).append(rfc3339(firing.due_ms))
    for held in timeline.held:
        timer = told.setdefault(
            (held.namespace, held.name), {"namespace": held.namespace, "name": held.name, "next": []}
        )
        timer |= {"reason": held.reason, "message": held.message}
        if held.reason == Reason.SUSPENDED:
            timer["suspended"] = True
    return list(told.values())


def _lines(timeline: Timeline, start_ms: int) -> list[str]:
    not_ready = {(held.namespace, held.name): held.reason for held in timeline.held}
    rows = [_row(firing, start_ms, not_ready.get((firing.namespace, firing.name), "")) for firing in timeline.firings]
    lines = aligned(_TITLES, rows) if rows else ["  nothing is going to fire"]
    if timeline.held:
        shown = sorted(timeline.held)[:_HELD_SHOWN]
        lines += ["", typer.style("not ready, or held back:", bold=True)]
        lines += aligned(_HELD_TITLES, [_held_row(held) for held in shown])
        if more := len(timeline.held) - len(shown):
            lines.append(f"  ... and {more:,} more, which -o json shows")
    return lines


def _row(firing: Firing, start_ms: int, not_ready: str) -> tuple[str, ...]:
    shown_ms, jitter = times.firing(firing.occurrence_ms, firing.due_ms)
    return (
        times.here(shown_ms),
        rfc3339(shown_ms),
        times.wait(firing.due_ms - start_ms),
        f"{firing.namespace}/{firing.name}",
        printable(cut(firing.schedule, _SCHEDULE_WIDTH)),
        ", ".join(filter(None, (f"not ready: {not_ready}" if not_ready else "", jitter))),
    )


def _held_row(held: Held) -> tuple[str, ...]:
    return f"{held.namespace}/{held.name}", held.reason, printable(cut(held.message, _MESSAGE_WIDTH))
