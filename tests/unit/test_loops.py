"""How loops end."""

import asyncio

import pytest

from controller import loops


async def test_a_task_that_loses_a_cancellation_is_cancelled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """As redis-py makes it happen: the cancellation meets a connection that fails, and only the failure is raised."""
    monkeypatch.setattr(loops, "_CANCEL_AGAIN_S", 0.01)
    lost = 0

    async def step() -> bool:
        nonlocal lost
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            lost += 1
            if lost > 1:
                raise
        return True

    task = asyncio.create_task(loops.loop(step))
    await asyncio.sleep(0)
    await loops.cancel(task)
    assert task.cancelled()
    assert lost == 2


async def test_cancelling_what_has_failed_raises_nothing() -> None:
    async def step() -> bool:
        raise ValueError

    task = asyncio.create_task(loops.loop(step))
    await asyncio.sleep(0)
    await loops.cancel(task)
    assert task.done()
