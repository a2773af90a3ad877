"""The guard: the parent of everything a stack starts, and the one who cleans up after it.

It runs as a process of its own and is the parent of every component. When its caller closes the channel between
them, or dies in whatever way (SIGKILL included), the guard ends every process of the stack and removes the stack's
folder. Nothing escapes it:

- it is a *child subreaper*: a process whose parent died becomes the guard's child instead of init's, so that
  every descendant, however it was daemonized, stays below the guard;
- a process started by somebody else for the stack is known by ``REDISTIMER_STACK=<folder>`` in its environment;
- should the guard itself be killed, its own children get SIGKILL from the kernel. That signal fires when the
  *thread* that forked ends, which is why the guard has exactly one.

Requests and replies are JSON, one per packet, over a SOCK_SEQPACKET socket whose number is the only argument.
"""

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Message = dict[str, Any]
PACKET_BYTES = 1 << 20
MARKER = "REDISTIMER_STACK"
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_UNKILLABLE_AFTER_S = 30.0

_libc = ctypes.CDLL(None, use_errno=True)


class Guard:
    """Children by number, and what the caller may ask about them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._children: list[subprocess.Popen[bytes]] = []
        self._grace_s: list[float] = []

    def answer(self, request: Message) -> Message:
        """Carry out one request of the caller and return the reply."""
        if request["do"] == "spawn":
            return self._spawn(request)
        child = self._children[request["child"]]
        if request["do"] == "signal" and child.poll() is None:
            child.send_signal(request["signal"])
        return {"code": child.poll()}

    def _spawn(self, request: Message) -> Message:
        try:
            with open(request["log"], "ab") as log:
                child = subprocess.Popen(
                    request["argv"],
                    env=request["env"],
                    cwd=request["cwd"],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    preexec_fn=_die_with_guard,
                )
        except OSError as error:
            return {"error": f"{request['argv'][0]}: {error.strerror}"}
        self._children.append(child)
        self._grace_s.append(request["grace_s"])
        return {"child": len(self._children) - 1, "pid": child.pid}

    def reap(self) -> None:
        """Collect every child that ended, adopted orphans too."""
        known = {child.pid: child for child in self._children if child.returncode is None}
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None:
                return
            if ended.si_pid in known:
                known[ended.si_pid].poll()
            else:
                os.waitpid(ended.si_pid, 0)

    def take_down(self) -> None:
        """End every process of the stack, politely where that was asked for, and remove its folder."""
        polite = [c for c, grace_s in zip(self._children, self._grace_s, strict=True) if grace_s and c.poll() is None]
        for child in polite:
            _signal_quietly(os.killpg, child.pid, signal.SIGTERM)
        visitors = self._marked()
        for pid in visitors:
            _signal_quietly(os.kill, pid, signal.SIGTERM)
        patience = max([*self._grace_s, 1.0 if visitors else 0.0], default=0.0)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and (any(c.poll() is None for c in polite) or self._marked()):
            self.reap()
            time.sleep(0.01)

        deadline = time.monotonic() + _UNKILLABLE_AFTER_S
        while (left := _descendants() | self._marked()) and time.monotonic() < deadline:
            for pid in left:
                _signal_quietly(os.kill, pid, signal.SIGKILL)
            self.reap()
            time.sleep(0.005)
        shutil.rmtree(self._directory, ignore_errors=True)

    def _marked(self) -> set[int]:
        """Return processes outside the guard's own descendants that carry this stack's mark."""
        mark = f"{MARKER}={self._directory}".encode()
        found = set()
        for pid in _all_pids():
            try:
                environment = Path(f"/proc/{pid}/environ").read_bytes()
            except OSError:  # ended meanwhile, or another user's
                continue
            if mark in environment.split(b"\0"):
                found.add(pid)
        return found - _descendants()


def _die_with_guard() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _signal_quietly(send: Callable[[int, int], None], pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        send(pid, number)


def _all_pids() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def _descendants() -> set[int]:
    """Return every process below the guard, zombies too: those are reaped in the next round."""
    children: dict[int, list[int]] = {}
    for pid in _all_pids():
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            continue
        parent = int(stat[stat.rindex(")") + 2 :].split()[1])
        children.setdefault(parent, []).append(pid)
    found: set[int] = set()
    todo = [os.getpid()]
    while todo:
        for pid in children.get(todo.pop(), ()):
            found.add(pid)
            todo.append(pid)
    return found


def _serve(guard: Guard, channel: socket.socket, caller_pidfd: int, wakeup: int) -> None:
    poll = select.poll()
    for descriptor in (channel.fileno(), caller_pidfd, wakeup):
        poll.register(descriptor, select.POLLIN)
    while True:
        ready = {descriptor for descriptor, _ in poll.poll()}
        if wakeup in ready:
            guard.reap()
            if signal.SIGTERM in os.read(wakeup, 4096):
                return
        if channel.fileno() in ready:
            packet = channel.recv(PACKET_BYTES)
            if not packet:
                return
            request = json.loads(packet)
            channel.send(json.dumps({"id": request["id"], **guard.answer(request)}).encode())
        elif caller_pidfd in ready:
            return


def main() -> None:
    """Serve the caller at the other end of the inherited socket until it is gone, then clean up."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    channel.set_inheritable(False)
    caller_pidfd = os.pidfd_open(os.getppid())
    wakeup, wakeup_sender = os.pipe()
    os.set_blocking(wakeup_sender, False)
    signal.set_wakeup_fd(wakeup_sender)
    # Handlers rather than SIG_IGN: an ignored signal would stay ignored in every child.
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)

    directory = Path(tempfile.mkdtemp(prefix="redistimer-stack-"))
    guard = Guard(directory)
    try:
        with open(directory / "guard.log", "ab", buffering=0) as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        channel.send(json.dumps({"directory": str(directory)}).encode())
        _serve(guard, channel, caller_pidfd, wakeup)
    except (BrokenPipeError, ConnectionResetError):
        pass  # the caller is gone: the same as end of file
    finally:
        guard.take_down()


if __name__ == "__main__":
    main()
