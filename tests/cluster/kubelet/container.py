"""One container: its command as a local process, and what Kubernetes calls its state."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.cluster.kubelet.command import Command, UnsupportedError, container_command

Manifest = dict[str, Any]
Changed = Callable[[], Awaitable[None]]

_FIRST_BACKOFF_S, _LONGEST_BACKOFF_S = 0.5, 10.0
_LONGEST_GRACE_S = 10.0
_NOT_FOUND, _NOT_EXECUTABLE, _NOT_STARTED = 127, 126, 128


class Container:
    """Runs one container of a Pod, again after failures if ``restart_policy`` says so. ``status()`` at any time."""

    def __init__(self, pod: Manifest, manifest: Manifest, log: Path, restart_policy: str, changed: Changed) -> None:
        self._pod = pod
        self._manifest = manifest
        self._log = log
        self._restart_policy = restart_policy
        self._changed = changed
        self._state: Manifest = {"waiting": {"reason": "PodInitializing"}}
        self._last_state: Manifest = {}
        self._restarts = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def runs_a_command(self) -> bool:
        """Whether there is anything to run; without a command it succeeds at once."""
        return bool(self._manifest.get("command"))

    @property
    def exit_code(self) -> int | None:
        """The exit code if it has ended for good or for now, else None."""
        code: int | None = self._state.get("terminated", {}).get("exitCode")
        return code

    def status(self) -> Manifest:
        """Return the entry for ``containerStatuses``."""
        running = "running" in self._state
        return {
            "name": self._manifest["name"],
            "image": self._manifest.get("image", ""),
            "imageID": "",
            "ready": running,
            "started": running,
            "restartCount": self._restarts,
            "state": self._state,
            "lastState": self._last_state,
        }

    async def run(self) -> None:
        """Run it until it has ended for good."""
        backoff_s = _FIRST_BACKOFF_S
        while True:
            await self._run_once()
            again = self._restart_policy == "Always" or (self._restart_policy == "OnFailure" and self.exit_code != 0)
            if not again:
                return
            self._last_state = self._state
            self._state = {"waiting": {"reason": "CrashLoopBackOff", "message": f"restarting after {backoff_s} s"}}
            await self._changed()
            await asyncio.sleep(backoff_s)
            backoff_s = min(backoff_s * 2, _LONGEST_BACKOFF_S)
            self._restarts += 1

    async def _run_once(self) -> None:
        started = _now()
        try:
            command = container_command(self._pod, self._manifest)
            code = 0 if command is None else await self._execute(command)
            message = ""
        except UnsupportedError as error:
            code, message = _NOT_STARTED, str(error)
        except OSError as error:
            code = _NOT_EXECUTABLE if isinstance(error, PermissionError) else _NOT_FOUND
            message = f"{error.filename or self._manifest['command'][0]}: {error.strerror}"
        if message:
            self._print(message)
        reason = "Completed" if code == 0 else "StartError" if message else "Error"
        self._state = {
            "terminated": {
                "exitCode": code,
                "reason": reason,
                "startedAt": started,
                "finishedAt": _now(),
                **({"message": message} if message else {}),
            }
        }

    async def _execute(self, command: Command) -> int:
        folder = Path(tempfile.mkdtemp(prefix="workdir-", dir=self._log.parent))
        try:
            program = shutil.which(command.argv[0], path=command.environment["PATH"])
            if program is None and "/" not in command.argv[0]:
                raise FileNotFoundError(2, "command not found", command.argv[0])
            self._process = self._start(command, program, folder)
            self._state = {"running": {"startedAt": _now()}}
            await self._changed()
            code = await self._ended(self._process)
        finally:
            await self._kill()
            shutil.rmtree(folder, ignore_errors=True)
        return code if code >= 0 else 128 - code

    def _start(self, command: Command, program: str | None, folder: Path) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                command.argv,
                executable=program,
                cwd=folder,
                env={"HOME": str(folder), **command.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def _ended(self, process: subprocess.Popen[bytes]) -> int:
        """Wait for the command, end what it left behind in its process group, and return its exit code."""
        await _readable(os.pidfd_open(process.pid))
        # Before the leader is reaped its number cannot be given to a stranger's group.
        _signal_group(process.pid, signal.SIGKILL)
        code = process.wait()
        self._process = None
        return code

    async def _kill(self) -> None:
        """End the command if it still runs: SIGTERM, the Pod's grace period (10 s at most), SIGKILL."""
        process = self._process
        if process is None:
            return
        grace_s = min(self._pod["spec"].get("terminationGracePeriodSeconds", 30), _LONGEST_GRACE_S)
        _signal_group(process.pid, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await _readable(os.pidfd_open(process.pid))
        _signal_group(process.pid, signal.SIGKILL)
        code = process.wait()
        self._process = None
        self._state = {
            "terminated": {
                "exitCode": code if code >= 0 else 128 - code,
                "reason": "Error",
                "startedAt": self._state["running"]["startedAt"],
                "finishedAt": _now(),
            }
        }

    def _print(self, message: str) -> None:
        with self._log.open("a") as log:
            log.write(f"{message}\n")


def _signal_group(leader: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, number)


async def _readable(descriptor: int) -> None:
    """Wait until a pidfd is readable, that is, until its process has ended; closes it."""
    loop = asyncio.get_running_loop()
    ended = loop.create_future()

    def notice() -> None:
        loop.remove_reader(descriptor)
        if not ended.done():
            ended.set_result(None)

    loop.add_reader(descriptor, notice)
    try:
        await ended
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
