"""Makes happen what the plan has in store: crashes, pauses, losses of data, jumps of clocks, partitions."""

import asyncio
import random
from typing import TYPE_CHECKING

from tests.simulation.cluster import JOBS, TIMERS
from tests.simulation.loop import START_S, Process
from tests.simulation.record import PREFIX, ticket_of
from tests.simulation.redis import Node

if TYPE_CHECKING:
    from tests.simulation.world import Member, World

_SNAPSHOT_S = 2.5
_KEYS = ("due", "leased", "lease", "tickets", "epoch", "building", "outcomes")
_DATA_KEYS = _KEYS[:5]
_JUNK = "A" * 22


class Nemesis:
    """Acts on a world."""

    def __init__(self, world: "World", rng: random.Random) -> None:
        self._world = world
        self._rng = rng
        self.index_was_lost = False
        world.faults.on_ambush = self._ambush

    def start(self) -> list["asyncio.Task[None]"]:
        """Begin with the plan."""
        tasks = [asyncio.create_task(self._carry_out())]
        if self._world.plan.ambush or any("redis" in what for _, what in self._world.plan.events):
            tasks.append(asyncio.create_task(self._snapshots()))
        return tasks

    def heal(self) -> None:
        """Undo what lasts."""
        world = self._world
        world.faults.away.clear()
        world.faults.cut_off.clear()
        world.redis.end_of_strays()
        for node in world.redis.nodes:
            node.offset_ms = max(-100, min(100, node.offset_ms))
        for member in world.members:
            if member.process.paused and not member.process.dead:
                self._resume(member.process)
            for collection in (TIMERS, JOBS):
                if member.watch is not None and member.is_up:
                    member.watch.connect(collection)

    async def _snapshots(self) -> None:
        while not self._world.faults.over:
            await asyncio.sleep(_SNAPSHOT_S)
            self._world.redis.remember()

    async def _carry_out(self) -> None:
        for moment, what in self._world.plan.events:
            await asyncio.sleep(max(0.0, START_S + moment - self._world.loop.time()))
            getattr(self, what.replace(" ", "_"))()

    def _note(self, what: str, lasts_s: float = 0.0, detail: str = "") -> None:
        self._world.trace("FAULT", f"{what} {detail}".rstrip() + (f", for {lasts_s:.1f} s" if lasts_s else ""))
        self._world.faults.note(what, lasts_s)

    def _later(self, after_s: float, call: object, *arguments: object) -> None:
        self._world.loop.call_later(after_s, call, *arguments)  # type: ignore[arg-type]

    # Processes.

    def _some(self, kind: str) -> "Member | None":
        able = [one for one in self._world.members if one.kind == kind and one.is_up and not one.process.paused]
        return self._rng.choice(able) if able else None

    def crash_worker(self) -> None:
        self._crash(self._some("worker"))

    def crash_controller(self) -> None:
        self._crash(self._some("controller"))

    def pause_worker(self) -> None:
        self._pause(self._some("worker"))

    def pause_controller(self) -> None:
        self._pause(self._some("controller"))

    def stop_worker(self) -> None:
        member = self._some("worker")
        if member is not None:
            self._note("stop worker", 3.0, str(member.process))
            self._world.loop.call_soon(member.stopping.set, context=member.process.context)

    def _crash(self, member: "Member | None", where: str = "") -> None:
        if member is not None:
            self._note(f"crash {member.kind}", 3.0, f"{member.process} {where}")
            self._world.crash(member)

    def _pause(self, member: "Member | None", where: str = "") -> None:
        if member is None:
            return
        lease_s = self._world.settings.lease_seconds if member.kind == "worker" else 5.0
        lasts_s = self._rng.choice((self._rng.uniform(0.05, lease_s), self._rng.uniform(lease_s, 2.5 * lease_s)))
        self._note(f"pause {member.kind}", lasts_s, f"{member.process} {where}")
        self._world.loop.pause(member.process)
        self._later(lasts_s, self._resume, member.process)

    def _resume(self, process: Process) -> None:
        if process.paused and not process.dead:
            self._world.trace("FAULT", f"{process} goes on")
            self._world.loop.resume(process)

    def _ambush(self, process: Process, where: str) -> None:
        member = next((one for one in self._world.members if one.process is process), None)
        if member is None or not member.is_up or member.process.paused:
            return
        if member.kind == "controller" and self._rng.random() < 0.3:
            # In the middle of a rebuild, that is, most often.
            self._rng.choice((self.wipe_redis, self.restore_redis, self.fail_over_redis, self.evict_key))()
        elif self._rng.random() < 0.5:
            self._crash(member, f"at {where}")
        else:
            self._pause(member, f"at {where}")

    # Redis.

    def _lost(self, node: Node, *, marks: bool = True) -> None:
        self.index_was_lost = True
        self._world.oracle.primary = self._world.redis.primary
        self._world.oracle.index_lost(node, marks=marks)

    def wipe_redis(self) -> None:
        self._note("wipe redis")
        self._world.redis.wipe()
        self._lost(self._world.redis.primary)

    def restore_redis(self) -> None:
        age = self._rng.randint(0, 5)
        self._note("restore redis", 0.0, f"by {age} snapshots")
        self._world.redis.restore(age)
        self._lost(self._world.redis.primary)

    def fail_over_redis(self) -> None:
        age = self._rng.choice((0, 0, 1, 2))
        self._note("fail over redis", 0.0, f"with the loss of {age} snapshots")
        self._world.redis.fail_over(age)
        self._lost(self._world.redis.primary)

    def split_redis(self) -> None:
        up = [one.process for one in self._world.members if one.is_up]
        strays = [process for process in up if self._rng.random() < 0.5]
        lasts_s = self._rng.uniform(1, 10)
        self._note("split redis", lasts_s, f"{strays} stay with the old one")
        self._world.redis.end_of_strays()
        self._world.redis.fail_over(self._rng.choice((0, 1)), strays)
        self._lost(self._world.redis.primary)
        self._later(lasts_s, self._world.redis.end_of_strays)

    def evict_key(self) -> None:
        key = self._rng.choice(_KEYS)
        self._note("evict key", 0.0, key)
        if self._world.redis.primary.delete(f"{PREFIX}{key}"):
            self.index_was_lost = True
            if key in _DATA_KEYS:
                self._lost(self._world.redis.primary, marks=key == "tickets")

    def move_redis_clock(self) -> None:
        node = self._world.redis.primary
        jump_ms = self._rng.choice((-1, 1)) * self._rng.randint(500, 20_000)
        self._note("move redis clock", 8.0, f"by {jump_ms} ms")
        node.offset_ms = jump_ms
        self._later(self._rng.uniform(2, 8), setattr, node, "offset_ms", 0)

    def redis_away(self) -> None:
        lasts_s = self._rng.uniform(0.5, 8)
        self._note("redis away", lasts_s)
        self._world.faults.away["redis"] = self._world.loop.time() + lasts_s

    def forge_tickets(self) -> None:
        """Whoever has Redis writes what is not true, within what the product says it can stand: looks, not runs."""
        self._note("forge tickets")
        self.index_was_lost = True
        redis, prefix = self._world.redis, PREFIX
        now_ms = self._world.now_ms()
        redis.command(redis.primary, "zadd", f"{prefix}due", now_ms, _JUNK)
        redis.command(redis.primary, "zadd", f"{prefix}leased", now_ms + 1000, "junk")
        redis.command(redis.primary, "xadd", f"{prefix}outcomes", "*", "report", "{}")
        for uid, history in self._world.users.histories.items():
            if history.deleted_ms is None and self._rng.random() < 0.7:
                redis.command(redis.primary, "zadd", f"{prefix}due", now_ms, ticket_of(uid))

    # The cluster.

    def api_away(self) -> None:
        lasts_s = self._rng.uniform(0.5, 8)
        self._note("api away", lasts_s)
        self._world.faults.away["api"] = self._world.loop.time() + lasts_s

    def cut_off(self) -> None:
        member = self._some(self._rng.choice(("worker", "controller")))
        service = self._rng.choice(("api", "redis"))
        if member is not None:
            lasts_s = self._rng.uniform(1, 12)
            self._note("cut off", lasts_s, f"{member.process} from {service}")
            self._world.faults.cut_off[member.process, service] = self._world.loop.time() + lasts_s

    def gap_in_watch(self) -> None:
        for member in self._world.members:
            if member.watch is not None and member.is_up:
                collection = self._rng.choice((TIMERS, JOBS))
                lasts_s = self._rng.uniform(0.2, 6)
                self._note("gap in watch", lasts_s, f"{member.process} {collection}")
                member.watch.break_off(collection)
                self._later(lasts_s, member.watch.connect, collection)

    def delete_job(self) -> None:
        for history in self._world.users.histories.values():
            self._world.faults.counts["delete job"] += 1
            self._world.users.delete_a_job(history)
