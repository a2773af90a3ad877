"""/healthz, /readyz and /metrics over HTTP.

Healthy: the process's loops make progress; if not, a restart helps. Ready: it does its job now; where not,
the body says why, and a restart would not help. It also says what only a part of the job suffers from.
"""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from controller.settings import SettingsError

_STALE_AFTER_S = 180
"""Longer than the longest pause that settings allow a loop: 100 s between the renewals of leases of 300 s."""


class Health:
    """What a role knows of its own health. Loops call `beat`, whatever finds an obstacle sets `obstacles`."""

    def __init__(self, stale_after_s: float = _STALE_AFTER_S, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._stale_after_s = stale_after_s
        self._beats: dict[str, float] = {}
        self.obstacles: dict[str, str] = {"start": "is starting"}
        self.remarks: dict[str, str] = {}

    def beat(self, loop: str) -> None:
        """A loop has made a step."""
        self._beats[loop] = self._monotonic()

    def stuck(self) -> list[str]:
        """Loops that have not made a step for too long."""
        oldest = self._monotonic() - self._stale_after_s
        return [loop for loop, beat in self._beats.items() if beat < oldest]

    def hinder(self, part: str, why: str) -> None:
        """Not ready, because of this part."""
        self.obstacles[part] = why

    def clear(self, part: str) -> None:
        """This part is no obstacle any more."""
        self.obstacles.pop(part, None)

    def remark(self, part: str, what: str) -> None:
        """Ready all the same, but somebody should know this of this part."""
        self.remarks[part] = what

    def withdraw(self, part: str) -> None:
        """Of this part there is nothing to remark any more."""
        self.remarks.pop(part, None)


@asynccontextmanager
async def serve_health(health: Health, host: str, port: int, registry: CollectorRegistry) -> AsyncIterator[str]:
    """Serve until the context ends; gives the address, of interest where the port was 0."""

    async def healthz(_: web.Request) -> web.Response:
        stuck = health.stuck()
        return web.Response(text=f"stuck: {', '.join(stuck)}\n" if stuck else "ok\n", status=500 if stuck else 200)

    async def readyz(_: web.Request) -> web.Response:
        lines = [f"{part}: {why}" for part, why in health.obstacles.items()] or ["ok"]
        lines += [f"{part}: {what}" for part, what in health.remarks.items()]
        return web.Response(text="\n".join(lines) + "\n", status=503 if health.obstacles else 200)

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    application = web.Application()
    application.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise SettingsError(
                f"--http-host {host} --http-port {port} cannot be served on ({error.strerror}): "
                "choose a free port, or 0 for any"
            ) from None
        bound = runner.addresses[0]
        yield f"http://{bound[0]}:{bound[1]}"
    finally:
        await runner.cleanup()
