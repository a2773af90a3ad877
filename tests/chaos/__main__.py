"""The command line of the chaos suite: ``python -m tests.chaos --help``."""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import NoReturn

import orjson

from tests.chaos.mutants import MUTANTS
from tests.chaos.plan import FAULTS, NOT_SHORT, Plan, make_plan
from tests.chaos.report import print_verdict, summary
from tests.chaos.run import CALM_S, DRAIN_S, PROOF_S, RECOVERY_S, Options, Result, run
from tests.cluster import StackError
from tests.cluster.stack import CHECKOUT

_DESCRIPTION = """\
Starts a Kubernetes control plane, Redis under Sentinels, two controllers and three workers on this machine; creates
timers of every kind; breaks everything at random instants, which the seed decides; and holds what ran against what the
timers called for. The exit code is 0 where nothing was lost, twice, early or uncalled for.
"""
_LATEST = Path(tempfile.gettempdir()) / f"redistimer-chaos-{os.getuid()}"
_OVERHEAD_S = 30 + CALM_S + RECOVERY_S + PROOF_S + DRAIN_S
_JOBS_PER_S = 15
_FAULTS_PER_S = 0.42
_USERS_PER_S = 0.5


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; the exit code."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _exit_in_order)
    try:
        code: int = options.do(options)
    except StackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return code


def _run(options: argparse.Namespace) -> int:
    folder = options.folder or _new_folder(options.seed)
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.glob("*.journal")):
        print(f"error: {folder} is of another run, whose journals would count: name a new folder", file=sys.stderr)
        return 2
    plan, how = _short(options) if options.short else _long(options)
    _say(f"seed {options.seed}: {len(plan.timers)} timers, {len(plan.faults)} faults in {how.fault_s:.0f} s; {folder}")
    began = time.monotonic()
    result = run(plan, how, folder, _say)
    code = _print(result, folder)
    _say(f"seed {options.seed}, {time.monotonic() - began:.0f} s; everything is in {folder}")
    (folder / "code").write_text(str(code))
    if options.json is not None:
        figures = {"seed": options.seed, **summary(result.history, result.verdict), "harmed requests": result.harmed}
        options.json.write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2))
    return code


def _long(options: argparse.Namespace) -> tuple[Plan, Options]:
    fault_s = max(options.seconds - _OVERHEAD_S, 10)
    faults = options.faults if options.faults is not None else round(fault_s * _FAULTS_PER_S)
    users = round(fault_s * _USERS_PER_S)
    mean_s = options.timers / _JOBS_PER_S
    plan = make_plan(options.seed, fault_s, options.timers, faults, users, mean_s, options.strict)
    return plan, Options(fault_s, sentinel=not options.single, mutant=options.mutant)


def _short(options: argparse.Namespace) -> tuple[Plan, Options]:
    kinds = {kind: weight for kind, weight in FAULTS.items() if kind not in NOT_SHORT}
    plan = make_plan(options.seed, 25, 60, len(kinds), 12, 5, options.strict, kinds)
    how = Options(25, sentinel=False, mutant=options.mutant, calm_s=1, recovery_s=25, proof_s=6, failpoint_mean_s=15)
    return plan, how


def _print(result: Result, folder: Path) -> int:
    more = {
        "requests to the API server that were harmed": result.harmed,
        "what users did": result.users,
        "processes ended (role: exit code)": result.ended,
        "faults not done, as another was in the way": result.not_done,
    }
    return print_verdict(result.history, result.verdict, more)


def _start(options: argparse.Namespace) -> int:
    """Run detached."""
    folder = _new_folder(options.seed)
    command = [sys.executable, "-m", "tests.chaos", "run", *options.rest, "--folder", str(folder)]
    command += ["--seed", str(options.seed), "--for", str(options.seconds)]
    log = folder / "log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    (folder / "pid").write_text(str(process.pid))
    latest = _LATEST / "latest"
    latest.unlink(missing_ok=True)
    latest.symlink_to(folder)
    print(f"Running detached with seed {options.seed}, for about {options.seconds} s.")
    print(f"  follow: tail -f {log}\n  wait:   make chaos-wait\n  stop:   make chaos-stop")
    return 0


def _wait(options: argparse.Namespace) -> int:
    """Wait for the latest run to end; its exit code."""
    folder = _latest()
    while _is_running(folder):
        time.sleep(0.5)
    print((folder / "log").read_text(), end="")
    code = folder / "code"
    return int(code.read_text()) if code.exists() else 1


def _stop(options: argparse.Namespace) -> int:
    """End the latest run."""
    folder = _latest()
    if _is_running(folder):
        os.kill(int((folder / "pid").read_text()), signal.SIGTERM)
    return 0


def _latest() -> Path:
    folder = (_LATEST / "latest").resolve()
    if not (folder / "log").exists():
        raise StackError("no run was started by this account: make chaos")
    return folder


def _is_running(folder: Path) -> bool:
    try:
        pid = int((folder / "pid").read_text())
        return b"tests.chaos" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _new_folder(seed: int) -> Path:
    _LATEST.mkdir(mode=0o700, exist_ok=True)
    at = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    return Path(tempfile.mkdtemp(prefix=f"seed-{seed}-{at}-", dir=_LATEST))


def _say(text: str) -> None:
    print(f"{datetime.now(UTC).strftime('%H:%M:%S')} {text}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=_DESCRIPTION)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    runs = commands.add_parser("run", help="run in the foreground")
    starts = commands.add_parser("start", help="run detached; what `run` accepts goes behind --")
    for one in (runs, starts):
        one.add_argument("--seed", type=int, default=random.randrange(100_000), help="decides everything; a random one")
        one.add_argument("--for", dest="seconds", type=int, default=1500, metavar="SECONDS", help="in all (1500)")
    runs.add_argument("--timers", type=int, default=400, help="how many; their intervals follow from it (400)")
    runs.add_argument("--faults", type=int, help="how many, beside failpoints; one in 2.4 seconds where not given")
    runs.add_argument("--strict", type=float, default=0.15, metavar="PART", help="of the timers with guarantee Strict")
    runs.add_argument("--short", action="store_true", help="under 90 seconds: few timers, each fault once")
    runs.add_argument("--single", action="store_true", help="one Redis, without Sentinels and failovers")
    runs.add_argument("--mutant", choices=MUTANTS, default="", help="switch a guard of the product off: must be found")
    runs.add_argument("-o", "--json", type=Path, metavar="FILE", help="write every figure there, too")
    runs.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    runs.set_defaults(do=_run)
    starts.add_argument("rest", nargs="*", help=argparse.SUPPRESS)
    starts.set_defaults(do=_start)
    commands.add_parser("wait", help="wait for the run that was started last").set_defaults(do=_wait)
    commands.add_parser("stop", help="end the run that was started last").set_defaults(do=_stop)
    return parser


def _exit_in_order(number: int, _: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
