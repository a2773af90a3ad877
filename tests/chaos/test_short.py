"""The chaos suite itself, short: one fault of nearly each kind within 25 seconds, on a stack of its own."""

import json
import subprocess
import sys
from pathlib import Path

from tests.chaos.plan import FAULTS, NOT_SHORT
from tests.cluster.stack import CHECKOUT


def test_under_most_kinds_of_faults_nothing_is_lost_and_nothing_runs_twice(tmp_path: Path) -> None:
    """In a process of its own, as people run it."""
    figures_path = tmp_path / "figures.json"
    command = [sys.executable, "-m", "tests.chaos", "run", "--short", "--seed", "1", "--strict", "0.2"]
    command += ["--folder", str(tmp_path), "-o", str(figures_path)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(figures_path.read_text())
    happened = {kind: row["number"] for kind, row in figures["faults by kind"].items()}
    assert {kind for kind in FAULTS if kind not in NOT_SHORT} <= happened.keys()
    assert any("at: " in kind for kind in happened), "no process was struck at a point on its way"
    assert figures["occurrences"] > 300
    assert figures["jobs"] > figures["occurrences"] / 2
    assert figures["lag after them"]["n"] > 20, "the end was not quiet, or nothing was due in it"
    assert sum(figures["violations"].values()) == 0
