"""The product, made to die or stop in the middle of what it does: ``python -m tests.chaos.failing worker``.

The product knows nothing of this. Its methods are wrapped here, from outside: each numbered step on the way from claim
to acknowledgement, and each of a controller's, is a point where the process can send itself SIGKILL or SIGSTOP. One
point at a time is armed, chosen by the seed; the next passage through it is the last, or the last for a while.

The wrapped methods also keep a journal, for the auditor: when leave to fire was asked for and given, and what the index
took note of.
"""

import importlib
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from tests.chaos.mutants import apply_mutant

WORKER_POINTS = (
    "1 claimed",
    "2 read",
    "3 decided",
    "4 waited",
    "5 before confirm",
    "5 confirmed",
    "6 before create",
    "6 created",
    "7 before ack",
    "7 acked",
)
CONTROLLER_POINTS = (
    "before sync",
    "synced",
    "rebuild begun",
    "rebuild listed",
    "before rebuild finished",
    "rebuild finished",
    "before status",
    "status written",
    "before reports deleted",
)
PATCH_POINTS = ("8 before patch", "8 patched")
"""Of workers under guarantee Strict: the commit, and the Job let go."""

SETTINGS = "CHAOS_FAILING"
_REARM_S = 15.0


@dataclass(frozen=True)
class Settings:
    """From the environment, as JSON."""

    process: str
    """Name of this process, the same over restarts."""
    seed: str
    journal: str
    mean_s: float = 0.0
    """Between two strikes, on average; 0 for none."""
    kill_part: float = 0.5
    """Of the strikes, so many kill; the others stop the process, and somebody else lets it go on."""
    window: str = ""
    """A file that says from when until when there are strikes, once that is known; milliseconds of the wall clock."""
    deaf: bool = False
    """Hears no hints: published, and silently dropped on the way."""
    mutant: str = ""


