"""Bars, and how they are shown."""

import io

from rich.console import Console

from tests.bench.bars import at_least, at_most, bars_tables


def test_a_bar_is_met_up_to_its_very_limit() -> None:
    assert [at_most("a", 10, 10)["met"], at_most("a", 10.1, 10)["met"]] == [True, False]
    assert [at_least("a", 10, 10)["met"], at_least("a", 9.9, 10)["met"]] == [True, False]


def test_bars_are_shown_with_what_was_measured() -> None:
    console = Console(file=io.StringIO(), width=120, color_system=None)
    for table in bars_tables({"bars": [at_least("fires per CPU second", 12_020.4, 25_000), at_most("lag", 9.876, 10)]}):
        console.print(table)

    assert isinstance(console.file, io.StringIO)
    _, first, second = (line.split() for line in console.file.getvalue().splitlines())
    assert first == ["fires", "per", "CPU", "second", "12,020", "at", "least", "25,000", "not", "met"]
    assert second == ["lag", "9.88", "at", "most", "10", "met"]


def test_without_bars_there_is_no_table() -> None:
    assert list(bars_tables({"bars": []})) == []
    assert list(bars_tables({})) == []
