"""Both sides of a pair beside each other: a table, in which what differs is marked."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from tests.conformance.manifests import MINUTE_MS, MINUTES
from tests.conformance.pairs import Side
from tests.conformance.record import BY_HAND, NOMINAL
from tests.conformance.story import Story
from tests.integration.waiting import PATIENCE_S, wait_until

Object = dict[str, Any]
Row = tuple[str, str, str]
"""What is compared, what the CronJob has of it, what the RedisTimer has."""

NO_JOB = "-"
SOME_JOB = "a Job"
"""For a Job of which it does not matter whether it has ended by now."""

_ADDED_LABELS = {
    "redistimer.dev/timer",
    "redistimer.dev/timer-uid",
    # By the API server, from the Job's name and UID.
    "controller-uid",
    "job-name",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
}
_ADDED_ANNOTATIONS = {*NOMINAL.values(), *BY_HAND.values()}


def assert_both(story: Story, name: str, *fates: str) -> None:
    """Both sides of a pair have had these Jobs, one word for each minute, and no others; waits until it is so."""
    expected = list(fates)
    assert_each(story, name, native=expected, ours=expected)


def assert_each(story: Story, name: str, *, native: Sequence[str], ours: Sequence[str]) -> None:
    """The sides of a pair have had these Jobs each, one word for each minute, and no others; waits until it is so."""
    pair = story.pairs[name]
    wanted = [[*native, "none"], [*ours, "none"]]
    labels = [*(f"minute {number}" for number in MINUTES), "other times"]

    def look() -> list[list[str]]:
        return [_fates(story, side, words) for side, words in zip(pair, wanted, strict=True)]

    seen = _look_until(look, wanted)
    if seen != wanted:
        told = table(name, list(zip(labels, *seen, strict=True)))
        pytest.fail(f"{told}\n\nexpected:\n{table(name, list(zip(labels, *wanted, strict=True)))}")


def assert_alike(name: str, native: Mapping[str, Any], ours: Mapping[str, Any]) -> None:
    """Both have the same under each heading."""
    rows = [
        (heading, str(native.get(heading, NO_JOB)), str(ours.get(heading, NO_JOB))) for heading in {**native, **ours}
    ]
    assert native == ours, f"what differs is marked:\n{table(name, rows)}"


def table(name: str, rows: Sequence[Row]) -> str:
    """A table for people; rows that differ are marked."""
    lines = [(name, "CronJob (native)", "RedisTimer (ours)"), *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(3)]
    marks = [" ", *(" " if native == ours else "!" for _, native, ours in rows)]
    texts = [
        f"{mark} {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))}".rstrip()
        for mark, line in zip(marks, lines, strict=True)
    ]
    rule = "  " + "-+-".join("-" * width for width in widths)
    return "\n".join([texts[0], rule, *texts[1:]])


def without_additions(metadata: Mapping[str, Any] | None) -> Object:
    """Labels and annotations of a Job or a Pod, less what is added to those of the template."""
    metadata = metadata or {}
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    return {
        "labels": {key: labels[key] for key in sorted(labels.keys() - _ADDED_LABELS)},
        "annotations": {key: annotations[key] for key in sorted(annotations.keys() - _ADDED_ANNOTATIONS)},
    }


def content(job: Mapping[str, Any]) -> dict[str, Any]:
    """What a Job's manifest says, path by path, less its identity and what is added."""
    spec = {key: value for key, value in job["spec"].items() if key != "selector"}
    spec["template"] = {**spec["template"], "metadata": without_additions(spec["template"].get("metadata"))}
    metadata = without_additions(job["metadata"]) | {"finalizers": job["metadata"].get("finalizers")}
    return dict(_paths({"metadata": metadata, "spec": spec}, ""))


def _fates(story: Story, side: Side, words: Sequence[str]) -> list[str]:
    minutes = [story.minute(number) for number in MINUTES]
    others = [nominal_ms for nominal_ms in side.nominal() if nominal_ms not in minutes]
    return [*(_fate(side, *each) for each in zip(minutes, words, strict=False)), str(others or "none")]


def _fate(side: Side, minute_ms: int, expected: str) -> str:
    run = side.run_of(minute_ms)
    if run is None:
        return NO_JOB
    minutes_late = (run.created_ms - minute_ms) // MINUTE_MS
    word = SOME_JOB if expected == SOME_JOB else run.fate
    return f"{word}, {minutes_late} min late" if minutes_late else word


def _look_until(look: Callable[[], list[list[str]]], wanted: list[list[str]]) -> list[list[str]]:
    """What is seen once it is as wanted, or after some patience."""
    try:
        return wait_until(look, lambda seen: seen == wanted, "both are as expected", PATIENCE_S / 2)
    except pytest.fail.Exception:
        return look()


def _paths(value: Any, path: str) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [pair for key in sorted(value) for pair in _paths(value[key], f"{path}.{key}".lstrip("."))]
    if isinstance(value, list):
        return [pair for index, one in enumerate(value) for pair in _paths(one, f"{path}[{index}]")]
    return [] if value is None else [(path, value)]
