"""How kopf reads what an API server sends: its functions that parse JSON are replaced by some that take any depth.

One timer with a template that is nested a thousand levels deep would end the watch otherwise, and with it each leader
after the other. kopf offers nothing for this. `import` does it, for the whole process.
"""

from collections.abc import AsyncIterator
from typing import Any

from kopf._cogs.clients import api

from controller.core.nesting import cut, read_json

_original_lines: Any = api.iter_jsonlines


async def _lines(*of: Any, **how: Any) -> AsyncIterator[bytes]:
    """The lines of a watch, which kopf parses."""
    async for line in _original_lines(*of, **how):
        yield cut(line)


async def _get(url: str, **asked: Any) -> Any:
    """An object, or a page of a list."""
    async with await api.request(method="get", url=url, **asked) as response:
        return read_json(await response.read())


api.iter_jsonlines = _lines
api.get = _get
