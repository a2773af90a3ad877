"""Timers that a controller is done with: it has written that it has checked them."""

import asyncio
from dataclasses import dataclass, field

from tests.harness.watch import Seen


@dataclass
class Settled:
    """Counts timers whose status tells of the check of their template, as a watch shows them."""

    wanted: int
    uids: set[str] = field(default_factory=set)
    all: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once so many are."""

    def see(self, seen: Seen) -> None:
        """Take in one event of a watch."""
        conditions = (seen.obj.get("status") or {}).get("conditions") or ()
        if seen.kind != "DELETED" and any(one["type"] == "TemplateValid" for one in conditions):
            self.uids.add(seen.obj["metadata"]["uid"])
            if len(self.uids) >= self.wanted:
                self.all.set()
