"""Rows of texts beneath titles, for people."""

from collections.abc import Sequence

import typer


def aligned(titles: Sequence[str], rows: Sequence[Sequence[str]], dim: Sequence[bool] = ()) -> list[str]:
    """Lines with as much room for each column as it needs; titles, and rows that are dim, are less bright.

    A column without anything in it has no title.
    """
    titles = [title if any(row[place] for row in rows) else "" for place, title in enumerate(titles)]
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    lines = []
    for row, is_dim in zip((titles, *rows), (True, *(dim or [False] * len(rows))), strict=True):
        text = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        lines.append(f"  {typer.style(text, dim=True) if is_dim else text}")
    return lines


def printable(text: str) -> str:
    """A text without what would move the cursor or change colours."""
    return text if text.isprintable() else ascii(text)[1:-1]
