"""A thin client of the API server: bytes out, dicts in, a time limit on everything, and no retries.

The kubernetes library brings credentials and certificates. Its typed models cost 2 ms of CPU per Job, so requests are
made here.
"""

import asyncio
import logging
import math
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import urlencode

import aiohttp
import orjson
from kubernetes.aio import config
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.rest import RESTClientObject
from yarl import URL

from controller.core.nesting import read_json
from controller.kube.answers import change, refusal
from controller.kube.errors import ApiError, ApiUnreachableError
from controller.settings import Settings, SettingsError

log = logging.getLogger(__name__)

JSON = "application/json"
ONLY_METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
MERGE_PATCH = "application/merge-patch+json"

_PAGE = 500
_NO_ANSWER = (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError, OSError)

_WATCH_S = 60
"""So long the server lets a watch last. Then whoever watches lists again, and so notices what got lost on the way."""

_SILENCE_S = 15
"""So much longer than that a connection may say nothing before it counts as broken."""
_RENEWAL_S = 10.0
"""So often, at most, credentials that are refused are read anew."""
_TOKEN_LASTS_S = 1.0
"""For so long a token is used without asking again which one it is."""


OnAnswer = Callable[[str, int, float], object]
"""Hears of each request but watches: its method, the status (0: no answer) and the seconds it took."""


