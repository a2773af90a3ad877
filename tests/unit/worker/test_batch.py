"""Batches: one call for many, without an added wait."""

import asyncio
from collections.abc import Sequence

import pytest

from controller.worker.batch import Batch


class Call:
    """A call that doubles numbers once it is allowed to; it remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.allowed = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self, items: Sequence[int]) -> list[int]:
        self.asked.append(list(items))
        await self.allowed.wait()
        if self.error is not None:
            raise self.error
        return [2 * item for item in items]


async def ask(batch: Batch[int, int], *items: int) -> "list[asyncio.Task[int]]":
    """Callers, each as far as it gets by itself."""
    callers = [asyncio.create_task(batch(item)) for item in items]
    for _ in range(5):
        await asyncio.sleep(0)
    return callers


async def test_a_single_caller_starts_at_once_and_gets_its_own_reply() -> None:
    call = Call()
    call.allowed.set()
    assert await Batch(call)(21) == 42


async def test_what_is_asked_while_a_call_is_under_way_goes_together_into_the_next() -> None:
    call = Call()
    batch = Batch(call)
    callers = await ask(batch, 1)
    callers += await ask(batch, 2, 3, 4)
    assert call.asked == [[1]]
    call.allowed.set()
    assert await asyncio.gather(*callers) == [2, 4, 6, 8]
    assert call.asked == [[1], [2, 3, 4]]


async def test_no_call_is_larger_than_the_limit() -> None:
    call = Call()
    call.allowed.set()
    batch = Batch(call, limit=2)
    assert await asyncio.gather(*(batch(number) for number in range(5))) == [0, 2, 4, 6, 8]
    assert call.asked == [[0, 1], [2, 3], [4]]


async def test_an_error_reaches_everybody_in_the_batch_and_nobody_after_it() -> None:
    call = Call()
    batch = Batch(call)
    first = await ask(batch, 1)
    second = await ask(batch, 2, 3)
    call.error = ConnectionError("away")
    call.allowed.set()
    assert [type(reply) for reply in await asyncio.gather(*first, *second, return_exceptions=True)] == [
        ConnectionError,
        ConnectionError,
        ConnectionError,
    ]
    call.error = None
    assert await batch(4) == 8


async def test_a_caller_that_gave_up_takes_nothing_from_the_others() -> None:
    call = Call()
    batch = Batch(call)
    callers = await ask(batch, 1, 2)
    callers[0].cancel()
    call.allowed.set()
    assert await callers[1] == 4
    with pytest.raises(asyncio.CancelledError):
        await callers[0]


async def test_calls_begin_apart_so_that_those_who_come_one_by_one_share_them() -> None:
    call = Call()
    call.allowed.set()
    batch = Batch(call, gap_s=0.05)
    assert await batch(1) == 2
    began_s = asyncio.get_running_loop().time()
    callers = []
    for number in (2, 3, 4):
        callers += await ask(batch, number)
    assert call.asked == [[1]]
    assert await asyncio.gather(*callers) == [4, 6, 8]
    assert call.asked == [[1], [2, 3, 4]]
    assert asyncio.get_running_loop().time() > began_s


async def test_after_a_gap_without_callers_the_next_one_starts_at_once() -> None:
    call = Call()
    call.allowed.set()
    batch = Batch(call, gap_s=0.01)
    assert await batch(1) == 2
    await asyncio.sleep(0.05)
    callers = await ask(batch, 2)
    assert call.asked == [[1], [2]]
    assert await callers[0] == 4
