"""The product with one guard switched off, from outside: an auditor that cannot tell is worth nothing."""

import importlib
from collections.abc import Sequence
from typing import Any

MUTANTS = {
    "confirm": "fires without asking the index whether it still may",
    "token": "any worker passes for the holder of a lease",
    "generation": "what was claimed before an edit goes on after it",
    "handled-through": "forgets what status says is handled",
    "early": "fires half a second before its time",
}


def apply_mutant(name: str) -> None:
    """Switch a guard off in this process."""
    {
        "confirm": _confirm,
        "token": _token,
        "generation": _generation,
        "handled-through": _handled_through,
        "early": _early,
    }[name]()


def _confirm() -> None:
    index = importlib.import_module("controller.index.index")

    async def confirm(self: Any, fires: Sequence[Any]) -> list[str]:
        return ["ok" for _ in fires]

    index.Index.confirm = confirm


def _token() -> None:
    _rewrite("return redis.call('HGET', lease, ticket) == token", "return true")
    _rewrite("holders[n] == token", "true")
    _rewrite("if holders[n] ~= ARGV[i + 1] then return 'lost' end", "")


def _generation() -> None:
    _rewrite("if larger(known, generation) ~= generation then return 'edited' end", "")
    _rewrite("local current = larger(generation, wanted) == wanted", "local current = true")
    # Without this an edit revokes the lease, and the token says the same.
    _rewrite("    release(ticket)\n  else\n    if redis.call('HEXISTS', lease, ticket) == 1", "  else\n    if false")


def _handled_through() -> None:
    timer = importlib.import_module("controller.core.timer")
    recorded = timer._recorded

    def forgetful(status: dict[str, Any], *more: Any) -> Any:
        return recorded({key: value for key, value in status.items() if key != "handledThrough"}, *more)

    timer._recorded = forgetful


def _early() -> None:
    bell = importlib.import_module("controller.worker.bell")
    until = bell.Bell.until

    async def impatient(self: Any, instant_ms: int) -> bool:
        return bool(await until(self, instant_ms - 500))

    bell.Bell.until = impatient


def _rewrite(text: str, replacement: str) -> None:
    """Change the Lua of every script that has this text; an AssertionError if none has."""
    index = importlib.import_module("controller.index.index")
    original = index.Index.__init__

    def rewritten(self: Any, *arguments: Any, **named: Any) -> None:
        original(self, *arguments, **named)
        having = [verb for verb, script in self._scripts.items() if text in script.script]
        assert having, f"no script has {text!r}: this mutant has to follow the product"
        for verb in having:
            self._scripts[verb] = self.redis.register_script(self._scripts[verb].script.replace(text, replacement))

    index.Index.__init__ = rewritten
