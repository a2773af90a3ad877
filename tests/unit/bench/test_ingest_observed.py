"""What is known of a controller from outside: its log, its CPU, its memory, and when it answered nobody."""

import os
from typing import Any

import pytest

from tests.bench.common.cpu import Snapshot
from tests.bench.ingest import bars_of, faults_of, summary_of, tables
from tests.bench.ingest.logs import address, rebuilds
from tests.bench.ingest.observed import Record, peak_rss_mb

LOG = """\
2026-11-30 01:10:51,035 INFO    controller started identity=a-1 address=http://127.0.0.1:46271
2026-11-30 01:10:51,052 INFO    leading identity=a-1
2026-11-30 01:10:51,151 INFO    Redis: Redis 6.2.14 at 127.0.0.1:30784/0
2026-11-30 01:10:54,186 INFO    index rebuilt timers=3000 seconds=3.031
2026-11-30 01:11:24,186 INFO    rebuild overtaken timers=3000 seconds=0.9
2026-11-30 01:11:25,552 INFO    index rebuilt timers=3001 seconds=1.2
"""


def record() -> Record:
    samples = [Snapshot({"controller": cpu_s}, machine=0, at_s=at_s) for at_s, cpu_s in ((0, 1), (1, 1.5), (2, 2.4))]
    return Record(samples, answers=[(0.0, 0.1), (0.2, 1.4), (1.5, 1.6)])


def test_rebuilds_are_found_in_a_log() -> None:
    found = rebuilds(LOG)

    assert [(one.timers, one.seconds) for one in found] == [(3000, 3.031), (3001, 1.2)]
    assert [one.since_leading_s for one in found] == pytest.approx([3.134, 34.5])


def test_before_anybody_leads_nothing_is_rebuilt() -> None:
    assert rebuilds(LOG.splitlines()[0]) == []


def test_the_address_is_found_once_it_is_logged() -> None:
    assert address(LOG) == "http://127.0.0.1:46271"
    assert address("") is None


def test_cpu_is_told_between_two_moments() -> None:
    assert record().cpu_s("controller", 0, 2) == pytest.approx(1.4)
    assert record().cpu_s("controller", 1.5, 2.5) == pytest.approx(0.9)
    assert record().cpu_s("controller", -5, 0.5) == 0


def test_the_longest_block_is_that_part_of_a_wait_that_lies_between_the_moments() -> None:
    assert record().longest_block_s(0, 2) == pytest.approx(1.2)
    assert record().longest_block_s(1.3, 2) == pytest.approx(0.1)
    assert record().longest_block_s(1.65, 2) is None


def test_memory_is_told_in_megabytes() -> None:
    assert 1 < peak_rss_mb(os.getpid()) < 10_000


def rebuild(name: str = "listed", **changes: Any) -> dict[str, Any]:
    figures = ("rebuild_s", "rebuild_cpu_s", "rebuild_rss_mb", "again_s", "again_cpu_s", "peak_rss_mb")
    return {"name": name, "round": 1, "timers": 100_000, **dict.fromkeys(figures, 10.0), "unindexed": 0, **changes}


def test_a_document_is_shown_without_what_could_not_be_seen() -> None:
    runs = [rebuild(again_block_ms=None), rebuild("real", timers=10_000, again_block_ms=20.0)]
    summary = summary_of(runs)
    bars = bars_of(summary)

    assert "again_block_ms" not in summary["listed"]
    assert [bar["met"] for bar in bars] == [True, True]
    assert [table.row_count for table in tables({"summary": summary, "bars": bars})] == [12, 2]


def test_a_slow_or_large_rebuild_does_not_meet_its_bars() -> None:
    assert [bar["met"] for bar in bars_of(summary_of([rebuild(rebuild_s=21.0, peak_rss_mb=201.0)]))] == [False, False]


def test_timers_that_a_rebuild_left_out_are_faults() -> None:
    assert faults_of([rebuild(), rebuild(unindexed=3)]) == ["listed, round 1: a rebuild left out 3 timers"]
