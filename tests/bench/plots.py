"""Plots of the documents in a folder, as SVG beside them: the same document gives the same file, byte for byte."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench.burst.arms import ARMS, CRONJOB_DEFAULT
from tests.bench.burst.ratios import BAR_AT, COMPARISONS, median_run
from tests.bench.common.output import Document, read_document, spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_STYLE = {
    "svg.hashsalt": "redistimer",
    "svg.fonttype": "path",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "legend.framealpha": 0.85,
    "legend.edgecolor": "none",
    "lines.linewidth": 1.8,
    # A page may be dark: what is drawn is read on white.
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.constrained_layout.use": True,
}
_COLOURS = {
    "ours-1": "#7fb3d9",
    "ours-2": "#1f77b4",
    "ours-4": "#0b3c66",
    "posts": "#777777",
    "cronjob": "#d95f02",
    "cronjob-default": "#f0a868",
}
_P50, _P99 = "#1f77b4", "#d95f02"


def draw_all(directory: Path) -> list[Path]:
    """Draw what the documents there have; the files written. What has no document is left out."""
    import matplotlib

    matplotlib.use("svg")
    written = []
    with matplotlib.rc_context(_STYLE):  # type: ignore[arg-type]  # its keys are an enumeration of literals
        for name, (scenario, draw) in PLOTS.items():
            source = directory / f"{scenario}.json"
            if not source.is_file():
                continue
            figure = draw(read_document(source))
            if figure is not None:
                path = directory / f"{name}.svg"
                figure.savefig(path, metadata={"Date": None, "Creator": None})
                written.append(path)
    return written


def _burst(document: Document) -> "Figure | None":
    """Cumulative Jobs over time: of each arm the median run, a panel for each number of timers."""
    runs = [run for run in document["runs"] if "error" not in run]
    sizes = list(dict.fromkeys(run["timers"] for run in runs))
    if not sizes:
        return None
    figure, panels = _figure(len(sizes))
    for timers, axes in zip(sizes, panels, strict=True):
        last_s = 0.0
        for arm in ARMS.values():
            of_arm = [run for run in runs if (run["timers"], run["arm"]) == (timers, arm.name)]
            if not of_arm:
                continue
            run = median_run(of_arm)
            lags_s = [lag_ms / 1000 for lag_ms in run["arrivals_ms"]]
            label = f"{arm.title}: last after {_seconds(run['max_ms'] / 1000)}"
            style = "--" if arm.name in ("posts", CRONJOB_DEFAULT) else "-"
            axes.plot([0, lags_s[0], *lags_s], [0, 0, *_counts(run)], style, color=_COLOURS[arm.name], label=label)
            # By far the slowest: its beginning is enough, or nothing else could be told apart.
            last_s = last_s if arm.name == CRONJOB_DEFAULT else max(last_s, lags_s[-1])
        if last_s:
            axes.set_xlim(0, last_s * 1.05)
        axes.set_ylim(0, timers * 1.03)
        axes.set_title(f"{timers:,} timers due at one instant: when their Jobs arrive")
        axes.set_xlabel("seconds after the instant")
        axes.yaxis.set_major_formatter("{x:,.0f}")
        axes.legend(fontsize=8.5)
    panels[0].set_ylabel("Jobs that have arrived in a watch")
    return figure


def _ratios(document: Document) -> "Figure | None":
    """Of each ratio the median and the spread, beside its bar."""
    groups = [
        (comparison, [entry for entry in document["summary"]["ratios"] if _is_of(entry, comparison)])
        for comparison in COMPARISONS
    ]
    groups = [(comparison, entries) for comparison, entries in groups if entries]
    if not groups:
        return None
    figure, panels = _figure(len(groups), width=4.7, height=max(2.4, 0.42 * max(len(found) for _, found in groups) + 1))
    for (comparison, entries), axes in zip(groups, panels, strict=True):
        for row, entry in enumerate(entries):
            colour = _COLOURS[entry["of"]]
            axes.plot([entry["min"], entry["max"]], [row, row], color=colour, linewidth=5, alpha=0.35)
            axes.plot(entry["median"], row, "o", color=colour)
        better = "more is better" if comparison.bar.at_least else "less is better"
        axes.axvline(comparison.bar.value, color="#444444", linestyle=":", linewidth=1.2)
        axes.set_title(f"{comparison.title}, over that of {ARMS[comparison.against].title}", fontsize=9.5)
        axes.set_xlabel(f"ratio ({better}; dotted: bar at {BAR_AT:,})", fontsize=9)
        axes.set_yticks(range(len(entries)), [f"{ARMS[one['of']].title}, {one['timers']:,}" for one in entries])
        axes.set_ylim(len(entries) - 0.5, -0.5)
        axes.set_xlim(0, max([comparison.bar.value, *(entry["max"] for entry in entries)]) * 1.12)
        axes.grid(visible=False, axis="y")
    return figure


def _scale(document: Document) -> "Figure | None":
    """Lag against the number of timers that wait: of several rounds the medians, with their spread."""
    runs = [run for run in document["runs"] if "lag_p50_ms" in run]
    if not runs:
        return None
    figure, (axes,) = _figure(1)
    counts = sorted({run["timers"] for run in runs})
    for label, name, colour in (("p99", "lag_p99_ms", _P99), ("p50", "lag_p50_ms", _P50)):
        spreads = [spread(run[name] for run in runs if run["timers"] == count) for count in counts]
        axes.plot(counts, [one["median"] for one in spreads], "o-", color=colour, label=label)
        least, most = ([one[end] for one in spreads] for end in ("min", "max"))
        axes.fill_between(counts, least, most, color=colour, alpha=0.15, linewidth=0)
    axes.set_xscale("log")
    axes.set_xticks(counts, [_short(count) for count in counts])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.set_title("Firing lag against the number of timers that wait")
    axes.set_xlabel("timers in Redis")
    axes.set_ylabel("lag, ms")
    axes.legend()
    return figure


def _steady(document: Document) -> "Figure | None":
    """The distribution of the lag of each run."""
    runs = [run for run in document["runs"] if run.get("lags_ms")]
    if not runs:
        return None
    figure, (axes,) = _figure(1)
    labelled: set[str] = set()
    rate = document["options"].get("rate", "several")
    loads = {"steady": (_P50, f"{rate} a second"), "idle": (_P99, "one a second, else idle")}
    for run in runs:
        lags_ms, name = sorted(run["lags_ms"]), run["name"]
        parts = [100 * (number + 1) / len(lags_ms) for number in range(len(lags_ms))]
        colour, title = loads.get(name, ("#777777", name))
        label = None if name in labelled else title
        axes.plot(lags_ms, parts, color=colour, label=label, drawstyle="steps-post")
        labelled.add(name)
    axes.set_xscale("log")
    _plain_numbers(axes)
    axes.set_ylim(0, 101)
    axes.set_title("Firing lag under a steady load")
    axes.set_xlabel("lag, ms")
    axes.set_ylabel("Jobs that arrived within it, %")
    axes.legend(loc="lower right")
    return figure


def _workers(document: Document) -> "Figure | None":
    """Fires per second against the number of workers: of several rounds the medians, with their spread."""
    runs = [run for run in document["runs"] if "fires_per_s" in run]
    if not runs:
        return None
    figure, (axes,) = _figure(1)
    counts = sorted({run["workers"] for run in runs})
    spreads = [spread(run["fires_per_s"] for run in runs if run["workers"] == count) for count in counts]
    bars = axes.bar([str(count) for count in counts], [one["median"] for one in spreads], width=0.55, color=_P50)
    for place, one in enumerate(spreads):
        axes.plot([place, place], [one["min"], one["max"]], color="#0b3c66", linewidth=1.4)
    axes.bar_label(bars, [f"{one['median']:,.0f}" for one in spreads], label_type="center", color="white")
    axes.grid(visible=False, axis="x")
    axes.set_title("Fires per second where the API server costs nothing")
    axes.set_xlabel("workers")
    axes.set_ylabel("fires per second")
    axes.yaxis.set_major_formatter("{x:,.0f}")
    return figure


PLOTS: dict[str, tuple[str, Callable[[Document], "Figure | None"]]] = {
    "burst": ("burst", _burst),
    "burst-ratios": ("burst", _ratios),
    "scale": ("scale", _scale),
    "steady": ("steady", _steady),
    "workers": ("workers", _workers),
}
"""File name, without .svg: the scenario that it is drawn from, and how."""


def _figure(panels: int, width: float = 5.6, height: float = 3.8) -> "tuple[Figure, Sequence[Axes]]":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * panels, height))
    axes = figure.subplots(1, panels, squeeze=False)
    return figure, list(axes[0])


def _counts(run: dict[str, Any]) -> list[int]:
    """How many Jobs had come at each of `arrivals_ms`, which are evenly spaced by count."""
    points, jobs = len(run["arrivals_ms"]), run["timers"] - run["missed"] + run["double"]
    return [1 + round(point * (jobs - 1) / max(points - 1, 1)) for point in range(points)]


def _is_of(entry: dict[str, Any], comparison: Any) -> bool:
    return (entry["figure"], entry["against"]) == (comparison.title, comparison.against)


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds >= 100 else f"{seconds:.3g} s"


def _short(number: float) -> str:
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:g}{unit}"
    return f"{number:g}"


def _plain_numbers(axes: "Axes") -> None:
    from matplotlib.ticker import LogLocator, NullLocator

    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter("{x:g}")
