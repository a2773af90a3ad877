"""The end of the demo: what was due, what ran, and how late. Pure functions of the story."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tests.demo.story import Story, TimerStory
from tests.demo.words import clock
from tests.harness.accounts import Account, total
from tests.harness.lag import Lag, lag_of

HEADINGS = ("TIMER", "DUE", "JOBS", "MISSED", "DOUBLE", "SUCCEEDED", "FAILED", "LAG p50/p99/max ms")


def summary(story: Story, until_ms: int) -> RenderableType:
    """A table with a line for each timer and one for all, the lag, and what is worth saying besides."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for position, heading in enumerate(HEADINGS):
        table.add_column(heading, justify="right" if position else "left", no_wrap=True)
    *timers, all_timers = rows(story, until_ms)
    for row in timers:
        table.add_row(*map(Text, row))
    table.add_row(*(Text(cell, style="bold") for cell in all_timers))
    result = verdict(total_account(story, until_ms))
    lag = total_lag(story, until_ms)
    said = [f"Firing lag: {lag}, from nominal time to the Job's arrival in a watch."] if lag else []
    return Group(
        table, Text(), *map(Text, [*said, *notes(story.timers, until_ms)]), Text(result[1], style=_style(result[0]))
    )


def rows(story: Story, until_ms: int) -> list[list[str]]:
    """The cells: one row for each timer, the last for all of them."""
    listed = [
        _row(timer.timer.name, timer.account(until_ms), timer.lag(until_ms))
        for timer in story.timers
        if timer.timer.created_ms <= until_ms
    ]
    return [*listed, _row("total", total_account(story, until_ms), total_lag(story, until_ms))]


def total_account(story: Story, until_ms: int) -> Account:
    """All timers together."""
    return total(timer.account(until_ms) for timer in story.timers)


def total_lag(story: Story, until_ms: int) -> Lag | None:
    """The lag of all Jobs."""
    return lag_of(job.seen.lag_ms for timer in story.timers for job in timer.jobs_until(until_ms))


def notes(stories: Sequence[TimerStory], until_ms: int) -> list[str]:
    """For each timer that nothing was due of: why."""
    return [
        f"Of {story.timer.name} nothing was due before the end: {_why_not(story, until_ms)}."
        for story in stories
        if not story.account(until_ms).due and not story.deleted
    ]


def _why_not(story: TimerStory, until_ms: int) -> str:
    if story.obstacle:
        return f"it is not ready ({story.obstacle})"
    if story.timer.suspended:
        return "it is suspended"
    next_ms = story.next_ms(until_ms)
    return f"its next occurrence would have been at {clock(next_ms)} UTC" if next_ms else "it has no occurrence left"


def verdict(account: Account) -> tuple[bool, str]:
    """Whether all is well, and that in a sentence."""
    if account.faultless:
        if not account.due:
            return True, "Nothing was due."
        return (
            True,
            f"Of {account.due} due, {account.due} ran once and succeeded: none missed, none double, none early.",
        )
    faults = {
        "missed": account.missed,
        "double": account.double,
        "before its time or not asked for": account.unasked,
        "failed": account.failed,
        "not finished in time": account.unfinished,
    }
    return False, "Not all is well: " + ", ".join(f"{number} {fault}" for fault, number in faults.items() if number)


def _row(name: str, account: Account, lag: Lag | None) -> list[str]:
    numbers = (account.due, account.jobs, account.missed, account.double, account.succeeded, account.failed)
    return [name, *map(str, numbers), f"{lag.p50_ms} / {lag.p99_ms} / {lag.max_ms}" if lag else "-"]


def _style(well: bool) -> str:
    return "bold green" if well else "bold red"
