"""Every event of every Job of a stack, none left out: the program that watches, and who reads what it prints.

`kubectl get --watch` ends without a word where the server ends the watch, and a server does that to whoever reads too
slowly while many Jobs change at a time. This one goes on from where it was, or says that it cannot.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import orjson

from controller.kube import paths
from controller.kube.api import ApiServer
from controller.settings import Settings
from tests.cluster import Stack
from tests.cluster.stack import CHECKOUT
from tests.cluster.waiting import wait_until
from tests.harness.watch import Seen, WatchError, current_version, watch

Object = dict[str, Any]


class JobEvents:
    """Watches all Jobs of a stack. Whatever comes into being after the constructor has returned is told of."""

    def __init__(self, stack: Stack, name: str) -> None:
        environment = stack.environment() | {"PYTHONPATH": str(CHECKOUT)}
        self.process = stack.spawn(name, [sys.executable, "-m", __name__], environment)
        self._read_bytes = 0
        wait_until(lambda: self.process.log_text() or self.process.poll() is not None, f"{name} has begun")

    def new(self) -> list[tuple[str, Object]]:
        """What was printed since the last call: kind (ADDED, MODIFIED, DELETED) and Job of each event, in order.

        AssertionError where the program has ended. One thread at a time.
        """
        assert self.process.poll() is None, f"{self.process.name} has ended:\n{self.process.log_tail()}"
        with self.process.log.open("rb") as log:
            log.seek(self._read_bytes)
            complete, newline, _ = log.read().rpartition(b"\n")
        self._read_bytes += len(complete) + len(newline)
        return [(kind, job) for kind, job in map(orjson.loads, filter(None, complete.splitlines()))]

    def close(self) -> None:
        """End the watch."""
        self.process.terminate()
        self.process.wait(60)


async def _print_events(kubeconfig: Path) -> None:
    jobs = paths.jobs(None)

    def tell(seen: Seen) -> None:
        sys.stdout.buffer.write(orjson.dumps([seen.kind, seen.obj], option=orjson.OPT_APPEND_NEWLINE))
        sys.stdout.buffer.flush()

    async with await ApiServer.connect(Settings(kubeconfig=kubeconfig)) as api:
        version = await current_version(api, jobs)
        # An empty line says from when on everything is told.
        print(flush=True)
        try:
            await watch(api, jobs, version, tell)
        except WatchError as error:
            sys.exit(f"some may be missing: {error}")


if __name__ == "__main__":
    asyncio.run(_print_events(Path(os.environ["KUBECONFIG"])))
