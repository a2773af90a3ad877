"""`make simulate`: many seeds on all cores, or one with its trace."""

import argparse
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence

from tests.simulation.mutants import MUTANTS, REDUNDANT
from tests.simulation.rules import ALL, Rules
from tests.simulation.run import Result, run_seed
from tests.simulation.summary import Summary

_CHUNK = 20
_SHOWN = 30
_TOLD = 10
"""So often it is told how far it is, where that cannot be shown all the time."""
_MUTANT_SEEDS = 3000


def main() -> int:
    """0 where nothing was violated, 130 where that is not known of all seeds."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10_000, help="how many (10,000)")
    parser.add_argument("--first", type=int, default=0, help="the first of them (0)")
    parser.add_argument("--seed", type=int, help="only this one, with its trace")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="how many at a time (all cores)")
    parser.add_argument("--mutants", action="store_true", help="take rules away, and see how soon that is noticed")
    parser.add_argument("--mutant", choices=sorted(MUTANTS), help="take this rule away")
    chosen = parser.parse_args()
    rules = MUTANTS[chosen.mutant] if chosen.mutant else ALL
    if chosen.seed is not None:
        return _trace(chosen.seed, rules)
    if chosen.mutants:
        return _mutants(range(chosen.first, chosen.first + _MUTANT_SEEDS), chosen.processes)
    return _many(range(chosen.first, chosen.first + chosen.seeds), chosen.processes, chosen.mutant)


def _trace(seed: int, rules: Rules) -> int:
    result = run_seed(seed, rules, traced=True)
    print(*result.lines, sep="\n")
    print(f"\nseed {seed}: {len(result.violations)} violations in {result.virtual_s:.0f} s of virtual time")
    for invariant, what in result.violations:
        print(f"    {invariant}: {what}")
    return 1 if result.violations else 0


def _many(seeds: range, processes: int, mutant: str | None) -> int:
    summary, began, interrupted = Summary(), time.monotonic(), False
    try:
        for results in run_all(seeds, processes, mutant):
            summary.add(results)
            for result in results:
                if result.violations and len(summary.failed) <= _SHOWN:
                    print(f"seed {result.seed}: {': '.join(result.violations[0])}", flush=True)
            _progress(summary, len(seeds), time.monotonic() - began)
    except KeyboardInterrupt:
        # It can take hours: what is known by now is told all the same.
        interrupted = True
        print(f"\ninterrupted, after {summary.seeds:,} of {len(seeds):,} seeds")
    print(*summary.lines(time.monotonic() - began), sep="\n")
    never = summary.never_happened()
    for name in never:
        print(f"error: this never happened, so nothing is known of it: {name}")
    if summary.failed:
        print(f"{len(summary.failed)} seeds failed; this shows the first: make simulate SEED={min(summary.failed)}")
    if summary.failed or never:
        return 1
    return 128 + signal.SIGINT if interrupted else 0


def _mutants(seeds: range, processes: int) -> int:
    print(f"{'rule that is taken away':<52}{'seeds until noticed':>20}  by")
    survived = 0
    for name in MUTANTS:
        found = first_failure(seeds, processes, name)
        if found is None:
            survived += name not in REDUNDANT
            why = "others cover it" if name in REDUNDANT else "NOT NOTICED"
            print(f"{name:<52}{f'> {len(seeds):,}':>20}  {why}", flush=True)
        else:
            tried, (invariant, what) = found
            print(f"{name:<52}{tried:>20,}  {invariant}: {what[:120]}", flush=True)
    return 1 if survived else 0


def first_failure(seeds: range, processes: int, mutant: str) -> tuple[int, tuple[str, str]] | None:
    """How many seeds it takes to notice that a rule is missing, and the violation; None for more than these."""
    for results in run_all(seeds, processes, mutant):
        for tried, result in enumerate(results, start=results[0].seed - seeds.start + 1):
            if result.violations:
                return tried, result.violations[0]
    return None


def run_all(seeds: range, processes: int, mutant: str | None = None) -> Iterator[Sequence[Result]]:
    """Results, some seeds at a time, in order."""
    work = [(seeds[start : start + _CHUNK], mutant) for start in range(0, len(seeds), _CHUNK)]
    if processes == 1:
        yield from map(_run_some, work)
        return
    # Ctrl-C on a terminal reaches all processes; this one ends the others.
    ignore = (signal.SIGINT, signal.SIG_IGN)
    # Python forgets an interrupt that comes in the middle of a fork: it waits until all are made.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    with multiprocessing.get_context("fork").Pool(processes, signal.signal, ignore) as pool:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        yield from pool.imap(_run_some, work)


def _run_some(work: tuple[range, str | None]) -> list[Result]:
    seeds, mutant = work
    rules = MUTANTS[mutant] if mutant else ALL
    return [run_seed(seed, rules) for seed in seeds]


def _progress(summary: Summary, of: int, passed_s: float) -> None:
    left_s = passed_s / summary.seeds * (of - summary.seeds)
    text = f"{summary.seeds:,} of {of:,} seeds, {len(summary.failed)} failed, {left_s:.0f} s left"
    if sys.stderr.isatty():
        print(f"\r{text}   ", end="\n" if summary.seeds == of else "", file=sys.stderr, flush=True)
    elif summary.seeds * _TOLD // of > (summary.seeds - _CHUNK) * _TOLD // of:
        print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        # The order of sets has to follow from the seed, too.
        os.execve(
            sys.executable,
            [sys.executable, "-m", "tests.simulation", *sys.argv[1:]],
            os.environ | {"PYTHONHASHSEED": "0"},
        )
    sys.exit(main())
