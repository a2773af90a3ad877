"""More than a thousand seeds in every test run, and the proof that they would notice."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.waiting import PATIENCE_S, wait_until
from tests.simulation.__main__ import first_failure
from tests.simulation.mutants import MUTANTS, REQUIRED
from tests.simulation.rules import Rules
from tests.simulation.run import run_seed

_SEEDS = 1200
_NOTICED_WITHIN = 300


@pytest.mark.timeout(900)
def test_nothing_is_violated_whatever_goes_wrong() -> None:
    command = [sys.executable, "-m", "tests.simulation", "--seeds", str(_SEEDS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_one_that_is_interrupted_tells_what_it_knows() -> None:
    command = [sys.executable, "-m", "tests.simulation", "--seeds", "1000000", "--processes", "2"]
    environment = os.environ | {"PYTHONHASHSEED": "0"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as running:
        try:
            children = Path(f"/proc/{running.pid}/task/{running.pid}/children")
            wait_until(lambda: children.read_text().split(), bool, "begun")
            running.send_signal(signal.SIGINT)
            output, errors = running.communicate(timeout=PATIENCE_S)
        finally:
            running.kill()
    assert (running.returncode, errors) == (130, "")
    assert " of 1,000,000 seeds" in output
    assert "violations, in so many seeds" in output


def test_a_seed_makes_the_same_happen_each_time() -> None:
    for seed in (3, 7):
        first, second = run_seed(seed, traced=True), run_seed(seed, traced=True)
        assert first.lines == second.lines
        assert len(first.lines) > 50


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_rule_is_noticed(name: str) -> None:
    found = first_failure(range(_NOTICED_WITHIN), 1, name)
    assert found is not None, f"{_NOTICED_WITHIN} seeds do not notice"


def test_a_rule_whose_text_has_changed_is_not_taken_away_in_silence() -> None:
    with pytest.raises(AssertionError, match="the mutant is to be adapted"):
        run_seed(0, Rules({"confirm": ("no such text", "")}))


def test_every_mutant_can_be_made() -> None:
    for rules in MUTANTS.values():
        run_seed(1, rules)


def test_a_failing_seed_is_shown_with_what_led_to_it() -> None:
    command = [sys.executable, "-m", "tests.simulation", "--seed", "0", "--mutant", "workers do not confirm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 1
    assert "ORACLE" in done.stdout
    assert "job created" in done.stdout
