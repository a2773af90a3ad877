"""The wrapper follows the product: whatever it wraps and rewrites is there, and works."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.mutants import MUTANTS
from tests.cluster.stack import CHECKOUT

_INSTRUMENTED = """
from tests.chaos import failing

failing.instrument({role!r}, failing.Settings("me", "seed", "/dev/null"))
"""

_MUTATED = """
from tests.chaos.mutants import apply_mutant

apply_mutant({mutant!r})

import redis.asyncio
from controller.core.timer import parse_timer
from controller.index.index import Index

Index(redis.asyncio.Redis(), "default")
metadata = {{"namespace": "n", "name": "t", "uid": "5b1a7c1e-93f5-4b1e-8a0e-2f6f0c9d1a11", "resourceVersion": "1"}}
metadata["creationTimestamp"] = "2026-11-29T12:00:00Z"
parse_timer({{"metadata": metadata, "spec": {{"every": "5s"}}, "status": {{"handledThrough": "2026-11-29T12:00:05Z"}}}})
"""


def run(code: str) -> str:
    """What a Python of its own prints: what is wrapped stays wrapped."""
    done = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("role", ["worker", "controller"])
def test_every_method_that_is_to_be_a_point_of_failure_is_there(role: str) -> None:
    run(_INSTRUMENTED.format(role=role))


def test_a_controller_that_is_to_fail_lists_as_others_do() -> None:
    code = f"""{_INSTRUMENTED.format(role="controller")}
import asyncio
import orjson
from controller.kube.api import ApiServer

class Server(ApiServer):
    def __init__(self):
        pass

    async def _request(self, *request, read):
        return read(b'{{"items": [1, 2]}}')

async def main():
    print([page async for page in Server().pages("/timers", orjson.loads, labelSelector="a")])

asyncio.run(main())
"""
    assert run(code) == "[[1, 2]]\n"


def test_a_process_is_struck_at_the_armed_point_within_the_time_for_it(tmp_path: Path) -> None:
    window, journal = tmp_path / "window", tmp_path / "journal"
    code = f"""
from tests.chaos.failing import Failpoints, Journal, Settings

settings = Settings("me", "seed", {str(journal)!r}, mean_s=0.0001, kill_part=1.0, window={str(window)!r})
failpoints = Failpoints(settings, ("6 created",), Journal(settings.journal, settings.process))
for _ in range(100_000):
    failpoints.passed("6 created")
"""
    run(code)
    window.write_text("0 1")
    run(code)
    window.write_text(f"0 {1 << 60}")
    done = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, check=False)
    assert done.returncode == -signal.SIGKILL
    (struck,) = [json.loads(line) for line in journal.read_text().splitlines()]
    assert (struck["kind"], struck["point"], struck["deed"]) == ("struck", "6 created", "SIGKILL")


@pytest.mark.parametrize("mutant", MUTANTS)
def test_what_a_mutant_switches_off_is_there(mutant: str) -> None:
    run(_MUTATED.format(mutant=mutant))


def test_a_switch_for_something_that_is_not_there_says_so() -> None:
    rewrite = 'import tests.chaos.mutants as mutants; mutants._rewrite("no such line", "")'
    code = _MUTATED.replace("apply_mutant({mutant!r})", rewrite).format()
    with pytest.raises(AssertionError, match="this mutant has to follow the product"):
        run(code)


def test_the_auditor_shares_nothing_with_the_product() -> None:
    code = "import sys, tests.chaos.auditor; print([name for name in sys.modules if name.startswith('controller')])"
    assert run(code).strip() == "[]"
