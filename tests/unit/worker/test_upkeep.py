"""Renewing the worker's own leases, and reaping those of workers that fell silent."""

from collections.abc import Sequence

import pytest

from controller.index.messages import Lease
from controller.observe.health import Health
from controller.settings import Settings
from controller.worker.upkeep import Reaper, Renewal
from tests.redis.tickets import A, B, wanted
from tests.unit.worker.workbench import AHEAD_MS, LEASE_MS, Workbench

SETTINGS = Settings(lease_seconds=LEASE_MS / 1000, ahead_seconds=AHEAD_MS / 1000, reap_seconds=2)


async def hold(bench: Workbench, *tickets: str) -> list[Lease]:
    """Leases of these tickets, held by the worker."""
    await bench.index.sync([wanted(ticket, 1) for ticket in tickets])
    leases = (await bench.index.claim("mine", 10, 0, LEASE_MS)).leases
    bench.leases.hold(leases, bench.leases.now_s())
    return leases


async def expires_ms(bench: Workbench, ticket: str) -> float | None:
    score: float | None = await bench.redis.zscore(bench.index.keys.leased, ticket)
    return score


@pytest.fixture
def renewal(bench: Workbench, pauses: list[float]) -> Renewal:
    return Renewal(bench.index, bench.leases, Health(), SETTINGS)


@pytest.fixture
def reaper(bench: Workbench, pauses: list[float]) -> Reaper:
    return Reaper(bench.index, bench.alarm, Health(), SETTINGS)


async def test_a_renewal_extends_what_is_held_here_and_in_redis(bench: Workbench, renewal: Renewal) -> None:
    (lease,) = await hold(bench, A)
    bench.monotonic.now_s += 7
    bench.clock.set("2026-03-01T11:00:17Z")
    assert await renewal.step()
    assert await expires_ms(bench, A) == bench.clock() + LEASE_MS
    bench.monotonic.now_s += 7
    assert bench.leases.is_safe(lease)


async def test_leases_are_renewed_three_times_within_their_duration(
    bench: Workbench, renewal: Renewal, pauses: list[float]
) -> None:
    await renewal.step()
    assert pauses == [pytest.approx(LEASE_MS / 3000)]


async def test_a_lease_that_somebody_else_has_now_is_let_go(bench: Workbench, renewal: Renewal) -> None:
    lost, kept = await hold(bench, A, B)
    await bench.redis.hset(bench.index.keys.lease, lost.ticket, "somebody else")
    await renewal.step()
    assert bench.leases.held() == [kept]
    assert not bench.leases.is_safe(lost)


async def test_what_is_handled_while_the_renewal_is_under_way_is_not_held_again(
    bench: Workbench, renewal: Renewal
) -> None:
    handled, kept = await hold(bench, A, B)
    renew = bench.index.renew

    async def renew_meanwhile(leases: Sequence[Lease], lease_ms: int) -> list[bool]:
        replies = await renew(leases, lease_ms)
        bench.leases.let_go(handled)
        return replies

    bench.index.renew = renew_meanwhile  # type: ignore[method-assign]
    await renewal.step()
    assert bench.leases.held() == [kept]


async def test_a_renewal_counts_from_the_asking(bench: Workbench, renewal: Renewal) -> None:
    (lease,) = await hold(bench, A)
    renew = bench.index.renew

    async def slow_renew(leases: Sequence[Lease], lease_ms: int) -> list[bool]:
        replies = await renew(leases, lease_ms)
        bench.monotonic.now_s += 8
        return replies

    bench.index.renew = slow_renew  # type: ignore[method-assign]
    await renewal.step()
    assert not bench.leases.is_safe(lease)


async def test_an_index_that_is_away_renews_nothing_and_ends_nothing(bench: Workbench, renewal: Renewal) -> None:
    (lease,) = await hold(bench, A)
    bench.index.away = frozenset({"renew"})
    assert await renewal.step()
    assert bench.leases.held() == [lease]
    bench.monotonic.now_s += 8
    assert not bench.leases.is_safe(lease)


async def test_a_lease_that_ran_out_is_due_again_and_the_worker_looks_at_once(
    bench: Workbench, reaper: Reaper, pauses: list[float]
) -> None:
    await hold(bench, A)
    bench.clock.set("2026-03-01T11:01:00Z")
    assert await reaper.step()
    assert await bench.redis.zscore(bench.index.keys.due, A) == bench.clock()
    assert bench.alarm.named == [0]
    assert pauses == [2]


async def test_a_lease_that_lasts_is_left_alone(bench: Workbench, reaper: Reaper) -> None:
    await hold(bench, A)
    await reaper.step()
    assert await expires_ms(bench, A) is not None
    assert bench.alarm.named == []


async def test_a_lease_from_before_the_clock_was_set_back_does_not_last_until_then(
    bench: Workbench, reaper: Reaper
) -> None:
    await hold(bench, A)
    bench.clock.set("2026-03-01T09:00:00Z")
    await reaper.step()
    assert await expires_ms(bench, A) is None


async def test_a_full_batch_is_followed_by_another_without_a_pause(
    bench: Workbench, reaper: Reaper, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controller.worker.upkeep._REAP_BATCH", 1)
    await hold(bench, A, B)
    bench.clock.set("2026-03-01T11:01:00Z")
    await reaper.step()
    assert pauses == []


@pytest.mark.parametrize("trouble", ["away", "invalid"])
async def test_trouble_with_the_index_reaps_nothing_and_ends_nothing(
    bench: Workbench, reaper: Reaper, trouble: str
) -> None:
    await hold(bench, A)
    bench.clock.set("2026-03-01T11:01:00Z")
    if trouble == "away":
        bench.index.away = frozenset({"reap"})
    else:
        bench.server.fail_over()
    assert await reaper.step()
    assert await expires_ms(bench, A) is not None


async def test_no_setting_makes_a_healthy_loop_look_stuck(bench: Workbench, pauses: list[float]) -> None:
    slowest = Settings(lease_seconds=300, reap_seconds=60)
    health = Health(monotonic=bench.monotonic)
    await Renewal(bench.index, bench.leases, health, slowest).step()
    await Reaper(bench.index, bench.alarm, health, slowest).step()
    bench.monotonic.now_s += max(pauses) + slowest.api_timeout_seconds
    assert health.stuck() == []
