"""What the judge calls a violation once nothing goes wrong any more, and what it may not call one."""

from collections.abc import Sequence

import pytest

from tests.simulation import lua
from tests.simulation.cluster import TIMERS, Cluster, timer_manifest
from tests.simulation.ending import Circumstances, Judge, Problem
from tests.simulation.oracle import Oracle
from tests.simulation.record import PREFIX, Creation, Permit, ticket_of
from tests.simulation.redis import Node
from tests.simulation.timers import History, Spec, Timing, Version
from tests.simulation.trace import Trace

START_MS = 1_900_000_000_000
EVERY_FIVE_SECONDS = Spec(Timing("every", 5))


class End:
    """The end of a run of one timer, which is due every five seconds and has nothing unusual about it so far."""

    def __init__(self, now_s: float) -> None:
        self.now_ms = START_MS + round(now_s * 1000)
        self.cluster = Cluster(lambda: START_MS)
        timer = self.cluster.create(TIMERS, timer_manifest("default", "nightly", EVERY_FIVE_SECONDS.manifest()))
        self.version = Version(EVERY_FIVE_SECONDS, 1, START_MS, fences=True, known_ms=START_MS)
        self.history = History(timer["metadata"]["uid"], "default", "nightly", START_MS, [self.version])
        self.histories = {self.history.uid: self.history}
        self.oracle = Oracle(lambda: self.now_ms, self.histories, Trace(lambda: 0.0, on=False), lease_ms=5000)
        self.troubles: list[tuple[int, int]] = []

    def ran(self, occurrence_s: int, at_s: float, gone_s: float | None = None) -> None:
        """A Job of this occurrence ran from then on, for a tenth of a second."""
        at_ms, gone_ms = START_MS + round(at_s * 1000), None if gone_s is None else START_MS + round(gone_s * 1000)
        creation = Creation(
            self.history.uid,
            f"nightly-{occurrence_s}",
            START_MS + occurrence_s * 1000,
            "",
            at_ms,
            Permit("worker-0", at_ms),
            self.version,
            ran_ms=at_ms,
            finished_ms=at_ms + 100,
            gone_ms=gone_ms,
        )
        self.oracle.creations[creation.name].append(creation)
        self.oracle.fired[self.history.uid].append(creation)

    async def problems(self, through_s: int, due_s: int, succeeded: int, missed: int = 0) -> Sequence[Problem]:
        """What the judge says where status and index say this."""
        through = f"2030-03-17T17:46:{40 + through_s:02}Z"
        runs = {"succeeded": succeeded, "failed": 0, "missed": missed, "skipped": 0}
        status = {"observedGeneration": 1, "handledThrough": through, "runs": runs}
        self.cluster.merge_status(TIMERS, ("default", "nightly"), {"status": status}, "redistimer")
        node, ticket = Node("redis-a", lambda: self.now_ms), ticket_of(self.history.uid).encode()
        lua.call(node.socket, "hset", f"{PREFIX}tickets".encode(), ticket, b"1 0 0")
        lua.call(node.socket, "zadd", f"{PREFIX}due".encode(), str(START_MS + due_s * 1000).encode(), ticket)
        case = Circumstances(
            recovery_ms=1000, troubles=self.troubles, first_leader_ms=0, leaders_overlapped=False, quiet=True
        )
        return Judge(self.oracle, self.cluster, self.histories, case).problems(node, self.now_ms)


@pytest.mark.parametrize(("fired_early", "found"), [(True, []), (False, ["index"])])
async def test_what_a_clock_that_is_ahead_has_fired_is_not_due_any_more(fired_early: bool, found: list[str]) -> None:
    end = End(now_s=14.9)
    end.ran(5, at_s=5)
    end.ran(10, at_s=10)
    if fired_early:
        end.ran(15, at_s=14.85)
    problems = await end.problems(through_s=10, due_s=20, succeeded=2)
    assert [invariant for invariant, _ in problems] == found


@pytest.mark.parametrize(("began_s", "found"), [(10.4, []), (5.0, ["status"])])
async def test_what_began_after_a_later_one_may_be_counted_as_missed_besides(began_s: float, found: list[str]) -> None:
    end = End(now_s=13)
    end.ran(10, at_s=10)
    end.ran(5, at_s=began_s)
    end.troubles = [(START_MS + 5000, START_MS + 9000)]
    problems = await end.problems(through_s=10, due_s=15, succeeded=2, missed=1)
    assert [invariant for invariant, _ in problems] == found


@pytest.mark.parametrize(("cut_off_s", "found"), [(8, []), (30, ["status"])])
async def test_status_has_its_time_to_tell_of_a_job_after_that_is_gone(cut_off_s: int, found: list[str]) -> None:
    end = End(now_s=14)
    end.ran(5, at_s=5, gone_s=5.5)
    end.ran(10, at_s=10)
    end.troubles = [(START_MS + cut_off_s * 1000, START_MS + cut_off_s * 1000 + 1000)]
    problems = await end.problems(through_s=0, due_s=15, succeeded=0)
    assert [invariant for invariant, _ in problems] == found
