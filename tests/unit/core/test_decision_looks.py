"""Looks one after another, as workers make them: whatever the policy, each occurrence is decided once and in order."""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from controller.core.decision import Decision, decide
from controller.core.fence import fence_ms
from controller.core.policy import MissedRuns
from controller.core.schedule.occurrences import between
from controller.core.timer import Timer
from tests.unit.core.objects import CREATED_MS, DAY_MS, HOUR_MS, MINUTE_MS, handled, timer

SCHEDULES = st.sampled_from(
    [
        {"every": "17m"},
        {"every": "17m", "jitter": "15m"},
        {"every": "5m", "exclude": [{"cron": "* 11-13 * * *"}]},
        {"schedule": "*/10 * * * *", "jitter": "5m"},
        {"schedule": "30 2 * * *", "timeZone": "Europe/Berlin"},
        {"schedules": [{"cron": "*/7 * * * *"}, {"cron": "0 * * * *"}], "endTime": "2026-03-01T20:00:00Z"},
        {"at": "2026-03-01T13:00:00Z"},
        {"afterCreation": "3h", "jitter": "1h"},
    ]
)
POLICIES = st.sampled_from(
    [
        {"missedRunPolicy": "Latest"},
        {"missedRunPolicy": "Skip"},
        *({"missedRunPolicy": "All", "missedRunLimit": limit} for limit in (1, 2, 3, 7, 50)),
        {"missedRunPolicy": "All"},
    ]
)
DEADLINES = st.sampled_from([{}, {}, *({"startingDeadlineSeconds": seconds} for seconds in (0, 30, 900, 7200))])
PAUSES_MS = st.sampled_from([0, 0, 1, 500, 59_999, 60_000, 60_001]) | st.integers(0, 40 * MINUTE_MS)
"""Between two looks. Downtime comes on top of it."""


UNHURRIED = settings(deadline=None, max_examples=60)


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    return {**draw(SCHEDULES), **draw(POLICIES), **draw(DEADLINES)}


@dataclass
class Looking:
    """A timer, what was decided of it so far, and the mark by which the next look knows."""

    timer: Timer
    now_ms: int
    mark_ms: int = 0
    fired: list[int] = field(default_factory=list)
    missed: list[int] = field(default_factory=list)

    def look(self, ahead_ms: int = 0) -> Decision:
        """Look once, and check the answer against what is to be said of every single overdue occurrence."""
        decided_ms = max(self.mark_ms, fence_ms(self.timer, self.now_ms))
        decision = decide(self.timer, self.mark_ms, self.now_ms, ahead_ms)
        overdue = [one for one in self.all_until(decided_ms, self.now_ms) if self.due_ms(one) <= self.now_ms]
        run = self._to_run(overdue)
        lost = [one for one in overdue if not run or one < run[0]]
        if run:
            assert decision.fire_ms == run[0], "the oldest of those that are to run"
        elif decision.fire_ms is not None:
            assert self.now_ms < self.due_ms(decision.fire_ms) <= self.now_ms + ahead_ms
        found = (decision.missed.count, decision.missed.latest_ms) if decision.missed else (0, None)
        assert found == (len(lost), lost[-1] if lost else None)
        self.missed += lost
        if decision.fire_ms is not None:
            self.fired.append(decision.fire_ms)
        self.mark_ms = max(decision.handled_through_ms, decision.fire_ms or 0)
        return decision

    def _to_run(self, overdue: list[int]) -> list[int]:
        policy = self.timer.policy
        latest_start_ms = policy.latest_start_ms
        in_time = [
            one for one in overdue if latest_start_ms is None or self.now_ms - self.due_ms(one) <= latest_start_ms
        ]
        return in_time[-policy.missed_limit :] if policy.missed_runs is MissedRuns.ALL else in_time[-1:]

    def decided(self) -> list[int]:
        """All that was fired or missed, in order of time."""
        return sorted(self.fired + self.missed)

    def all_until(self, from_ms: int, until_ms: int) -> list[int]:
        """Every occurrence of a span of time."""
        assert self.timer.schedule is not None
        return list(between(self.timer.schedule, from_ms, until_ms))

    def due_ms(self, occurrence_ms: int) -> int:
        """When this occurrence is due."""
        assert self.timer.timing is not None
        return self.timer.timing.due_ms(occurrence_ms)


