"""Complete fires against an index in memory, and how they are summed up."""

from itertools import count
from typing import Any

from controller.index.index import Index
from tests.bench.index import _client, _fill, bars_of, summary_of, tables
from tests.redis.fake_server import IdentifiedServer, fake_client


async def test_every_timer_is_fired_once() -> None:
    index = Index(fake_client(IdentifiedServer()), "default")
    assert await index.finish_rebuild("bench", await index.begin_rebuild("bench"))
    await _fill(index, range(25))
    tokens = (f"bench.{number}" for number in count())

    assert await _client(index, tokens, batch=10) == 25
    assert await _client(index, tokens, batch=10) == 0
    state = await index.inspect()
    assert (state.tickets, state.leased) == (25, 0)


def run(server: str, batch: int, fires_per_cpu_s: float) -> dict[str, Any]:
    costs = dict.fromkeys(("fires_per_s", "claim_us", "confirm_us", "ack_us"), 10.0)
    return {"server": server, "batch": batch, "fires_per_cpu_s": fires_per_cpu_s, **costs}


def test_rounds_become_medians_for_each_server_and_batch() -> None:
    summary = summary_of([run("redis", 100, 20_000), run("redis", 1, 3000), run("redis", 100, 30_000)])

    assert summary["redis, batches of 100"]["fires_per_cpu_s"] == {"median": 25_000, "min": 20_000, "max": 30_000}
    assert list(summary) == ["redis, batches of 100", "redis, batches of 1"]


def test_the_bar_is_for_the_largest_batch_of_each_server() -> None:
    runs = [run("a", 1, 3000), run("a", 100, 26_000), run("b", 10, 12_000)]
    bars = bars_of(summary_of(runs))

    assert [(bar["what"].partition(", ")[2], bar["met"]) for bar in bars] == [
        ("a, 100 a call", True),
        ("b, 10 a call", False),
    ]
    shown = list(tables({"summary": summary_of(runs), "bars": bars}))
    assert [table.row_count for table in shown] == [3, 2]
