"""When a Kubernetes CronJob would run, answered by the very parser that it uses."""

import importlib.resources
import json
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.cluster.build import GoProgram
from tests.cluster.errors import StackError

ZONES = Path(str(importlib.resources.files("tzdata"))) / "zoneinfo"
"""The time zone database of both sides."""

ROBFIG = GoProgram(
    name="robfig",
    title="the cron parser of Kubernetes",
    sources=Path(__file__).parent / "robfig",
    module="github.com/robfig/cron/v3",
    usual_time="about 15 seconds",
)

_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class Question:
    """What are the next `count` instants of a schedule after an instant?"""

    schedule: str
    zone: str = "UTC"
    after_s: int = 0
    count: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """The instants in Unix seconds, fewer than asked for where the library gives up; or why a CronJob is refused."""

    error: str | None
    instants_s: tuple[int, ...]

    @property
    def accepted(self) -> bool:
        """Whether a CronJob may have this schedule."""
        return self.error is None


def ask(questions: Iterable[Question], zones: Path = ZONES) -> list[Answer]:
    """Return one answer for each question, compiling the program first if need be; StackError when it fails.

    A zone that the database in `zones` does not have is a failure, not an answer.
    """
    lines = [
        json.dumps({"schedule": asked.schedule, "zone": asked.zone, "after": asked.after_s, "count": asked.count})
        for asked in questions
    ]
    try:
        done = subprocess.run(
            [_program()],
            input="\n".join(lines),
            capture_output=True,
            encoding="utf-8",
            env={**os.environ, "ZONEINFO": str(zones)},
            timeout=_TIMEOUT_S,
            check=False,
        )
    except OSError as error:
        raise StackError(f"cannot start {ROBFIG.title}: {error}") from None
    except subprocess.TimeoutExpired:
        raise StackError(f"{ROBFIG.title} has not answered {len(lines)} questions in {_TIMEOUT_S:.0f} s") from None
    if done.returncode != 0:
        raise StackError(f"{ROBFIG.title} failed with exit code {done.returncode}: {done.stderr.strip()}")
    answers = [_read(line) for line in done.stdout.splitlines()]
    if len(answers) != len(lines):
        raise StackError(f"{ROBFIG.title} gave {len(answers)} answers to {len(lines)} questions")
    return answers


def _read(line: str) -> Answer:
    reply = json.loads(line)
    return Answer(reply.get("error"), tuple(reply["next"] or ()))


@cache
def _program() -> Path:
    return ROBFIG.build(os.environ) / ROBFIG.name
