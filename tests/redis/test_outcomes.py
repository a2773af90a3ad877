"""Outcomes: what workers decided that leaves no Job, on its way to the controller."""

from controller.core.reasons import Reason
from controller.core.report import MESSAGE_LIMIT, Report
from controller.index.index import Index
from tests.redis.tickets import A, B, a_report, again, claim, claim_one, done, wanted


async def reports(index: Index) -> list[Report | None]:
    """All reports that are there."""
    return [report for _, report in await index.outcomes("0", 100)]


async def test_exactly_what_was_reported_comes_out_in_order(index: Index) -> None:
    missed = a_report(count=7, generation=3, occurrence_ms=1_795_341_600_123)
    refused = a_report(ticket=B, reason=Reason.FORBIDDEN, message='no "pods"\n é 🦊 \x00 ' + "x" * (MESSAGE_LIMIT - 20))
    await index.sync([wanted(A, 1), wanted(B, 2)])
    a, b = await claim(index)
    await index.ack([done(a, None, reports=(missed,))])
    await index.retry([again(b, 5, reports=(refused,))])
    assert await reports(index) == [missed, refused]


async def test_one_acknowledgement_can_report_several_things_and_they_come_out_in_order(index: Index) -> None:
    told = (a_report(count=2), a_report(reason=Reason.JOB_ALREADY_ACTIVE, message="line\nafter line\r\n"))
    await index.ack([done(await claim_one(index), None, reports=told)])
    assert await reports(index) == list(told)


async def test_one_retry_can_report_several_things(index: Index) -> None:
    told = tuple(a_report(reason=Reason.SUCCESSFUL_DELETE, message=f"Deleted job {n}.") for n in range(3))
    await index.retry([again(await claim_one(index), 5, reports=told)])
    assert await reports(index) == list(told)


async def test_what_each_of_a_batch_reports_is_kept_apart(index: Index) -> None:
    await index.sync([wanted(A, 1), wanted(B, 2)])
    a, b = await claim(index)
    first, second = a_report(), (a_report(ticket=B), a_report(ticket=B, reason=Reason.FORBIDDEN))
    assert await index.ack([done(a, None, reports=(first,)), done(b, None, reports=second)]) == [True, True]
    assert await reports(index) == [first, *second]


async def test_a_report_about_a_request_says_which(index: Index) -> None:
    told = a_report(ticket=f"{A}~abcdefgh", reason=Reason.JOB_ALREADY_ACTIVE)
    await index.ack([done(await claim_one(index), None, reports=(told,))])
    (found,) = await reports(index)
    assert found is not None
    assert found.request_key == "abcdefgh"


async def test_nothing_to_report_leaves_nothing(index: Index) -> None:
    await index.ack([done(await claim_one(index), None)])
    await index.retry([again(await claim_one(index), 1)])
    assert await reports(index) == []


async def test_what_was_decided_is_reported_even_when_the_lease_is_lost(index: Index) -> None:
    lease = await claim_one(index)
    await index.sync([wanted(A, 5, generation=2)])
    assert await index.ack([done(lease, None, reports=(a_report(),))]) == [False]
    assert await reports(index) == [a_report()]


async def test_a_retry_without_the_lease_reports_nothing(index: Index) -> None:
    lease = await claim_one(index)
    await index.sync([wanted(A, 5, generation=2)])
    await index.retry([again(lease, 5, reports=(a_report(),))])
    assert await reports(index) == []


async def test_reports_are_read_page_by_page(index: Index) -> None:
    lease = await claim_one(index)
    written = [a_report(occurrence_ms=number) for number in range(5)]
    await index.ack([done(lease, None, reports=(report,)) for report in written])
    first = await index.outcomes("0", 3)
    second = await index.outcomes(first[-1][0], 3)
    assert [report for _, report in first + second] == written
    assert await index.outcomes(second[-1][0], 3) == []


async def test_reports_stay_until_they_are_deleted(index: Index) -> None:
    lease = await claim_one(index)
    await index.ack([done(lease, None, reports=(a_report(occurrence_ms=number),)) for number in range(3)])
    page = await index.outcomes("0", 2)
    assert await index.outcomes("0", 2) == page
    await index.delete_outcomes([entry_id for entry_id, _ in page])
    assert await reports(index) == [a_report(occurrence_ms=2)]


async def test_to_delete_no_reports_is_no_error(index: Index) -> None:
    await index.delete_outcomes([])
    await index.delete_outcomes(["1-1"])


async def test_what_cannot_be_read_holds_up_nothing_and_can_be_deleted(index: Index) -> None:
    good = a_report().model_dump_json()
    entries = [
        {"report": "{"},
        {"report": "null"},
        {"report": good.replace(A, "A" * 23)},
        {"report": good.replace("MissSchedule", "Nonsense")},
        {"report": good.encode() + b"\xff"},
        {b"\xfe": "else"},
        {"report": good},
    ]
    for entry in entries:
        await index.redis.xadd(index.keys.outcomes, entry)
    page = await index.outcomes("0", 10)
    assert [report for _, report in page] == [None] * 6 + [a_report()]
    await index.delete_outcomes([entry_id for entry_id, _ in page])
    assert await reports(index) == []


async def test_the_number_of_reports_is_bounded_and_the_oldest_go_first(index: Index) -> None:
    async with index.redis.pipeline(transaction=False) as pipeline:
        for _ in range(10_300):
            pipeline.xadd(index.keys.outcomes, {"report": "old"})
        await pipeline.execute()
    newest = a_report(occurrence_ms=7)
    await index.ack([done(await claim_one(index), None, reports=(newest,))])
    # The server trims whole nodes of its stream, of a hundred entries each.
    assert 10_000 <= await index.redis.xlen(index.keys.outcomes) <= 10_100
    ((_, fields),) = await index.redis.xrevrange(index.keys.outcomes, count=1)
    assert fields == {"report": newest.model_dump_json()}


async def test_the_reports_survive_a_rebuild_after_a_loss(index: Index) -> None:
    await index.ack([done(await claim_one(index), None, reports=(a_report(),))])
    await index.redis.delete(index.keys.epoch)
    await index.begin_rebuild("second")
    assert await reports(index) == [a_report()]
