"""What Redis did, by its own records, and the waiting timers that should not matter to it."""

from itertools import islice
from typing import Any

from controller.index.index import Index
from tests.bench.scale import bars_of, faults_of, summary_of, tables
from tests.bench.scale.cost import script_us
from tests.bench.scale.waiting import tickets
from tests.redis.fake_server import IdentifiedServer, fake_client

NOW_MS = 1_795_348_800_000
DAY_MS = 86_400_000


def test_scripts_are_told_from_the_difference_of_two_answers() -> None:
    before = {"cmdstat_evalsha": {"calls": 10, "usec": 1000}, "cmdstat_info": {"calls": 3, "usec": 9}}
    after = {"cmdstat_evalsha": {"calls": 30, "usec": 2000}}

    assert script_us(before, after) == 50
    assert script_us({}, {}) == 0


def test_waiting_timers_are_the_same_each_time_and_all_due_later() -> None:
    first, second = list(islice(tickets(1000, NOW_MS), 50)), list(tickets(50, NOW_MS))

    assert first == second
    assert len({one.ticket for one in first}) == 50
    assert all(one.next_ms is not None and one.next_ms >= NOW_MS + DAY_MS for one in first)
    assert [one.next_ms for one in first] != sorted(one.next_ms or 0 for one in first)


async def test_waiting_timers_are_not_claimed() -> None:
    index = Index(fake_client(IdentifiedServer()), "default")
    assert await index.finish_rebuild("bench", await index.begin_rebuild("bench"))
    state = await index.inspect()
    await index.sync(tickets(20, state.now_ms))

    assert (await index.claim("token", 100, 3000, 10_000)).leases == []
    assert (await index.inspect()).tickets == 20


def run(timers: int, lag_p99_ms: int = 10, **changes: Any) -> dict[str, Any]:
    figures = {"lag_p99_ms": lag_p99_ms, "bytes_per_timer": 266.0, "idle_worker_share": 0.005}
    return {"timers": timers, "round": 1, **figures, "missed": 0, "double": 0, "early": 0, **changes}


def test_the_most_timers_are_compared_with_the_fewest_by_medians() -> None:
    runs = [run(1_000_000, 14), run(10_000, 10), run(100_000, 500), run(1_000_000, 400), run(1_000_000, 15)]
    bars = bars_of(summary_of(runs))

    assert [(bar["measured"], bar["met"]) for bar in bars] == [(1.5, True), (266, True), (0.005, True)]


def test_one_size_alone_is_compared_with_nothing() -> None:
    assert len(bars_of(summary_of([run(10_000)]))) == 2


def test_faults_say_beside_how_many_timers() -> None:
    assert faults_of([run(10_000), run(100_000, missed=2)]) == ["100000 waiting, round 1: 2 timers have no Job"]


def test_a_document_is_shown_with_a_column_for_each_size() -> None:
    summary = summary_of([run(10_000), run(1_000_000, claim_one_us=40.0)])
    document = {"summary": summary, "options": {"rate": 20}, "bars": bars_of(summary)}

    first, bars = tables(document)
    assert [column.header for column in first.columns] == ["20 due per second", "10,000 waiting", "1,000,000 waiting"]
    assert bars.row_count == 3
