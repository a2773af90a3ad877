"""What several processes are started for, and are gone with."""

from types import TracebackType
from typing import Self

from tests.cluster.errors import StackError
from tests.cluster.processes import Guard


class Guarded:
    """A context manager with a guard of its own; whoever derives from it starts what it needs in `_start`."""

    _guard: Guard | None = None

    def __enter__(self) -> Self:
        self._guard = guard = Guard()
        try:
            self._start(guard)
        except BaseException:
            # An interrupt as well: nothing that was started may be left behind.
            self._guard = None
            guard.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running_guard.close()
        self._guard = None

    def _start(self, guard: Guard) -> None:
        raise NotImplementedError

    @property
    def _running_guard(self) -> Guard:
        if self._guard is None:
            name = type(self).__name__
            raise StackError(f"this {name.lower()} is not running: use it inside 'with {name}(...) as {name.lower()}:'")
        return self._guard
