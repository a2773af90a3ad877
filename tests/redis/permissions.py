"""Which commands a role needs, worked out from the code: its verbs, their scripts, and what connecting takes."""

import re
from pathlib import Path

from controller.index.index import Index

CHECKOUT = Path(__file__).parents[2]
DOCS = CHECKOUT / "docs" / "redis.md"
ROLES = {"worker": "controller/worker", "controller": "controller/reconcile"}

_SCRIPTS = CHECKOUT / "controller" / "index" / "scripts"
_METHODS = {"begin_rebuild": "begin", "finish_rebuild": "finish"}
_RULE = re.compile(r"^ACL SETUSER redistimer-(\w+) (.+)$", re.MULTILINE)


def documented() -> dict[str, str]:
    """The rules of each role, as docs/redis.md has them."""
    return dict(_RULE.findall(DOCS.read_text()))


def commands_of(rules: str) -> set[str]:
    """The commands that rules allow."""
    return {word.removeprefix("+").replace("|", " ") for word in rules.split() if word.startswith("+")}


def methods_of(role: str) -> set[str]:
    """The methods of the index that a role calls."""
    sources = "".join(path.read_text() for path in (CHECKOUT / ROLES[role]).rglob("*.py"))
    return {name for name in re.findall(r"index\.(\w+)", sources) if callable(getattr(Index, name, None))}


def verbs_of(role: str) -> set[str]:
    """The scripts that a role runs."""
    verbs = {_METHODS.get(method, method) for method in methods_of(role)}
    return {verb for verb in verbs if (_SCRIPTS / f"{verb}.lua").exists()}


def commands_in_script(verb: str, all_commands: set[str]) -> set[str]:
    """The commands that a script calls, itself or in the functions in front of it."""
    common = _without_comments((_SCRIPTS / "_common.lua").read_text())
    functions = dict(re.findall(r"^local function (\w+)(.*?)^end$", common, re.MULTILINE | re.DOTALL))
    texts, todo = [], [_without_comments((_SCRIPTS / f"{verb}.lua").read_text())]
    while todo:
        text = todo.pop()
        texts.append(text)
        names = set(re.findall(r"\w+", re.sub("'[^']*'", "", text)))
        todo += [functions.pop(name) for name in names & functions.keys()]
    return set(re.findall("'([A-Z]+)'", "".join(texts))) & all_commands


def _without_comments(lua: str) -> str:
    return re.sub("--[^\n]*", "", lua)
