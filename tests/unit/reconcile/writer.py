"""The writer of status at its desk, with one timer that is in the index."""

import asyncio
from collections.abc import Sequence
from typing import Any

from controller.core.events import EventDraft
from controller.core.reasons import Reason
from controller.core.report import Report
from controller.core.timer import Timer, condition
from controller.kube import paths
from controller.reconcile.outcomes import Outcomes
from controller.reconcile.report import StatusReport
from controller.reconcile.templates import Templates
from tests.unit.core.objects import UID, report, timer
from tests.unit.kube.stub_api import Request
from tests.unit.reconcile.desk import HOURLY, Desk

TIMER = paths.timer("default", "nightly")
STATUS = paths.timer_status("default", "nightly")
JOBS = paths.jobs("default")


class RecordedHerald:
    """A herald that remembers what it is to tell."""

    def __init__(self) -> None:
        self.drafts: list[EventDraft] = []

    def tell(self, _: Timer, drafts: Sequence[EventDraft]) -> None:
        self.drafts += drafts


class Writer:
    """The status writer, and one timer that is in the index."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.api: Any = desk.api
        self.herald: Any = RecordedHerald()
        self.templates = Templates(desk.table, self.api, desk.health, 1000, desk.monotonic)
        self.outcomes = Outcomes(desk.table, desk.index, desk.health, desk.monotonic)
        self.outcomes.again()
        self.report = StatusReport(
            desk.table, self.api, desk.index, desk.health, self.herald, self.outcomes, desk.clock
        )

    async def start(self, spec: dict[str, Any] = HOURLY, **changes: Any) -> None:
        """Store and see the timer, carry it into the index, and write its first status."""
        self.desk.table.see_timer(self.desk.store(spec, **changes))
        await self.desk.sync.step()
        if len(self.desk.table.to_check):
            await self.templates.step()
        await self.step()
        self.desk.journal.clear()
        self.desk.api.requests.clear()

    async def write(self) -> None:
        """Let the timer's status be written, now."""
        self.desk.table.to_report.add(UID)
        await self.step()

    async def step(self) -> bool:
        """Let what is to be written be written, and wait until it was."""
        goes_on = await self.report.step()
        await asyncio.gather(*self.report.under_way)
        return goes_on

    async def tell(self, *occurrences: int, reason: Reason = Reason.MISS_SCHEDULE) -> None:
        """Let workers report about these occurrences."""
        for occurrence_ms in occurrences:
            await self.take_in(report(timer(HOURLY), occurrence_ms, reason, message="no"))

    async def take_in(self, told: Report) -> None:
        """Let a worker's report arrive."""
        key = self.desk.index.keys.outcomes
        report_id = await self.desk.redis.xadd(key, {"report": told.model_dump_json()})
        assert await self.outcomes.catch_up()
        assert report_id in self.desk.table.entries[UID].reports

    @property
    def status(self) -> dict[str, Any]:
        """The status on the API server."""
        status: dict[str, Any] = self.desk.api.objects[TIMER].get("status", {})
        return status

    def patches(self) -> Sequence[Any]:
        return [request.body for request in self.desk.api.made("PATCH")]

    def events(self) -> list[tuple[str, str]]:
        """Type and reason of each Event that was to be told."""
        return [(draft.kind, str(draft.reason)) for draft in self.herald.drafts]

    def said(self, kind: str) -> tuple[str, str] | None:
        """Status and reason of a condition on the API server, None where there is none of this type."""
        found = condition(self.status, kind)
        return (found["status"], found["reason"]) if found else None

    def dry_runs(self) -> list[Request]:
        """The Jobs that were to be created for show."""
        return [request for request in self.desk.api.made("POST") if request.path == JOBS]

    def deleted(self) -> list[str]:
        """The paths of what was to be deleted."""
        return [request.path for request in self.desk.api.made("DELETE")]

    async def stream_length(self) -> int:
        return int(await self.desk.redis.xlen(self.desk.index.keys.outcomes))

    async def retried_after_s(self) -> float | None:
        """How long from now the timer's status is written again, None where it does not wait for that."""
        for waited in range(1201):
            if await self.desk.ripe(self.desk.table.to_report):
                return waited / 10
            self.desk.monotonic.now_s += 0.1
        return None
