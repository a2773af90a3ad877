"""A forecast for people: local time, UTC, in how long, and what else there is to say."""

from collections.abc import Sequence

import typer

from controller.cli.manifests import BadManifest
from controller.cli.upcoming import Forecast, MoreLeftOut, Upcoming
from controller.core.instants import from_ms, rfc3339
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
        lines += _aligned([_row(row, answer.start_ms) for row in rows], [_is_left_out(row) for row in rows])
    if manifest.suspended:
        lines.append("  suspended: nothing fires until spec.suspend is false")
    elif sum(not _is_left_out(row) for row in rows) < count:
        lines.append(f"  {_end(answer, rows)}")
    return "\n".join([*lines, ""])


def _end(answer: Forecast, rows: Sequence[Upcoming | MoreLeftOut]) -> str:
    if never_fires(answer.timing.schedule):
        return "it never fires"
    return "nothing comes after that" if rows else "nothing is left"


def warnings_on(answer: Forecast) -> list[str]:
    """What is accepted, and yet surely not meant."""
    fields = answer.manifest.unknown_fields
    unknown = [f"spec.{field} is not a field of a RedisTimer, and is not read" for field in fields]
    return [printable(warning) for warning in (*answer.timing.remarks, *unknown)]


def printable(text: str) -> str:
    """A text without what would move the cursor or change colours."""
    return text if text.isprintable() else ascii(text)[1:-1]


def _is_left_out(row: Upcoming | MoreLeftOut) -> bool:
    return isinstance(row, MoreLeftOut) or row.due_ms is None


def _row(row: Upcoming | MoreLeftOut, start_ms: int) -> _Row:
    if isinstance(row, MoreLeftOut):
        number = "more" if row.number is None else f"{'' if row.exact else 'about '}{row.number} more"
        return "...", "", "", f"{number} left out"
    local = from_ms(row.occurrence_ms + row.offset_ms).replace(tzinfo=None)
    clock = local.isoformat(" ", "milliseconds" if local.microsecond else "seconds")
    shown, utc = f"{local:%a} {clock} {_offset(row.offset_ms)}", rfc3339(row.occurrence_ms)
    if row.due_ms is None:
        return shown, utc, "", f"left out by {row.left_out_by}"
    delay_ms = row.due_ms - row.occurrence_ms
    return shown, utc, _wait(row.due_ms - start_ms), f"jitter: fires {_span(delay_ms)} later" if delay_ms else ""


def _aligned(rows: Sequence[_Row], dim: Sequence[bool]) -> list[str]:
    titles = _TITLES if any(row[-1] for row in rows) else (*_TITLES[:-1], "")
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    lines = []
    for row, is_dim in zip((titles, *rows), (True, *dim), strict=True):
        text = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        lines.append(f"  {typer.style(text, dim=True) if is_dim else text}")
    return lines


def _offset(offset_ms: int) -> str:
    minutes = abs(offset_ms) // 60_000
    return f"{'-' if offset_ms < 0 else '+'}{minutes // 60:02}:{minutes % 60:02}"


def _wait(span_ms: int) -> str:
    return _span(span_ms) if span_ms > 0 else "now"


def _span(span_ms: int) -> str:
    """The two largest units of a time span: `3d4h`, `12m30s`, `4.2s`."""
    seconds, milliseconds = divmod(span_ms, 1000)
    if seconds < 60:
        return f"{seconds}.{milliseconds // 100}s" if milliseconds >= 100 else f"{seconds}s"
    parts = zip((seconds // 86_400, seconds // 3600 % 24, seconds // 60 % 60, seconds % 60), "dhms", strict=True)
    kept = [(number, unit) for number, unit in parts]
    first = next(place for place, (number, _) in enumerate(kept) if number)
    return "".join(f"{number}{unit}" for number, unit in kept[first : first + 2] if number)
