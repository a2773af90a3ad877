"""What `doctor` asks Redis, and what it makes of the answers."""

import asyncio
import contextlib
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from controller.cli.doctor.kubernetes import Leader
from controller.cli.doctor.timers import Census
from controller.cli.times import span
from controller.core.findings import Finding, Level
from controller.core.identity import TICKET_LENGTH
from controller.index.connect import client_name
from controller.index.index import Index
from controller.index.keys import LAYOUT
from controller.index.messages import State

_LOOK_AGAIN_S = 1.5
_LOOKS = 3
_LATE_MS = 5_000
_VERY_LATE_MS = 60_000
_BACKLOG = 1_000
_NAMED = 3


@dataclass(frozen=True, slots=True)
class IndexState:
    """How the index of an installation stands."""

    state: State
    owner: str
    """UID of the cluster that it serves, "" for none."""
    exists: bool
    """Whether there is anything of it."""
    outcomes: int
    """Reports that no controller has taken in."""
    other_layout: str = ""
    """Where there is none: the layout of one that another version has left or keeps, "" for none."""


async def ask_index(index: Index) -> IndexState:
    """How the index stands. An invalid one is looked at again: a rebuild takes a moment."""
    keys = index.keys
    state = await index.inspect()
    for _ in range(_LOOKS - 1):
        if state.valid or not await index.redis.exists(keys.owner):
            break
        await asyncio.sleep(_LOOK_AGAIN_S)
        state = await index.inspect()
    owner = await index.redis.get(keys.owner)
    exists = bool(await index.redis.exists(*keys))
    other = "" if exists else await _other_layout(index)
    return IndexState(state, str(owner or ""), exists, int(await index.redis.xlen(keys.outcomes)), other)


async def _other_layout(index: Index) -> str:
    # In a cluster they may be on other nodes, of which nothing is known here.
    with contextlib.suppress(RedisConnectionError):
        for layout in (f"rt{number}" for number in range(1, 10)):
            if layout != LAYOUT and await index.redis.exists(index.keys.owner.replace(LAYOUT, layout, 1)):
                return layout
    return ""


async def ask_tickets(index: Index) -> set[str]:
    """The tickets of timers; those of runs by hand count for their timers."""
    return {ticket[:TICKET_LENGTH] async for page in index.all_tickets() for ticket in page}


async def ask_present(index: Index, tickets: set[str]) -> set[str]:
    """Which of these tickets are there after a moment, in which the controller could have written or removed them."""
    wanted = sorted(tickets)
    if not wanted:
        return set()
    await asyncio.sleep(_LOOK_AGAIN_S)
    found = await index.redis.hmget(index.keys.tickets, wanted)
    return {ticket for ticket, value in zip(wanted, found, strict=True) if value is not None}


async def ask_processes(redis: "Redis", own_name: str) -> set[str]:
    """The names of controllers and workers that are connected."""
    clients: list[dict[str, str]] = await redis.client_list()
    names = {client.get("name", "") for client in clients}
    return {name for name in names if name.startswith(client_name("")) and name != own_name}


def unreachable(address: str, error: Exception, is_guess: bool, namespace: str) -> Finding:
    """That Redis does not answer; no problem where nobody has said which one it is."""
    if not is_guess:
        found = f"{address} does not answer: {' '.join(str(error).split()) or type(error).__name__}"
        advice = "is it up, and within reach of this machine? Controller and workers need it, too"
        return Finding("Redis", Level.PROBLEM, found, advice)
    advice = (
        f"REDIS_URL or --redis-url name it. One that only the cluster reaches: kubectl -n {namespace} port-forward "
        "svc/redis 6379 (or whatever its Service is called), and REDIS_URL=redis://127.0.0.1:6379/0"
    )
    return Finding("Redis", Level.WARNING, f"not looked at, nor the index in it: nobody answers at {address}", advice)


def no_index(installation: str, other_layout: str, leader: Leader | None, is_guess: bool) -> Finding:
    """That there is no index; no problem where nobody has said that this is the Redis."""
    if other_layout:
        found = f"that of installation {installation} has layout {other_layout}, and this command knows {LAYOUT}"
        advice = "controller and workers are of another version than this command: use the same one"
        return Finding("index", Level.PROBLEM, found, advice)
    level = Level.WARNING if is_guess else Level.PROBLEM
    found = f"there is no index of installation {installation}"
    if leader is None or leader.live:
        advice = "is this the Redis of your installation? --redis-url names another, and --installation another index"
    else:
        advice = "the first controller that leads builds it: see leader"
    return Finding("index", level, found, advice)


