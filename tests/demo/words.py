"""How instants and durations are written for the reader: UTC, short."""

from controller.core.instants import from_ms


def clock(instant_ms: int) -> str:
    """`12:00:05`, in UTC as everywhere in Kubernetes."""
    return f"{from_ms(instant_ms):%H:%M:%S}"


def exact_clock(instant_ms: int) -> str:
    """`12:00:05.013`."""
    return f"{clock(instant_ms)}.{instant_ms % 1000:03}"


def span(duration_ms: int) -> str:
    """`4 s`, `3 min 20 s`, `5 h 12 min`, `3 d 4 h`: two units at most; what is left of a second counts as one."""
    seconds = max(0, -(-duration_ms // 1000))
    parts = [(seconds // 86_400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "min"), (seconds % 60, "s")]
    while len(parts) > 1 and parts[0][0] == 0:
        parts.pop(0)
    return " ".join(f"{number} {unit}" for number, unit in parts[:2] if number or len(parts) == 1)


def last_line(text: str) -> str:
    """The last line that is not empty, without anything a terminal would act on."""
    lines = [line for line in map(printable, text.splitlines()) if line.strip()]
    return lines[-1] if lines else ""


def printable(line: str) -> str:
    """A line of a Job's output, safe to print: what is no printable character becomes a blank."""
    return "".join(character if character.isprintable() else " " for character in line).rstrip()
