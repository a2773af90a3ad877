"""The index as Python sees it: one method per script, typed arguments in, typed replies out.

Every call is atomic on the server and safe to repeat. Times are milliseconds since the epoch on the server's
clock. Errors are those of redis-py: RedisError and its subclasses.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from importlib.resources import files
from typing import Any

from pydantic import ValidationError
from redis.asyncio import Redis

from controller.core.report import Report
from controller.index.keys import Keys, keys_of
from controller.index.messages import Again, Claim, Done, Fire, Lease, State, Wanted

_SCRIPTS = files("controller.index") / "scripts"
_SWEEP_PAGE = 1000


class IndexInvalidError(Exception):
    """The index does not hold what the timers say: it was lost or belongs to another server. A rebuild mends it."""


class Index:
    """The index of one installation on one Redis.

    The client must decode replies to text, and must not retry by itself: the callers' loops do.
    """

    def __init__(self, redis: "Redis", installation: str) -> None:
        self.redis = redis
        self.keys: Keys = keys_of(installation)
        common = (_SCRIPTS / "_common.lua").read_text()
        self._scripts = {
            script.name.removesuffix(".lua"): redis.register_script(common + script.read_text())
            for script in _SCRIPTS.iterdir()
            if script.name.endswith(".lua") and not script.name.startswith("_")
        }

    async def _run(self, verb: str, *arguments: str | int) -> Any:
        return await self._scripts[verb](keys=self.keys[:7], args=arguments)

    # What workers do.

    async def claim(self, token: str, limit: int, ahead_ms: int, lease_ms: int) -> Claim:
        """Lease up to `limit` tickets that are due within `ahead_ms`; raises IndexInvalidError.

        The token must be new: it is what tells this claim from every other, also after the index was lost.
        """
        status, *reply = await self._run("claim", token, limit, ahead_ms, lease_ms)
        if status == "invalid":
            raise IndexInvalidError
        now_ms, next_due, *rows = reply
        leases = []
        for ticket, generation, mark, fired, timer in rows:
            namespace, _, name = timer.partition("/")
            leases.append(Lease(ticket, token, generation, mark, namespace, name, fired))
        return Claim(now_ms, _optional(next_due), leases)

    async def confirm(self, fires: Sequence[Fire]) -> list[str]:
        """Whether each may be fired now: "ok" or why not."""
        arguments: list[str | int] = []
        for one in fires:
            arguments += one.lease.ticket, one.lease.token, one.generation, one.occurrence_ms, one.rival
        return list(await self._run("confirm", *arguments))

    async def ack(self, done: Sequence[Done]) -> list[bool]:
        """Raise the marks, and for each lease still held schedule the next look. Says which were held."""
        arguments: list[str | int] = []
        for one in done:
            lease, next_ms = one.lease, _or_empty(one.next_ms)
            arguments += lease.ticket, lease.token, one.generation, one.mark_ms, one.fired_ms, next_ms
            arguments.append(_lines(one.reports))
        return [bool(held) for held in await self._run("ack", *arguments)]

    async def retry(self, again: Sequence[Again]) -> list[bool]:
        """Give leases back, to be claimed again later. Says which were still held."""
        arguments: list[str | int] = []
        for one in again:
            lease = one.lease
            arguments += lease.ticket, lease.token, one.mark_ms, one.not_before_ms, _lines(one.reports)
        return [bool(held) for held in await self._run("retry", *arguments)]

    async def drop(self, leases: Sequence[Lease]) -> list[bool]:
        """Forget tickets whose timers are gone. Says which were still held."""
        return [bool(held) for held in await self._run("drop", *_pairs(leases))]

    async def renew(self, leases: Sequence[Lease], lease_ms: int) -> list[bool]:
        """Extend leases. Says which are still held."""
        return [bool(held) for held in await self._run("renew", lease_ms, *_pairs(leases))]

    async def reap(self, limit: int, longest_lease_ms: int) -> int:
        """Make tickets with expired leases due again; how many. Raises IndexInvalidError."""
        reaped = int(await self._run("reap", limit, longest_lease_ms))
        if reaped < 0:
            raise IndexInvalidError
        return reaped

    # What the leading controller does.

    async def sync(self, wanted: Iterable[Wanted]) -> None:
        """Make tickets say what their timers say."""
        arguments: list[str | int] = []
        for one in wanted:
            timer = f"{one.namespace}/{one.name}"
            # Where none has fired, the mark is as good: no occurrence at or before it has a Job that counts.
            fired_ms = one.fired_ms or one.mark_ms
            arguments += one.ticket, one.generation, one.mark_ms, fired_ms, _or_empty(one.next_ms), timer
        await self._run("sync", *arguments)

    async def remove(self, tickets: Iterable[str]) -> None:
        """Forget tickets whose timers no longer exist."""
        await self._run("remove", *tickets)

    async def begin_rebuild(self, nonce: str) -> str:
        """Start a rebuild; the server's identity, to be shown at its end."""
        return str(await self._run("begin", nonce))

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

    async def claim_ownership(self, cluster_uid: str) -> str:
        """Take the index for a cluster unless another has it; the UID of the cluster that has it now."""
        await self.redis.set(self.keys.owner, cluster_uid, nx=True)
        return str(await self.redis.get(self.keys.owner))

    async def outcomes(self, after_id: str, count: int) -> list[tuple[str, Report | None]]:
        """The next reports after a stream id ("0" for the first), by their ids; None for what cannot be read."""
        entries: Any = await self.redis.xrange(self.keys.outcomes, f"({after_id}", count=count)
        return [(entry_id, _report(fields)) for entry_id, fields in entries]

    async def delete_outcomes(self, ids: Sequence[str]) -> None:
        """Delete reports that status has taken in."""
        if ids:
            await self.redis.xdel(self.keys.outcomes, *ids)

    # What both do.

    async def inspect(self) -> State:
        """How the index stands."""
        valid, now_ms, tickets, due, oldest, leased = await self._run("inspect")
        oldest_ms = None if oldest == "" else int(float(oldest))
        return State(bool(valid), now_ms, tickets, due, oldest_ms, leased)


def _pairs(leases: Iterable[Lease]) -> list[str]:
    return [text for lease in leases for text in (lease.ticket, lease.token)]


def _or_empty(instant_ms: int | None) -> int | str:
    return "" if instant_ms is None else instant_ms


def _optional(text: str) -> int | None:
    return int(text) if text else None


def _report(fields: dict[str, str]) -> Report | None:
    try:
        return Report.model_validate_json(fields.get("report", ""))
    except ValidationError:
        return None


def _lines(reports: Iterable[Report]) -> str:
    return "\n".join(report.model_dump_json() for report in reports)
