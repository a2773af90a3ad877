"""How answers are printed: JSON and YAML for programs, colours for people."""

import os
from typing import Any

import orjson


def dump(value: Any, output: str) -> str:
    """A value as -o says, "json" or "yaml"."""
    if output == "json":
        return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    import yaml

    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=120)).rstrip("\n")


def json_line(value: Any) -> str:
    """A value in one line of JSON."""
    return orjson.dumps(value).decode()


def coloured() -> bool | None:
    """The `color` of typer.echo: False where colours are refused, else None, which is on a terminal only."""
    return False if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else None
