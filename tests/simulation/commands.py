"""Commands of Redis, carried out by fakeredis without what the simulation has no use for.

fakeredis tells watchers, checks expiry and permissions, and looks up the shape of arguments each time: two thirds of
the time of a script. What a command does to its keys is its own code all the same. `test_model.py` holds both ways to
the same replies.
"""

from functools import cache
from typing import Any

from fakeredis import _msgs
from fakeredis._commands import SUPPORTED_COMMANDS, Key
from fakeredis._core import CommandItem
from fakeredis._core._database import Item
from fakeredis._helpers import SimpleError
from fakeredis._socket._resp import convert_to_resp2

Socket = Any

_LEAVES = frozenset((bytes, int, type(None)))


class Command:
    """One command of Redis."""

    def __init__(self, name: str) -> None:
        self._signature = SUPPORTED_COMMANDS[name]
        self._function = self._signature.func_name
        self._keeps_empty = _msgs.FLAG_LEAVE_EMPTY_VAL in self._signature.flags
        self._creates = _msgs.FLAG_DO_NOT_CREATE not in self._signature.flags
        self._shapes: dict[int, tuple[list[tuple[int, Any]], list[tuple[int, Key]]]] = {}

    def run(self, socket: Socket, arguments: list[Any]) -> Any:
        """The reply, as a client of the second protocol sees it; a SimpleError is returned."""
        try:
            return self._run(socket, arguments)
        except SimpleError as error:
            return error

    def _run(self, socket: Socket, arguments: list[Any]) -> Any:
        shape = self._shapes.get(len(arguments))
        if shape is None:
            shape = self._shapes[len(arguments)] = self._shape(socket, arguments)
        decoded, keys = shape
        data = socket._db._dict
        for _, key in keys:
            if key.missing_return is not Key.UNSPECIFIED and arguments[_] not in data:
                return key.missing_return
        for place, kind in decoded:
            arguments[place] = kind.decode(arguments[place])
        items = []
        for place, key in keys:
            name, kind = arguments[place], key.type_
            item, default = data.get(name), None
            if kind is not None:
                if item is None:
                    default = kind() if self._creates and kind is not bytes else None
                elif type(item.value) is not kind:
                    raise SimpleError(_msgs.WRONGTYPE_MSG)
            arguments[place] = CommandItem(name, socket._db, item, default=default)
            items.append(arguments[place])
        try:
            reply = getattr(socket, self._function)(*arguments)
        finally:
            for item in items:
                if item._modified:
                    self._store(data, item)
        return reply if type(reply) in _LEAVES else convert_to_resp2(reply)

    def _store(self, data: dict[bytes, Any], item: CommandItem) -> None:
        value = item._value
        if value is None or (not value and type(value) is not bytes and not self._keeps_empty):
            data.pop(item.key, None)
        elif item.key in data:
            data[item.key].value = value
        else:
            data[item.key] = Item(value)

    def _shape(self, socket: Socket, arguments: list[Any]) -> tuple[list[tuple[int, Any]], list[tuple[int, Key]]]:
        signature = self._signature
        signature.check_arity(arguments, socket.version)
        kinds: list[Any] = list(signature.fixed)
        while len(kinds) < len(arguments):
            kinds.append(signature.repeat[(len(kinds) - len(signature.fixed)) % len(signature.repeat)])
        places = list(enumerate(kinds))
        decoded = [(place, kind) for place, kind in places if not isinstance(kind, Key) and kind is not bytes]
        return decoded, [(place, kind) for place, kind in places if isinstance(kind, Key)]


class Read(Command):
    """A command that looks up one thing at one key and changes nothing: three quarters of all are."""

    def _run(self, socket: Socket, arguments: list[Any]) -> Any:
        item = socket._db._dict.get(arguments[0])
        if item is None:
            return 0 if self._function == "hexists" else None
        if type(item.value) is not self._signature.fixed[0].type_:
            raise SimpleError(_msgs.WRONGTYPE_MSG)
        reply = getattr(socket, self._function)(item, *arguments[1:])
        return reply if type(reply) in _LEAVES else convert_to_resp2(reply)


class Ask(Command):
    """A command about the server itself."""

    def _run(self, socket: Socket, arguments: list[Any]) -> Any:
        return getattr(socket, self._function)(*arguments)


_QUICK = {"hget": Read, "hexists": Read, "zscore": Read, "time": Ask, "info": Ask}


@cache
def command(name: str) -> Command:
    """The command of a name, in lower case."""
    return _QUICK.get(name, Command)(name)
