"""Somebody who may write to Redis, and a controller with a few timers whose index that is."""

import re
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from hypothesis import strategies as st
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from controller.core.identity import manual_ticket, ticket_of
from controller.core.instants import CLOCKS_APART_MS, rfc3339
from controller.core.timer import TRIGGER_ANNOTATION, Timer
from controller.index.index import Index
from controller.index.keys import Keys
from controller.kube import paths
from controller.observe.health import Health
from controller.reconcile.rebuild import Rebuild
from controller.reconcile.sync import Sync, wanted
from controller.reconcile.table import Table
from tests.unit.core.objects import handled, timer, timer_object
from tests.unit.kube.stub_api import StubApi

NOW_MS = time.time_ns() // 1_000_000_000 * 1000
"""A whole second, for a clock that stands still."""

EVERY = {"every": "1h", "jobTemplate": {"spec": {}}}
_NAMES = ("late", "on-time", "early", "asked")

Act = Sequence[Any]
"""A command to Redis, with the field of Keys in the place of the key."""


class Leader:
    """A controller that leads, at the instant NOW_MS, with four timers: one is due, and one is asked for by hand."""

    def __init__(self, redis: "Redis", installation: str) -> None:
        self.index = Index(redis, installation)
        self.api: Any = StubApi()
        self.table = Table(2)
        self.timers = [self._store(number, name) for number, name in enumerate(_NAMES)]
        self.api.put(paths.CLUSTER_IDENTITY, {"metadata": {"name": "kube-system", "uid": "this-cluster"}})
        self.sync = Sync(self.table, self.index, Health(), lambda: NOW_MS)
        self.rebuild = Rebuild(self.table, self.api, self.index, self.sync)

    @property
    def tickets(self) -> list[str]:
        """All tickets that there should be."""
        asked = self.timers[-1]
        return [one.ticket for one in self.timers] + [manual_ticket(asked.ticket, asked.request)]

    def possible(self, ticket: str, marks_ms: set[int]) -> set[tuple[int, int | None]]:
        """Mark and due time as they can be, where these marks may have been written by anybody."""
        (entry,) = [entry for entry in self.table.entries.values() if ticket.startswith(entry.timer.ticket)]
        believed = {0} | {mark_ms for mark_ms in marks_ms if mark_ms <= NOW_MS + CLOCKS_APART_MS}
        if ticket != entry.timer.ticket:
            return {(mark_ms, NOW_MS) for mark_ms in believed}
        return {(one.mark_ms, one.next_ms) for mark_ms in believed for one in wanted(entry, NOW_MS, mark_ms)[:1]}

    def _store(self, number: int, name: str) -> Timer:
        uid = f"5b1a7c1e-93f5-4b1e-8a0e-{number:012d}"
        annotations = {TRIGGER_ANNOTATION: "request"} if name == "asked" else {}
        through_ms = NOW_MS - 5_400_000 if name == "late" else NOW_MS
        status = handled(through_ms, timer(EVERY))
        created = rfc3339(NOW_MS - 86_400_000)
        changes = {"uid": uid, "name": name, "annotations": annotations, "creationTimestamp": created}
        obj = timer_object(EVERY, status=status, **changes)
        self.api.put(paths.timer("default", name), obj)
        return timer(EVERY, status=status, **changes)


TICKETS = [ticket_of(f"5b1a7c1e-93f5-4b1e-8a0e-{number:012d}") for number in range(len(_NAMES))]
TICKETS.append(manual_ticket(TICKETS[-1], "request"))

JUNK_MEMBERS: list[str | bytes] = [
    "",
    " ",
    "A" * 22,
    "A" * 23,
    f"{TICKETS[0]}~",
    "../../x",
    b"\xff" * 22,
    b"\x00",
    "x" * 5000,
]
MARKS = [0, 5, NOW_MS - 30_000, NOW_MS, NOW_MS + 30_000, NOW_MS + 10**9, 253_402_300_799_999, 10**15 - 1, 2**63]
SCORES = ["-inf", -1e308, -0.5, 0, 1.5, NOW_MS - 0.25, NOW_MS + 5_000, NOW_MS + 86_400_000, 1e16, 1e308, "inf"]

_members = st.sampled_from([*TICKETS, *TICKETS, *JUNK_MEMBERS, "!"]) | st.binary(max_size=30)
_junk_members = st.sampled_from(JUNK_MEMBERS) | st.binary(max_size=21)
_texts = (
    st.builds(
        "{} {} {} {}".format,
        st.sampled_from([0, 1, 1, 2, 10**14, 2**63]),
        st.sampled_from(MARKS),
        st.sampled_from([0, 0, 5, 10**14]),
        st.sampled_from(
            ["default/late", "default/late", "kube-system/x", "../..", "a/..", "a/b/c", "/", "A/b", "a/b\n"]
        ),
    )
    | st.sampled_from(["", "1", "x" * 5000])
    | st.binary(max_size=30)
)
_scores = st.sampled_from(SCORES)
_zsets, _hashes = st.sampled_from(["due", "leased"]), st.sampled_from(["lease", "tickets"])
_keys = st.sampled_from(Keys._fields[:-1])
_reports = st.dictionaries(st.sampled_from(["report", "x"]), _texts | st.just("{}"), min_size=1, max_size=2)

additions = st.one_of(
    st.tuples(st.just("zadd"), _zsets, _junk_members, _scores),
    st.tuples(st.just("hset"), _hashes, _junk_members, _texts),
)
"""What touches no timer's ticket."""

acts = st.one_of(
    additions,
    st.tuples(st.just("zadd"), _zsets, _members, _scores),
    st.tuples(st.just("hset"), _hashes, _members, _texts),
    st.tuples(st.just("zrem"), _zsets, _members),
    st.tuples(st.just("hdel"), _hashes, _members),
    st.tuples(st.just("del"), _keys),
    st.tuples(st.just("set"), _keys, _texts),
    st.tuples(st.just("rpush"), _keys, _texts),
    st.tuples(st.just("xadd"), st.just("outcomes"), _reports),
)


async def vandalise(index: Index, doings: Sequence[Act]) -> None:
    """Do all that, as far as Redis lets it be done."""
    redis = index.redis
    for verb, name, *rest in doings:
        key = getattr(index.keys, name)
        with suppress(ResponseError):
            match verb, rest:
                case "zadd", [member, score]:
                    await redis.zadd(key, {member: score})
                case "xadd", [fields]:
                    await redis.xadd(key, fields)
                case "del", []:
                    await redis.delete(key)
                case _:
                    await redis.execute_command(verb.upper(), key, *rest)


def marks_in(doings: Sequence[Act]) -> set[int]:
    """All marks that were written."""
    texts = [text for verb, name, *rest in doings if (verb, name) == ("hset", "tickets") for text in rest[1:]]
    found = (re.fullmatch(r"\d+ (\d+) \d+ .*", text) for text in texts if isinstance(text, str))
    return {int(match[1]) for match in found if match}
