"""A timer's life as status tells it: written again and again, each time from what was written before."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from controller.core.events import EventDraft, events_between
from controller.core.identity import manual_job_name, manual_ticket
from controller.core.instants import rfc3339
from controller.core.job import Outcome, Run
from controller.core.news import News, news_of
from controller.core.reasons import Reason
from controller.core.report import Report
from controller.core.status import next_status, status_patch
from controller.core.template import TemplateCheck
from controller.core.timer import Timer, condition
from tests.unit.core.objects import CREATED_MS, HOUR_MS, MINUTE_MS, UID, report, run, spec_written_at, timer

HOURLY = {"every": "1h"}
"""Created at 10:00, so that 11:00 is the first occurrence."""


def nth(number: int) -> int:
    """The nth occurrence of an hourly timer."""
    return CREATED_MS + number * HOUR_MS


class Life:
    """One timer through its edits, requests and statuses. `now_ms` is a minute after the fourth occurrence."""

    def __init__(self, spec: dict[str, Any] = HOURLY) -> None:
        self.spec = spec
        self.generation = 1
        self.edited: list[dict[str, Any]] = []
        self.request = ""
        self.status: dict[str, Any] = {}
        self.news = News()
        self.events: list[EventDraft] = []
        self.now_ms = nth(4) + MINUTE_MS

    @property
    def timer(self) -> Timer:
        """As it is on the API server now."""
        return timer(
            self.spec,
            generation=self.generation,
            status=self.status,
            managedFields=self.edited,
            annotations={"redistimer.dev/trigger": self.request} if self.request else {},
        )

    def write(
        self, runs: Sequence[Run] = (), reports: Sequence[Report] = (), template: TemplateCheck | None = None
    ) -> dict[str, Any]:
        """Write the status that follows from these Jobs and reports, twice where the controller does; what is in it."""
        status = self._write(runs, reports, template)
        ended = {run.uid for run in runs if run.outcome is not Outcome.ACTIVE}
        if any(entry["uid"] in ended for entry in status["active"]):
            first = self.news
            told, events = [replace(run, fresh=run.fresh and run.uid not in ended) for run in runs], self.events
            status = self._write(told, (), template)
            self.news, self.events = replace(first, finished=self.news.finished, uncounted=()), events + self.events
        return status

    def _write(self, runs: Sequence[Run], reports: Sequence[Report], template: TemplateCheck | None) -> dict[str, Any]:
        one = self.timer
        self.news = news_of(one, runs, reports, self.now_ms)
        status = next_status(one, runs, self.news, self.now_ms, template)
        self.events = events_between(self.status, status, self.news)
        patched = {**self.status, **status_patch(self.status, status)}
        self.status = {key: value for key, value in patched.items() if value is not None}
        assert self.status == status
        return self.status

    def edit(self, change: dict[str, Any], at_ms: int | None = None) -> None:
        """Somebody edits the spec; without an instant now."""
        self.spec = {**self.spec, **change}
        self.generation += 1
        self.edited = spec_written_at(rfc3339(self.now_ms if at_ms is None else at_ms))

    def said(self, kind: str) -> tuple[str, str] | None:
        """Status and reason of a condition, None where there is none of this type."""
        found = condition(self.status, kind)
        return (found["status"], found["reason"]) if found else None

    def message(self, kind: str = "Ready") -> str:
        """What a condition says."""
        text: str = condition(self.status, kind)["message"]
        return text

    def counts(self) -> tuple[int, int, int, int]:
        """Succeeded, failed, missed, skipped."""
        runs = self.status["runs"]
        return runs["succeeded"], runs["failed"], runs["missed"], runs["skipped"]


def by_hand(request: str, outcome: Outcome = Outcome.ACTIVE, created_ms: int = nth(4), **changes: Any) -> Run:
    """The run of a request of the timer above, seen from its beginning; a finished one took a minute."""
    name = manual_job_name("nightly", UID, request)
    fields: dict[str, Any] = {
        "name": name,
        "uid": f"uid-of-{name}",
        "created_ms": created_ms,
        "trigger": request,
        "request_key": name.rpartition("-")[2],
        "fresh": True,
    }
    return run(created_ms, outcome, **{**fields, **changes})


def told_of(request: str, reason: Reason, at_ms: int = nth(4), **changes: Any) -> Report:
    """A worker's report about a request of the timer above."""
    one = timer(HOURLY)
    return report(one, at_ms, reason, **{"ticket": manual_ticket(one.ticket, request), **changes})
