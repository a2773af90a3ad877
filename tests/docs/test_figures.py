"""Figures that documents repeat are those of the pages on which they were measured."""

import re

import pytest

from tests.docs.markdown import prose_of

MEASURED = ("docs/performance.md", "docs/guarantees.md")
_FIGURE = re.compile(r"\d[\d,]*(?:\.\d+)?")


def section(doc: str, heading: str) -> str:
    """The text below a heading, until the next one."""
    (found,) = re.findall(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", prose_of(doc), re.MULTILINE | re.DOTALL)
    return str(found)


def rows(text: str) -> list[list[str]]:
    """The cells of tables, row by row."""
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| ")
    ]


def figures(text: str) -> set[float]:
    """The numbers in a text."""
    return {float(figure.replace(",", "")) for figure in _FIGURE.findall(text)}


def test_sizes_are_measured_ones() -> None:
    measured = figures(prose_of("docs/performance.md"))
    table = section("docs/operations.md", "Sizing").split("Calculated")[0]
    cells = [cell for row in rows(table)[1:] for cell in row[1:]]
    assert len(cells) > 5
    assert [cell for cell in cells if not figures(cell) <= measured] == []


def test_times_to_recover_are_those_of_the_chaos_run() -> None:
    measured = {part.strip() for row in rows(prose_of("docs/guarantees.md")) for part in row[-1].split(";")}
    told = [row[-1] for row in rows(section("docs/operations.md", "Disasters")) if re.search(r"\(\d+\)", row[-1])]
    assert len(told) > 5
    assert [part for cell in told for part in cell.split("; ") if part not in measured] == []


@pytest.mark.parametrize("line", section("README.md", "In figures").split("\n- ")[1:], ids=lambda line: line[:30])
def test_figures_of_the_readme_stand_where_they_were_measured(line: str) -> None:
    told = figures(re.sub(r"\(docs.*?\)|p50|p99", "", line))
    measured = {round(figure, places) for doc in MEASURED for figure in figures(prose_of(doc)) for places in (0, 1, 3)}
    # Of milliseconds a reader is told seconds.
    measured |= {round(figure / 1000, 1) for figure in measured}
    assert told <= measured, f"measured by nobody: {sorted(told - measured)}"
