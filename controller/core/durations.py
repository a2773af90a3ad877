"""Durations as people write them."""

import re

_HOUR_MS = 3_600_000
_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # the micro sign
    "μs": 1_000,  # the Greek letter
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_LONGEST_GO_NS = 2**63
_GO_PART = r"([0-9]*)(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)"


def parse_duration(text: str, longest_hours: int) -> int:
    """Milliseconds of `1h30m` or `45s`; raises ValueError that ends a sentence about the text."""
    match = re.fullmatch(r"(?:([0-9]{1,5})h)?(?:([0-9]{1,7})m)?(?:([0-9]{1,9})s)?", text)
    hours, minutes, seconds = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    total_ms = ((hours * 60 + minutes) * 60 + seconds) * 1000
    if not 0 < total_ms <= longest_hours * _HOUR_MS:
        raise ValueError(
            f"is not a duration from 1s to {longest_hours}h: write hours, minutes and seconds in this order, "
            "for example 1h30m or 45s"
        )
    return total_ms


def parse_go_duration(text: str) -> int | None:
    """Milliseconds, rounded down, of what Go's time.ParseDuration accepts (`1h30m`, `1.5h`); None for anything else."""
    sign, unsigned = (text[0], text[1:]) if text[:1] in ("+", "-") else ("", text)
    if unsigned == "0":
        return 0
    if not re.fullmatch(f"(?:{_GO_PART})+", unsigned):
        return None
    total_ns = 0
    for whole, fraction, unit in re.findall(_GO_PART, unsigned):
        if not whole and not fraction:
            return None
        total_ns += int(whole or 0) * _NANOSECONDS[unit] + _go_fraction_ns(fraction, _NANOSECONDS[unit])
    if total_ns > _LONGEST_GO_NS - (sign != "-"):
        return None
    return (-total_ns if sign == "-" else total_ns) // 1_000_000


def _go_fraction_ns(digits: str, unit_ns: int) -> int:
    # In floating point, and with no more digits than a 64-bit number holds, because Go does it so.
    value, scale = 0, 1.0
    for digit in digits:
        longer = value * 10 + int(digit)
        if value > (2**63 - 1) // 10 or longer > 2**63:
            break
        value, scale = longer, scale * 10
    return int(value * (unit_ns / scale))
