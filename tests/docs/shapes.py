"""Output that is shown against output that there was: the same words, while times, names of Jobs and numbers differ."""

import re
from collections.abc import Iterable, Sequence

_EXACT = (r"redistimer next -f .*--from", r"redistimer (import|export) -f", r"kubectl explain ")
"""Commands that print the same at any time."""
_HEADERS = (r"kubectl get ", r"redistimer next", r"kubectl (-n \S+ )?get ")
"""Commands of which the first line of each table counts, as the rest is what there is just now."""
_KEYS = (r"kubectl describe ",)
"""Commands of which the words before a colon count; not those of times, nor Events: each timer has others."""
_CHECKS = (r"redistimer doctor",)
"""Commands of which the second column counts."""

_MASKS = (
    (r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun) (?=\d{4}-)", ""),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?( ?[+-]\d\d:\d\d|Z)?", "TIME"),
    (r"-[0-9a-z]{8}(-run)?-[0-9a-z]{8}\b", "-JOB"),
    (r"\b(\d+\.\ds|(\d+(ms|[dhms]))+)\b", "SPAN"),
    (r"\d+", "9"),
    (r"\s+", " "),
)
_LEFT_OUT = "..."


def differences(command: str, shown: Sequence[str], printed: str) -> list[str]:
    """Lines that are shown and not found in what was printed, in their order; none where all are."""
    lines = printed.splitlines()
    if _matches(_EXACT, command):
        return _missing(map(str.rstrip, shown), map(str.rstrip, lines))
    if _matches(_HEADERS, command):
        headers = [line.split() for line in lines]
        return [line for line in shown if _is_header(line) and not any(_fits(line, words) for words in headers)]
    if _matches(_KEYS, command):
        keys = [line for line in shown[: _index(shown, "Events:")] if ":" in line]
        return [line for line in keys if " Time:" not in line and f"{line.split(':')[0].strip()}:" not in printed]
    if _matches(_CHECKS, command):
        checks = {row[1] for row in map(_columns, lines) if len(row) > 2}
        return [line for line in shown if len(row := _columns(line)) > 2 and row[1] not in checks]
    return _missing(map(mask, shown), map(mask, lines))


def mask(line: str) -> str:
    """A line without what differs from time to time."""
    for pattern, replacement in _MASKS:
        line = re.sub(pattern, replacement, line)
    return line.strip()


def _matches(patterns: Iterable[str], command: str) -> bool:
    return any(re.search(pattern, command) for pattern in patterns)


def _index(lines: Sequence[str], line: str) -> int:
    return lines.index(line) if line in lines else len(lines)


def _missing(shown: Iterable[str], printed: Iterable[str]) -> list[str]:
    rest = list(printed)
    missing = []
    for line in shown:
        if line.strip() in ("", _LEFT_OUT):
            continue
        if line in rest:
            del rest[: rest.index(line) + 1]
        else:
            missing.append(line)
    return missing


def _is_header(line: str) -> bool:
    words = [word for word in line.split() if word != _LEFT_OUT]
    return bool(words) and all(word.isupper() and word.isalpha() for word in words)


def _fits(header: str, words: list[str]) -> bool:
    rest = iter(words)
    return all(word in rest for word in header.split() if word != _LEFT_OUT)


def _columns(line: str) -> list[str]:
    return re.split(r"\s{2,}|(?<=^warning)\s", line.strip())
