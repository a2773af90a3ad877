"""A plan is a function of its seed, and has everything in it."""

from tests.chaos.plan import FAULTS, USERS, Plan, make_plan
from tests.chaos.timers import KINDS


def plan(seed: int, faults: int = 600) -> Plan:
    """As for a long run."""
    return make_plan(seed, 1_400, 400, faults=faults, users=700, mean_s=20, strict_part=0.2)


def test_the_same_seed_makes_the_same_plan_and_another_seed_another() -> None:
    assert plan(7) == plan(7)
    assert plan(7) != plan(8)


def test_a_long_plan_has_every_fault_every_deed_of_users_and_every_kind_of_timer() -> None:
    made = plan(7)
    assert {action.kind for action in made.faults} == FAULTS.keys()
    assert {action.kind for action in made.users} == USERS.keys()
    assert {timer.name.rpartition("-")[0] for timer in made.timers} == KINDS.keys()
    assert any(timer.spec.get("guarantee") == "Strict" for timer in made.timers)


def test_a_plan_with_as_many_faults_as_kinds_has_each() -> None:
    assert {action.kind for action in plan(7, len(FAULTS)).faults} == FAULTS.keys()


def test_faults_come_in_order_within_their_time() -> None:
    instants = [action.at_s for action in plan(7).faults]
    assert len(instants) == 600
    assert instants == sorted(instants)
    assert all(0 <= instant <= 1_400 for instant in instants)


def test_a_long_plan_calls_for_more_than_twenty_thousand_occurrences() -> None:
    """As far as intervals tell: what is bounded below by the bar of the suite."""
    intervals = [int(timer.spec["every"].rstrip("s")) for timer in plan(7).timers if "every" in timer.spec]
    assert sum(1_400 / interval for interval in intervals) / len(intervals) * 400 > 20_000
