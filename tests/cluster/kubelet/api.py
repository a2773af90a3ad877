"""The three calls the stand-in needs: list Pods, watch Pods, report a Pod's status. JSON stays plain dicts."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self

import aiohttp
import orjson
import yaml

_log = logging.getLogger(__name__)
_PODS = "/api/v1/pods"
_CALL = aiohttp.ClientTimeout(total=30)
_WATCH_S = 300
_LONGEST_EVENT_BYTES = 4 << 20  # etcd holds no larger object
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 3.0

Manifest = dict[str, Any]


class WatchExpiredError(Exception):
    """The server no longer has the history since the given resource version: list again."""


class ApiServer:
    """A connection to the API server of a local stack's kubeconfig (certificates by path)."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        tls = ssl.create_default_context(cafile=cluster["certificate-authority"])
        tls.load_cert_chain(user["client-certificate"], user["client-key"])
        self._session = aiohttp.ClientSession(
            cluster["server"],
            connector=aiohttp.TCPConnector(ssl=tls, limit=32),
            read_bufsize=_LONGEST_EVENT_BYTES,
            raise_for_status=True,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def list_pods(self) -> tuple[list[Manifest], str]:
        """Return all Pods and the resource version to watch from."""
        async with self._session.get(_PODS, params={"resourceVersion": "0"}, timeout=_CALL) as response:
            listed = orjson.loads(await response.read())
        return listed["items"], listed["metadata"]["resourceVersion"]

    async def watch_pods(self, resource_version: str) -> AsyncIterator[tuple[str, Manifest]]:
        """Yield (ADDED | MODIFIED | DELETED | BOOKMARK, Pod) until the server ends the watch; WatchExpiredError."""
        query = {
            "watch": "1",
            "resourceVersion": resource_version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(_WATCH_S),
        }
        timeout = aiohttp.ClientTimeout(total=_WATCH_S + 30)
        try:
            async with self._session.get(_PODS, params=query, timeout=timeout) as response:
                async for line in response.content:
                    event = orjson.loads(line)
                    if event["type"] == "ERROR":
                        raise WatchExpiredError(event["object"].get("message", "the server ended the watch"))
                    yield event["type"], event["object"]
        except aiohttp.ClientResponseError as error:
            if error.status == 410:
                raise WatchExpiredError(error.message) from None
            raise

    async def report(self, pod: Manifest, status: Manifest) -> bool:
        """Patch a Pod's status, trying again until the server takes it; False when that Pod exists no more."""
        metadata = pod["metadata"]
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/status"
        # With the UID the server refuses (409) to report about a newer Pod of the same name.
        body = orjson.dumps({"metadata": {"uid": metadata["uid"]}, "status": status})
        headers = {"Content-Type": "application/merge-patch+json"}
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                async with self._session.patch(path, data=body, headers=headers, timeout=_CALL) as response:
                    await response.read()
                    return True
            except aiohttp.ClientResponseError as error:
                if error.status in (404, 409):
                    return False
                if error.status == 422:
                    _log.error("%s/%s: status refused: %s", metadata["namespace"], metadata["name"], status)
                    return False
                reason: Exception = error
            except (aiohttp.ClientError, TimeoutError) as error:
                reason = error
            _log.warning("%s/%s: reporting again: %s", metadata["namespace"], metadata["name"], reason)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
