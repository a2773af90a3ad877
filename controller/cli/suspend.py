"""`redistimer suspend` and `redistimer resume`: hold timers back, and let them go on."""

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

from controller.cli.cluster import Cluster, CommandError, reach, read_timer, run, timers_path
from controller.cli.flags import add_where, new_parser, program, where_of
from controller.cli.progress import Progress
from controller.cli.times import here, wait
from controller.core.instants import parse_rfc3339
from controller.core.reasons import COMPLETE_REASONS, Reason
from controller.core.timer import condition
from controller.kube import paths

Object = dict[str, Any]

_AT_A_TIME = 8
_TOLD_WITHIN_S = 5.0
_POLL_S = 0.25

_SUSPEND = """\
Stop RedisTimers from firing: spec.suspend becomes true.

What runs already goes on. What would have fired while a timer is suspended is not made up for later. A run by hand
(%(trigger)s) runs all the same."""

_RESUME = """\
Let suspended RedisTimers fire again: spec.suspend becomes false. A timer that stopped because of too many failures
starts again, too.

Nothing that would have fired in the meantime is made up for, whatever missedRunPolicy says: the next time is the next
one from now on. Nor is it where somebody edits a timer while it is suspended."""

_EXAMPLES = """\
examples:
  %(prog)s report cleanup        these two
  %(prog)s -l team=billing       those with a label
  %(prog)s --all -n billing      all of a namespace

Timers that are applied from a repository change there, or the next sync undoes this.
exit codes: 0 all are as asked for, 1 at least one is not or there is none, 2 the command line is wrong"""


def run_suspend(arguments: Sequence[str]) -> int:
    """Suspend timers and print what changed; the exit code."""
    return run(_change(_parsed("suspend", _SUSPEND, arguments), True))


def run_resume(arguments: Sequence[str]) -> int:
    """Resume timers and print what changed, and when they fire next; the exit code."""
    return run(_change(_parsed("resume", _RESUME, arguments), False))


async def _change(options: argparse.Namespace, suspend: bool) -> int:
    found = failed = 0
    async with reach(where_of(options)) as cluster:
        change = _suspend if suspend else _Resume().resume
        async for targets in _targets(cluster, options):
            lines = await asyncio.gather(*(change(cluster, timer) for timer in targets if not isinstance(timer, str)))
            for line in lines:
                print(line, flush=True)
            for problem in targets:
                if isinstance(problem, str):
                    print(f"error: {problem}", file=sys.stderr)
                    failed += 1
            found += len(targets)
        if not found:
            which = f" matches {options.selector}" if options.selector else ""
            raise CommandError(f"no RedisTimer in namespace {cluster.namespace}{which}")
    return 1 if failed else 0


async def _targets(cluster: Cluster, options: argparse.Namespace) -> AsyncIterator[list[Object | str]]:
    """The timers that the command line names, some at a time; in place of one that is not there, why."""
    if options.names:
        for names in _some(list(dict.fromkeys(options.names))):
            yield await asyncio.gather(*(_timer_or_problem(cluster, name) for name in names))
        return
    parameters = {"labelSelector": options.selector} if options.selector else {}
    async for page in cluster.api.pages(timers_path(cluster.namespace), **parameters):
        for timers in _some(page):
            yield timers


async def _timer_or_problem(cluster: Cluster, name: str) -> Object | str:
    try:
        return await read_timer(cluster, name)
    except CommandError as error:
        return str(error)


async def _suspend(cluster: Cluster, timer: Object) -> str:
    name = timer["metadata"]["name"]
    if _is_suspended(timer):
        return f"{name}: already suspended"
    await _write(cluster, name, True)
    return f"{name}: suspended"


class _Resume:
    """Resuming several timers; waits only so long in all for the controller to say when they fire next."""

    def __init__(self) -> None:
        self._until_s: float | None = None

    async def resume(self, cluster: Cluster, timer: Object) -> str:
        """Resume one, and say what that changed."""
        name = timer["metadata"]["name"]
        if _is_suspended(timer):
            return await self._next(cluster, await _write(cluster, name, False), "resumed")
        if not _is_stopped(timer):
            return f"{name}: not suspended"
        # Any edit starts it again, and this is one that changes nothing in the end.
        await _write(cluster, name, True)
        return await self._next(cluster, await _write(cluster, name, False), "started again after too many failures")

    async def _next(self, cluster: Cluster, timer: Object, done: str) -> str:
        name, generation = timer["metadata"]["name"], timer["metadata"]["generation"]
        self._until_s = self._until_s or time.monotonic() + _TOLD_WITHIN_S
        with Progress() as progress:
            while (timer.get("status") or {}).get("observedGeneration", 0) < generation:
                if time.monotonic() >= self._until_s:
                    return f"{name}: {done}; {program()} next {name} says when it fires: no controller has, yet"
                progress.show("waiting for the controller to say when they fire next ...")
                await asyncio.sleep(_POLL_S)
                timer = await read_timer(cluster, name)
        return f"{name}: {done}, {_when(timer['status'])}"


def _when(status: Object) -> str:
    ready = condition(status, "Ready")
    if next_time := status.get("nextScheduleTime"):
        next_ms = parse_rfc3339(next_time)
        return f"next at {here(next_ms)} (in {wait(next_ms - time.time_ns() // 1_000_000)})"
    if ready.get("status") == "True" and ready.get("reason") in COMPLETE_REASONS:
        return "and has no time left at which it could fire"
    return f"but does not fire: {ready.get('message', 'its status does not say why')}"


def _is_suspended(timer: Object) -> bool:
    return bool(timer["spec"].get("suspend"))


def _is_stopped(timer: Object) -> bool:
    suspended = condition(timer.get("status") or {}, "Suspended")
    is_current = suspended.get("observedGeneration") == timer["metadata"]["generation"]
    return is_current and suspended.get("reason") == Reason.TOO_MANY_FAILURES


async def _write(cluster: Cluster, name: str, suspend: bool) -> Object:
    return await cluster.api.merge(paths.timer(cluster.namespace, name), {"spec": {"suspend": suspend}})


def _some(items: list[Any]) -> list[list[Any]]:
    return [items[start : start + _AT_A_TIME] for start in range(0, len(items), _AT_A_TIME)]


def _parsed(command: str, description: str, arguments: Sequence[str]) -> argparse.Namespace:
    parser = new_parser(command, description.replace("%(trigger)s", f"{program()} trigger"), _EXAMPLES)
    parser.add_argument("names", nargs="*", metavar="NAME", help="a RedisTimer")
    parser.add_argument("-l", "--selector", metavar="SELECTOR", help="those with these labels, like team=billing")
    parser.add_argument("--all", action="store_true", help="all of the namespace")
    add_where(parser)
    options = parser.parse_args(arguments)
    if (bool(options.names), options.selector is not None, options.all).count(True) != 1:
        parser.error("say which: names, or -l SELECTOR, or --all")
    return options
