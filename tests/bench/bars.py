"""What a scenario is held to: its bars, and whether a document meets them."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table

from tests.bench.common.output import figures_table

Bar = dict[str, Any]
"""{"what", "measured", "least" or "most", "met"}."""


def at_most(what: str, measured: float, most: float) -> Bar:
    """A bar that no figure should be above."""
    return {"what": what, "measured": measured, "most": most, "met": measured <= most}


def at_least(what: str, measured: float, least: float) -> Bar:
    """A bar that no figure should be below."""
    return {"what": what, "measured": measured, "least": least, "met": measured >= least}


def bars_tables(document: Mapping[str, Any]) -> Iterator[Table]:
    """A table with the bars of a document, if it has any."""
    if not document.get("bars"):
        return
    table = figures_table("bars", ["measured", "", ""])
    for bar in document["bars"]:
        limit = f"at most {bar['most']:,g}" if "most" in bar else f"at least {bar['least']:,g}"
        table.add_row(bar["what"], _shown(bar["measured"]), limit, "met" if bar["met"] else "not met")
    yield table


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:,.3g}"
