"""What happened, as it was recorded: the material of the auditor. Instants are milliseconds of one machine's clock."""

from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

import orjson

Record = TypeVar("Record")


@dataclass(frozen=True)
class Window:
    """Something took effect at an instant between these two: when it was asked for, and when the answer came."""

    from_ms: int
    until_ms: int


@dataclass(frozen=True)
class Version:
    """One spec of a timer, from when it was applied."""

    uid: str
    name: str
    """namespace/name"""
    generation: int
    edit: int
    """The versions of a timer are numbered from 0; the template has the number, and so have its Jobs."""
    created_ms: int
    """creationTimestamp of the timer: whole seconds."""
    spec: dict[str, Any]
    applied: Window


@dataclass(frozen=True)
class Deletion:
    """A timer was deleted by a user."""

    uid: str
    applied: Window


@dataclass(frozen=True)
class Removal:
    """A user told the API server to delete a Job, and may not have seen its answer."""

    name: str
    """namespace/name"""
    applied: Window


@dataclass(frozen=True)
class Trigger:
    """A user asked for a run by hand."""

    uid: str
    request: str
    applied: Window


@dataclass
class Job:
    """A Job that existed at some time. Revisions (`_rv`), where they are known, order what the API server did."""

    uid: str
    name: str
    timer_uid: str
    occurrence_ms: int
    """Its scheduled-at annotation."""
    trigger: str = ""
    edit: int = 0
    """Of which version of its timer it was made, as its template says."""
    born_suspended: bool = False
    received_ms: int | None = None
    """When the API server got the request, from its audit log."""
    answered_ms: int | None = None
    arrived_ms: int | None = None
    """When the watch showed it."""
    created_rv: int | None = None
    creator: str = ""
    """The process that asked for it."""
    let_go_ms: int | None = None
    """When one that was born suspended was first seen not to be."""
    finished_ms: int | None = None
    finished_rv: int | None = None
    removed_ms: int | None = None
    removed_rv: int | None = None

    @property
    def created_ms(self) -> int:
        """When it came into being, as well as is known."""
        known = [one for one in (self.answered_ms, self.arrived_ms) if one is not None]
        return min(known, default=self.received_ms or 0)

    @property
    def ran_ms(self) -> int | None:
        """When it could begin to run; None where it never could."""
        if not self.born_suspended:
            return self.created_ms
        return self.let_go_ms if self.let_go_ms is not None else self.finished_ms


@dataclass(frozen=True)
class Status:
    """A status that a watch showed."""

    uid: str
    arrived_ms: int
    generation: int
    handled_ms: int
    missed: int
    skipped: int
    request: str = ""
    committed: tuple[str, ...] = ()
    """UIDs of the Jobs that may run, under guarantee Strict."""


@dataclass(frozen=True)
class Confirmed:
    """A worker asked the index whether it may fire, and was told that it may."""

    process: str
    asked_ms: int
    ticket: str
    generation: int
    occurrence_ms: int


@dataclass(frozen=True)
class Acked:
    """The index took note that everything up to a mark is handled."""

    process: str
    answered_ms: int
    ticket: str
    mark_ms: int


@dataclass(frozen=True)
class Fault:
    """Something that was broken on purpose."""

    kind: str
    from_ms: int
    until_ms: int
    target: str = ""
    loses_index: bool = False
    """Whether Redis came out of it without what it had held."""
    splits: bool = False
    """Whether afterwards two servers could take themselves for the primary for a while."""


@dataclass
class History:
    """One run of the suite."""

    versions: list[Version] = field(default_factory=list)
    deletions: list[Deletion] = field(default_factory=list)
    removals: list[Removal] = field(default_factory=list)
    triggers: list[Trigger] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    statuses: list[Status] = field(default_factory=list)
    confirmed: list[Confirmed] = field(default_factory=list)
    acked: list[Acked] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    quiet_ms: int = 0
    """From when on everything had to be well again."""
    end_ms: int = 0
    """Up to when occurrences count."""

    def save(self, path: Path) -> None:
        """Write everything to a file, for an audit at another time."""
        path.write_bytes(orjson.dumps(asdict(self)))

    @classmethod
    def load(cls, path: Path) -> "History":
        """What `save` wrote."""
        raw = orjson.loads(path.read_bytes())
        kinds: dict[str, type[Any]] = {
            "versions": Version,
            "deletions": Deletion,
            "removals": Removal,
            "triggers": Trigger,
            "jobs": Job,
            "statuses": Status,
            "confirmed": Confirmed,
            "acked": Acked,
            "faults": Fault,
        }
        lists = {name: [_made(kind, one) for one in raw.get(name, ())] for name, kind in kinds.items()}
        return cls(**lists, quiet_ms=raw["quiet_ms"], end_ms=raw["end_ms"])


def _made(kind: type[Record], raw: dict[str, Any]) -> Record:
    known = {one.name for one in fields(kind)}  # type: ignore[arg-type]
    values = {name: Window(**value) if name == "applied" else value for name, value in raw.items() if name in known}
    return kind(**values)
