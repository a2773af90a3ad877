"""An event loop on virtual time, on which several processes live side by side.

Each callback belongs to the process in whose context it was made. Within a process they run in order; which process is
next, the seed says. A process can be paused: its callbacks wait, and its clocks go on. It can crash: they never run.
Time passes only when nobody has anything to do.
"""

import asyncio
import contextvars
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

START_S = 1_000.0

_MOST_STEPS = 400_000
"""Of one run: more than a hundred times what a run takes, and only reached by code that spins."""


OWNER: contextvars.ContextVar["Process"] = contextvars.ContextVar("process")
"""Whose callback this is."""


class Process:
    """A process, as far as the loop knows one."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.ready: deque[Handle] = deque()
        self.tasks: list[asyncio.Task[Any]] = []
        self.paused = False
        self.dead = False
        self.context = contextvars.Context()
        self.context.run(OWNER.set, self)

    def __repr__(self) -> str:
        return self.name


class Handle:
    """A callback that waits for its turn; asyncio's own asks the loop for its debug mode each time."""

    __slots__ = ("args", "callback", "cancelled", "context", "when_s")

    def __init__(
        self, callback: Callable[..., object], args: tuple[Any, ...], context: contextvars.Context | None, when_s: float
    ) -> None:
        self.callback = callback
        self.args = args
        self.context = contextvars.copy_context() if context is None else context
        self.when_s = when_s
        self.cancelled = False

    def cancel(self) -> None:
        """Never call it."""
        self.cancelled = True

    def when(self) -> float:
        """When its turn comes, in virtual time."""
        return self.when_s


class SpinningError(Exception):
    """Something goes round in circles without letting time pass."""


class SimulatedLoop(asyncio.AbstractEventLoop):
    """The part of an event loop that code without sockets, threads and signals needs."""

    def __init__(self, choose: Callable[[], float]) -> None:
        self._choose = choose
        self._now_s = START_S
        self._timers: list[tuple[float, int, Handle]] = []
        self._timers_made = 0
        self._able: list[Process] = []
        self._closed = False
        self.processes: list[Process] = []
        self.steps = 0
        self.problems: list[str] = []
        """What went wrong outside of anybody's reach: callbacks that raised, errors that nobody looked at."""

    # What asyncio and the product call.

    def time(self) -> float:
        return self._now_s

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return not self._closed

    def is_closed(self) -> bool:
        return self._closed

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(  # type: ignore[override]
        self, coro: Coroutine[Any, Any, Any], *, name: str | None = None, context: contextvars.Context | None = None
    ) -> asyncio.Task[Any]:
        context = context or contextvars.copy_context()
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, name=name, context=context)
        context[OWNER].tasks.append(task)
        return task

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> Handle:
        handle = Handle(callback, args, context, self._now_s)
        self._enqueue(handle)
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> Handle:
        return self.call_at(self._now_s + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> Handle:
        handle = Handle(callback, args, context, when)
        self._timers_made += 1
        heapq.heappush(self._timers, (when, self._timers_made, handle))
        return handle

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if not self._closed:
            self.problems.append(f"{context.get('message')}: {context.get('exception')!r}")

    # What the simulation calls.

    def spawn(self, process: Process, main: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start a process."""
        self.processes.append(process)
        return self.create_task(main, context=process.context)

    def pause(self, process: Process) -> None:
        """As SIGSTOP does."""
        process.paused = True
        if process in self._able:
            self._able.remove(process)

    def resume(self, process: Process) -> None:
        """As SIGCONT does."""
        process.paused = False
        if process.ready and not process.dead and process not in self._able:
            self._able.append(process)

    def crash(self, process: Process) -> None:
        """As SIGKILL does. Its tasks are kept, so that nothing of them is run by a garbage collector either."""
        process.dead = True
        process.ready.clear()
        if process in self._able:
            self._able.remove(process)

    def run(self, main: Coroutine[Any, Any, Any], world: Process) -> Any:
        """Run this to its end, in the context of the world; its result."""
        asyncio.events._set_running_loop(self)
        try:
            task = self.spawn(world, main)
            while not task.done():
                if self._able:
                    self._step()
                else:
                    self._pass_time()
            return task.result()
        finally:
            asyncio.events._set_running_loop(None)
            self._end()

    def _enqueue(self, handle: Handle) -> None:
        process = handle.context[OWNER]
        if process.dead or self._closed:
            return
        if not process.ready and not process.paused:
            self._able.append(process)
        process.ready.append(handle)

    def _step(self) -> None:
        self.steps += 1
        if self.steps > _MOST_STEPS:
            raise SpinningError(f"no end after {_MOST_STEPS} steps, at {self._now_s - START_S:.3f} s")
        able = self._able
        index = int(self._choose() * len(able)) if len(able) > 1 else 0
        process = able[index]
        handle = process.ready.popleft()
        if not process.ready:
            able[index] = able[-1]
            able.pop()
        if not handle.cancelled:
            try:
                handle.context.run(handle.callback, *handle.args)
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:
                self.call_exception_handler({"message": f"callback of {process} raised", "exception": error})

    def _pass_time(self) -> None:
        timers = self._timers
        if not timers:
            raise SpinningError("nobody waits for anything any more")
        self._now_s = max(self._now_s, timers[0][0])
        while timers and timers[0][0] <= self._now_s:
            handle = heapq.heappop(timers)[2]
            if not handle.cancelled:
                self._enqueue(handle)

    def _end(self) -> None:
        """Close what still waits, without letting it do anything."""
        self._closed = True
        for process in self.processes:
            for task in process.tasks:
                if not task.done():
                    task._log_destroy_pending = False  # type: ignore[attr-defined]
                    _close(task.get_coro())
                elif not task.cancelled():
                    task.exception()
            process.tasks.clear()
            process.ready.clear()
        self._timers.clear()


def _close(coroutine: Any) -> None:
    # What a `finally` awaits makes close() raise: try until it has come to its end.
    for _ in range(20):
        with suppress(BaseException):
            coroutine.close()
        if coroutine.cr_frame is None:
            return
