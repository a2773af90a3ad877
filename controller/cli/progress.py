"""What a command waits for, told on the last line of a terminal; a pipe sees nothing of it."""

import sys
import time
from types import TracebackType
from typing import Self

_SILENT_S = 1.0
_CLEAR_LINE = "\r\x1b[K"


class Progress:
    """A line on stderr that changes and goes away at the end. What is over within a second shows none."""

    def __init__(self) -> None:
        self._begin_s = time.monotonic()
        self._shown = False

    def show(self, text: str) -> None:
        """Replace the line; `{seconds}` in the text is how long this has been going on."""
        waited_s = time.monotonic() - self._begin_s
        if waited_s >= _SILENT_S and sys.stderr.isatty():
            sys.stderr.write(_CLEAR_LINE + text.format(seconds=int(waited_s)))
            sys.stderr.flush()
            self._shown = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            sys.stderr.write(_CLEAR_LINE)
            sys.stderr.flush()
