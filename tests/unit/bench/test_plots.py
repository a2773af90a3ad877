"""Plots: drawn from whatever documents are there, and the same again from the same."""

from pathlib import Path
from typing import Any

from tests.bench.common.output import write_document
from tests.bench.plots import PLOTS, draw_all
from tests.unit.bench.bursts import document, run


def of(scenario: str, *runs: dict[str, Any]) -> dict[str, Any]:
    """The document of a scenario with these runs."""
    return document() | {"scenario": scenario, "runs": list(runs)}


DOCUMENTS = [
    document(run("ours-2", 1), run("ours-2", 2, last_ms=800), run("cronjob", 1), run("posts", 1)),
    of("scale", *({"timers": timers, "lag_p50_ms": 5, "lag_p99_ms": 9} for timers in (1_000, 10_000))),
    of("steady", {"name": "steady", "lags_ms": [3, 4, 9]}, {"name": "idle", "lags_ms": [2, 2]}),
    of("workers", *({"workers": workers, "fires_per_s": 500 * workers} for workers in (1, 2, 2))),
]


def test_every_plot_is_drawn_and_twice_the_same(tmp_path: Path) -> None:
    for one in DOCUMENTS:
        write_document(one, tmp_path / f"{one['scenario']}.json")

    first = {path.name: path.read_bytes() for path in draw_all(tmp_path)}
    again = {path.name: path.read_bytes() for path in draw_all(tmp_path)}

    assert set(first) == {f"{name}.svg" for name in PLOTS}
    assert first == again


def test_nothing_is_drawn_of_documents_that_are_missing_or_empty(tmp_path: Path) -> None:
    assert draw_all(tmp_path) == []
    for one in DOCUMENTS:
        empty = {**one, "runs": [], "summary": {"arms": [], "ratios": []}}
        write_document(empty, tmp_path / f"{one['scenario']}.json")
    assert draw_all(tmp_path) == []
