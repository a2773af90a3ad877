"""What is said of a Redis server. Of version, role and eviction the tests of `doctor` tell more."""

import pytest

from controller.core.findings import Level
from controller.core.redis_server import judge_clock, judge_server

WELL = {"redis_version": "7.2.4", "role": "master", "maxmemory_policy": "noeviction", "maxmemory": 0}


def levels(info: dict[str, object]) -> list[tuple[str, Level]]:
    return [(finding.check, finding.level) for finding in judge_server("redis:6379/0", info)]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, [("Redis", Level.OK), ("eviction", Level.OK)]),
        ({"redis_version": "6.2.0"}, [("Redis", Level.OK), ("eviction", Level.OK)]),
        ({"redis_version": "6.0.20"}, [("Redis", Level.PROBLEM), ("eviction", Level.OK)]),
        ({"role": "slave"}, [("Redis", Level.PROBLEM), ("eviction", Level.OK)]),
        ({"redis_version": "5.0", "role": "slave"}, [("Redis", Level.PROBLEM)] * 2 + [("eviction", Level.OK)]),
        ({"maxmemory_policy": "allkeys-lfu"}, [("Redis", Level.OK), ("eviction", Level.WARNING)]),
        ({"maxmemory_policy": "allkeys-lfu", "maxmemory": 9}, [("Redis", Level.OK), ("eviction", Level.PROBLEM)]),
    ],
)
def test_what_an_index_cannot_live_with_is_told(changes: dict[str, object], said: list[tuple[str, Level]]) -> None:
    assert levels(WELL | changes) == said


def test_of_a_server_that_tells_nothing_nothing_bad_is_said() -> None:
    assert levels({}) == [("Redis", Level.OK)]


@pytest.mark.parametrize(
    ("least_ms", "most_ms", "level", "words"),
    [
        (-250, 250, Level.OK, "within 250 ms"),
        (-4000, 4000, Level.OK, "within 250 ms"),
        (250, 260, Level.OK, "within 250 ms"),
        (400, 900, Level.WARNING, "at least 0.4 s behind that of Redis"),
        (-9000, -1500, Level.WARNING, "at least 1.5 s ahead of that of Redis"),
    ],
)
def test_a_clock_is_told_of_where_it_differs_for_sure(least_ms: int, most_ms: int, level: Level, words: str) -> None:
    finding = judge_clock(least_ms, most_ms)
    assert finding.level is level
    assert words in finding.found
    assert bool(finding.advice) == (level is not Level.OK)
