"""The limit: a process that has made every Job beforehand and at the instant does nothing but send them.

``python -m tests.bench.burst.poster INSTANT_MS NAMESPACE READER_KUBECONFIG``; the worker's kubeconfig is KUBECONFIG.
Prints READY once all is prepared, then, after the last answer, one line of JSON: {"answered_ms": lags, "refused":
{status: count}}. It goes on existing until it is ended, so that its CPU time can still be read.
"""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import orjson
from kubernetes.aio.client.rest import RESTClientObject
from yarl import URL

from controller.core.job import job_manifest
from controller.core.timer import parse_timer
from controller.kube import paths
from controller.kube.api import JSON, ApiServer
from controller.loops import wall_clock_ms
from controller.settings import Settings, load_settings

READY = "ready"
_WARM_S = 2.0
"""So long before the instant connections are made, which then stay open."""
_TIMEOUT_S = 60.0


async def post_all(instant_ms: int, namespace: str, reader: Path) -> None:
    """Do all of it, and then nothing."""
    # A worker may not list timers.
    bodies = await _bodies(load_settings(["--kubeconfig", str(reader)], "poster"), instant_ms, namespace)
    settings = load_settings([], "poster")
    async with await ApiServer.connect(settings) as api:
        configuration = api.configuration
    host, ssl = configuration.host.rstrip("/"), RESTClientObject(configuration).ssl_context
    token = await configuration.get_api_key_with_prefix("BearerToken")
    collection = URL(host + paths.jobs(namespace), encoded=True)
    headers = {"Accept": JSON, "Content-Type": JSON, "Authorization": token}
    answered_ms: list[int] = []
    refused: Counter[int] = Counter()
    # As the product's own client does it, and no more than has to be.
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=ssl),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S),
        headers=headers,
    ) as session:

        async def warm() -> None:
            async with session.get(f"{host}/version") as response:
                await response.read()

        async def send(waiting: Iterator[bytes]) -> None:
            for body in waiting:
                async with session.post(collection, data=body, allow_redirects=False) as response:
                    await response.read()
                if response.status == 201:
                    answered_ms.append(wall_clock_ms() - instant_ms)
                else:
                    refused[response.status] += 1

        print(READY, flush=True)
        connections = range(settings.api_connections)
        await _sleep_until(instant_ms - round(_WARM_S * 1000))
        await asyncio.gather(*(warm() for _ in connections))
        waiting = iter(bodies)
        await _sleep_until(instant_ms)
        await asyncio.gather(*(send(waiting) for _ in connections))
    print(json.dumps({"answered_ms": answered_ms, "refused": refused}), flush=True)
    await asyncio.Event().wait()


async def _bodies(reader: Settings, instant_ms: int, namespace: str) -> list[bytes]:
    async with await ApiServer.connect(reader) as api:
        pages = [page async for page in api.pages(paths.timers(namespace))]
    return [orjson.dumps(job_manifest(parse_timer(obj), instant_ms)) for page in pages for obj in page]


async def _sleep_until(instant_ms: int) -> None:
    await asyncio.sleep(max(0, instant_ms - wall_clock_ms()) / 1000)


if __name__ == "__main__":
    asyncio.run(post_all(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])))
