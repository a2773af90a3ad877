"""What schedules cost: to read, to ask, and `redistimer next` as a whole. ``python -m tests.bench.schedules``."""

import statistics
import subprocess
import sys
import tempfile
import timeit
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from controller.core.decision import decide
from controller.core.instants import parse_rfc3339
from controller.core.schedule.occurrences import missed
from controller.core.timer import Timer, parse_timer

RUNS = 7
MANIFESTS = 1_000
TIMES = 6

NOW_MS = parse_rfc3339("2026-11-22T10:00:30Z")
TEN_YEARS_MS = 3_652 * 86_400_000

SPECS: dict[str, dict[str, Any]] = {
    "*/5 * * * *, Europe/Berlin": {"schedule": "*/5 * * * *", "timeZone": "Europe/Berlin"},
    "30 6 * * 1-5, America/New_York": {"schedule": "30 6 * * 1-5", "timeZone": "America/New_York"},
    "0 0 L 2 *": {"schedule": "0 0 L 2 *"},
    "* * * * * *": {"schedule": "* * * * * *"},
    "*/5 * * * *, without weekends": {"schedule": "*/5 * * * *", "exclude": [{"cron": "* * * * SAT,SUN"}]},
    "every 90s": {"every": "90s"},
}

# What no program that reads the same file could do without.
_BASELINE = "import sys, typer, yaml; list(yaml.load_all(open(sys.argv[1]), yaml.CSafeLoader))"


def main() -> int:
    """Measure and print; the exit code."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    console.print(f"microseconds a call, best of {RUNS} rounds", style="bold")
    console.print(_calls())
    console.print(
        f"\nseconds for {MANIFESTS} manifests x {TIMES} times, median (min - max) of {RUNS} runs in turn", style="bold"
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "timers.yaml"
        file.write_text("---\n".join(map(_manifest, range(MANIFESTS))))
        console.print(_processes(str(file)))
    return 0


def _calls() -> Table:
    table = Table("", "read a timer", "next", "decide", "missed in ten years", box=None)
    for title, spec in SPECS.items():
        timer = _timer(spec)
        cells = (
            _microseconds(lambda spec=spec: _timer(spec), 2_000),
            _microseconds(lambda timer=timer: timer.schedule.next_after(NOW_MS), 2_000),
            _microseconds(lambda timer=timer: decide(timer, NOW_MS, NOW_MS, 3_000), 2_000),
            _microseconds(lambda timer=timer: missed(timer.schedule, NOW_MS - TEN_YEARS_MS, NOW_MS, keep=100), 20),
        )
        table.add_row(title, *cells)
    return table


def _timer(spec: dict[str, Any]) -> Timer:
    metadata = {"namespace": "default", "name": "timer", "uid": "5b1a7c1e-93f5-4b1e-8a0e-2f6f0c9d1a11"}
    created = {"creationTimestamp": "2016-11-22T10:00:00Z", "resourceVersion": "1"}
    return parse_timer({"metadata": metadata | created, "spec": spec})


def _microseconds(call: Callable[..., object], number: int) -> str:
    return f"{min(timeit.repeat(call, number=number, repeat=RUNS)) / number * 1e6:,.0f}"


def _processes(file: str) -> Table:
    redistimer = [sys.executable, "-m", "controller", "next", "-f", file, "-n", str(TIMES)]
    commands: dict[str, Sequence[str]] = {
        "redistimer next -o json": [*redistimer, "-o", "json"],
        "redistimer next": redistimer,
        "Python, typer and YAML alone": [sys.executable, "-c", _BASELINE, file],
    }
    took: dict[str, list[float]] = {title: [] for title in commands}
    for _ in range(RUNS):
        for title, command in commands.items():
            took[title].append(timeit.timeit(lambda command=command: _run(command), number=1))  # type: ignore[misc]
    table = Table("", "seconds", box=None)
    for title, seconds in took.items():
        table.add_row(title, f"{statistics.median(seconds):.2f} ({min(seconds):.2f} - {max(seconds):.2f})")
    return table


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _manifest(number: int) -> str:
    expression = f"{number % 60} {('*', number % 24, '*/2')[number % 3]} * * {('*', '1-5')[number % 2]}"
    zone = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Lord_Howe")[number % 5]
    return f"""\
apiVersion: redistimer.dev/v1alpha1
kind: RedisTimer
metadata:
  name: timer-{number}
  namespace: team-{number % 7}
spec:
  schedule: "{expression}"
  timeZone: {zone}
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers:
            - name: hello
              image: busybox:1.37
              command: [sh, -c, "echo hello"]
"""


if __name__ == "__main__":
    sys.exit(main())