@UNHURRIED
@given(
    spec=specs(),
    downtime_ms=st.integers(0, DAY_MS),
    pauses_ms=st.lists(PAUSES_MS, max_size=40),
    ahead_ms=st.sampled_from([0, 3_000, HOUR_MS]),
)
def test_whatever_comes_between_looks_each_occurrence_is_fired_or_missed_once_and_fired_in_order(
    spec: dict[str, Any], downtime_ms: int, pauses_ms: list[int], ahead_ms: int
) -> None:
    looking = Looking(timer(spec), CREATED_MS + downtime_ms)
    for pause_ms in (0, *pauses_ms):
        looking.now_ms += pause_ms
        looking.look(ahead_ms)
    assert looking.fired == sorted(set(looking.fired))
    assert looking.missed == sorted(set(looking.missed))
    assert looking.decided() == looking.all_until(CREATED_MS, looking.mark_ms)


@UNHURRIED
@given(spec=specs(), downtime_ms=st.integers(0, DAY_MS), known_ms=st.integers(0, DAY_MS))
def test_looks_without_a_pause_decide_all_that_is_overdue_and_then_wait_for_what_comes(
    spec: dict[str, Any], downtime_ms: int, known_ms: int
) -> None:
    known = timer(spec, status=handled(CREATED_MS + known_ms, timer(spec)))
    looking = Looking(known, CREATED_MS + downtime_ms)
    while looking.look().fire_ms is not None:
        pass
    decision = looking.look()
    assert (decision.fire_ms, decision.missed) == (None, None)
    assert decision.next_ms is None or decision.next_ms > looking.now_ms
    passed = looking.all_until(CREATED_MS + known_ms, looking.now_ms)
    assert looking.decided() == [one for one in passed if looking.due_ms(one) <= looking.now_ms]


@UNHURRIED
@given(
    limit=st.integers(1, 30),
    overdue=st.integers(0, 60),
    pauses_ms=st.lists(st.sampled_from([0, 1, MINUTE_MS, HOUR_MS, 3 * HOUR_MS]), max_size=80),
)
def test_with_all_no_occurrence_is_lost_while_there_are_fewer_than_the_limit(
    limit: int, overdue: int, pauses_ms: list[int]
) -> None:
    """Runs that take their time let others become overdue meanwhile; then the newest count anew."""
    spec = {"every": "1h", "missedRunPolicy": "All", "missedRunLimit": limit}
    looking = Looking(timer(spec), CREATED_MS + overdue * HOUR_MS)
    most = 0
    for pause_ms in (0, *pauses_ms):
        looking.now_ms += pause_ms
        most = max(most, len(looking.all_until(max(looking.mark_ms, CREATED_MS), looking.now_ms)))
        looking.look()
    if most <= limit:
        assert looking.missed == []
    assert len(looking.missed) <= max(0, most - limit) * (len(pauses_ms) + 1)


@UNHURRIED
@given(spec=specs(), age_ms=st.integers(0, DAY_MS), mark_ms=st.integers(0, 2 * DAY_MS))
def test_a_mark_from_the_future_fires_nothing_and_reports_nothing(
    spec: dict[str, Any], age_ms: int, mark_ms: int
) -> None:
    now_ms = CREATED_MS + age_ms
    decision = decide(timer(spec), now_ms + mark_ms, now_ms)
    assert (decision.fire_ms, decision.missed) == (None, None)
    assert decision.handled_through_ms == now_ms + mark_ms
