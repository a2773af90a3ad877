"""A forecast for people: local time, UTC, in how long, and what else there is to say."""

from collections.abc import Sequence

import typer

from controller.cli.columns import aligned, printable
from controller.cli.forecast.manifests import BadManifest
from controller.cli.forecast.upcoming import Forecast, MoreLeftOut, Upcoming
from controller.cli.times import clock, firing, wait
from controller.core.instants import rfc3339
from controller.core.schedule.occurrences import never_fires

_TITLES = ("LOCAL TIME", "UTC", "IN", "NOTE")

_Row = tuple[str, str, str, str]


def table(answer: Forecast | BadManifest, count: int) -> str:
    """A block of lines, the last one empty."""
    if isinstance(answer, BadManifest):
        name = typer.style(printable(answer.name) or "(without a name)", bold=True)
        return f"{name}\n  {typer.style('error', fg='red')}: {answer.error}\n"
    manifest, timing = answer.manifest, answer.timing
    title = typer.style(printable(timing.owner), bold=True)
    lines = ["  ".join(filter(None, (title, timing.summary, manifest.spec.get("timeZone"))))]
    lines += [f"  {typer.style('warning', fg='yellow')}: {warning}" for warning in warnings_on(answer)]
    rows = list(answer.rows(count))
    if rows:
        lines += aligned(_TITLES, [_row(row, answer.start_ms) for row in rows], [_is_left_out(row) for row in rows])
    if manifest.suspended:
        lines.append("  suspended: nothing fires until spec.suspend is false")
    elif not answer.stopped and sum(not _is_left_out(row) for row in rows) < count:
        lines.append(f"  {_end(answer, rows)}")
    return "\n".join([*lines, ""])


def _end(answer: Forecast, rows: Sequence[Upcoming | MoreLeftOut]) -> str:
    if never_fires(answer.timing.schedule):
        return "it never fires"
    return "nothing comes after that" if rows else "nothing is left"


def warnings_on(answer: Forecast) -> list[str]:
    """What is accepted, and yet surely not meant; and what keeps it from running."""
    fields = answer.manifest.unknown_fields
    unknown = [f"spec.{field} is not a field of a RedisTimer, and is not read" for field in fields]
    held = [f"{answer.held[0]}: {answer.held[1]}"] if answer.held else []
    return [printable(warning) for warning in (*answer.timing.remarks, *unknown, *held)]


def _is_left_out(row: Upcoming | MoreLeftOut) -> bool:
    return isinstance(row, MoreLeftOut) or row.due_ms is None


def _row(row: Upcoming | MoreLeftOut, start_ms: int) -> _Row:
    if isinstance(row, MoreLeftOut):
        number = "more" if row.number is None else f"{'' if row.exact else 'about '}{row.number} more"
        return "...", "", "", f"{number} left out"
    if row.due_ms is None:
        shown, utc = clock(row.occurrence_ms, row.offset_ms), rfc3339(row.occurrence_ms)
        return shown, utc, "", f"left out by {row.left_out_by}"
    shown_ms, jitter = firing(row.occurrence_ms, row.due_ms)
    return clock(shown_ms, row.offset_ms), rfc3339(shown_ms), wait(row.due_ms - start_ms), jitter