def _unheard(method: str, status: int, seconds: float) -> None:
    pass


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

    Every method raises ApiError where the server refuses and ApiUnreachableError where it does not answer. So many
    requests as there may be connections are under way at a time; the others wait for their turn, and that wait does
    not count as the server's.
    """

    def __init__(
        self,
        configuration: Configuration,
        limits: Limits,
        renew: Callable[[], Awaitable[object]] | None = None,
        on_answer: OnAnswer = _unheard,
    ) -> None:
        """`renew` reads the credentials anew into the configuration, for when the server refuses them."""
        self._configuration = configuration
        self._renew = renew
        self._on_answer = on_answer
        self._renewing = asyncio.Lock()
        self._renewed_at = -math.inf
        self._timeout_s = limits.api_timeout_seconds
        self._host = configuration.host.rstrip("/")
        self._server_hostname = configuration.tls_server_name or None
        self._ssl = RESTClientObject(configuration).ssl_context
        self._authorization = ""
        self._authorization_until = -math.inf
        self._turns = asyncio.Semaphore(limits.api_connections)
        self._session = aiohttp.ClientSession(
            # Who watches keeps a connection for long; who asks waits for a turn.
            connector=aiohttp.TCPConnector(limit=0),
            # Looking for proxies costs thread hops on every request, three times the CPU of the request itself.
            trust_env=limits.use_proxy,
            cookie_jar=aiohttp.DummyCookieJar(),
            proxy=configuration.proxy or None,
            timeout=aiohttp.ClientTimeout(total=limits.api_timeout_seconds),
        )

    @classmethod
    async def connect(cls, settings: Settings, on_answer: OnAnswer = _unheard) -> Self:
        """Load credentials: the kubeconfig of the settings, else the Pod's service account, else ~/.kube/config.

        Raises SettingsError where there are none.
        """
        configuration = Configuration()
        # It can be several files; of those that are missing the library only warns.
        files = str(settings.kubeconfig).split(os.pathsep)
        if settings.kubeconfig is not None and not any(os.access(file, os.R_OK) for file in files):
            raise SettingsError(f"--kubeconfig (or KUBECONFIG): {settings.kubeconfig} cannot be read")

        async def load() -> None:
            if settings.kubeconfig is not None:
                await config.load_kube_config(str(settings.kubeconfig), client_configuration=configuration)
                return
            try:
                config.load_incluster_config(client_configuration=configuration)
            except config.ConfigException:
                await config.load_kube_config(client_configuration=configuration)

        try:
            await load()
        # What a file that is no kubeconfig makes the library stumble over is nothing that it documents.
        except Exception as error:
            raise SettingsError(
                f"no credentials for a Kubernetes API server ({' '.join(str(error).split())}): "
                "set KUBECONFIG or --kubeconfig to a kubeconfig, "
                "or run in a Pod with a service account"
            ) from None
        return cls(configuration, settings, load, on_answer)

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

    async def create(self, path: str, body: bytes, *, only_metadata: bool = False, **parameters: str) -> dict[str, Any]:
        """POST an object, already serialised. A Job costs the server less if only its metadata is answered."""
        return await self._request("POST", path, parameters, body, accept=ONLY_METADATA if only_metadata else JSON)

    async def replace(self, path: str, obj: Mapping[str, Any]) -> dict[str, Any]:
        """PUT an object; its resourceVersion makes this a compare-and-set."""
        return await self._request("PUT", path, {}, orjson.dumps(obj))

    async def merge(self, path: str, patch: Mapping[str, Any], **parameters: str) -> dict[str, Any]:
        """PATCH an object by merging; a resourceVersion in the patch makes this a compare-and-set."""
        return await self._request("PATCH", path, parameters, orjson.dumps(patch), MERGE_PATCH)

    async def delete(self, path: str, options: Mapping[str, Any]) -> None:
        """DELETE an object."""
        await self._request("DELETE", path, {}, orjson.dumps(options))

    async def pages(
        self, path: str, read: Callable[[bytes], Any] = read_json, /, **parameters: str
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """LIST a collection, page by page, so that a hundred thousand objects fit through.

        `read` makes objects of the JSON of a page, or of what is needed of it; it raises ValueError where it is none.
        All pages show one moment, after the call; where reading them takes longer than the server remembers that, the
        later ones show a later moment.
        """
        parameters = {**parameters, "limit": str(_PAGE)}
        while True:
            try:
                page = await self._request("GET", path, parameters, read=read)
            except ApiError as error:
                if error.status != 410 or not error.go_on or error.go_on == parameters.get("continue"):
                    raise
                parameters["continue"] = error.go_on
                continue
            yield page.get("items") or []
            parameters["continue"] = (page.get("metadata") or {}).get("continue", "")
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
                self._url(path, parameters),
                headers=await self._headers(JSON),
                ssl=self._ssl,
                server_hostname=self._server_hostname,
                allow_redirects=False,
                timeout=timeout,
            ) as response:
                if response.status >= 300:
                    raise refusal(response.status, response.headers.get("Retry-After"), await response.read())
                # Not by readline: an object may be longer than a reader's buffer.
                rest = b""
                async for chunk in response.content.iter_any():
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in filter(None, lines):
                        yield change(line, path)
        except _NO_ANSWER as error:
            raise ApiUnreachableError(f"watch {path}: {type(error).__name__} {error}".rstrip()) from None

    def _url(self, path: str, parameters: Mapping[str, str]) -> URL:
        # It is encoded already: to have it looked through once more is CPU on every request.
        return URL(f"{self._host}{path}?{urlencode(parameters)}" if parameters else self._host + path, encoded=True)

    async def _headers(self, accept: str) -> dict[str, str]:
        if time.monotonic() >= self._authorization_until:
            await self._read_token()
        return {"Accept": accept, "Authorization": self._authorization} if self._authorization else {"Accept": accept}

    async def _read_token(self) -> None:
        try:
            # It can read a file, or run a program.
            async with asyncio.timeout(self._timeout_s):
                token = await self._configuration.get_api_key_with_prefix("BearerToken")
            self._authorization = (token or "").strip()
        except Exception as error:
            # Those at hand may still do; if not, the server says so.
            log.warning("credentials could not be read, going on with the old ones: %s", type(error).__name__)
        self._authorization_until = time.monotonic() + _TOKEN_LASTS_S

    async def _request(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str],
        body: bytes | None = None,
        kind: str = JSON,
        accept: str = JSON,
        read: Callable[[bytes], Any] = read_json,
    ) -> dict[str, Any]:
        async with self._turns:
            for is_last in (False, True):
                asked_at = time.monotonic()
                try:
                    return await self._ask(method, path, parameters, body, kind, accept, read)
                except ApiError as error:
                    if error.status != 401 or self._renew is None:
                        raise
                    if is_last or not await self._renewed(self._renew, asked_at):
                        raise ApiUnreachableError(f"{method} {path}: credentials are not accepted ({error})") from None
            raise AssertionError

    async def _ask(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str],
        body: bytes | None,
        kind: str,
        accept: str,
        read: Callable[[bytes], Any],
    ) -> dict[str, Any]:
        headers = await self._headers(accept)
        if body is not None:
            headers["Content-Type"] = kind
        status, sent_at = 0, time.monotonic()
        try:
            async with self._session.request(
                method,
                self._url(path, parameters),
                data=body,
                headers=headers,
                ssl=self._ssl,
                server_hostname=self._server_hostname,
                # Nobody else is asked in the API server's place, and shown the token.
                allow_redirects=False,
            ) as response:
                payload = await response.read()
                status = response.status
        except _NO_ANSWER as error:
            raise ApiUnreachableError(f"{method} {path}: {type(error).__name__} {error}".rstrip()) from None
        finally:
            self._on_answer(method, status, time.monotonic() - sent_at)
        if response.status >= 300:
            raise refusal(response.status, response.headers.get("Retry-After"), payload)
        try:
            parsed = read(payload)
        except ValueError:
            parsed = None
        if not isinstance(parsed, dict):
            # Something on the way answers in the API server's name.
            raise ApiUnreachableError(f"{method} {path}: the answer is not a JSON object")
        return parsed

    async def _renewed(self, renew: Callable[[], Awaitable[object]], asked_at: float) -> bool:
        """Whether credentials were read anew since then, by whomever; or now, where that was not done just before."""
        async with self._renewing:
            if self._renewed_at > asked_at:
                return True
            if time.monotonic() - self._renewed_at < _RENEWAL_S:
                return False
            try:
                async with asyncio.timeout(self._timeout_s):
                    await renew()
                self._ssl = RESTClientObject(self._configuration).ssl_context
                self._authorization_until = -math.inf
            except Exception as error:
                log.warning("credentials could not be read anew: %s", type(error).__name__)
                return False
            finally:
                self._renewed_at = time.monotonic()
            return True
