"""The command line of the soak: ``python -m tests.soak --help``."""

import argparse
import asyncio
import re
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

import orjson
from rich.console import Console
from rich.table import Table

from tests.chaos.client import Admin
from tests.cluster import Process, Stack, StackError
from tests.harness.product import start_product, wait_until_ready
from tests.soak.churn import NAMESPACE, Churn
from tests.soak.judge import Line, judge
from tests.soak.samples import Sample, Sampler

_SAMPLE_S = 5.0
_SETTLED_S = 90.0
"""After the last timer is gone: Events that wait are posted for 40 seconds, each by another idle connection, which are
closed after 15; and a rebuild comes every 20."""

_FIRST_S = 15.0
"""The state before the first timer: by then everything that is there from the start is there."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the exit code: 0 where nothing grows and nothing is left."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=sys.modules["tests.soak"].__doc__)
    parser.add_argument("--for", dest="seconds", type=int, default=600, metavar="SECONDS", help="of churn (600)")
    parser.add_argument("--alive", type=int, default=60, help="timers at a time (60)")
    parser.add_argument("--life", type=float, default=20, metavar="SECONDS", help="of each timer (20)")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-o", "--json", type=Path, metavar="FILE", help="write every sample there")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _exit_in_order)
    try:
        with Stack(kubelet=False) as stack:
            stack.install()
            stack.kubectl("create", "namespace", NAMESPACE)
            before, during, after = asyncio.run(_run(stack, options))
    except StackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    if options.json is not None:
        options.json.write_bytes(orjson.dumps([before, *during, after]))
    return _print(judge(before, during, after))


async def _run(stack: Stack, options: argparse.Namespace) -> tuple[Sample, list[Sample], Sample]:
    processes = start_product(stack, options.workers, {"REDISTIMER_REBUILD_SECONDS": "20"})
    for process in processes:
        await wait_until_ready(process, lambda _: None)
    sampler = Sampler(processes, {process.name: _address(process) for process in processes}, stack.redis_url)
    try:
        async with Admin(stack.kubeconfig) as admin:
            await asyncio.sleep(_FIRST_S)
            before = await asyncio.to_thread(sampler.take)
            churn = Churn(admin, options.alive, options.life, options.seed)
            churning = asyncio.create_task(churn.run())
            during: list[Sample] = []
            end_s = time.monotonic() + options.seconds
            while time.monotonic() < end_s and not churning.done():
                await asyncio.sleep(_SAMPLE_S)
                during.append(await asyncio.to_thread(sampler.take))
                if len(during) % 12 == 0:
                    _say(f"{churn.created} timers created, {churn.edited} edits, {len(during)} samples")
            churn.end()
            await churning
            _say(f"{churn.created} timers created, {churn.edited} edits; now all are deleted")
            await churn.delete_all()
            await asyncio.sleep(_SETTLED_S)
            return before, during, await asyncio.to_thread(sampler.take)
    finally:
        sampler.close()


def _address(process: Process) -> str:
    found = re.search(r"address=(http://\S+)", process.log_text())
    assert found is not None
    return found[1]


def _print(lines: Sequence[Line]) -> int:
    console = Console(highlight=False, markup=False, width=120)
    table = Table("", "before", "low", "high", "rise", "allowed", "after", "allowed", "", box=None)
    for line in lines:
        words = ("grows " if line.grows else "") + ("is left" if line.leaks else "")
        figures = (line.before, line.low, line.high, line.rise, line.rise_allowed, line.after, line.after_allowed)
        table.add_row(line.name, *(f"{figure:.1f}" for figure in figures), words)
    console.print(table)
    bad = [line.name for line in lines if line.grows or line.leaks]
    console.print(f"\n{', '.join(bad)}" if bad else "\nnothing grows, nothing is left", style="bold")
    return 1 if bad else 0


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def _exit_in_order(number: int, _: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
