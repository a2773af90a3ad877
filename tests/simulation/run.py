"""Runs seeds."""

import gc
import logging
import random
import secrets
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import fakeredis.model._stream as streams

from controller.index import index
from tests.simulation.loop import OWNER, START_S, SpinningError
from tests.simulation.redis import INTERPRETER, STREAM_CLOCK
from tests.simulation.redis_client import SCRIPTS
from tests.simulation.rules import ALL, Rules
from tests.simulation.world import World


@dataclass(slots=True)
class Result:
    """What became of one seed."""

    seed: int
    violations: list[tuple[str, str]]
    counts: Counter[str]
    faults: Counter[str]
    virtual_s: float
    cpu_s: float
    lines: list[str] = field(default_factory=list)


class _Errors(logging.Handler):
    """What the product logs as an error, it did not expect."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []
        self.world: World | None = None

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.levelno >= logging.ERROR:
            error = record.exc_info[1] if record.exc_info else None
            self.found.append(f"{record.name}: {text} {error!r}")
        if self.world is not None and self.world.trace.on:
            more = {key: value for key, value in record.__dict__.items() if key in ("timer", "occurrence", "reason")}
            self.world.trace(_process_name(), f"{record.levelname} {text} {more or ''}".rstrip())


def _process_name() -> str:
    return str(OWNER.get(None))


@contextmanager
def _determined(rng: random.Random) -> Iterator[None]:
    """Let everything that is random or looks at a clock of the machine follow from the seed."""
    before = uuid.uuid4, secrets.token_hex, streams.time, index._SCRIPTS
    uuid.uuid4 = lambda: uuid.UUID(int=rng.getrandbits(128), version=4)
    secrets.token_hex = lambda size: rng.randbytes(size).hex()  # type: ignore[assignment]
    streams.time = STREAM_CLOCK
    # Reading them anew for each process would take longer than running them.
    index._SCRIPTS = SCRIPTS  # type: ignore[assignment]
    try:
        yield
    finally:
        uuid.uuid4, secrets.token_hex, streams.time, index._SCRIPTS = before


def run_seed(seed: int, rules: Rules = ALL, traced: bool = False) -> Result:
    """Run one seed. The same seed makes the same happen, line by line, where PYTHONHASHSEED is the same."""
    began = time.process_time()
    errors = _Errors()
    product = logging.getLogger("controller")
    before = product.level, product.propagate
    product.setLevel(logging.DEBUG if traced else logging.ERROR)
    product.propagate = False
    product.addHandler(errors)
    gc.disable()
    try:
        with _determined(random.Random(f"{seed} ids")), rules.in_force():
            world = World(seed, rules, traced)
            errors.world = world
            if traced:
                errors.setLevel(logging.INFO)
            try:
                world.run()
            except SpinningError as error:
                world.oracle.violate("progress", str(error))
            INTERPRETER.check()
    finally:
        gc.enable()
        product.removeHandler(errors)
        product.level, product.propagate = before
    for text in errors.found:
        world.oracle.violate("errors", text)
    return Result(
        seed,
        world.oracle.violations,
        world.oracle.counts + world.users.counts,
        world.faults.counts,
        world.loop.time() - START_S,
        time.process_time() - began,
        world.trace.lines,
    )
