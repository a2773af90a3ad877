"""The product's Lua scripts, run against the data of a fakeredis server.

fakeredis compiles a script each time it runs, and then collects garbage: ten times what the script costs. Here each is
compiled once, in one interpreter for all servers; every command in it is carried out by fakeredis.
"""

from collections.abc import Callable, Sequence
from typing import Any

import lupa.lua51 as lua
from fakeredis._helpers import SimpleError, SimpleString

from tests.simulation.commands import command

Socket = Any
Reply = Any


class Interpreter:
    """Compiled scripts, and the way from them to a server."""

    def __init__(self) -> None:
        self._runtime = lua.LuaRuntime(encoding=None, unpack_returned_tuples=True)
        self._table = self._runtime.table_from
        self._socket: Socket = None
        self._commands: dict[bytes, Callable[[Socket, list[Any]], Any]] = {}
        self._compiled: dict[str, Any] = {}
        self._names: dict[tuple[str, ...], Any] = {}
        self.published: list[tuple[bytes, bytes]] = []
        """What the last script told those who listen."""
        replies = "function(e) return { err = e } end, status_reply = function(s) return { ok = s } end"
        self._runtime.eval(
            f"function(call, pcall) redis = {{ call = call, pcall = pcall, error_reply = {replies} }} end"
        )(self._call, self._pcall)
        self._known = set(self._runtime.globals()) | {b"KEYS", b"ARGV"}
        self._wrap = self._runtime.eval(
            "function(script) return function(keys, argv) KEYS, ARGV = keys, argv; return script() end end"
        )

    def run(self, socket: Socket, script: str, keys: tuple[str, ...], arguments: Sequence[bytes]) -> Reply:
        """Run a script on a server; raises SimpleError."""
        compiled = self._compiled.get(script)
        if compiled is None:
            compiled = self._compiled[script] = self._wrap(self._runtime.compile(script.encode()))
        self._socket = socket
        self.published.clear()
        names = self._names.get(keys)
        if names is None:
            names = self._names[keys] = self._table([key.encode() for key in keys])
        return _from_lua(compiled(names, self._table(arguments)))

    def check(self) -> None:
        """Scripts must leave nothing behind: a real server refuses global variables."""
        assert set(self._runtime.globals()) <= self._known, "a script has set a global variable"

    def _call(self, name: bytes, *arguments: Any) -> Any:
        run = self._commands.get(name)
        if run is None:
            run = self._commands[name] = command(name.decode().lower()).run
        texts = [one if type(one) is bytes else b"%.17g" % one for one in arguments]
        if name == b"PUBLISH":
            self.published.append((texts[0], texts[1]))
        reply = run(self._socket, texts)
        kind = type(reply)
        return reply if kind is bytes or kind is int else self._to_lua(reply)

    def _pcall(self, name: bytes, *arguments: Any) -> Any:
        try:
            return self._call(name, *arguments)
        except SimpleError as error:
            return self._table({b"err": error.value.encode()})

    def _to_lua(self, reply: Any) -> Any:
        kind = type(reply)
        if kind is bytes or kind is int:
            return reply
        if reply is None:
            return False
        if kind is list:
            return self._table([self._to_lua(one) for one in reply])
        if isinstance(reply, SimpleString):
            return self._table({b"ok": reply.value})
        if isinstance(reply, SimpleError):
            raise reply
        raise TypeError(f"no reply of Redis: {reply!r}")


def _from_lua(reply: Any) -> Reply:
    kind = type(reply)
    if kind is bytes:
        return reply.decode(errors="replace")
    if kind is bool:
        return 1 if reply else None
    if kind is float or kind is int:
        return int(reply)
    if reply is None:
        return None
    items, index = [], 1
    while (one := reply[index]) is not None:
        items.append(_from_lua(one))
        index += 1
    return items


def call(socket: Socket, name: str, *arguments: bytes) -> Any:
    """One command, outside of any script; raises SimpleError."""
    reply = command(name).run(socket, list(arguments))
    if isinstance(reply, SimpleError):
        raise reply
    return reply
