"""What is nested too deep for parsers is read and written without its depths, and all else as it is."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.nesting import DEEPEST, cut, read_json, without_depths, write_json

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text()
    | st.sampled_from(['"', "\\", '\\"{[', "}}]]"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


def nested(value: Any, levels: int) -> Any:
    """A value within so many objects and lists, in turn, each with neighbours that look like structure."""
    for level in range(levels):
        value = {'{"': "}]", "in": value, "after": ["[", {}]} if level % 2 else ["\\", value, {"b": "]"}]
    return value


def depth_of(value: Any) -> int:
    if isinstance(value, (dict, list)):
        inner = value.values() if isinstance(value, dict) else value
        return 1 + max(map(depth_of, inner), default=0)
    return 0


@given(value=VALUES, levels=st.integers(0, DEEPEST - 10))
def test_what_is_not_that_deep_stays_as_it_is(value: Any, levels: int) -> None:
    value = {"many": [[]] * 300, "deep": nested(value, levels) if depth_of(value) <= 8 else value}
    text = orjson.dumps(value)
    assert cut(text) == text
    assert read_json(text) == value
    assert write_json(value) == text


@given(value=VALUES, levels=st.integers(DEEPEST - 8, DEEPEST + 40))
def test_what_is_deeper_is_null_and_its_neighbours_stay(value: Any, levels: int) -> None:
    value = {"many": [[]] * 300, "deep": nested(value, levels)}
    kept = orjson.loads(cut(orjson.dumps(value)))
    assert kept == without_depths(value)
    assert depth_of(kept) == min(depth_of(value), DEEPEST)


@pytest.mark.parametrize("levels", [1_025, 9_990])
def test_what_parsers_do_not_read_is_read(levels: int) -> None:
    text = b'{"before": 1, "deep": %b"x"%b, "after": [2]}' % (b'{"a":' * levels, b"}" * levels)
    with pytest.raises(ValueError, match="depth limit"):
        orjson.loads(text)
    read = read_json(text)
    assert (read["before"], read["after"], depth_of(read)) == (1, [2], DEEPEST)


@pytest.mark.parametrize("levels", [DEEPEST + 1, 254, 255, 600])
def test_what_was_read_can_be_written(levels: int) -> None:
    read = read_json(orjson.dumps(nested(1, 50)).replace(b"1", b"[" * levels + b"1" + b"]" * levels, 1))
    assert depth_of(orjson.loads(write_json(read))) in (DEEPEST, 50 + levels)


@pytest.mark.parametrize("text", [b"", b"<html>", b"[" * 2_000, b'{"a": ' * 200, b'"' * 301 + b"{" * 200])
def test_what_is_no_json_is_an_error(text: bytes) -> None:
    with pytest.raises(orjson.JSONDecodeError):
        read_json(text)


def test_what_json_does_not_have_is_an_error() -> None:
    with pytest.raises(TypeError):
        write_json({"a": object()})
