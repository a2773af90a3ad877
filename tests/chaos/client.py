"""An administrator's requests to the API server, past every fault: for users, who insist, and for the recorder."""

import asyncio
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import aiohttp
import orjson
import yaml

TIMERS = "/apis/redistimer.dev/v1alpha1/redistimers"
JOBS = "/apis/batch/v1/jobs"
Object = dict[str, Any]
AWAY = (aiohttp.ClientError, OSError, TimeoutError)
_AGAIN_S = 0.3
_LONGEST_EVENT_BYTES = 4 << 20


def now_ms() -> int:
    """The wall clock, in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def timers(namespace: str, name: str = "") -> str:
    """The path of a namespace's timers, or of one."""
    path = f"/apis/redistimer.dev/v1alpha1/namespaces/{namespace}/redistimers"
    return f"{path}/{name}" if name else path


def jobs(namespace: str, name: str = "") -> str:
    """The path of a namespace's Jobs, or of one."""
    path = f"/apis/batch/v1/namespaces/{namespace}/jobs"
    return f"{path}/{name}" if name else path


class Admin:
    """A connection by an administrator's kubeconfig (certificates by path)."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.server: str = cluster["server"]
        self._authority = cluster["certificate-authority"]
        self.tls = self.tls_for_others()
        self.tls.load_cert_chain(user["client-certificate"], user["client-key"])

    def tls_for_others(self) -> ssl.SSLContext:
        """To trust this API server, without being its administrator."""
        return ssl.create_default_context(cafile=self._authority)

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            self.server,
            connector=aiohttp.TCPConnector(ssl=self.tls, limit=64),
            timeout=aiohttp.ClientTimeout(total=10),
            read_bufsize=_LONGEST_EVENT_BYTES,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def ask(self, method: str, path: str, body: Object | None = None, **parameters: str) -> tuple[int, Object]:
        """One request; status and answer. Raises one of AWAY where there was none."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        data = None if body is None else orjson.dumps(body)
        headers = {"Content-Type": kind}
        async with self._session.request(method, path, data=data, params=parameters, headers=headers) as answer:
            return answer.status, orjson.loads(await answer.read())

    async def insist(self, method: str, path: str, body: Object | None = None, **parameters: str) -> tuple[int, Object]:
        """Ask until there is an answer that is about the request: whatever it is, it is the last of several tries."""
        while True:
            try:
                status, answer = await self.ask(method, path, body, **parameters)
                if status < 500 and status != 429:
                    return status, answer
            except (*AWAY, ValueError):
                pass
            await asyncio.sleep(_AGAIN_S)

    async def follow(
        self, path: str, see: Callable[[str, Object], None], again: Callable[[list[Object]], None]
    ) -> None:
        """Watch a collection for ever: `see` gets kind and object of each event, `again` whole lists at gaps."""
        version = ""
        while True:
            try:
                if not version:
                    _, listed = await self.insist("GET", path)
                    version = listed["metadata"]["resourceVersion"]
                    again(listed["items"])
                version = await self._watch(path, version, see)
            except AWAY:
                await asyncio.sleep(_AGAIN_S)

    async def _watch(self, path: str, version: str, see: Callable[[str, Object], None]) -> str:
        """Pass events on until the server ends the watch; from where to go on, "" for from a new list."""
        query = {"watch": "1", "resourceVersion": version, "allowWatchBookmarks": "true"}
        unlimited = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=90)
        async with self._session.get(path, params=query, timeout=unlimited) as response:
            if response.status == 410:
                return ""
            response.raise_for_status()
            try:
                async for line in response.content:
                    event = orjson.loads(line)
                    if event["type"] == "ERROR":
                        return ""
                    version = event["object"]["metadata"]["resourceVersion"]
                    if event["type"] != "BOOKMARK":
                        see(event["type"], event["object"])
            except AWAY:
                pass  # what was read so far counts
        return version
