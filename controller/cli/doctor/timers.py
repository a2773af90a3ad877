"""The timers of a cluster as `doctor` sees them: how many there are, and which are not well. No I/O."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from controller.cli.doctor.findings import Finding, Level
from controller.cli.flags import program
from controller.cli.times import span
from controller.core.instants import parse_rfc3339
from controller.core.policy import Concurrency
from controller.core.problems import cut
from controller.core.reasons import Reason
from controller.core.timer import Timer, condition, parse_timer

_CHECK = "timers"
_SETTLED_MS = 60_000
"""What takes no longer than this may still be under way."""
_NAMED = 3
_REASONS = 5
_MESSAGE = 200


@dataclass(slots=True)
class Group:
    """Timers that have something in common."""

    count: int = 0
    names: list[str] = field(default_factory=list)
    """The first few of them."""
    message: str = ""
    """What the first of them says."""

    def add(self, name: str, message: str = "") -> None:
        """One more."""
        self.count += 1
        if len(self.names) < _NAMED:
            self.names.append(name)
        self.message = self.message or message

    def __str__(self) -> str:
        more = self.count - len(self.names)
        return ", ".join(self.names) + (f" and {more} more" if more > 0 else "")


@dataclass(slots=True)
class Census:
    """What a list of timers says, taken at `now_ms` by the clock of the API server."""

    now_ms: int
    everywhere: bool
    """Whether these are all timers that the installation serves."""
    served: tuple[str, ...] = ()
    """The namespaces that it serves; empty: all."""
    count: int = 0
    suspended: int = 0
    not_ready: dict[str, Group] = field(default_factory=dict)
    """By reason."""
    stopped: Group = field(default_factory=Group)
    unseen: Group = field(default_factory=Group)
    """The controller has not looked at these as they are now."""
    late: Group = field(default_factory=Group)
    """These should have run."""
    longest_ms: int = 0
    """For how long one of them has been due at most."""
    tickets: dict[str, str] = field(default_factory=dict)
    """Name of the timer by ticket."""
    young: set[str] = field(default_factory=set)
    """Tickets of timers so young that they need not be in the index."""

    def take(self, obj: Mapping[str, Any]) -> None:
        """Look at one timer."""
        timer = parse_timer(obj)
        name = f"{timer.namespace}/{timer.name}"
        self.count += 1
        self.suspended += timer.suspended
        self.tickets[timer.ticket] = name
        changed_ms = max(timer.created_ms, timer.spec_changed_ms or 0)
        is_young = self.now_ms - changed_ms < _SETTLED_MS
        if is_young:
            self.young.add(timer.ticket)
        if timer.being_deleted:
            return
        if timer.recorded.generation < timer.generation:
            if not is_young:
                self.unseen.add(name)
            return
        ready, held = condition(timer.status, "Ready"), condition(timer.status, "Suspended")
        if held.get("reason") == Reason.TOO_MANY_FAILURES:
            self.stopped.add(name, str(held.get("message", "")))
        if ready.get("status") == "False":
            group = self.not_ready.setdefault(str(ready.get("reason")), Group())
            group.add(name, str(ready.get("message", "")))
        elif (late_ms := self.now_ms - _SETTLED_MS - _due_ms(timer, self.now_ms)) > 0:
            self.late.add(name)
            self.longest_ms = max(self.longest_ms, late_ms + _SETTLED_MS)

    def take_all(self, objects: Sequence[Mapping[str, Any]]) -> None:
        """Look at many. One that cannot be read keeps nobody from looking at the others."""
        for obj in objects:
            with suppress(ValueError, TypeError, KeyError):
                self.take(obj)


def _due_ms(timer: Timer, now_ms: int) -> int:
    """When its status says that it fires next; now, where that says nothing about being late."""
    text = timer.status.get("nextScheduleTime")
    # Runs that are made up for wait for one another under Forbid.
    waits = timer.policy.concurrency is Concurrency.FORBID and timer.status.get("activeCount")
    if not text or timer.idle or timer.timing is None or waits:
        return now_ms
    next_ms = parse_rfc3339(text)
    # The delay costs another search in the schedule, so only where it matters.
    return next_ms if next_ms > now_ms - _SETTLED_MS else timer.timing.due_ms(next_ms)


def judge_timers(census: Census, led: bool) -> list[Finding]:
    """What a census tells; where nobody leads, status is old, and nothing follows from times in it."""
    findings = [*_on_controller(census), *(_on_workers(census) if led else ())]
    for reason, group in sorted(census.not_ready.items(), key=lambda pair: -pair[1].count)[:_REASONS]:
        findings.append(
            Finding(
                _CHECK,
                Level.WARNING,
                f"{group.count} not ready for reason {reason}: {group}",
                f"{group.names[0]}: {cut(group.message, _MESSAGE)}",
            )
        )
    if (more := len(census.not_ready) - _REASONS) > 0:
        findings.append(Finding(_CHECK, Level.WARNING, f"others are not ready for {more} more reasons"))
    if census.stopped.count:
        advice = f"find out why they fail, then edit them, or let a run by hand ({program()} trigger) succeed"
        found = f"{census.stopped.count} stopped after too many failures in a row: {census.stopped}"
        findings.append(Finding(_CHECK, Level.WARNING, found, advice))
    if findings:
        return findings
    where = f"in the namespaces that are served ({', '.join(census.served)})" if census.served else "in all namespaces"
    where = where if census.everywhere else "in this namespace"
    suspended = f", {census.suspended} of them suspended" if census.suspended else ""
    return [Finding(_CHECK, Level.OK, f"{_timers(census.count)} {where}{suspended}; none is in trouble")]


def _on_controller(census: Census) -> list[Finding]:
    if not census.unseen.count:
        return []
    found = f"{_timers(census.unseen.count)} without a status for what is in the spec now: {census.unseen}"
    advice = "no controller looks after them: see leader, and the log of the one that leads"
    return [Finding(_CHECK, Level.PROBLEM, found, advice)]


def _on_workers(census: Census) -> list[Finding]:
    if not census.late.count:
        return []
    found = (
        f"{_timers(census.late.count)} should have run by now, one of them {span(census.longest_ms)} ago: {census.late}"
    )
    advice = "no worker fires them: see processes and overdue, and /readyz of workers"
    return [Finding(_CHECK, Level.PROBLEM, found, advice)]


def _timers(count: int) -> str:
    return f"{count} timer{'s' if count != 1 else ''}"
