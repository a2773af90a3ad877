"""How far a backfill is, while it runs: a bar on a terminal, a line for each event anywhere else."""

import sys

import typer

from controller.cli.backfill.run import Audience
from controller.core.backfill import End, Ended, Tally
from controller.core.instants import rfc3339


def audience(is_table: bool) -> Audience:
    """Whoever watches: a terminal, or a reader of lines. What programs read from stdout is left alone."""
    if not sys.stderr.isatty():
        return Lines(to_stderr=not is_table)
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    # A terminal that cannot move its cursor gets lines, too.
    return Lines(to_stderr=True) if console.is_dumb_terminal else Bar()


class Lines:
    """A line for each event."""

    def __init__(self, to_stderr: bool) -> None:
        self._to_stderr = to_stderr

    def begin(self, times: int, adopted: int, tally: Tally) -> None:
        pass

    def created(self, name: str, occurrence_ms: int) -> None:
        self._say("created", name, occurrence_ms)

    def found(self, name: str, occurrence_ms: int) -> None:
        self._say("found", name, occurrence_ms)

    def ended(self, ended: Ended) -> None:
        self._say(ended.end, ended.name, ended.occurrence_ms, ended.why)

    def trouble(self, message: str) -> None:
        typer.echo(f"waiting: {message}", err=True)

    def end(self) -> None:
        pass

    def _say(self, what: str, name: str, occurrence_ms: int, why: str = "") -> None:
        typer.echo(_line(what, name, occurrence_ms, why), err=self._to_stderr)


class Bar:
    """A bar, with a line above it for whatever is not as it should be."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._begun = 0
        """How many times have a Job."""
        self._tally: Tally | None = None
        self._console = Console(stderr=True, highlight=False)
        self._progress = Progress(
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
        )
        self._task = self._progress.add_task("", total=None)

    def begin(self, times: int, adopted: int, tally: Tally) -> None:
        self._tally, self._begun = tally, adopted
        self._progress.update(self._task, total=times + adopted)
        self._progress.start()
        self._show()

    def created(self, name: str, occurrence_ms: int) -> None:
        self._begun += 1
        self._show()

    def found(self, name: str, occurrence_ms: int) -> None:
        self._begun += 1
        self._show()

    def ended(self, ended: Ended) -> None:
        if ended.end is not End.SUCCEEDED:
            self._print(_line(ended.end, ended.name, ended.occurrence_ms, ended.why))
        self._show()

    def trouble(self, message: str) -> None:
        self._print(f"waiting: {message}")

    def end(self) -> None:
        self._progress.stop()

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, soft_wrap=True)

    def _show(self) -> None:
        if self._tally is None:
            return
        unfinished = self._tally.unfinished
        counts = [f"{len(unfinished)} active", *(f"{n} {end}" for end in End if (n := self._tally.number(end)))]
        now = f"at {rfc3339(unfinished[-1].occurrence_ms)}: " if unfinished else ""
        # One that is active already can be found later still.
        done = max(self._begun - len(unfinished), 0)
        self._progress.update(self._task, completed=done, description=now + ", ".join(counts))


def _line(what: str, name: str, occurrence_ms: int, why: str) -> str:
    reason = f"  {' '.join(why.split())}" if why else ""
    return f"{what:<9} {rfc3339(occurrence_ms)}  {name}{reason}"
