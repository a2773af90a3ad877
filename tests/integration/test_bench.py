"""The benchmark of a burst, small: its figures mean nothing here, its arms and its accounts do."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.stack import CHECKOUT


@pytest.mark.timeout(180)
def test_a_small_burst_is_measured_beside_plain_posts(tmp_path: Path) -> None:
    file = tmp_path / "burst.json"
    command = [sys.executable, "-m", "tests.bench", "burst", "--timers", "20", "--arms", "ours-1,posts", "--pairs", "1"]
    done = subprocess.run([*command, "--json", str(file)], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

    document = json.loads(file.read_text())
    assert document["faults"] == []
    assert {run["arm"] for run in document["runs"]} == {"ours-1", "posts"}
    for run in document["runs"]:
        assert 0 <= run["first_ms"] <= run["p50_ms"] <= run["max_ms"]
        assert run["answered_max_ms"] <= run["max_ms"] + 1_000
        assert run["cpu_ms_jobs"]["kube-apiserver"] > 0
        assert run["status_s"] is not None
    assert "Jobs per second: ours-1 / posts" in done.stdout
    assert not file.with_name("burst.json.partial").exists()
