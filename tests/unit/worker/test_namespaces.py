"""A worker of an installation that serves some namespaces: tickets of others, and of refused ones."""

from collections.abc import AsyncIterator

import pytest

from controller.core.identity import ticket_of
from controller.core.instants import rfc3339_ms
from controller.index.messages import Lease, Wanted
from controller.kube.errors import ApiError
from tests.unit.core.objects import SECOND_MS
from tests.unit.worker.workbench import AHEAD_MS, TIMER_PATH, Workbench

FORBIDDEN = ApiError(403, "Forbidden", "redistimers is forbidden")
FOREIGN = [ticket_of(f"5b1a7c1e-93f5-4b1e-8a0e-{number:012d}") for number in range(3)]


@pytest.fixture
async def narrow() -> AsyncIterator[Workbench]:
    """A worker that serves the namespace of the timers here, and another one."""
    bench = Workbench("2026-03-01T11:00:10Z", namespaces=("default", "shop"))
    await bench.build()
    yield bench
    await bench.redis.aclose()


def pass_time(bench: Workbench, seconds: int) -> None:
    bench.clock.set(rfc3339_ms(bench.clock() + seconds * SECOND_MS))


async def claim_foreign(bench: Workbench, ticket: str = FOREIGN[0], namespace: str = "kube-system") -> Lease:
    """The ticket of a timer elsewhere, which somebody has written there."""
    await bench.index.sync([Wanted(ticket, 1, 0, 1, namespace, "nightly")])
    return await bench.claim_again()


async def test_what_is_served_fires(narrow: Workbench) -> None:
    await narrow.firing.handle(await narrow.claim(narrow.timer()))
    assert len(narrow.made()) == 1


async def test_a_timer_elsewhere_is_not_even_read_and_its_ticket_is_left_to_others(narrow: Workbench) -> None:
    await narrow.firing.handle(await claim_foreign(narrow))
    assert narrow.api.requests == []
    assert await narrow.known(FOREIGN[0]) == (1, 0)
    assert not await narrow.is_leased(FOREIGN[0])
    assert await narrow.due_ms(FOREIGN[0]) == narrow.clock() + SECOND_MS + AHEAD_MS


async def test_where_all_namespaces_are_served_none_is_elsewhere(bench: Workbench) -> None:
    await bench.firing.handle(await claim_foreign(bench))
    assert bench.api.requests != []
    assert await bench.known(FOREIGN[0]) is None, "there is no such timer"


async def test_the_longer_that_lasts_the_less_they_are_looked_at_whatever_their_namespaces(narrow: Workbench) -> None:
    for number, (after_s, wait_s) in enumerate([(0, 1), (40, 40), (560, 60)]):
        pass_time(narrow, after_s)
        ticket = FOREIGN[number]
        await narrow.firing.handle(await claim_foreign(narrow, ticket, f"elsewhere-{number}"))
        assert await narrow.due_ms(ticket) == narrow.clock() + wait_s * SECOND_MS + AHEAD_MS
        await narrow.index.remove([ticket])


async def test_a_namespace_that_may_not_be_read_is_asked_less_and_less_and_told(narrow: Workbench) -> None:
    timer = narrow.timer()
    waits_s = []
    for after_s in (0, 1, 20, 100):
        pass_time(narrow, after_s)
        narrow.api.fail("GET", TIMER_PATH, FORBIDDEN)
        await narrow.firing.handle(await narrow.claim(timer))
        due_ms = await narrow.due_ms(timer)
        assert due_ms is not None
        waits_s.append((due_ms - AHEAD_MS - narrow.clock()) // SECOND_MS)
        await narrow.redis.zadd(narrow.index.keys.due, {timer.ticket: 1})
        assert narrow.health.remarks == {"namespace default": f"is not served: {FORBIDDEN.message}"}
    assert waits_s == [1, 1, 21, 60]
    await narrow.firing.handle(await narrow.claim(timer))
    assert len(narrow.made()) == 1
    assert narrow.health.remarks == {}


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_other_trouble_is_what_it_is_everywhere(narrow: Workbench, status: int) -> None:
    pass_time(narrow, 600)
    narrow.api.fail("GET", TIMER_PATH, ApiError(status, "No", "no"))
    await narrow.firing.handle(await narrow.claim(narrow.timer()))
    assert narrow.health.remarks == {}
    assert narrow.pace.pause_s() > 0 or status == 500


async def test_where_all_namespaces_are_served_a_refusal_passes(bench: Workbench) -> None:
    timer = bench.timer()
    for _ in range(3):
        pass_time(bench, 100)
        bench.api.fail("GET", TIMER_PATH, FORBIDDEN)
        await bench.firing.handle(await bench.claim(timer))
        assert bench.alarm.named.pop() == bench.clock() + SECOND_MS
        await bench.redis.zadd(bench.index.keys.due, {timer.ticket: 1})
    assert bench.health.remarks == {}
