"""Instants and spans as people read them."""

from datetime import UTC, datetime

from controller.core.instants import from_ms


def clock(instant_ms: int, offset_ms: int) -> str:
    """`Thu 2026-11-26 06:30:00 +01:00`: what a clock so far from UTC shows."""
    local = from_ms(instant_ms + offset_ms).replace(tzinfo=None)
    shown = local.isoformat(" ", "milliseconds" if local.microsecond else "seconds")
    return f"{local:%a} {shown} {_offset(offset_ms)}"


def here(instant_ms: int) -> str:
    """The same of the clock of this machine."""
    offset = datetime.fromtimestamp(instant_ms / 1000, UTC).astimezone().utcoffset()
    assert offset is not None
    return clock(instant_ms, int(offset.total_seconds() * 1000))


def firing(occurrence_ms: int, due_ms: int) -> tuple[int, str]:
    """When a run fires, as it is shown, and how much later than its nominal time that is: `4m12s of jitter`, or ""."""
    delay_ms = due_ms - occurrence_ms
    # Nobody planned the milliseconds that jitter comes to.
    return (due_ms // 1000 * 1000, f"{span(delay_ms)} of jitter") if delay_ms else (due_ms, "")


def wait(span_ms: int) -> str:
    """How long it takes until something that may be due already."""
    return span(span_ms) if span_ms > 0 else "now"


def span(span_ms: int) -> str:
    """The two largest units of a time span: `3d4h`, `12m30s`, `4.2s`."""
    seconds, milliseconds = divmod(span_ms, 1000)
    if seconds < 60:
        return f"{seconds}.{milliseconds // 100}s" if milliseconds >= 100 else f"{seconds}s"
    parts = zip((seconds // 86_400, seconds // 3600 % 24, seconds // 60 % 60, seconds % 60), "dhms", strict=True)
    kept = [(number, unit) for number, unit in parts]
    first = next(place for place, (number, _) in enumerate(kept) if number)
    return "".join(f"{number}{unit}" for number, unit in kept[first : first + 2] if number)


def _offset(offset_ms: int) -> str:
    minutes = abs(offset_ms) // 60_000
    return f"{'-' if offset_ms < 0 else '+'}{minutes // 60:02}:{minutes % 60:02}"
