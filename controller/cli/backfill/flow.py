"""A backfill from its plan to its end: told, asked for, carried out, interrupted."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from controller.cli.backfill.plan import Plan, make_plan
from controller.cli.backfill.progress import audience
from controller.cli.backfill.run import Backfill, Result
from controller.cli.backfill.words import (
    how_to_go_on,
    plan_object,
    plan_table,
    question,
    result_line,
    result_object,
    template_error,
)
from controller.cli.cluster import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE, CommandError, failed, reach, read_timer
from controller.cli.flags import where_of
from controller.cli.output import coloured, dump
from controller.core.backfill import End, Span


async def backfill(options: argparse.Namespace, span: Span, now_ms: int) -> int:
    """Do what the flags say; the exit code. Raises what `cluster.run` turns into a line."""
    is_table = options.output == "table"
    async with reach(where_of(options)) as cluster:
        obj = await read_timer(cluster, options.name)
        plan = await make_plan(cluster.api, obj, span, options.limit, options.again, now_ms)
        if is_table:
            typer.echo(plan_table(plan, options.max_concurrent), color=coloured())
        elif not _begins_unasked(plan, options):
            typer.echo(dump({"plan": plan_object(plan, options.max_concurrent)}, options.output))
        ending = _may_begin(plan, options)
        if ending is not None:
            return ending
        attempt = Backfill(cluster.api, plan, options.max_concurrent, options.stop_on_failure, audience(is_table))
        with _interrupting(attempt):
            result = await attempt.run()
    if is_table and (plan.left or result.ended or result.unfinished):
        typer.echo(result_line(result), color=coloured())
    elif not is_table:
        told = {"plan": plan_object(plan, options.max_concurrent), "result": result_object(result)}
        typer.echo(dump(told, options.output))
    return _exit_code(result)


def _may_begin(plan: Plan, options: argparse.Namespace) -> int | None:
    """None where it may; else the exit code with which it ends here. Raises CommandError where something is wrong."""
    if not plan.times:
        return 0
    if plan.template_problem:
        raise CommandError(template_error(plan))
    if plan.refused_now:
        raise CommandError(plan.refused_now)
    if options.dry_run:
        return 0
    if _begins_unasked(plan, options):
        return None
    if options.output != "table" or not _on_a_terminal():
        typer.echo("nothing was created: this is what it would do, give --yes to do it", err=True)
        return EXIT_USAGE
    if _ask(question(plan)):
        return None
    raise CommandError("nothing was created")


def _begins_unasked(plan: Plan, options: argparse.Namespace) -> bool:
    is_possible = plan.times and not plan.template_problem and not plan.refused_now and not options.dry_run
    # To wait for Jobs that are there creates nothing, and needs no leave.
    return bool(is_possible and (options.yes or not plan.left))


def _exit_code(result: Result) -> int:
    if result.interrupted:
        typer.echo(f"interrupted: {how_to_go_on(result)}", err=True)
        return EXIT_INTERRUPTED
    if result.stopped:
        code = failed(CommandError(result.stopped))
        if result.left and result.to_be_continued:
            typer.echo(f"stopped: {how_to_go_on(result)}", err=True)
        return code
    return EXIT_FAILED if result.number(End.FAILED) else 0


def _on_a_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _ask(what: str) -> bool:
    # asyncio keeps Ctrl-C for itself, and a prompt would not end by it.
    kept = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        typer.echo(f"{what} [y/N] ", nl=False, err=True)
        return input().strip().lower() in ("y", "yes")
    except (EOFError, KeyboardInterrupt):
        typer.echo(err=True)
        raise CommandError("nothing was created", EXIT_INTERRUPTED) from None
    finally:
        signal.signal(signal.SIGINT, kept)


@contextmanager
def _interrupting(attempt: Backfill) -> Iterator[None]:
    """Let Ctrl-C end it in order; a second one at once, which costs no more than a kill does."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    signals = (signal.SIGINT, signal.SIGTERM)
    pressed = 0

    def interrupt() -> None:
        nonlocal pressed
        pressed += 1
        attempt.interrupt()
        if pressed > 1 and task is not None:
            task.cancel()

    for number in signals:
        loop.add_signal_handler(number, interrupt)
    try:
        yield
    except asyncio.CancelledError:
        raise CommandError("interrupted: the same command goes on", EXIT_INTERRUPTED) from None
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
