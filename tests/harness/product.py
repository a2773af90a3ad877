"""The product as real processes: one controller and some workers, each role under its own ServiceAccount."""

import asyncio
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import aiohttp

from tests.cluster import Process, StackError

NAMESPACE = "redistimer-system"
_READY_S = 60.0
_POLL_S = 0.05


class Host(Protocol):
    """Where the product runs: a Stack, or what serves in its place."""

    def environment(self) -> dict[str, str]: ...

    def kubeconfig_for(self, namespace: str, service_account: str) -> Path: ...

    def spawn(self, name: str, argv: Sequence[str | Path], env: Mapping[str, str] | None = None) -> Process: ...


def start_product(host: Host, workers: int, settings: Mapping[str, str] | None = None) -> list[Process]:
    """Start one controller and so many workers; CRD and RBAC must be there. `settings` are environment variables."""
    roles = [("controller", "controller"), *((f"worker-{number}", "worker") for number in range(1, workers + 1))]
    return [start_role(host, name, role, settings) for name, role in roles]


def start_role(host: Host, name: str, role: str, settings: Mapping[str, str] | None = None) -> Process:
    """Start one controller or one worker; `settings` are environment variables."""
    environment = {
        **host.environment(),
        "KUBECONFIG": str(host.kubeconfig_for(NAMESPACE, f"redistimer-{role}")),
        "REDISTIMER_NAMESPACE": NAMESPACE,
        "REDISTIMER_INSTALLATION": "default",
        "REDISTIMER_HTTP_PORT": "0",
        "REDISTIMER_LOG_FORMAT": "plain",
        **(settings or {}),
    }
    return host.spawn(name, [sys.executable, "-m", "controller", role], environment)


async def wait_until_ready(process: Process, say: Callable[[str], None]) -> None:
    """Wait until /readyz says so; `say` hears what it waits for. Raises StackError where that takes too long."""
    deadline = time.monotonic() + _READY_S
    waiting_for = "has not begun to serve"
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
        while time.monotonic() < deadline:
            if (code := process.poll()) is not None:
                raise StackError(f"{process.name} ended while starting (exit code {code}):\n{process.log_tail()}")
            address = re.search(r"address=(http://\S+)", process.log_text())
            if address:
                try:
                    async with session.get(f"{address[1]}/readyz") as response:
                        if response.status == 200:
                            return
                        waiting_for = (await response.text()).strip().replace("\n", ", ")
                except (aiohttp.ClientError, TimeoutError) as error:
                    waiting_for = f"does not answer ({error})"
            say(f"{process.name}: {waiting_for}")
            await asyncio.sleep(_POLL_S)
    raise StackError(f"{process.name} is not ready after {_READY_S:.0f} s ({waiting_for}):\n{process.log_tail()}")
