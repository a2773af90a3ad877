"""Tickets, and what tests say about them."""

import itertools
from typing import Any

from controller.core.identity import ticket_of
from controller.core.reasons import Reason
from controller.core.report import Report
from controller.index.index import Index
from controller.index.messages import Again, Done, Lease, Wanted

A, B, C = (ticket_of(f"00000000-0000-4000-8000-00000000000{n}") for n in range(3))

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
MARK_MS = 1_000_000
"""A high-water mark, far in the past."""

_tokens = itertools.count()


def wanted(ticket: str, next_ms: int | None, **changes: Any) -> Wanted:
    """A timer of generation 1 that wants to be looked at."""
    fields = {"generation": 1, "mark_ms": MARK_MS, "namespace": "default", "name": f"timer-{ticket[-1].lower()}"}
    return Wanted(ticket=ticket, next_ms=next_ms, **{**fields, **changes})


def done(lease: Lease, next_ms: int | None, **changes: Any) -> Done:
    """An acknowledgement under the generation of the lease that moves no mark."""
    return Done(**{"lease": lease, "generation": lease.generation, "mark_ms": 0, "next_ms": next_ms, **changes})


def again(lease: Lease, not_before_ms: int, **changes: Any) -> Again:
    """A request to be claimed again that moves no mark."""
    return Again(**{"lease": lease, "mark_ms": 0, "not_before_ms": not_before_ms, **changes})


def a_report(**changes: Any) -> Report:
    """A report of a missed occurrence."""
    fields = {"ticket": A, "reason": Reason.MISS_SCHEDULE, "generation": 1, "occurrence_ms": MARK_MS}
    return Report(**{**fields, **changes})


async def claim(index: Index, limit: int = 100, ahead_ms: int = 0, lease_ms: int = HOUR_MS) -> list[Lease]:
    """Claim with a token that no other claim has."""
    return (await index.claim(f"token-{next(_tokens)}", limit, ahead_ms, lease_ms)).leases


async def claim_one(index: Index, ticket: str = A, lease_ms: int = HOUR_MS, **changes: Any) -> Lease:
    """Make a ticket due, and claim it."""
    await index.sync([wanted(ticket, 1, **changes)])
    (lease,) = await claim(index, lease_ms=lease_ms)
    assert lease.ticket == ticket
    return lease


async def due_ms(index: Index, ticket: str = A) -> int | None:
    """When a ticket is due, or None where it waits for nothing."""
    score = await index.redis.zscore(index.keys.due, ticket)
    return None if score is None else int(score)


async def is_leased(index: Index, ticket: str = A) -> bool:
    """Whether somebody holds a ticket; both keys that say so agree."""
    leased = await index.redis.zscore(index.keys.leased, ticket) is not None
    assert leased == await index.redis.hexists(index.keys.lease, ticket)
    return leased


async def mark_ms(index: Index, ticket: str = A) -> int | None:
    """The high-water mark of a ticket, or None where the ticket is unknown."""
    known = await index.redis.hget(index.keys.tickets, ticket)
    return None if known is None else int(known.split()[1])


async def generation(index: Index, ticket: str = A) -> int:
    """The generation that is known of a ticket."""
    known = await index.redis.hget(index.keys.tickets, ticket)
    assert known is not None
    return int(known.split()[0])
