"""guarantee: Strict. Status names the one Job of an occurrence that may run, before it does.

The Job is created suspended. Its UID is written into status by compare-and-set: that is the commit, and each occurrence
has one. Only a committed Job is ever started, and so a second Job of an occurrence, however late it comes into being,
never runs. What is read from status here is public contract.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from controller.core.instants import parse_rfc3339, rfc3339

COMMITTED_RUN = "committedRun"
COMMITTED_REQUEST = "committedRequest"


@dataclass(frozen=True, slots=True)
class Commit:
    """Which Job is the run of an occurrence, or of a request by hand."""

    job_name: str
    job_uid: str
    started: bool = False
    """Whether the Job is known to have been started, or to be gone; whoever finds it False starts it."""
    occurrence_ms: int = 0
    """0 for a request."""
    trigger: str = ""
    """The id of the request, "" for an occurrence."""

    @property
    def field(self) -> str:
        """Where in status it stands. A commit takes the place of the one before."""
        return COMMITTED_REQUEST if self.trigger else COMMITTED_RUN

    def record(self) -> dict[str, Any]:
        """How status says it."""
        what = {"trigger": self.trigger} if self.trigger else {"scheduledAt": rfc3339(self.occurrence_ms)}
        return {**what, "jobName": self.job_name, "jobUid": self.job_uid, "started": self.started}


def read_commits(status: Mapping[str, Any]) -> tuple[Commit, ...]:
    """The commits of a status: none, or the last one of an occurrence, of a request, or of both."""
    return tuple([_commit(status[field]) for field in (COMMITTED_RUN, COMMITTED_REQUEST) if status.get(field)])


def with_started(commits: Iterable[Commit], started: Iterable[str]) -> dict[str, Any]:
    """What status says of these commits once the Jobs with these UIDs have been seen to run."""
    uids = set(started)
    return {one.field: {**one.record(), "started": one.started or one.job_uid in uids} for one in commits}


def _commit(entry: Mapping[str, Any]) -> Commit:
    scheduled_at = entry.get("scheduledAt")
    return Commit(
        job_name=entry["jobName"],
        job_uid=entry["jobUid"],
        started=bool(entry.get("started")),
        occurrence_ms=parse_rfc3339(scheduled_at) if scheduled_at else 0,
        trigger=entry.get("trigger", ""),
    )
