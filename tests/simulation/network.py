"""Requests between processes and services: each takes a while, and any of them can go wrong on the way."""

import asyncio
import contextvars
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tests.simulation.loop import Process, SimulatedLoop


class Fate(StrEnum):
    """What becomes of a request."""

    WELL = "answered"
    REFUSED = "reset before it arrived"
    LOST = "reply lost"
    HUNG = "no answer in time, and carried out late or never"
    SILENT = "no answer in time, though carried out"
    BUSY = "429 or 503"
    BROKEN = "500"
    BROKEN_LATE = "500 or 504, though carried out"


@dataclass(slots=True)
class Journey:
    """One request's way there and back."""

    fate: Fate
    there_s: float
    back_s: float
    late_s: float | None = None
    """Of a request that hangs: so long after the limit it is carried out; None for never."""


class Network:
    """Carries requests. `choose` decides what becomes of each, `step` hears of each that was carried out."""

    def __init__(
        self,
        loop: SimulatedLoop,
        world: contextvars.Context,
        choose: Callable[[Process, str, str], Journey],
        step: Callable[[Process, str, str, str], None],
    ) -> None:
        self._loop = loop
        self._world = world
        self._choose = choose
        self._step = step

    def request(
        self,
        process: Process,
        service: str,
        what: str,
        execute: Callable[[], Any],
        limit_s: float,
        error: Callable[[Fate], Exception],
    ) -> "asyncio.Future[Any]":
        """Have something done by a service. `error` is what the client makes of a fate that brings no answer."""
        answer = self._loop.create_future()
        if process.dead:
            # What the garbage collector or a `finally` still wants reaches nobody.
            return answer
        self._step(process, service, what, "sent")
        journey = self._choose(process, service, what)
        fate, later = journey.fate, self._later

        def carry_out() -> Any:
            outcome = _outcome(execute)
            self._step(process, service, what, "done")
            return outcome

        def arrive() -> None:
            if fate in (Fate.REFUSED, Fate.BUSY, Fate.BROKEN):
                _settle(answer, error(fate))
            elif fate is Fate.WELL:
                later(journey.back_s, _settle, answer, carry_out())
            else:
                carry_out()
                later(journey.back_s, _settle, answer, error(fate))

        if fate is Fate.HUNG:
            later(limit_s, _settle, answer, error(fate))
            if journey.late_s is not None:
                later(limit_s + journey.late_s, carry_out)
        elif fate is Fate.SILENT:
            later(journey.there_s, carry_out)
            later(limit_s, _settle, answer, error(fate))
        else:
            later(journey.there_s, arrive)
        return answer

    def tell(self, process: Process, hear: Callable[..., object], *arguments: Any) -> None:
        """Bring a process what it did not ask for, unless it gets lost."""
        journey = self._choose(process, "hints", "hint")
        if journey.fate is Fate.WELL:
            self._later(journey.there_s, hear, *arguments)

    def _later(self, delay_s: float, call: Callable[..., object], *arguments: Any) -> None:
        self._loop.call_later(delay_s, call, *arguments, context=self._world)


def _outcome(execute: Callable[[], Any]) -> Any:
    try:
        return execute()
    except Exception as error:
        return error


def _settle(answer: "asyncio.Future[Any]", outcome: Any) -> None:
    if answer.done():
        return
    if isinstance(outcome, Exception):
        answer.set_exception(outcome)
        # Who asked may be gone: then nobody looks at it.
        answer._log_traceback = False  # type: ignore[attr-defined]
    else:
        answer.set_result(outcome)
