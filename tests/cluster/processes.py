"""The caller's side of the guard: start processes that never outlive their owner, and talk to them."""

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.cluster import guard as guard_program
from tests.cluster.errors import StackError

_POLL_S = 0.01
_TAKE_DOWN_S = 60.0


class Process:
    """A process under the guard. It is the leader of a session of its own."""

    def __init__(self, guard: "Guard", name: str, child: int, pid: int, log: Path, log_start: int) -> None:
        self.name = name
        self.pid = pid
        self.log = log
        self._guard = guard
        self._child = child
        self._log_start = log_start

    def poll(self) -> int | None:
        """Return the exit code (negative: the signal that ended it), or None while it runs."""
        code: int | None = self._guard.ask(do="poll", child=self._child)["code"]
        return code

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended and return the exit code; TimeoutError after ``timeout`` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"{self.name} (pid {self.pid}) is still running after {timeout} s")
            time.sleep(_POLL_S)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal to this one process; nothing happens when it has ended already."""
        self._guard.ask(do="signal", child=self._child, signal=int(number))

    def terminate(self) -> None:
        """Ask it to end (SIGTERM)."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it without asking (SIGKILL)."""
        self.send_signal(signal.SIGKILL)

    def log_text(self) -> str:
        """Return what it has printed so far, both streams."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def log_tail(self, lines: int = 15) -> str:
        """Return the last lines it printed, indented for an error message."""
        return "\n".join(f"    {line}" for line in self.log_text().splitlines()[-lines:])


class Guard:
    """A folder and processes that are gone when this object is closed, or when this process is, however it ends.

    ``directory`` is a new temporary folder that only this user can read.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids = itertools.count()
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", guard_program.__file__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C and a killed process group are the caller's affair
                # Without a mark of an outer stack, whose end must not end this one before it has cleaned up.
                env={key: value for key, value in os.environ.items() if key != guard_program.MARKER},
            )
        try:
            greeting = self._channel.recv(guard_program.PACKET_BYTES)
            if not greeting:
                raise StackError(f"the guard process ended at its start (exit code {self._process.wait()})")
        except BaseException:
            self.close()
            raise
        self.directory = Path(json.loads(greeting)["directory"])

    def spawn(
        self,
        name: str,
        argv: Sequence[str | Path],
        env: Mapping[str, str] | None = None,
        *,
        cwd: Path | None = None,
        grace_s: float = 0.0,
    ) -> Process:
        """Start a process; its output goes to ``<directory>/<name>.log`` (appended when the name is used again).

        With ``grace_s`` it gets SIGTERM and that many seconds at the end, without it SIGKILL at once.
        """
        log = self.directory / f"{name}.log"
        log_start = log.stat().st_size if log.exists() else 0
        reply = self.ask(
            do="spawn",
            argv=[str(argument) for argument in argv],
            env=dict(os.environ if env is None else env),
            cwd=str(cwd or Path.cwd()),
            log=str(log),
            grace_s=grace_s,
        )
        if "error" in reply:
            raise StackError(f"cannot start {name}: {reply['error']}")
        return Process(self, name, reply["child"], reply["pid"], log, log_start)

    def ask(self, **request: object) -> guard_program.Message:
        """Send one request to the guard process and return its reply."""
        with self._lock:
            # The number matters after an interrupted call (Ctrl-C, a test's timeout) whose reply nobody took.
            number = next(self._ids)
            try:
                self._channel.send(json.dumps({"id": number, **request}).encode())
                while packet := self._channel.recv(guard_program.PACKET_BYTES):
                    reply: guard_program.Message = json.loads(packet)
                    if reply["id"] == number:
                        return reply
            except OSError as error:
                raise StackError(f"this stack is closed, or its guard process has ended ({error})") from None
            raise StackError("the guard process of this stack has ended, and with it every process of the stack")

    def close(self) -> None:
        """End every process and remove the folder; returns when both are gone."""
        self._channel.close()
        self._process.wait(_TAKE_DOWN_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
