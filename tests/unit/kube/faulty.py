"""A small API server on loopback that a test makes misbehave, and a client of it."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from controller.kube.api import ApiServer
from controller.settings import Settings

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def write_kubeconfig(file: Path, server: str, **user: str) -> Path:
    """A kubeconfig for this address. JSON is YAML."""
    file.write_text(
        json.dumps(
            {
                "current-context": "test",
                "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
                "clusters": [{"name": "test", "cluster": {"server": server}}],
                "users": [{"name": "test", "user": user}],
            }
        )
    )
    return file


@asynccontextmanager
async def listening(handler: Handler) -> AsyncIterator[str]:
    """The address of a server whose every answer this handler gives."""
    runner = web.ServerRunner(web.Server(handler), shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def serving(handler: Handler, folder: Path, **settings: Any) -> AsyncIterator[ApiServer]:
    """A client of such a server."""
    async with listening(handler) as address:
        kubeconfig = write_kubeconfig(folder / "kubeconfig", address, token="first")
        chosen: dict[str, Any] = {"kubeconfig": kubeconfig, "api_timeout_seconds": 0.5, **settings}
        async with await ApiServer.connect(Settings(**chosen)) as api:
            yield api
