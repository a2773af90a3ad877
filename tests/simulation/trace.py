"""What happened, line by line: virtual time, who, what. Written down only where somebody is going to read it."""

from collections.abc import Callable


class Trace:
    """Call it with who and what."""

    def __init__(self, time: Callable[[], float], on: bool) -> None:
        self._time = time
        self.on = on
        self.lines: list[str] = []

    def __call__(self, who: object, what: str) -> None:
        if self.on:
            self.lines.append(f"{self._time():9.3f}  {who!s:<15} {what}")
