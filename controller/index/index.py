"""The index as Python sees it: one method per script, typed arguments in, typed replies out.

Every call is atomic on the server and safe to repeat. Times are milliseconds since the epoch on the server's
clock. Errors are those of redis-py: RedisError and its subclasses. Redis is not trusted: what comes from there is what
it should be, or an error, or nothing.
"""

import logging
import re
import reprlib
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from importlib.resources import files
from typing import Any

from pydantic import ValidationError
from redis.asyncio import Redis
from redis.exceptions import InvalidResponse, ResponseError

from controller.core.report import LATEST_INSTANT_MS, TICKET, Report
from controller.index.keys import Keys, keys_of
from controller.index.messages import Again, Claim, Done, Fire, Known, Lease, State, Wanted

log = logging.getLogger(__name__)

_SCRIPTS = files("controller.index") / "scripts"
_SWEEP_PAGE = 1000
_LABEL = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_TIMER = re.compile(rf"({_LABEL})/({_LABEL}(?:\.{_LABEL})*)")
_REPORT_ID = re.compile("[0-9]{1,20}-[0-9]{1,20}")
_UID_LENGTH = 36


class IndexInvalidError(Exception):
    """The index does not hold what the timers say: it was lost or belongs to another server. A rebuild mends it."""


class Index:
    """The index of one installation on one Redis.

    The client must decode replies to text, and must not retry by itself: the callers' loops do.
    """

    def __init__(
        self,
        redis: "Redis",
        installation: str,
        on_junk: Callable[[int], object] = lambda count: None,
        on_call: Callable[[str, float, bool], object] = lambda script, seconds, failed: None,
    ) -> None:
        """`on_junk` hears of how much was found, and removed or not believed, that nothing here can have written.

        `on_call` hears of each call of a script: its name, the seconds it took, and whether it failed.
        """
        self.redis = redis
        self.keys: Keys = keys_of(installation)
        self.on_junk = on_junk
        self._on_call = on_call
        common = (_SCRIPTS / "_common.lua").read_text()
        self._scripts = {
            script.name.removesuffix(".lua"): redis.register_script(common + script.read_text())
            for script in _SCRIPTS.iterdir()
            if script.name.endswith(".lua") and not script.name.startswith("_")
        }

    async def _run(self, verb: str, *arguments: str | int) -> Any:
        called_at, failed = time.monotonic(), True
        try:
            reply = await self._scripts[verb](keys=self.keys[:7], args=arguments)
            failed = False
            return reply
        finally:
            self._on_call(verb, time.monotonic() - called_at, failed)

    # What workers do.

    async def claim(self, token: str, limit: int, ahead_ms: int, lease_ms: int) -> Claim:
        """Lease up to `limit` tickets that are due within `ahead_ms`; raises IndexInvalidError.

        The token must be new: it is what tells this claim from every other, also after the index was lost.
        """
        match await self._run("claim", token, limit, ahead_ms, lease_ms):
            case ["invalid"]:
                raise IndexInvalidError
            case ["ok", int(now_ms), str(next_due), int(removed), *rows]:
                leases = [lease for row in rows if (lease := _lease(row, token)) is not None]
                self._found_junk("due", removed + len(rows) - len(leases))
                return Claim(now_ms, _optional(next_due), leases)
            case reply:
                raise _senseless("claim", reply)

    async def confirm(self, fires: Sequence[Fire]) -> list[str]:
        """Whether each may be fired now: "ok" or why not."""
        arguments: list[str | int] = []
        for one in fires:
            arguments += one.lease.ticket, one.lease.token, one.generation, _since_1970(one.occurrence_ms), one.rival
            arguments += _since_1970(one.noted_ms), _since_1970(one.mark_ms), _lines(one.reports)
        return [str(verdict) for verdict in await self._replies("confirm", len(fires), *arguments)]

    async def ack(self, done: Sequence[Done]) -> list[bool]:
        """Raise the marks, and for each lease still held schedule the next look. Says which were held."""
        arguments: list[str | int] = []
        for one in done:
            lease, next_ms = one.lease, _or_empty(one.next_ms)
            arguments += lease.ticket, lease.token, one.generation, _since_1970(one.mark_ms), _since_1970(one.fired_ms)
            arguments += next_ms, _lines(one.reports)
        return await self._held("ack", len(done), *arguments)

    async def retry(self, again: Sequence[Again]) -> list[bool]:
        """Give leases back, to be claimed again later. Says which were still held."""
        arguments: list[str | int] = []
        for one in again:
            lease = one.lease
            arguments += lease.ticket, lease.token, one.mark_ms, one.not_before_ms, _lines(one.reports)
        return await self._held("retry", len(again), *arguments)

    async def drop(self, leases: Sequence[Lease]) -> list[bool]:
        """Forget tickets whose timers are gone. Says which were still held."""
        return await self._held("drop", len(leases), *_pairs(leases))

    async def renew(self, leases: Sequence[Lease], lease_ms: int) -> list[bool]:
        """Extend leases. Says which are still held."""
        return await self._held("renew", len(leases), lease_ms, *_pairs(leases))

    async def reap(self, limit: int, longest_lease_ms: int) -> int:
        """Make tickets with expired leases due again; how many. Raises IndexInvalidError."""
        reaped = await self._run("reap", limit, longest_lease_ms)
        if not isinstance(reaped, int):
            raise _senseless("reap", reaped)
        if reaped < 0:
            raise IndexInvalidError
        return reaped

    # What the leading controller does.

    async def sync(self, wanted: Iterable[Wanted]) -> None:
        """Make tickets say what their timers say."""
        arguments: list[str | int] = []
        for one in wanted:
            timer = f"{one.namespace}/{one.name}"
            arguments += one.ticket, one.generation, one.mark_ms, one.fired_ms, _or_empty(one.next_ms), timer
        await self._run("sync", *arguments)

    async def remove(self, tickets: Iterable[str], but_in: Collection[str] = ()) -> None:
        """Forget tickets whose timers no longer exist; but none of timers in these namespaces."""
        await self._run("remove", len(but_in), *but_in, *tickets)

    async def begin_rebuild(self, nonce: str) -> str:
        """Start a rebuild; the server's identity, to be shown at its end. Keys of foreign types are replaced."""
        match await self._run("begin", nonce):
            case [str(identity), list(foreign)]:
                self._found_junk(", ".join(map(str, foreign)), len(foreign))
                return identity
            case reply:
                raise _senseless("begin", reply)

    async def finish_rebuild(self, nonce: str, identity: str) -> bool:
        """End a rebuild. False: another one or another server came between, start again."""
        return bool(await self._run("finish", nonce, identity))

    async def all_tickets(self) -> AsyncIterator[list[str]]:
        """All tickets, page by page; one that is there throughout is in some page."""
        cursor = 0
        while True:
            cursor, page = await self.redis.hscan(self.keys.tickets, cursor, count=_SWEEP_PAGE)
            yield [str(ticket) for ticket in page if ticket != "!"]
            if cursor == 0:
                return

    async def sweep(self) -> dict[str, Known]:
        """Remove what cannot be part of the index, wherever it is. What stays."""
        kept: dict[str, Known] = {}
        for name in ("tickets", "due", "leased", "lease"):
            cursor, found = "0", 0
            while True:
                match await self._run("sweep", name, cursor, _SWEEP_PAGE):
                    case [str(cursor), int(removed), list(rows)]:
                        found += removed
                        kept |= dict(map(_known, rows))
                    case reply:
                        raise _senseless("sweep", reply)
                if cursor == "0":
                    break
            self._found_junk(name, found)
        return kept

    async def claim_ownership(self, cluster_uid: str) -> str:
        """Take the index for a cluster unless another has it; the UID of the cluster that has it now."""
        if not await self.redis.set(self.keys.owner, cluster_uid, nx=True):
            try:
                owner = str(await self.redis.getrange(self.keys.owner, 0, _UID_LENGTH))
            except ResponseError:
                if await self.redis.type(self.keys.owner) == "string":
                    raise
                owner = ""
                self._found_junk(self.keys.owner, 1)
            if owner:
                return owner
            # Not ours to read, or lost since it was there a moment ago.
            await self.take_ownership(cluster_uid)
        return cluster_uid

    async def take_ownership(self, cluster_uid: str) -> None:
        """Take the index for a cluster, whoever has it."""
        await self.redis.set(self.keys.owner, cluster_uid)

    async def outcomes(self, after_id: str, count: int) -> list[tuple[str, Report | None]]:
        """The next reports after a stream id ("0" for the first), by their ids; None for what cannot be read."""
        rows = await self._run("outcomes", after_id, count)
        if not isinstance(rows, list):
            raise _senseless("outcomes", rows)
        return [_numbered_report(row) for row in rows]

    async def delete_outcomes(self, ids: Sequence[str]) -> None:
        """Delete reports that status has taken in."""
        if ids:
            await self.redis.xdel(self.keys.outcomes, *ids)

    # What both do.

    async def inspect(self) -> State:
        """How the index stands."""
        match await self._run("inspect"):
            case [int(valid), int(now_ms), int(tickets), int(due), str(oldest), int(leased)]:
                return State(bool(valid), now_ms, tickets, due, _optional(oldest), leased)
            case reply:
                raise _senseless("inspect", reply)

    async def _held(self, verb: str, count: int, *arguments: str | int) -> list[bool]:
        return [held == 1 for held in await self._replies(verb, count, *arguments)]

    async def _replies(self, verb: str, count: int, *arguments: str | int) -> list[Any]:
        replies = await self._run(verb, *arguments)
        if not isinstance(replies, list) or len(replies) != count:
            raise _senseless(verb, replies)
        return replies

    def _found_junk(self, where: str, count: int) -> None:
        if count:
            found = {"where": where, "count": count}
            log.warning("removed from Redis what no controller or worker has written there", extra=found)
            self.on_junk(count)


