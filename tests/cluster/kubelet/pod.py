"""One Pod from Pending to Succeeded or Failed."""

import asyncio
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.cluster.kubelet.api import ApiServer
from tests.cluster.kubelet.container import Container
from tests.cluster.kubelet.output import output_file, output_folder

_log = logging.getLogger(__name__)
Manifest = dict[str, Any]


class Pod:
    """Runs the containers of one Pod and reports. Cancel the task that runs it to end its processes."""

    def __init__(self, api: ApiServer, manifest: Manifest, output: Path, slots: asyncio.Semaphore) -> None:
        self._api = api
        self._manifest = manifest
        self._slots = slots
        self._start = _now()
        spec = manifest["spec"]
        folder = output_folder(output, manifest)
        folder.mkdir(parents=True, exist_ok=True)
        init, main = spec.get("initContainers", []), spec["containers"]
        policy = spec.get("restartPolicy", "Always")
        init_policy = "Never" if policy == "Never" else "OnFailure"
        self._sidecars = [container["name"] for container in init if container.get("restartPolicy") == "Always"]
        containers = [
            Container(
                manifest,
                container,
                output_file(folder, position, container["name"]),
                init_policy if position < len(init) else policy,
                self._report_progress,
            )
            for position, container in enumerate([*init, *main])
        ]
        self._init, self._main = containers[: len(init)], containers[len(init) :]

    async def run(self) -> None:
        """Run it to its end. When cancelled: end its processes, then report how they ended."""
        try:
            if self._sidecars:
                await self.fail(
                    f"the kubelet stand-in does not support sidecars (restartPolicy of {', '.join(self._sidecars)})"
                )
            elif any(container.runs_a_command for container in [*self._init, *self._main]):
                async with self._slots:
                    await self._run_containers()
            else:
                await self._run_containers()
        except asyncio.CancelledError:
            # A Pod with a finalizer (those of Jobs have one) still exists and its owner waits for its end.
            await self._report("Failed", message="deleted")
            raise

    async def fail(self, message: str) -> None:
        """Report it as failed without running anything."""
        await self._report("Failed", reason="StartError", message=message)

    async def _run_containers(self) -> None:
        for container in self._init:
            await container.run()
            if container.exit_code != 0:
                await self._report("Failed")
                return
        async with asyncio.TaskGroup() as group:
            for container in self._main:
                group.create_task(self._run_main(container))
        failed = [container for container in self._main if container.exit_code != 0]
        await self._report("Failed" if failed else "Succeeded")

    async def _run_main(self, container: Container) -> None:
        await container.run()
        if any(other.exit_code is None for other in self._main):
            await self._report_progress()

    async def _report_progress(self) -> None:
        initialized = all(container.exit_code == 0 for container in self._init)
        await self._report("Running" if initialized else "Pending")

    async def _report(self, phase: str, reason: str = "", message: str = "") -> None:
        main = [container.status() for container in self._main]
        ended = phase in ("Succeeded", "Failed")
        conditions = {
            "PodScheduled": True,
            "Initialized": phase != "Pending",
            "ContainersReady": not ended and all(status["ready"] for status in main),
            "Ready": not ended and all(status["ready"] for status in main),
        }
        status: Manifest = {
            "phase": phase,
            "startTime": self._start,
            "conditions": [
                {"type": kind, "status": str(value), "lastTransitionTime": self._start}
                for kind, value in conditions.items()
            ],
            "containerStatuses": main,
        }
        if self._init:
            status["initContainerStatuses"] = [container.status() for container in self._init]
        if reason:
            status["reason"] = reason
        if message:
            status["message"] = message
        if await self._api.report(self._manifest, status) and ended:
            metadata = self._manifest["metadata"]
            _log.info("%s/%s: %s", metadata["namespace"], metadata["name"], phase)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
