"""A cluster, as the commands for people reach it; and how what goes wrong there is told: one line and an exit code."""

import difflib
import signal
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from controller.core.timer import KIND
from controller.kube import paths
from controller.kube.errors import ApiError, ApiUnreachableError

if TYPE_CHECKING:
    # It takes longer to import than everything that is done without a cluster.
    from controller.kube.api import ApiServer

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_LEADERSHIP_LOST = 3
EXIT_INTERRUPTED = 128 + signal.SIGINT

_TIMEOUT_S = 15.0
_CONNECTIONS = 8


@dataclass(frozen=True)
class Where:
    """Which cluster, and which namespace there, as the flags say; None is what the kubeconfig says."""

    namespace: str | None = None
    context: str | None = None
    kubeconfig: Path | None = None


@dataclass(frozen=True)
class Cluster:
    """A cluster within reach."""

    api: "ApiServer"
    namespace: str
    """The flag's, else the context's, else "default"."""
    server: str = ""
    """The address of its API server, for messages."""


class CommandError(Exception):
    """A command cannot do what it was asked for. The message says to people what was found and what to do."""

    def __init__(self, message: str, exit_code: int = EXIT_FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True)
class _Limits:
    """What the roles take from their settings."""

    use_proxy: bool
    api_timeout_seconds: float = _TIMEOUT_S
    api_connections: int = _CONNECTIONS


@asynccontextmanager
async def reach(where: Where) -> AsyncIterator[Cluster]:
    """The cluster that kubectl would talk to.

    Raises SettingsError where there are no credentials, and ApiUnreachableError with the server's address where it
    does not answer.
    """
    from controller.cli.credentials import is_loopback, load_credentials
    from controller.kube.api import ApiServer

    configuration, namespace = await load_credentials(where.kubeconfig, where.context)
    server = str(configuration.host)
    async with ApiServer(configuration, _Limits(use_proxy=not is_loopback(server))) as api:
        try:
            yield Cluster(api, where.namespace or namespace or "default", server)
        except ApiUnreachableError as error:
            # Which request it was matters to nobody here.
            why = str(error).partition(": ")[2] or str(error)
            hint = "is the cluster up, and is this the right context?"
            raise ApiUnreachableError(f"the API server {server} cannot be reached: {hint} ({why})") from None


def run(command: Coroutine[Any, Any, int]) -> int:
    """Run a command; its exit code. What is wrong with the cluster or the settings becomes one line on stderr."""
    import asyncio

    from controller.settings import SettingsError

    try:
        return asyncio.run(command)
    except CommandError as error:
        return failed(error)
    except SettingsError as error:
        return failed(CommandError(str(error), EXIT_USAGE))
    except ApiError as error:
        return failed(CommandError(refusal(error)))
    except ApiUnreachableError as error:
        return failed(CommandError(str(error)))


def failed(error: CommandError) -> int:
    """Tell an error in one line on stderr; its exit code."""
    print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
    return error.exit_code


def refusal(error: ApiError) -> str:
    """What the API server's no means to people."""
    if error.status == 401:
        return "the API server does not accept these credentials: log in again, or name another --context"
    if is_full(error):
        return f"refused for now: {error.message}"
    if error.status == 403:
        return f"not allowed: {error.message}"
    if _is_unknown_resource(error):
        return "this cluster has no RedisTimers: install their definition with kubectl apply --server-side -f crds/"
    return f"the API server refuses: {error}"


def is_full(error: ApiError) -> bool:
    """Whether a quota leaves no room now: the same status as that of missing rights."""
    from controller.core.reasons import Reason
    from controller.core.refusal import refusal_reason

    return refusal_reason(error.status, error.message, error.causes) is Reason.QUOTA_EXCEEDED


def _is_unknown_resource(error: ApiError) -> bool:
    """Whether the API server does not serve this kind at all."""
    return (
        error.status == 404 and error.reason != "NotFound"
    ) or "could not find the requested resource" in error.message


async def read_timer(cluster: Cluster, name: str) -> dict[str, Any]:
    """A RedisTimer of the cluster's namespace; raises CommandError where there is none of this name."""
    return await read_object(cluster, KIND, paths.timers(cluster.namespace), name)


async def read_object(cluster: Cluster, kind: str, collection: str, name: str) -> dict[str, Any]:
    """An object out of the collection of its kind in the cluster's namespace.

    Raises CommandError where there is none of this name, and ApiError where the cluster has no such kind.
    """
    try:
        return await cluster.api.get(f"{collection}/{quote(name, safe='')}")
    except ApiError as error:
        if error.status != 404 or _is_unknown_resource(error):
            raise
    names: list[str] = []
    try:
        async for page in cluster.api.pages(collection):
            names += [item["metadata"]["name"] for item in page]
    except ApiError:
        # Who may read one need not be allowed to list them.
        pass
    near = difflib.get_close_matches(name, names, n=1)
    plural = collection.rpartition("/")[2]
    hint = f"did you mean {near[0]}?" if near else f"kubectl get {plural} -n {cluster.namespace} lists those there"
    raise CommandError(f"there is no {kind} {name} in namespace {cluster.namespace}: {hint}")
