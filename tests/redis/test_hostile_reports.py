"""Reports that somebody else has written: those that no worker can have written are nothing, the others are bounded."""

import pytest

from controller.core.report import COUNT_LIMIT, MESSAGE_LIMIT
from controller.index.index import Index
from tests.redis.tickets import A, a_report, claim_one, done

GOOD = a_report().model_dump_json()
LONGEST = a_report(message="\x01" * MESSAGE_LIMIT, count=COUNT_LIMIT, generation=10**15)

SENSELESS: list[dict[str | bytes, str | bytes]] = [
    {"report": ""},
    {"report": "[]"},
    {"report": "{" * 5000},
    {"report": GOOD, "more": "1"},
    {"else": GOOD},
    {"report": GOOD.replace('"count":1', '"count":0')},
    {"report": GOOD.replace('"count":1', f'"count":{COUNT_LIMIT + 1}')},
    {"report": GOOD.replace('"count":1', '"count":1e400')},
    {"report": GOOD.replace('"count":1', '"count":NaN')},
    {"report": GOOD.replace('"generation":1', '"generation":0')},
    {"report": GOOD.replace('"generation":1', f'"generation":{2**63}')},
    {"report": GOOD.replace('"occurrence_ms":1000000', '"occurrence_ms":-1')},
    {"report": GOOD.replace('"occurrence_ms":1000000', f'"occurrence_ms":{2**63}')},
    {"report": GOOD.replace(A, "../../etc")},
    {"report": GOOD.replace('"message":""', f'"message":"{"x" * (MESSAGE_LIMIT + 1)}"')},
    {"report": GOOD.replace('"message":""', '"message":"\\ud800"')},
    {"report": "x" * 1_000_000},
    {"report": GOOD + " " * 1_000_000},
    {b"\xff": b"\xff"},
]


async def test_what_no_worker_can_have_reported_is_nothing(index: Index) -> None:
    for fields in SENSELESS:
        await index.redis.xadd(index.keys.outcomes, fields)
    page = await index.outcomes("0", 100)
    assert [report for _, report in page] == [None] * len(SENSELESS)
    await index.delete_outcomes([report_id for report_id, _ in page])
    assert await index.outcomes("0", 100) == []


async def test_fields_that_nobody_knows_are_not_taken_in(index: Index) -> None:
    """A worker of the next version may say more."""
    await index.redis.xadd(index.keys.outcomes, {"report": GOOD.replace("{", '{"image":"evil","more":[1],', 1)})
    assert [report for _, report in await index.outcomes("0", 10)] == [a_report()]


async def test_the_longest_report_that_there_can_be_arrives(index: Index) -> None:
    await index.ack([done(await claim_one(index), None, reports=(LONGEST,))])
    assert [report for _, report in await index.outcomes("0", 10)] == [LONGEST]


async def test_ever_so_many_reports_are_cut_to_what_workers_would_leave(index: Index) -> None:
    for _ in range(3):
        async with index.redis.pipeline(transaction=False) as pipeline:
            for _ in range(4_000):
                pipeline.xadd(index.keys.outcomes, {"report": GOOD})
            await pipeline.execute()
    assert len(await index.outcomes("0", 500)) == 500
    assert await index.redis.xlen(index.keys.outcomes) <= 10_100


@pytest.mark.parametrize("after_id", ["0", "0-0", "5-5", f"{2**64 - 1}-0"])
async def test_a_stream_that_is_not_there_holds_no_reports(index: Index, after_id: str) -> None:
    assert await index.outcomes(after_id, 10) == []
