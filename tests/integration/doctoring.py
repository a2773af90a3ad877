"""`redistimer doctor` as its users run it: a process of its own, against this or another stack."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.cluster import Stack
from tests.cluster.stack import CHECKOUT

_TIMEOUT_S = 120


@dataclass(frozen=True)
class Diagnosis:
    """What it found."""

    code: int
    text: str
    """All that it printed."""
    findings: list[dict[str, Any]]

    def of(self, check: str) -> dict[str, Any]:
        """The finding of a check, the worst if there are several."""
        found = [finding for finding in self.findings if finding["check"] == check]
        assert found, (check, self.text)
        return max(found, key=lambda finding: ["ok", "warning", "problem"].index(finding["level"]))

    def levels(self, level: str) -> list[str]:
        """The checks with a finding of this level, in their order."""
        return list(dict.fromkeys(finding["check"] for finding in self.findings if finding["level"] == level))


def doctor(stack: Stack, *flags: str, **environment: str) -> Diagnosis:
    """Run it; an empty variable is taken out of the environment."""
    done = run_command(stack, "doctor", "-o", "json", *flags, **environment)
    assert done.returncode in (0, 1), done.stderr
    assert done.stderr == ""
    told: Mapping[str, Any] = json.loads(done.stdout)
    assert told["healthy"] is (done.returncode == 0)
    return Diagnosis(done.returncode, done.stdout, told["findings"])


def run_command(
    stack: Stack, *arguments: str, input: str = "", **environment: str
) -> "subprocess.CompletedProcess[str]":
    """Run any command of the product as administrator."""
    environ = stack.environment() | {"PYTHONPATH": str(CHECKOUT)} | environment
    return subprocess.run(
        [sys.executable, "-m", "controller", *arguments],
        input=input,
        capture_output=True,
        encoding="utf-8",
        env={name: value for name, value in environ.items() if value},
        timeout=_TIMEOUT_S,
        check=False,
    )
