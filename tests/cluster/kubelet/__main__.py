"""Run the kubelet stand-in: ``python -m tests.cluster.kubelet --kubeconfig FILE --directory FOLDER``."""

import argparse
import asyncio
import contextlib
import logging
import signal
from pathlib import Path
from typing import Any

import aiohttp

from tests.cluster import kubelet
from tests.cluster.kubelet.api import ApiServer, WatchExpiredError
from tests.cluster.kubelet.pod import Pod

_log = logging.getLogger("kubelet")
_PAUSE_S = 0.3
Manifest = dict[str, Any]


class Kubelet:
    """Keeps one task per living Pod."""

    def __init__(self, api: ApiServer, output: Path, pods_at_once: int) -> None:
        self._api = api
        self._output = output
        self._slots = asyncio.Semaphore(pods_at_once)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()

    async def follow(self) -> None:
        """List and watch Pods for ever, over expired watches and an API server that is away."""
        while True:
            try:
                pods, version = await self._api.list_pods()
                self._forget_all_but({pod["metadata"]["uid"] for pod in pods})
                for pod in pods:
                    self._see(pod)
                while True:
                    async for kind, pod in self._api.watch_pods(version):
                        version = pod["metadata"]["resourceVersion"]
                        if kind == "DELETED":
                            self._end(pod["metadata"]["uid"])
                        elif kind != "BOOKMARK":
                            self._see(pod)
            except (aiohttp.ClientError, TimeoutError, WatchExpiredError, ValueError) as error:
                _log.warning("listing Pods again: %s", error or type(error).__name__)
                await asyncio.sleep(_PAUSE_S)

    async def close(self) -> None:
        """End all Pods' processes."""
        self._forget_all_but(set())
        await asyncio.gather(*self._ending, return_exceptions=True)

    def _see(self, manifest: Manifest) -> None:
        metadata, phase = manifest["metadata"], manifest.get("status", {}).get("phase", "Pending")
        uid = metadata["uid"]
        if "deletionTimestamp" in metadata:
            self._end(uid)
        elif uid not in self._tasks and phase in ("Pending", "Running"):
            pod = Pod(self._api, manifest, self._output, self._slots)
            # Running, but not by this process: an earlier one was ended, and the Pod's processes with it.
            run = pod.run() if phase == "Pending" else pod.fail("the kubelet stand-in was restarted")
            self._tasks[uid] = asyncio.create_task(run)
        elif phase in ("Succeeded", "Failed"):
            self._tasks.pop(uid, None)

    def _end(self, uid: str) -> None:
        task = self._tasks.pop(uid, None)
        if task is not None and not task.done():
            task.cancel()
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    def _forget_all_but(self, living: set[str]) -> None:
        for uid in self._tasks.keys() - living:
            self._end(uid)


async def serve(kubeconfig: Path, output: Path, pods_at_once: int) -> None:
    """Run until SIGTERM or SIGINT."""
    async with ApiServer(kubeconfig) as api:
        stand_in = Kubelet(api, output, pods_at_once)
        following = asyncio.create_task(stand_in.follow())
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, following.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await following
        await stand_in.close()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.cluster.kubelet",
        description=kubelet.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--kubeconfig", type=Path, required=True, help="of an administrator of the local stack")
    parser.add_argument("--directory", type=Path, required=True, help="where to keep the output of containers")
    parser.add_argument("--pods", type=int, default=48, help="Pods with commands that run at once (default: 48)")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    _log.warning("This stand-in isolates nothing: commands run as local processes with this user's rights.")
    options.directory.mkdir(parents=True, exist_ok=True)
    asyncio.run(serve(options.kubeconfig, options.directory, options.pods))


if __name__ == "__main__":
    main()
