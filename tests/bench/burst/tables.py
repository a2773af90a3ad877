"""The tables of a burst, from its document. Pure."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rich.table import Table

from tests.bench.burst.ratios import BAR_AT, WORKERS_CPU_BAR
from tests.bench.common.cpu import DISTURBED_SHARE, OTHERS
from tests.bench.common.output import Document, figures_table, with_spread

_ROWS = (
    ("Jobs per second", "jobs_per_s", "{:.0f}"),
    ("lag of the first Job, ms", "first_ms", "{:.0f}"),
    ("lag p50, ms", "p50_ms", "{:.0f}"),
    ("lag p99, ms", "p99_ms", "{:.0f}"),
    ("lag of the last Job, ms", "max_ms", "{:.0f}"),
    ("to the answer to the creator p50, ms", "answered_p50_ms", "{:.0f}"),
    ("to the answer to the creator max, ms", "answered_max_ms", "{:.0f}"),
    ("all statuses written after, s", "status_s", "{:.1f}"),
)
_RANGES = ("jobs_per_s", "max_ms")
_NONE = "-"


def tables(document: Document) -> Iterator[Table]:
    """Figures, rounds and CPU for each number of timers, then the ratios."""
    arms, ratios = document["summary"]["arms"], document["summary"]["ratios"]
    for timers in dict.fromkeys(entry["timers"] for entry in arms):
        of_size = [entry for entry in arms if entry["timers"] == timers]
        runs = [run for run in document["runs"] if run["timers"] == timers]
        yield _figures(timers, of_size)
        if max(run["round"] for run in runs) > 1 or any(run.get("disturbed") for run in runs):
            yield _rounds(of_size, runs)
        yield _cpu("CPU ms per timer, until the last Job", of_size, "cpu_ms_jobs")
        yield _cpu("CPU ms per timer, until the last status", of_size, "cpu_ms_statuses")
    if ratios:
        yield _ratios(ratios)


def _figures(timers: int, entries: Sequence[dict[str, Any]]) -> Table:
    several = any(entry["runs"] > 1 for entry in entries)
    table = figures_table(
        f"{timers} timers at one instant{', medians' if several else ''}", [entry["arm"] for entry in entries]
    )
    for title, figure, form in _ROWS:
        medians = [(entry[figure] or {}).get("median") for entry in entries]
        table.add_row(title, *(_cell(median, form.format) for median in medians))
        if several and figure in _RANGES:
            table.add_row("  least - most", *(_cell(entry[figure], _range) for entry in entries))
    for kind, title in (("missed", "missed"), ("double", "Jobs too many"), ("early", "before their time")):
        table.add_row(title, *(str(entry[kind]) for entry in entries))
    return table


def _rounds(entries: Sequence[dict[str, Any]], runs: Sequence[dict[str, Any]]) -> Table:
    """A row for each round, so that what disturbed it can be seen."""
    table = figures_table(
        f"last Job, ms (*: other work took > {DISTURBED_SHARE:.0%})", [entry["arm"] for entry in entries]
    )
    by_place = {(run["round"], run["arm"]): run for run in runs}
    for number in range(1, max(run["round"] for run in runs) + 1):
        found = [by_place.get((number, entry["arm"])) for entry in entries]
        table.add_row(f"round {number}", *(_cell(run, _last) for run in found))
    return table


def _cpu(title: str, entries: Sequence[dict[str, Any]], window: str) -> Table:
    table = figures_table(title, [entry["arm"] for entry in entries])
    names = dict.fromkeys(name for entry in entries for name in entry[window])
    for name in names:
        if not name.startswith("worker-") and name != OTHERS:
            table.add_row(name, *(_cell(entry[window].get(name), "{:.2f}".format) for entry in entries))
    if any(name.startswith("worker-") for name in names):
        table.add_row("workers together", *(_cell(_workers(entry[window]), "{:.2f}".format) for entry in entries))
    own = [sum(used for name, used in entry[window].items() if name != OTHERS) for entry in entries]
    table.add_row("total", *(f"{used:.2f}" for used in own))
    table.add_row(f"({OTHERS})", *(f"{entry[window][OTHERS]:.2f}" for entry in entries))
    # With few timers it is mostly what preparing costs once, connections for example.
    judged = window == "cpu_ms_jobs" and entries[0]["timers"] >= BAR_AT
    if judged and any(entry["workers_cpu_ms"] for entry in entries):
        table.add_row(
            f"workers, median: bar {WORKERS_CPU_BAR}", *(_cell(entry["workers_cpu_ms"], _verdict) for entry in entries)
        )
    return table


def _ratios(ratios: Sequence[dict[str, Any]]) -> Table:
    table = figures_table(
        "ratio within one round", ["timers", "median (least - most)", "rounds", "calm median", "bar", ""]
    )
    for entry in ratios:
        name = f"{entry['figure']}: {entry['of']} / {entry['against']}"
        disturbed = f" ({len(entry['disturbed'])} disturbed)" if entry["disturbed"] else ""
        verdict = {True: "met", False: "not met", None: ""}[entry["met"]]
        table.add_row(
            name,
            str(entry["timers"]),
            with_spread(entry, "{:.3f}"),
            f"{len(entry['values'])}{disturbed}",
            _cell(entry["median_undisturbed"], "{:.3f}".format),
            entry["bar"] or "",
            verdict,
        )
    return table


def _workers(used: dict[str, float]) -> float | None:
    found = [value for name, value in used.items() if name.startswith("worker-")]
    return sum(found) if found else None


def _cell(value: Any, form: Callable[[Any], str]) -> str:
    return _NONE if value is None else form(value)


def _range(values: dict[str, float]) -> str:
    return f"{values['min']:.0f} - {values['max']:.0f}"


def _last(run: dict[str, Any]) -> str:
    if "error" in run:
        return "failed"
    return f"{run['max_ms']}{'*' if run['disturbed'] else ''}"


def _verdict(values: dict[str, float]) -> str:
    return "met" if WORKERS_CPU_BAR.met_by(values["median"]) else "not met"
