"""`redistimer suspend` and `redistimer resume`: hold timers back, and let them go on."""

import argparse
import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from controller.cli.cluster import EXIT_FAILED, Cluster, CommandError, failed, reach, read_timer, run
from controller.cli.flags import add_output, add_where, new_parser, program, timer_name, where_of
from controller.cli.forecast.upcoming import firing_of
from controller.cli.output import dump
from controller.cli.progress import Progress
from controller.cli.times import clock, firing, wait
from controller.core.instants import parse_rfc3339
from controller.core.reasons import COMPLETE_REASONS, Reason
from controller.core.timer import condition, parse_timer
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
one from now on. The same holds for edits made while it is suspended."""

_EXAMPLES = """\
examples:
  %(prog)s report cleanup        these two
  %(prog)s -l team=billing       those with a label
  %(prog)s --all -n billing      all of a namespace

If a GitOps tool applies this timer, change suspend in its repository: the next sync undoes this.

exit codes: 0 all are as asked for, 1 at least one is not or there is none, 2 the command line is wrong"""


def run_suspend(arguments: Sequence[str]) -> int:
    """Suspend timers and print what changed; the exit code."""
    return run(_change(_parsed("suspend", _SUSPEND, arguments), True))


def run_resume(arguments: Sequence[str]) -> int:
    """Resume timers and print what changed, and when they fire next; the exit code."""
    return run(_change(_parsed("resume", _RESUME, arguments), False))


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one timer."""

    namespace: str
    name: str
    changed: bool
    words: str
    """The same for people."""
    next_time: str | None = None
    """The nominal time at which it runs next, as its status has it."""

    def told(self) -> dict[str, Any]:
        """For programs."""
        next_time = {"nextScheduleTime": self.next_time} if self.next_time else {}
        return {"namespace": self.namespace, "name": self.name, "changed": self.changed, **next_time}


async def _change(options: argparse.Namespace, suspend: bool) -> int:
    done: list[Change] = []
    is_text = options.output == "text"
    failures = 0
    try:
        async with reach(where_of(options)) as cluster:
            change = _suspend if suspend else _Resume().resume
            async for targets in _targets(cluster, options):
                timers = [target for target in targets if not isinstance(target, CommandError)]
                changes = await asyncio.gather(*(change(cluster, timer) for timer in timers))
                done += changes
                if is_text:
                    for one in changes:
                        print(f"{one.name}: {one.words}", flush=True)
                for problem in targets:
                    if isinstance(problem, CommandError):
                        failed(problem)
                        failures += 1
            if not done and not failures:
                which = f" matches {options.selector}" if options.selector else ""
                raise CommandError(f"no RedisTimer in namespace {cluster.namespace}{which}")
    finally:
        # Also of those that were changed before something went wrong.
        if not is_text and (done or failures):
            print(dump([one.told() for one in done], options.output))
    return EXIT_FAILED if failures else 0


async def _targets(cluster: Cluster, options: argparse.Namespace) -> AsyncIterator[list[Object | CommandError]]:
    """The timers that the command line names, some at a time; in place of one that is not there, why."""
    if options.names:
        for names in _some(list(dict.fromkeys(options.names))):
            yield await asyncio.gather(*(_timer_or_problem(cluster, name) for name in names))
        return
    parameters = {"labelSelector": options.selector} if options.selector else {}
    async for page in cluster.api.pages(paths.timers(cluster.namespace), **parameters):
        for timers in _some(page):
            yield timers


async def _timer_or_problem(cluster: Cluster, name: str) -> Object | CommandError:
    try:
        return await read_timer(cluster, name)
    except CommandError as error:
        return error


async def _suspend(cluster: Cluster, timer: Object) -> Change:
    name = timer["metadata"]["name"]
    if _is_suspended(timer):
        return Change(cluster.namespace, name, False, "already suspended")
    await _write(cluster, name, True)
    return Change(cluster.namespace, name, True, "suspended")


class _Resume:
    """Resuming several timers; waits only so long in all for the controller to say when they fire next."""

    def __init__(self) -> None:
        self._until_s: float | None = None

    async def resume(self, cluster: Cluster, timer: Object) -> Change:
        """Resume one, and say what that changed."""
        name = timer["metadata"]["name"]
        if _is_suspended(timer):
            return await self._next(cluster, await _write(cluster, name, False), "resumed")
        if not _is_stopped(timer):
            return Change(cluster.namespace, name, False, "not suspended", _next_time(timer))
        # Any edit starts it again, and this is one that changes nothing in the end.
        await _write(cluster, name, True)
        return await self._next(cluster, await _write(cluster, name, False), "started again after too many failures")

    async def _next(self, cluster: Cluster, timer: Object, done: str) -> Change:
        name, generation = timer["metadata"]["name"], timer["metadata"]["generation"]
        self._until_s = self._until_s or time.monotonic() + _TOLD_WITHIN_S
        with Progress() as progress:
            while (timer.get("status") or {}).get("observedGeneration", 0) < generation:
                if time.monotonic() >= self._until_s:
                    words = f"{done}; {program()} next {name} says when it fires: no controller has, yet"
                    return Change(cluster.namespace, name, True, words)
                progress.show("waiting for the controller to say when they fire next ...")
                await asyncio.sleep(_POLL_S)
                timer = await read_timer(cluster, name)
        return Change(cluster.namespace, name, True, f"{done}, {_when(timer)}", _next_time(timer))


def _next_time(timer: Object) -> str | None:
    """As its status says, where that is about the spec as it is."""
    status = timer.get("status") or {}
    is_current = status.get("observedGeneration") == timer["metadata"]["generation"]
    return status.get("nextScheduleTime") if is_current else None


def _when(obj: Object) -> str:
    """When a timer fires next, as `next` shows it."""
    status, timer = obj["status"], parse_timer(obj)
    ready = condition(status, "Ready")
    if (next_time := status.get("nextScheduleTime")) and timer.timing is not None:
        run = firing_of(obj["spec"], timer.created_ms, timer.timing, parse_rfc3339(next_time))
        assert run.due_ms is not None
        shown_ms, jitter = firing(run.occurrence_ms, run.due_ms)
        wait_ms = run.due_ms - time.time_ns() // 1_000_000
        return ", ".join(filter(None, (f"next at {clock(shown_ms, run.offset_ms)} (in {wait(wait_ms)})", jitter)))
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
    parser.add_argument("names", type=timer_name, nargs="*", metavar="NAME", help="a RedisTimer")
    parser.add_argument("-l", "--selector", metavar="SELECTOR", help="those with these labels, like team=billing")
    parser.add_argument("--all", action="store_true", help="all of the namespace")
    add_output(parser, ("text", "json", "yaml"))
    add_where(parser)
    options = parser.parse_args(arguments)
    if (bool(options.names), options.selector is not None, options.all).count(True) != 1:
        parser.error("say which: names, or -l SELECTOR, or --all")
    return options
