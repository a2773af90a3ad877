"""A watch that stamps every event with the time of its arrival, before anything else is done with it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
from kubernetes.aio.client.rest import RESTClientObject

from controller.kube.api import ApiServer
from controller.loops import wall_clock_ms

_RECONNECT_PAUSE_S = 0.1


class WatchError(Exception):
    """The API server does not let this collection be watched, or not from where the watch had come to."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One event of a watch."""

    arrived_ms: int
    kind: str
    """ADDED, MODIFIED or DELETED."""
    obj: dict[str, Any]


async def current_version(api: ApiServer, path: str) -> str:
    """The resourceVersion of a collection now: a watch from there shows everything that comes later."""
    return str((await api.get(path, limit="1"))["metadata"]["resourceVersion"])


async def watch(api: ApiServer, path: str, version: str, see: Callable[[Seen], None]) -> None:
    """Pass on every event of a collection after `version`, for ever, over broken connections too.

    Raises WatchError.
    """
    configuration = api.configuration
    connector = aiohttp.TCPConnector(ssl=RESTClientObject(configuration).ssl_context)
    unlimited = aiohttp.ClientTimeout(total=None, sock_connect=5)
    async with aiohttp.ClientSession(connector=connector, timeout=unlimited) as session:
        while True:
            token = await configuration.get_api_key_with_prefix("BearerToken")
            try:
                async with session.get(
                    configuration.host.rstrip("/") + path,
                    params={"watch": "1", "resourceVersion": version, "allowWatchBookmarks": "true"},
                    headers={"Authorization": token} if token else {},
                ) as response:
                    if response.status != 200:
                        raise WatchError(f"watching {path}: {response.status} {(await response.text())[:300]}")
                    version = await _read(response.content, path, version, see)
            except (aiohttp.ClientError, OSError):
                pass  # away for the moment
            await asyncio.sleep(_RECONNECT_PAUSE_S)


async def _read(stream: aiohttp.StreamReader, path: str, version: str, see: Callable[[Seen], None]) -> str:
    """Read events until the connection ends; the resourceVersion to go on from."""
    rest = b""
    try:
        async for chunk in stream.iter_any():
            arrived_ms = wall_clock_ms()
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                event = orjson.loads(line)
                if event["type"] == "ERROR":
                    raise WatchError(f"watching {path}: {event['object'].get('message', 'unknown error')}")
                version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    see(Seen(arrived_ms, event["type"], event["object"]))
    except (aiohttp.ClientError, OSError):
        pass  # what was read so far counts
    return version
