"""The live view on a terminal: processes, timers, and below them the latest Jobs. Pure functions of the story."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tests.demo.story import JobStory, Story, TimerStory
from tests.demo.words import clock, last_line, span

_NAMES_FROM_WIDTH = 110
_STYLES = {"created": "cyan", "running": "yellow", "succeeded": "green", "failed": "bold red", "deleted": "dim"}
_FRAME_LINES = 6
"""Title, processes, and two blank lines with the headings of two tables."""


@dataclass(frozen=True, slots=True)
class ProcessView:
    """One process of the product. `exit_code` is None while it runs."""

    name: str
    pid: int
    exit_code: int | None


def view(
    story: Story, processes: Sequence[ProcessView], title: str, now_ms: int, width: int, height: int
) -> RenderableType:
    """Everything, in at most `height` lines."""
    timers = timer_rows(story.timers, now_ms)
    room = max(1, height - _FRAME_LINES - len(timers))
    jobs = job_rows(story.jobs[-room:], with_names=width >= _NAMES_FROM_WIDTH)
    return Group(
        _line(Text(title, style="bold")),
        _line(process_line(processes)),
        Text(),
        _timer_table(timers),
        Text(),
        _job_table(jobs, with_names=width >= _NAMES_FROM_WIDTH),
    )


def process_line(processes: Sequence[ProcessView]) -> Text:
    """`controller 123  worker-1 124 ended (-9)`."""
    line = Text("pids: ", style="dim")
    for process in processes:
        line.append(f"{process.name} {process.pid}  ", style="none" if process.exit_code is None else "dim strike")
        if process.exit_code is not None:
            line.append(f"ended ({process.exit_code})  ", style="bold red not dim")
    line.append("(kill -9 a worker!)")
    return line


def timer_rows(stories: Sequence[TimerStory], now_ms: int) -> list[list[str]]:
    """Name, schedule, next in, last, active, runs, lag of the last Job."""
    return [_timer_row(story, now_ms) for story in stories]


def _timer_row(story: TimerStory, now_ms: int) -> list[str]:
    last = max(story.jobs, key=lambda job: job.run.occurrence_ms, default=None)
    return [
        story.timer.name,
        story.timer.timing.summary if story.timer.timing else "",
        _next(story, now_ms),
        clock(last.run.occurrence_ms) if last else "",
        str(sum(not job.ended for job in story.jobs)),
        str(len(story.jobs)),
        f"{last.seen.lag_ms} ms" if last else "",
    ]


def _next(story: TimerStory, now_ms: int) -> str:
    if story.deleted:
        return "deleted"
    if story.obstacle:
        return story.obstacle
    if story.timer.suspended:
        return "suspended"
    next_ms = story.next_ms(now_ms)
    return "done" if next_ms is None else f"in {span(next_ms - now_ms)}"


def job_rows(jobs: Sequence[JobStory], *, with_names: bool) -> list[list[Text]]:
    """Due, timer, state, lag, the Job's name where there is room, output."""
    return [
        [
            Text(clock(job.run.occurrence_ms)),
            Text(job.timer_name),
            Text(job.state, style=_STYLES[job.state]),
            Text(f"{job.seen.lag_ms} ms"),
            *([Text(job.run.name)] if with_names else []),
            Text(last_line(job.output), style="dim"),
        ]
        for job in jobs
    ]


def _timer_table(rows: Sequence[Sequence[str]]) -> Table:
    table = _table()
    table.add_column("TIMER", no_wrap=True)
    table.add_column("SCHEDULE", no_wrap=True)
    for heading in ("NEXT", "LAST", "ACTIVE", "RUNS", "LAG"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _job_table(rows: Sequence[Sequence[Text]], *, with_names: bool) -> Table:
    table = _table()
    table.add_column("DUE (UTC)", no_wrap=True)
    table.add_column("TIMER", max_width=20, no_wrap=True)
    table.add_column("STATE", min_width=9, no_wrap=True)
    table.add_column("LAG", justify="right", min_width=6, no_wrap=True)
    if with_names:
        table.add_column("JOB", no_wrap=True)
    table.add_column("OUTPUT", ratio=1, no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def _table() -> Table:
    return Table(box=None, expand=True, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")


def _line(text: Text) -> Text:
    text.no_wrap = True
    text.overflow = "ellipsis"
    return text
