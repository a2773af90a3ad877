"""Objects in files, folders and pipes, read from YAML or JSON as kubectl would read them."""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from controller.cli.cluster import EXIT_USAGE, CommandError

STANDARD_INPUT = "-"

_SUFFIXES = (".yaml", ".yml", ".json")
_SEPARATOR = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_SPACE = re.compile(r"\s+")
_NESTED_LISTS = 8


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A document that is none, and why."""

    source: str
    error: str


Document = Mapping[str, Any] | Unreadable


def title_of(file: str) -> str:
    """How a file is called in messages."""
    return "standard input" if file == STANDARD_INPUT else file


def read_files(names: list[str]) -> Iterator[Document]:
    """All objects of files, of folders as kubectl takes them, and of standard input.

    Raises CommandError where a file cannot be read, before anything of another is told.
    """
    contents = [(title_of(file), _content(file)) for name in names for file in _files(name)]
    for title, content in contents:
        try:
            # PowerShell writes UTF-16.
            text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
        except UnicodeDecodeError as error:
            yield Unreadable(title, f"not a text in UTF-8: {error.reason} at byte {error.start}")
            continue
        yield from read_documents(text, title)


def read_documents(text: str, source: str) -> Iterator[Document]:
    """All objects of a text, lists of Kubernetes taken apart.

    A document that cannot be read is Unreadable, and those after it are read all the same.
    """
    begin = 0
    for separator in (*_SEPARATOR.finditer(text), None):
        end = len(text) if separator is None else separator.start()
        document = text[begin:end]
        try:
            for value in _values(document):
                yield from _objects(value, source)
        except (yaml.YAMLError, ValueError) as error:
            yield Unreadable(source, _problem(error, text.count("\n", 0, begin), document))
        begin = end if separator is None else separator.end()


class _Loader(yaml.CSafeLoader):
    """YAML as kubectl reads it: what looks like a time is a text, as JSON has no other, and so is a lone `=`."""


_Loader.yaml_implicit_resolvers = {
    first: [resolver for resolver in resolvers if resolver[0].rpartition(":")[2] not in ("timestamp", "value")]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def _files(name: str) -> list[str]:
    folder = Path(name)
    if name == STANDARD_INPUT or not folder.is_dir():
        return [name]
    return sorted(str(file) for file in folder.iterdir() if file.suffix in _SUFFIXES and file.is_file())


def _content(file: str) -> bytes:
    try:
        if file != STANDARD_INPUT:
            return Path(file).read_bytes()
        return sys.stdin.buffer.read() if sys.stdin is not None else b""
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}", EXIT_USAGE) from None


def _values(text: str) -> Iterator[Any]:
    """What a piece of text says, without what says nothing."""
    if text.lstrip().startswith("{"):
        try:
            yield from _json_values(text)
            return
        except json.JSONDecodeError:
            # YAML can begin so, too.
            pass
    loader = _Loader(text)
    try:
        while loader.check_data():  # type: ignore[no-untyped-call]
            value = loader.get_data()
            if value is not None:
                yield value
    finally:
        loader.dispose()


def _json_values(text: str) -> list[Any]:
    decoder, values = json.JSONDecoder(), []
    place, end = _after_space(text, 0), len(text)
    while place < end:
        value, place = decoder.raw_decode(text, place)
        values.append(value)
        place = _after_space(text, place)
    return values


def _after_space(text: str, place: int) -> int:
    space = _SPACE.match(text, place)
    return space.end() if space else place


def _objects(value: Any, source: str, depth: int = 0) -> Iterator[Document]:
    if not isinstance(value, Mapping):
        what = "list" if isinstance(value, list) else "text" if isinstance(value, str) else "single value"
        yield Unreadable(source, f"a document is a {what}: a manifest has apiVersion, kind, metadata and spec")
        return
    kind, items = value.get("kind"), value.get("items")
    if not isinstance(kind, str) or not kind.endswith("List") or not isinstance(items, list):
        yield value
        return
    if depth == _NESTED_LISTS:
        yield Unreadable(source, f"lists are nested more than {_NESTED_LISTS} deep")
        return
    # In a RedisTimerList the items need not say again what they are.
    implied = {"kind": kind.removesuffix("List"), "apiVersion": value.get("apiVersion")}
    for item in items:
        yield from _objects(implied | item if isinstance(item, dict) else item, source, depth + 1)


def _problem(error: Exception, line: int, text: str) -> str:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or str(error).splitlines()[0]
    where = f" in line {line + mark.line + 1}" if mark else ""
    return f"not YAML{where}: {what}{_hint(error, mark, text)}"


def _hint(error: Exception, mark: Any, text: str) -> str:
    lines = text.splitlines()
    here = lines[mark.line] if mark and mark.line < len(lines) else ""
    if "alias" in str(getattr(error, "context", "")):
        return '; what begins with * needs quotes, as in schedule: "* * * * *"'
    if "{{" in text:
        return "; this looks like a template: render it first, as with helm template"
    if ": @" in here:
        return '; what begins with @ needs quotes, as in schedule: "@daily"'
    if "\t" in here:
        return "; tabs are not accepted in front of a line: use spaces"
    return ""
