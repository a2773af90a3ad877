"""What the stack is doing, on standard error: lines, and on a terminal a live one for long steps."""

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status

_PLAIN_LINE_EVERY_S = 30.0


def say(message: str) -> None:
    """Print one line on standard error."""
    print(message, file=sys.stderr, flush=True)


class LongStep:
    """A step that takes minutes: a live line on a terminal, elsewhere (CI logs) a line every half minute."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._start = time.monotonic()
        self._next_line_s = _PLAIN_LINE_EVERY_S
        console = Console(stderr=True)
        self._status: Status | None = console.status(title) if console.is_terminal else None

    def update(self, detail: str) -> None:
        """Show how far it is."""
        elapsed_s = time.monotonic() - self._start
        line = f"{self._title}: {detail}, {int(elapsed_s) // 60}m{int(elapsed_s) % 60:02}s"
        if self._status is not None:
            self._status.update(line)
        elif elapsed_s >= self._next_line_s:
            self._next_line_s = elapsed_s + _PLAIN_LINE_EVERY_S
            say(line)

    def __enter__(self) -> Self:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()