class Journal:
    """Lines of JSON, written at once: what a killed process wrote is there."""

    def __init__(self, path: str, process: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._process = process

    def write(self, kind: str, **what: object) -> None:
        """Add a line."""
        os.write(self._file, orjson.dumps({"kind": kind, "process": self._process, **what}) + b"\n")


class Failpoints:
    """Strikes at armed points."""

    def __init__(self, settings: Settings, points: tuple[str, ...], journal: Journal) -> None:
        self._settings = settings
        self._points = points
        self._journal = journal
        self._chance = random.Random(settings.seed)
        self._armed, self._at_s = "", 0.0
        self._window: tuple[int, int] | None = None
        self._arm()

    def passed(self, point: str) -> None:
        """The process is at this point now."""
        settings = self._settings
        if point not in self._points or not self._is_time():
            return
        waited_s = time.monotonic() - self._at_s
        if waited_s > _REARM_S:
            # Not every point is on everybody's way.
            self._arm(soon=True)
        elif waited_s > 0 and point == self._armed:
            deed = signal.SIGKILL if self._chance.random() < settings.kill_part else signal.SIGSTOP
            self._journal.write("struck", point=point, deed=deed.name, at_ms=_now_ms())
            self._arm()
            os.kill(os.getpid(), deed)

    def _is_time(self) -> bool:
        if not self._settings.mean_s:
            return False
        if self._window is None:
            try:
                from_ms, until_ms = Path(self._settings.window).read_text().split()
            except (OSError, ValueError):
                return False
            self._window = int(from_ms), int(until_ms)
            self._arm()
        return self._window[0] <= _now_ms() <= self._window[1]

    def _arm(self, soon: bool = False) -> None:
        self._armed = self._chance.choice(self._points)
        pause_s = 0.0 if soon or not self._settings.mean_s else self._chance.expovariate(1 / self._settings.mean_s)
        self._at_s = time.monotonic() + pause_s


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _wrap(owner: Any, name: str, wrapper: Callable[..., Any]) -> None:
    """Put `wrapper(original, *arguments)` in the place of a function; AttributeError if there is none such."""
    original = getattr(owner, name)

    def wrapped(*arguments: Any, **named: Any) -> Any:
        return wrapper(original, *arguments, **named)

    setattr(owner, name, wrapped)


def _around(failpoints: Failpoints, before: str, after: str) -> Callable[..., Any]:
    async def wrapper(original: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        failpoints.passed(before)
        result = await original(*arguments, **named)
        failpoints.passed(after)
        return result

    return wrapper


def instrument(role: str, settings: Settings) -> None:
    """Wrap what the product does."""
    from controller.index.index import Index
    from controller.kube.api import ApiServer

    journal = Journal(settings.journal, settings.process)
    points = (*WORKER_POINTS, *PATCH_POINTS) if role == "worker" else CONTROLLER_POINTS
    failpoints = Failpoints(settings, points, journal)

    async def confirm(original: Callable[..., Any], self: Any, fires: Any) -> Any:
        failpoints.passed("5 before confirm")
        asked_ms = _now_ms()
        verdicts = await original(self, fires)
        for fire, verdict in zip(fires, verdicts, strict=True):
            if verdict == "ok":
                what = {"ticket": fire.lease.ticket, "generation": fire.generation, "occurrence_ms": fire.occurrence_ms}
                journal.write("confirmed", asked_ms=asked_ms, **what)
        failpoints.passed("5 confirmed")
        return verdicts

    async def noted(original: Callable[..., Any], self: Any, those: Any) -> Any:
        held = await original(self, those)
        for one, mine in zip(those, held, strict=True):
            if mine and one.mark_ms:
                journal.write("acked", answered_ms=_now_ms(), ticket=one.lease.ticket, mark_ms=one.mark_ms)
        return held

    async def ack(original: Callable[..., Any], self: Any, done: Any) -> Any:
        failpoints.passed("7 before ack")
        held = await noted(original, self, done)
        failpoints.passed("7 acked")
        return held

    async def get(original: Callable[..., Any], self: Any, path: str, **parameters: str) -> Any:
        found = await original(self, path, **parameters)
        if "/redistimers/" in path:
            failpoints.passed("2 read")
        return found

    async def create(original: Callable[..., Any], self: Any, path: str, body: bytes, **parameters: str) -> Any:
        is_job = path.endswith("/jobs")
        if is_job:
            failpoints.passed("6 before create")
        found = await original(self, path, body, **parameters)
        if is_job:
            failpoints.passed("6 created")
        return found

    async def pages(original: Callable[..., Any], self: Any, path: str, *read: object, **parameters: str) -> Any:
        async for page in original(self, path, *read, **parameters):
            failpoints.passed("rebuild listed")
            yield page

    prefix = "8 " if role == "worker" else ""
    patch = ("before patch", "patched") if role == "worker" else ("before status", "status written")
    _wrap(Index, "confirm", confirm)
    _wrap(Index, "ack", ack)
    _wrap(Index, "retry", noted)
    _wrap(Index, "claim", _around(failpoints, "", "1 claimed"))
    _wrap(Index, "sync", _around(failpoints, "before sync", "synced"))
    _wrap(Index, "begin_rebuild", _around(failpoints, "", "rebuild begun"))
    _wrap(Index, "finish_rebuild", _around(failpoints, "before rebuild finished", "rebuild finished"))
    _wrap(Index, "delete_outcomes", _around(failpoints, "before reports deleted", ""))
    _wrap(ApiServer, "get", get)
    _wrap(ApiServer, "create", create)
    _wrap(ApiServer, "merge", _around(failpoints, prefix + patch[0], prefix + patch[1]))
    if role == "controller":
        _wrap(ApiServer, "pages", pages)
        return
    bell, fire, upkeep = (importlib.import_module(f"controller.worker.{name}") for name in ("bell", "fire", "upkeep"))
    _wrap(bell.Bell, "until", _around(failpoints, "", "4 waited"))
    decide = fire.decide

    def decided(*arguments: Any, **named: Any) -> Any:
        decision = decide(*arguments, **named)
        failpoints.passed("3 decided")
        return decision

    fire.decide = decided
    if settings.deaf:
        _wrap(upkeep.Hints, "_heard", lambda *_: None)


def main() -> None:
    """Run a role of the product, instrumented as the environment says."""
    settings = Settings(**orjson.loads(os.environ[SETTINGS]))
    instrument(sys.argv[1], settings)
    if settings.mutant:
        # Afterwards: what does not happen any more must not stand in the journal.
        apply_mutant(settings.mutant)
    from controller.cli.app import main as product

    product()


if __name__ == "__main__":
    main()
