"""A thin client of the API server: bytes out, dicts in, a time limit on everything, and no retries.

The kubernetes library brings credentials, certificates and their renewal. Its typed models cost 2 ms of CPU
per Job, so requests are made here.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Protocol, Self

import aiohttp
import orjson
from kubernetes.aio import config
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.rest import RESTClientObject

from controller.kube.errors import ApiError, ApiUnreachableError
from controller.settings import Settings, SettingsError

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"

_PAGE = 500
_NO_ANSWER = (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError, OSError)

_WATCH_S = 60
"""So long the server lets a watch last. Then whoever watches lists again, and so notices what got lost on the way."""

_SILENCE_S = 15
"""So much longer than that a connection may say nothing before it counts as broken."""
_MESSAGE_LIMIT = 600


class Limits(Protocol):
    """What a client takes from the settings, or from anybody who has none."""

    @property
    def api_timeout_seconds(self) -> float: ...

    @property
    def api_connections(self) -> int: ...

    @property
    def use_proxy(self) -> bool: ...


class ApiServer:
    """Requests to one API server. Use as an async context manager.

    Every method raises ApiError where the server refuses and ApiUnreachableError where it does not answer.
    """

    def __init__(self, configuration: Configuration, limits: Limits) -> None:
        self._configuration = configuration
        self._host = configuration.host.rstrip("/")
        self._server_hostname = configuration.tls_server_name or None
        ssl_context = RESTClientObject(configuration).ssl_context
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=limits.api_connections, ssl=ssl_context),
            # Looking for proxies costs thread hops on every request, three times the CPU of the request itself.
            trust_env=limits.use_proxy,
            proxy=configuration.proxy or None,
            timeout=aiohttp.ClientTimeout(total=limits.api_timeout_seconds),
        )

    @classmethod
    async def connect(cls, settings: Settings) -> Self:
        """Load credentials: the kubeconfig of the settings, else the Pod's service account, else ~/.kube/config.

        Raises SettingsError where there are none.
        """
        configuration = Configuration()
        # It can be several files; of those that are missing the library only warns.
        files = str(settings.kubeconfig).split(os.pathsep)
        if settings.kubeconfig is not None and not any(os.access(file, os.R_OK) for file in files):
            raise SettingsError(f"--kubeconfig (or KUBECONFIG): {settings.kubeconfig} cannot be read")
        try:
            if settings.kubeconfig is not None:
                await config.load_kube_config(str(settings.kubeconfig), client_configuration=configuration)
            else:
                try:
                    config.load_incluster_config(client_configuration=configuration)
                except config.ConfigException:
                    await config.load_kube_config(client_configuration=configuration)
        # What a file that is no kubeconfig makes the library stumble over is nothing that it documents.
        except Exception as error:
            raise SettingsError(
                f"no credentials for a Kubernetes API server ({' '.join(str(error).split())}): "
                "set KUBECONFIG or --kubeconfig to a kubeconfig, "
                "or run in a Pod with a service account"
            ) from None
        return cls(configuration, settings)

    @property
    def configuration(self) -> Configuration:
        """Address and credentials, for a library that makes connections of its own."""
        return self._configuration

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def get(self, path: str, **parameters: str) -> dict[str, Any]:
        """GET an object or a list."""
        return await self._request("GET", path, parameters)

    async def create(self, path: str, body: bytes, **parameters: str) -> dict[str, Any]:
        """POST an object, already serialised, to its collection."""
        return await self._request("POST", path, parameters, body)

    async def replace(self, path: str, obj: Mapping[str, Any]) -> dict[str, Any]:
        """PUT an object; its resourceVersion makes this a compare-and-set."""
        return await self._request("PUT", path, {}, orjson.dumps(obj))

    async def merge(self, path: str, patch: Mapping[str, Any]) -> dict[str, Any]:
        """PATCH an object by merging; a resourceVersion in the patch makes this a compare-and-set."""
        return await self._request("PATCH", path, {}, orjson.dumps(patch), MERGE_PATCH)

    async def delete(self, path: str, options: Mapping[str, Any]) -> None:
        """DELETE an object."""
        await self._request("DELETE", path, {}, orjson.dumps(options))

    async def pages(self, path: str, **parameters: str) -> AsyncIterator[list[dict[str, Any]]]:
        """LIST a collection consistently, page by page, so that a hundred thousand objects fit through."""
        parameters = {**parameters, "limit": str(_PAGE)}
        while True:
            page = await self._request("GET", path, parameters)
            yield page["items"]
            parameters["continue"] = page["metadata"].get("continue", "")
            if not parameters["continue"]:
                return

    async def watch(self, path: str, version: str, **parameters: str) -> AsyncIterator[dict[str, Any]]:
        """The changes of a collection after a resourceVersion, as {"type": ..., "object": ...}, until the server ends.

        ApiError with status 410: the version is too old, list again.
        """
        parameters = {**parameters, "watch": "1", "resourceVersion": version, "timeoutSeconds": str(_WATCH_S)}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_SILENCE_S, sock_read=_WATCH_S + _SILENCE_S)
        try:
            async with self._session.get(
                self._host + path,
                params=parameters,
                headers=await self._headers(),
                server_hostname=self._server_hostname,
                timeout=timeout,
            ) as response:
                if response.status >= 400:
                    raise _refusal(response.status, response.headers.get("Retry-After"), await response.read())
                # Not by readline: an object may be longer than a reader's buffer.
                rest = b""
                async for chunk in response.content.iter_any():
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in filter(None, lines):
                        yield _event(line, path)
        except _NO_ANSWER as error:
            raise ApiUnreachableError(f"watch {path}: {type(error).__name__} {error}".rstrip()) from None

    async def _headers(self) -> dict[str, str]:
        headers = {"Accept": JSON}
        token = await self._configuration.get_api_key_with_prefix("BearerToken")
        return headers | ({"Authorization": token} if token else {})

    async def _request(
        self, method: str, path: str, parameters: Mapping[str, str], body: bytes | None = None, kind: str = JSON
    ) -> dict[str, Any]:
        headers = await self._headers()
        if body is not None:
            headers["Content-Type"] = kind
        try:
            async with self._session.request(
                method,
                self._host + path,
                params=parameters,
                data=body,
                headers=headers,
                server_hostname=self._server_hostname,
            ) as response:
                payload = await response.read()
        except _NO_ANSWER as error:
            raise ApiUnreachableError(f"{method} {path}: {type(error).__name__} {error}".rstrip()) from None
        if response.status >= 400:
            raise _refusal(response.status, response.headers.get("Retry-After"), payload)
        try:
            parsed: dict[str, Any] = orjson.loads(payload)
        except ValueError:
            # Something on the way answers in the API server's name.
            raise ApiUnreachableError(f"{method} {path}: the answer is not JSON") from None
        return parsed


def _refusal(status: int, retry_after: str | None, payload: bytes) -> ApiError:
    try:
        body = orjson.loads(payload)
        message, reason = str(body.get("message", "")), str(body.get("reason", ""))
        causes = tuple(str(cause.get("reason", "")) for cause in (body.get("details") or {}).get("causes") or ())
    except (ValueError, AttributeError):
        message, reason, causes = payload[:_MESSAGE_LIMIT].decode(errors="replace"), "", ()
    seconds = float(retry_after) if retry_after and retry_after.isdigit() else None
    return ApiError(status, reason, message[:_MESSAGE_LIMIT], causes, seconds)


def _event(line: bytes, path: str) -> dict[str, Any]:
    try:
        event: dict[str, Any] = orjson.loads(line)
    except ValueError:
        raise ApiUnreachableError(f"watch {path}: the answer is not JSON") from None
    if event["type"] == "ERROR":
        status = event["object"]
        raise ApiError(status.get("code", 0), status.get("reason", ""), status.get("message", ""))
    return event