def _senseless(verb: str, reply: object) -> InvalidResponse:
    return InvalidResponse(f"{verb} was answered with {reprlib.repr(reply)}: is this a Redis, and nothing in between?")


def _known(row: object) -> tuple[str, Known]:
    match row:
        case [str(ticket), int(generation), int(mark_ms), int(fired_ms)]:
            return ticket, Known(generation, mark_ms, fired_ms)
        case _:
            raise _senseless("sweep", row)


def _lease(row: object, token: str) -> Lease | None:
    """The lease of a row; None where nobody can have written that."""
    match row:
        case [str(ticket), int(generation), int(mark_ms), int(fired_ms), str(timer)]:
            named = _TIMER.fullmatch(timer)
            possible = max(mark_ms, fired_ms) <= LATEST_INSTANT_MS and min(generation, mark_ms, fired_ms) >= 0
            if named and possible and re.fullmatch(TICKET, ticket):
                return Lease(ticket, token, generation, mark_ms, named[1], named[2], fired_ms)
    return None


def _pairs(leases: Iterable[Lease]) -> list[str]:
    return [text for lease in leases for text in (lease.ticket, lease.token)]


def _since_1970(instant_ms: int) -> int:
    """Scripts compare numbers as texts, which holds where none is negative."""
    return max(instant_ms, 0)


def _or_empty(instant_ms: int | None) -> int | str:
    return "" if instant_ms is None else instant_ms


def _optional(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


def _numbered_report(row: object) -> tuple[str, Report | None]:
    match row:
        case [str(report_id), str(text)] if _REPORT_ID.fullmatch(report_id):
            return report_id, _report(text)
        case _:
            raise _senseless("outcomes", row)


def _report(text: str) -> Report | None:
    try:
        return Report.model_validate_json(text)
    except ValidationError:
        return None


def _lines(reports: Iterable[Report]) -> str:
    return "\n".join(report.model_dump_json() for report in reports)
