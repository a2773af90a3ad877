"""The scenario *burst*: arms in pairs, round after round."""

import argparse
import asyncio
import time
from pathlib import Path

from controller.kube.errors import ApiError, ApiUnreachableError
from tests.bench.burst.arms import ARMS, Step, plan
from tests.bench.burst.figures import Run, faults_of
from tests.bench.burst.ratios import summary_of
from tests.bench.burst.run import burst
from tests.bench.burst.tables import tables as tables
from tests.bench.common.errors import BenchError
from tests.bench.common.facts import facts_of
from tests.bench.common.flags import number, numbers
from tests.bench.common.output import Document, Say, document_of, write_document
from tests.cluster import Stack, StackError
from tests.harness.watch import WatchError

SUMMARY = "many timers due at one instant: ours, CronJob, and plain POSTs of the same Jobs"
DETAILS = """\
Each run starts a fresh Kubernetes control plane and Redis on this machine, creates timers (or CronJobs) due at the same
instant, whose Jobs have no Pods (parallelism: 0), and measures the arrival of every Job in a watch.

arms:
  ours-1, ours-2, ours-4  one controller and so many workers, each role under its own ServiceAccount
  posts                   the limit: the controller, and a process that only sends the same Jobs, made beforehand
  cronjob                 CronJobs of the same Job, with the limits of kube-controller-manager lifted
  cronjob-default         the same with its default limits; runs once, at the first number of timers

The other arms run one after the other in each round, every other round backwards, and ratios are taken within a round.
"""
EXAMPLES = (
    "--timers 50 --arms ours-1,posts --pairs 1 --no-write",
    "--timers 1000 --arms ours-2,cronjob",
)
_ERRORS = (BenchError, StackError, WatchError, ApiError, ApiUnreachableError)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this scenario."""
    parser.add_argument(
        "--timers", type=numbers(100_000), default=[1000, 5000], metavar="N,...", help="how many at once (1000,5000)"
    )
    parser.add_argument("--arms", type=_arms, default=list(ARMS), metavar="ARM,...", help="which (all)")
    parser.add_argument("--pairs", type=number(99), default=7, metavar="ROUNDS", help="how many rounds (7)")
    parser.add_argument(
        "--lead",
        type=number(86_400),
        metavar="SECONDS",
        help="how far ahead the instant is when creating begins; found by a probe where not given",
    )


async def run(options: argparse.Namespace, say: Say) -> Document:
    """Run all arms as the plan says. What a run that failed leaves out stands in `faults`; the others go on."""
    steps = list(plan([ARMS[name] for name in options.arms], options.timers, options.pairs))
    facts: dict[str, str] = {}
    runs: list[Run] = []
    began = time.monotonic()
    say(f"{len(steps)} runs, each on a fresh stack")

    def document() -> Document:
        return document_of(options, facts, runs, summary_of(runs), [fault for run in runs for fault in faults_of(run)])

    for done, step in enumerate(steps):
        left_s = (time.monotonic() - began) / done * (len(steps) - done) if done else 0
        left = f", {_duration(left_s)} left" if done else ""
        name = f"{step.timers} timers, round {step.round}, {step.arm.name}"
        say(f"run {done + 1} of {len(steps)}{left}: {name} ...")
        try:
            runs.append(await _one(step, options.lead, facts, lambda text: say(f"  {text}")))
        except asyncio.CancelledError:
            if runs and not options.no_write:
                say(f"interrupted; what was measured so far is in {_partial(options.json)}")
            raise
        if not options.no_write:
            write_document(document(), _partial(options.json))
    if not options.no_write:
        _partial(options.json).unlink()
    return document()


async def _one(step: Step, lead_s: float | None, facts: dict[str, str], say: Say) -> Run:
    try:
        with Stack(kubelet=False, controller_manager_flags=step.arm.flags) as stack:
            stack.install()
            if not facts:
                facts |= facts_of(stack)
            run = await burst(stack, step, lead_s, say)
    except _ERRORS as error:
        say(f"could not be measured: {error}")
        return {"timers": step.timers, "round": step.round, "arm": step.arm.name, "error": str(error)}
    say(_line(run))
    return run


def _line(run: Run) -> str:
    disturbed = f"; DISTURBED: other work took {run['others_share']:.0%} of the CPU" if run["disturbed"] else ""
    lags = "/".join(str(run[figure]) for figure in ("first_ms", "p50_ms", "p99_ms", "max_ms"))
    return f"{run['jobs_per_s']:.0f} Jobs/s, lag first/p50/p99/max {lags} ms{disturbed}"


def _partial(path: Path) -> Path:
    """Where what was measured so far is, while the rest is still to come: hours may be lost otherwise."""
    return path.with_name(f"{path.name}.partial")


def _arms(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if unknown := [name for name in names if name not in ARMS]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is no arm: choose from {', '.join(ARMS)}")
    if len(set(names)) < len(names):
        raise argparse.ArgumentTypeError(f"{text!r} names an arm twice")
    return names


def _duration(seconds: float) -> str:
    return f"about {seconds / 60:.0f} minutes" if seconds >= 90 else f"about {seconds:.0f} s"
