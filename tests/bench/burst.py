"""Many timers due at one instant: how fast are their Jobs there? ``python -m tests.bench.burst --help``."""

import argparse
import asyncio
import functools
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from rich.console import Console

from controller.kube.errors import ApiError, ApiUnreachableError
from controller.settings import SettingsError
from tests.bench.facts import facts_of
from tests.bench.result import Result, as_json, cpu_table, figures
from tests.bench.run import BenchError, burst
from tests.cluster import Stack, StackError
from tests.harness.watch import WatchError

_DESCRIPTION = """\
For each run it starts a fresh Kubernetes control plane and Redis on this machine, one controller and the workers, each
role under its own ServiceAccount; creates timers with the same `at`, whose Jobs have no Pods (parallelism: 0); and
measures the arrival of every Job in a watch.
"""
_ERRORS = (StackError, SettingsError, WatchError, BenchError, ApiError, ApiUnreachableError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; the exit code: 0 if every timer got exactly one Job, not before its time."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _exit_in_order)
    try:
        return _run(options)
    except _ERRORS as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _run(options: argparse.Namespace) -> int:
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    results: list[Result] = []
    facts: dict[str, str] = {}
    for number in range(1, options.runs + 1):
        say = functools.partial(_say, console, f"run {number} of {options.runs}: ")
        say(f"starting a stack, one controller and {options.workers} workers (about 10 seconds) ...")
        with Stack(kubelet=False) as stack:
            stack.install()
            facts = facts or facts_of(stack)
            result = asyncio.run(burst(stack, options.timers, options.workers, options.lead, say))
        say(f"{result.jobs_per_s:.0f} Jobs/s, lag p50/p99/max {result.p50_ms}/{result.p99_ms}/{result.max_ms} ms")
        results.append(result)
    console.print(f"\n{options.timers} timers due at one instant, {options.workers} workers\n", style="bold")
    for table in (
        figures(results),
        cpu_table("CPU ms per timer, until the last Job", [result.cpu_jobs for result in results]),
        cpu_table("CPU ms per timer, until the last status", [result.cpu_status for result in results]),
    ):
        console.print(table)
        console.print()
    for name, fact in facts.items():
        console.print(f"{name}: {fact}", style="dim", soft_wrap=True)
    if options.json is not None:
        settings = {"timers": options.timers, "workers": options.workers}
        options.json.write_text(as_json(settings, facts, results))
        console.print(f"\nwritten to {options.json}")
    return 0 if all(result.faultless for result in results) else 1


def _say(console: Console, prefix: str, text: str) -> None:
    console.print(prefix + text, soft_wrap=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.burst", description=_DESCRIPTION)
    parser.add_argument("--timers", type=_number(100_000), default=1000, help="how many are due at once (1000)")
    parser.add_argument("--workers", type=_number(64), default=2, help="how many workers fire them (2)")
    parser.add_argument("--runs", type=_number(99), default=1, help="how many runs, each on a fresh stack (1)")
    parser.add_argument(
        "--lead",
        type=_number(86_400),
        metavar="SECONDS",
        help="how far ahead the instant is when creating begins; found by a probe where not given",
    )
    parser.add_argument("--json", type=_writable, metavar="FILE", help="write every figure there, too")
    return parser


def _number(most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not accepted: write a whole number from 1 to {most}")
        return int(text)

    return parse


def _writable(text: str) -> Path:
    path = Path(text)
    if not path.parent.is_dir() or path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} cannot be written: name a file in a folder that exists")
    return path


def _exit_in_order(number: int, _: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
