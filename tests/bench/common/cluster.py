"""A benchmark's connections to a stack: as administrator, in one namespace, and to the index."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from controller.index.connect import connect_redis
from controller.index.index import Index
from controller.kube.api import ApiServer
from controller.settings import load_settings
from tests.bench.common.errors import BenchError
from tests.cluster import Process, Stack
from tests.harness.product import start_product, wait_until_ready

NAMESPACE = "bench"


@asynccontextmanager
async def connected(stack: Stack) -> AsyncIterator[tuple[ApiServer, Index]]:
    """The API server and the index of the default installation; NAMESPACE is made if it is not there."""
    stack.kubectl("apply", "-f", "-", input=f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {NAMESPACE}}}\n")
    settings = load_settings(["--kubeconfig", str(stack.kubeconfig), "--redis-url", stack.redis_url], "bench")
    async with AsyncExitStack() as resources:
        api = await resources.enter_async_context(await ApiServer.connect(settings))
        redis = await resources.enter_async_context(connect_redis(settings))
        yield api, Index(redis, settings.installation)


PREPARED_FASTER = {"REDISTIMER_TEMPLATE_CHECKS_PER_SECOND": "1000"}
"""Settings of a controller that is done sooner with timers that are new, and does nothing otherwise once it is."""


async def started(stack: Stack, workers: int, settings: Mapping[str, str] | None = None) -> list[Process]:
    """One controller and so many workers, ready. `settings` are environment variables of all of them."""
    processes = start_product(stack, workers, settings)
    for process in processes:
        await wait_until_ready(process, lambda _: None)
    return processes


async def indexed(index: Index, wanted: int, deadline: float, processes: Sequence[Process]) -> None:
    """Wait until the index has so many timers; `deadline` is of the monotonic clock. Raises BenchError."""
    while (found := (await index.inspect()).tickets) != wanted:
        all_alive(processes)
        if time.monotonic() > deadline:
            raise BenchError(
                f"the index has {found} timers where it should have {wanted}, and there is no time to wait any longer: "
                "this machine is busy or slow; give it more time with --lead SECONDS"
            )
        await asyncio.sleep(0.1)


def all_alive(processes: Sequence[Process]) -> None:
    """BenchError, with the end of its log, where one of them has ended."""
    for process in processes:
        if (code := process.poll()) is not None:
            raise BenchError(f"{process.name} has ended (exit code {code}):\n{process.log_tail()}")
