"""JSON that is nested deeper than parsers go, as anybody may write it into a jobTemplate.

An API server keeps fields of a template that it does not know, up to ten thousand levels deep; parsers give up after a
thousand, and then whoever reads a list has none of it. No field of a Job is nested deeper than twenty levels, and
managedFields are not twice as deep: what is cut off here belongs to fields that no Job has, and that an API server
drops from one. The depths of the parsers are measured, not promised.
"""

import re
from typing import Any

import orjson

DEEPEST = 100
"""So many levels are kept."""

_FEW = 300
"""A text with no more brackets is left as it is: every parser goes as deep as that, and most timers have fewer."""

# Texts are passed over: brackets in them are no structure.
_TOKENS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)


def read_json(text: bytes) -> Any:
    """What a JSON text says; where it is nested too deep, without what is. Raises ValueError where it is no JSON."""
    try:
        return orjson.loads(text)
    except ValueError:
        return orjson.loads(cut(text))


def write_json(obj: Any) -> bytes:
    """An object as JSON, in the same way. Raises TypeError where it has what JSON has not."""
    try:
        return orjson.dumps(obj)
    except TypeError:
        return orjson.dumps(without_depths(obj))


def cut(text: bytes) -> bytes:
    """A JSON text with null for what is nested deeper than is kept; one that no parser ends at stays as it is."""
    if text.count(b"{") + text.count(b"[") <= _FEW:
        return text
    parts: list[bytes] = []
    begin = level = 0
    for token in _TOKENS.finditer(text):
        match token[0]:
            case b"{" | b"[":
                level += 1
                if level == DEEPEST + 1:
                    parts += text[begin : token.start()], b"null"
            case b"}" | b"]":
                if level == DEEPEST + 1:
                    begin = token.end()
                level -= 1
    return b"".join([*parts, text[begin:]])


def without_depths(obj: Any, levels: int = DEEPEST) -> Any:
    """An object that was read, with None for every object and list that is nested deeper than is kept."""
    if isinstance(obj, dict):
        return {key: without_depths(value, levels - 1) for key, value in obj.items()} if levels else None
    if isinstance(obj, list):
        return [without_depths(value, levels - 1) for value in obj] if levels else None
    return obj