def judge_index(index: IndexState, cluster_uid: str | None) -> Finding:
    """Whether an index is whole and this cluster's; None is a cluster whose UID is not known."""
    if index.owner and cluster_uid and index.owner != cluster_uid:
        found = f"it belongs to another cluster ({index.owner}), and this one is {cluster_uid}"
        advice = (
            "give each cluster its own Redis database or its own --installation name; or look at the other cluster "
            "with --context"
        )
        return Finding("index", Level.PROBLEM, found, advice)
    if not index.state.valid:
        found = "it is lost or was begun anew, and nothing fires before it is rebuilt"
        advice = "the controller that leads does so within seconds: see leader, and its log"
        return Finding("index", Level.PROBLEM, found, advice)
    owner = "of this cluster" if index.owner and index.owner == cluster_uid else f"of cluster {index.owner or '?'}"
    tickets = f"{index.state.tickets} ticket{'s' if index.state.tickets != 1 else ''}"
    return Finding("index", Level.OK, f"valid, {owner}, {tickets}, {index.state.leased} in work")


def judge_overdue(state: State) -> Finding:
    """Whether workers keep up."""
    late_ms = 0 if state.oldest_due_ms is None else state.now_ms - state.oldest_due_ms
    if late_ms <= _LATE_MS:
        return Finding("overdue", Level.OK, "nothing waits for a worker")
    level = Level.PROBLEM if late_ms > _VERY_LATE_MS else Level.WARNING
    advice = "no worker claims them, or there are too few: see processes, and /readyz of workers"
    return Finding("overdue", level, f"{state.due} wait for a worker, the first for {span(late_ms)}", advice)


def judge_outcomes(waiting: int) -> Finding:
    """Whether the controller takes in what workers report."""
    if waiting < _BACKLOG:
        return Finding("outcomes", Level.OK, f"{waiting} reports of workers wait for the controller")
    advice = "of more than about 10000 the oldest are lost, and status does not tell of them: see leader, and its log"
    return Finding("outcomes", Level.WARNING, f"{waiting} reports of workers wait for the controller", advice)


def judge_processes(names: set[str], leader: Leader | None) -> Finding:
    """Whether there is a worker. Controllers that stand by are not connected."""
    leading = client_name(leader.holder) if leader and leader.live else None
    others = sorted(name.removeprefix(client_name("")) for name in names if name != leading)
    shown = ", ".join(others[:_NAMED]) + (f" and {len(others) - _NAMED} more" if len(others) > _NAMED else "")
    if leader is None:
        found = f"{len(others)} controllers and workers are connected{f': {shown}' if shown else ''}"
        return Finding("processes", Level.OK if others else Level.PROBLEM, found, "" if others else _START_WORKERS)
    if not others:
        return Finding("processes", Level.PROBLEM, "no worker is connected, so nothing fires", _START_WORKERS)
    found = f"{len(others)} worker{'s are' if len(others) != 1 else ' is'} connected: {shown}"
    if leading and leading not in names:
        advice = "is this its Redis? Controller and workers need the same REDIS_URL"
        return Finding("processes", Level.WARNING, f"{found}; the controller that leads is not", advice)
    return Finding("processes", Level.OK, f"{found}{'; so is the controller that leads' if leading else ''}")


_START_WORKERS = "start redistimer worker, as many as you like, or see its log: it needs the same REDIS_URL"


def judge_tickets(missing: list[str], orphans: int, census: Census) -> list[Finding]:
    """Whether the index holds all timers, and no others."""
    if missing:
        names = [census.tickets[ticket] for ticket in missing]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        return [
            Finding(
                "tickets",
                Level.PROBLEM,
                f"of {census.count} timers, {len(names)} not in the index, where nobody fires them: "
                f"{', '.join(names[:_NAMED])}{more}",
                "the controller that leads adds them within --rebuild-seconds (300): see leader, and its log",
            )
        ]
    if orphans:
        return [
            Finding(
                "tickets",
                Level.WARNING,
                "1 ticket belongs to a timer that is gone"
                if orphans == 1
                else f"{orphans} tickets belong to timers that are gone",
                "harmless: workers drop them when they come due, and each rebuild does",
            )
        ]
    return [Finding("tickets", Level.OK, "all timers are in the index")]
