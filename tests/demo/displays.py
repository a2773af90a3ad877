"""Two ways to show the story while it goes on: a live screen on a terminal, plain lines everywhere else."""

import os
import sys
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.live import Live

from tests.demo.screen import ProcessView, view
from tests.demo.story import JobStory, Story
from tests.demo.words import clock, exact_clock, printable

_LINES_ABOVE = 4
"""What was printed last before the live view, and is to stay on the screen: the lines to copy."""
_PIPE_WIDTH = 120


class Display(Protocol):
    """What the demo tells of its course."""

    console: Console

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def job(self, job: JobStory) -> None:
        """A Job has come to a new state."""

    def output(self, job: JobStory) -> None:
        """The output of a Job that finished is here."""

    def tick(self, story: Story, processes: list[ProcessView], title: str, now_ms: int) -> None:
        """Time has passed."""


def display_for_stdout() -> Display:
    """A live screen where standard output is a terminal that can move its cursor; lines otherwise."""
    if sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb":
        return Screen()
    return Lines()


class Screen:
    """Redraws one region of the terminal; what was printed before stays above it."""

    def __init__(self) -> None:
        self.console = Console(highlight=False)
        self._live = Live(console=self.console, auto_refresh=False, vertical_overflow="crop")

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def job(self, job: JobStory) -> None:
        """Shown at the next tick."""

    def output(self, job: JobStory) -> None:
        """Shown at the next tick."""

    def tick(self, story: Story, processes: list[ProcessView], title: str, now_ms: int) -> None:
        size = self.console.size
        shown = view(story, processes, title, now_ms, size.width, size.height - _LINES_ABOVE)
        self._live.update(shown, refresh=True)


class Lines:
    """One line for each thing that happens, for pipes and files: no colours, no control characters."""

    def __init__(self) -> None:
        self.console = Console(
            width=_PIPE_WIDTH, force_terminal=False, color_system=None, highlight=False, legacy_windows=False
        )
        self._ended: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def job(self, job: JobStory) -> None:
        is_new = job.changed_ms == job.arrived_ms
        self._say(job, job.state, f"due {clock(job.run.occurrence_ms)}, lag {job.seen.lag_ms} ms" if is_new else "")

    def output(self, job: JobStory) -> None:
        for line in filter(None, map(printable, job.output.splitlines())):
            self._say(job, "output", line)

    def tick(self, story: Story, processes: list[ProcessView], title: str, now_ms: int) -> None:
        for process in processes:
            if process.exit_code is not None and process.name not in self._ended:
                self._ended.add(process.name)
                print(f"{exact_clock(now_ms)}  {process.name} ended (exit code {process.exit_code})", flush=True)

    def _say(self, job: JobStory, what: str, more: str) -> None:
        line = f"{exact_clock(job.changed_ms)}  {what:<9}  {job.timer_name:<14}  {job.run.name}  {more}"
        print(line.rstrip(), flush=True)
