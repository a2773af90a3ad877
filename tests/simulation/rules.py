"""Rules of the product that can be taken away, to see that the simulation notices."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Rules:
    """Which rules hold: all, unless a text in a script is replaced or something in Python is put in another's place."""

    scripts: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Verb, or "*" for all -> a text of its script, and what stands there instead."""
    patches: Callable[[], Iterator[None]] | None = None

    def edit(self, verb: str, text: str) -> str:
        """A script as it is to run."""
        for which in (verb, "*"):
            if which in self.scripts:
                old, new = self.scripts[which]
                if old not in text:
                    raise AssertionError(f"{verb}.lua has no text {old!r} any more: the mutant is to be adapted")
                text = text.replace(old, new)
        return text

    def in_force(self) -> AbstractContextManager[None]:
        """Within it, what is patched is patched."""
        return contextmanager(self.patches or _nothing)()


def _nothing() -> Iterator[None]:
    yield


ALL = Rules()
