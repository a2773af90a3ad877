"""What can come next on a command line, for the scripts of `redistimer completion` and for kubectl.

The answer is the one that kubectl expects of a plugin: a line for each word, with what it means after a tab, and at
last `:4`, or `:0` where the shell shall complete files.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from controller.cli.cluster import Where, reach
from controller.cli.flags import parser_of
from controller.kube import paths

Command = Callable[[Sequence[str]], int]

_PATIENCE_S = 3.0
_FILES = frozenset({"FILE", "FOLDER", "PATH"})
_ROLES = ("controller", "worker")
_COLLECTIONS: Mapping[str, Callable[[str], str]] = {
    "NAME": paths.timers,
    "CRONJOB": lambda namespace: f"/apis/batch/v1/namespaces/{namespace}/cronjobs",
    "NAMESPACE": lambda _: "/api/v1/namespaces",
}
"""By the metavar of a flag or argument: where the names of a namespace are that it takes."""


@dataclass(frozen=True, slots=True)
class Completions:
    """Words that can come next, each with what it means; or the names of files."""

    words: Sequence[tuple[str, str]] = ()
    files: bool = False


@dataclass(slots=True)
class _Line:
    """A command line as far as it is complete."""

    values: dict[str, str] = field(default_factory=dict)
    """Of flags, by where argparse would put them."""
    flags: set[str] = field(default_factory=set)
    words: list[str] = field(default_factory=list)
    """What belongs to no flag."""
    open: argparse.Action | None = None
    """A flag whose value comes next."""


def run_complete(commands: Mapping[str, Command], arguments: Sequence[str]) -> int:
    """Print what can come next; the last argument is the word that is being written. The exit code."""
    found = complete(commands, arguments or [""])
    for word, meaning in found.words:
        print(f"{word}\t{meaning}" if meaning else word)
    print(":0" if found.files else ":4")
    return 0


def complete(commands: Mapping[str, Command], arguments: Sequence[str]) -> Completions:
    """What can come next."""
    *before, word = arguments
    if not before:
        return _beginning_with(word, [(name, (command.__doc__ or "").strip()) for name, command in commands.items()])
    name, *words = before
    if name in _ROLES:
        return Completions(files=True) if not word.startswith("-") else _beginning_with(word, _settings())
    parser = parser_of(commands[name]) if name in commands else None
    if parser is None:
        return Completions()
    # bash makes words of their own of = and what comes after it.
    line = _read(parser, [earlier for earlier in words if earlier != "="])
    word = "" if word == "=" else word
    if line.open is not None:
        return _values(line.open, line, word)
    if word.startswith("--") and "=" in word:
        flag, _, value = word.partition("=")
        found = _values(parser._option_string_actions.get(flag), line, value)
        return Completions([(f"{flag}={known}", meaning) for known, meaning in found.words], found.files)
    if word.startswith("-"):
        return _beginning_with(word, _flags(parser, line))
    return _values(_positional(parser, len(line.words)), line, word)


def _read(parser: argparse.ArgumentParser, words: Sequence[str]) -> _Line:
    line = _Line()
    for word in words:
        flag, has_value, value = word.partition("=")
        action = parser._option_string_actions.get(flag)
        if line.open is not None:
            line.values[line.open.dest] = word
            line.open = None
        elif action is not None:
            line.flags.update(action.option_strings)
            if has_value:
                line.values[action.dest] = value
            elif action.nargs != 0:
                line.open = action
        elif not word.startswith("-"):
            line.words.append(word)
    return line


def _flags(parser: argparse.ArgumentParser, line: _Line) -> list[tuple[str, str]]:
    found = []
    for action in parser._actions:
        again = isinstance(action, argparse._AppendAction) or line.flags.isdisjoint(action.option_strings)
        if action.option_strings and again and action.help != argparse.SUPPRESS:
            # The long one says what it is.
            found.append((max(action.option_strings, key=len), action.help or ""))
    return found


def _positional(parser: argparse.ArgumentParser, number: int) -> argparse.Action | None:
    actions = [action for action in parser._actions if not action.option_strings]
    if number < len(actions):
        return actions[number]
    return actions[-1] if actions and actions[-1].nargs in ("*", "+") else None


def _values(action: argparse.Action | None, line: _Line, word: str) -> Completions:
    if action is None:
        return Completions()
    if action.choices is not None:
        return _beginning_with(word, [(str(choice), "") for choice in action.choices])
    if action.metavar in _FILES:
        return Completions(files=True)
    known: Sequence[str] = ()
    if action.dest == "context":
        known = _contexts(line)
    elif isinstance(action.metavar, str) and action.metavar in _COLLECTIONS:
        known = [name for name in _names(line, _COLLECTIONS[action.metavar]) if name not in line.words]
    return _beginning_with(word, [(name, "") for name in known])


def _beginning_with(word: str, known: Sequence[tuple[str, str]]) -> Completions:
    return Completions([(name, meaning) for name, meaning in known if name.startswith(word)])


def _settings() -> list[tuple[str, str]]:
    """The flags of the roles."""
    from controller.settings import Settings

    fields = Settings.model_fields.items()
    return [(f"--{name.replace('_', '-')}", setting.description or "") for name, setting in fields]


def _where(line: _Line) -> Where:
    file = line.values.get("kubeconfig")
    return Where(line.values.get("namespace"), line.values.get("context"), Path(file).expanduser() if file else None)


def _contexts(line: _Line) -> list[str]:
    from controller.cli.credentials import contexts

    return contexts(_where(line).kubeconfig)


def _names(line: _Line, collection: Callable[[str], str]) -> list[str]:
    """Names that a cluster knows, where there are many the first of them; none where it does not answer soon."""
    import asyncio

    async def asked() -> list[str]:
        async with asyncio.timeout(_PATIENCE_S), reach(_where(line)) as cluster:
            async for page in cluster.api.pages(collection(cluster.namespace)):
                return [item["metadata"]["name"] for item in page]
        return []

    try:
        return asyncio.run(asked())
    # Somebody is writing a command line: an error has no place there, whatever it is.
    except Exception:
        return []
