"""Manifests as YAML that kubectl reads as what they are.

Not everybody's YAML is the same: `1e3` is a text for one library and a number for another, `y` a text and true. So
whatever could be read as anything else is in quotes.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

_WORD = r"[A-Za-z0-9_./:@+=-]+"
_SURELY_TEXT = re.compile(rf"(?=-{{0,2}}[A-Za-z_/]){_WORD}(?: {_WORD})*")
_NOT_TEXT = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"))
_ENDLESS = 1_000_000


def manifests_as_yaml(manifests: Iterable[Mapping[str, Any]]) -> str:
    """Documents, one after another, fields in their order."""
    return "---\n".join(
        yaml.dump(
            manifest, Dumper=_Dumper, sort_keys=False, default_flow_style=False, allow_unicode=True, width=_ENDLESS
        )
        for manifest in manifests
    )


class _Dumper(yaml.SafeDumper):
    """Writes everything out, where it stands."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        # Lists are indented, as most people write them.
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=_style(text))


def _style(text: str) -> str | None:
    if "\n" in text:
        return "|"
    if _SURELY_TEXT.fullmatch(text) and text.lower() not in _NOT_TEXT and ": " not in text and not text.endswith(":"):
        return None
    return "'" if '"' in text or "\\" in text else '"'


_Dumper.add_representer(str, _text)
