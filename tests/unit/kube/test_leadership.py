"""Leadership: at most one leads, a silent leader is replaced, and clocks of different machines are never compared."""

import asyncio
from typing import Any

import pytest

from controller.kube import paths
from controller.kube.errors import ApiError, ApiUnreachableError, LeadershipLostError
from controller.kube.leadership import LEASE_NAME, Leadership
from tests.unit.clocks import Monotonic
from tests.unit.kube.stub_api import CONFLICT, TOO_MANY_REQUESTS, Request, StubApi

COLLECTION = paths.leases("system")
LEASE_PATH = f"{COLLECTION}/{LEASE_NAME}"
DURATION_S = 15.0

AWAY = ApiUnreachableError("connection refused")


class Candidate:
    """A process that strives for leadership, with a clock of its own."""

    def __init__(self, api: StubApi, name: str, clock: Monotonic | None = None) -> None:
        self.clock = clock or Monotonic()
        self.leadership = Leadership(api, "system", "default", name, DURATION_S, self.clock)  # type: ignore[arg-type]

    async def step(self, after_s: float = 0.0) -> bool:
        self.clock.now_s += after_s
        return await self.leadership.step()


@pytest.fixture
def api() -> StubApi:
    return StubApi()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between steps; they take no time."""
    naps: list[float] = []

    async def nap(seconds: float) -> None:
        naps.append(seconds)

    monkeypatch.setattr("controller.kube.leadership.asyncio.sleep", nap)
    return naps


def holder(api: StubApi) -> Any:
    return api.objects[LEASE_PATH]["spec"]["holderIdentity"]


async def test_a_lease_that_nobody_has_made_yet_is_taken(api: StubApi) -> None:
    assert await Candidate(api, "a").step()
    assert holder(api) == "a"


async def test_a_lease_that_another_holds_is_not_taken(api: StubApi) -> None:
    await Candidate(api, "a").step()
    assert not await Candidate(api, "b", Monotonic(9_000_000)).step()
    assert holder(api) == "a"


async def test_a_standby_never_takes_over_from_a_leader_that_renews(api: StubApi) -> None:
    leader, standby = Candidate(api, "a"), Candidate(api, "b", Monotonic(5))
    for _ in range(20):
        assert await leader.step(after_s=DURATION_S / 2)
        assert not await standby.step(after_s=DURATION_S / 2)


async def test_a_silent_leader_is_replaced_after_the_lease_duration_and_not_before(api: StubApi) -> None:
    await Candidate(api, "a").step()
    standby = Candidate(api, "b")
    await standby.step()
    assert not await standby.step(after_s=DURATION_S)
    assert await standby.step(after_s=0.1)
    assert holder(api) == "b"
    assert api.objects[LEASE_PATH]["spec"]["leaseTransitions"] == 1


async def test_how_old_a_renewal_claims_to_be_says_nothing(api: StubApi) -> None:
    await Candidate(api, "a").step()
    api.objects[LEASE_PATH]["spec"]["renewTime"] = "1999-01-01T00:00:00.000000Z"
    assert not await Candidate(api, "b").step(after_s=10 * DURATION_S)


async def test_a_leader_stops_leading_before_any_standby_can_start(api: StubApi) -> None:
    leader, standby = Candidate(api, "a"), Candidate(api, "b")
    await leader.step()
    await standby.step()
    for _ in range(30):
        leader.clock.now_s += 0.5
        assert not (await standby.step(after_s=0.5) and leader.leadership.held)
    assert not leader.leadership.held


async def test_leading_is_safe_from_the_asking_on_and_not_from_the_answer(api: StubApi) -> None:
    candidate = Candidate(api, "a")

    async def slow(_: Request) -> None:
        candidate.clock.now_s += DURATION_S / 2

    api.before = slow
    assert not await candidate.step(), "the answer came after the time to lead was over"


async def test_of_two_that_take_a_free_lease_at_once_one_leads(api: StubApi) -> None:
    await Candidate(api, "gone").step()
    a, b = Candidate(api, "a"), Candidate(api, "b")
    await a.step()
    await b.step()

    async def both_have_read(request: Request) -> None:
        if request.method == "GET":
            await asyncio.sleep(0)

    api.before = both_have_read
    leads = await asyncio.gather(a.step(after_s=DURATION_S + 1), b.step(after_s=DURATION_S + 1))
    assert sorted(leads) == [False, True]


async def test_of_two_that_make_the_lease_at_once_one_leads(api: StubApi) -> None:
    async def both_have_read(request: Request) -> None:
        if request.method == "GET":
            await asyncio.sleep(0)

    api.before = both_have_read
    assert sorted(await asyncio.gather(Candidate(api, "a").step(), Candidate(api, "b").step())) == [False, True]


async def test_a_conflict_is_not_leadership_and_no_trouble_either(api: StubApi) -> None:
    api.put(LEASE_PATH, {"metadata": {"name": LEASE_NAME}, "spec": {}})
    api.fail("PUT", LEASE_PATH, CONFLICT)
    candidate = Candidate(api, "a")
    assert not await candidate.step()
    assert candidate.leadership.trouble is None
    assert await candidate.step()


@pytest.mark.parametrize("error", [AWAY, TOO_MANY_REQUESTS, ApiError(500, "InternalError", "etcd")])
async def test_a_server_that_cannot_answer_changes_nothing_and_is_told_of(api: StubApi, error: Exception) -> None:
    candidate = Candidate(api, "a")
    await candidate.step()
    api.fail("GET", LEASE_PATH, error)
    assert await candidate.step(after_s=1)
    assert candidate.leadership.trouble == str(error)
    await candidate.step()
    assert candidate.leadership.trouble is None


async def test_a_refusal_that_will_not_mend_itself_is_raised(api: StubApi) -> None:
    api.fail("GET", LEASE_PATH, ApiError(403, "Forbidden", "no rights"))
    with pytest.raises(ApiError, match="no rights"):
        await Candidate(api, "a").step()


async def test_a_refusal_passes_where_the_same_was_granted_before(api: StubApi) -> None:
    """As an API server does that has just started, and has not read yet who has which rights."""
    leader, standby = Candidate(api, "a"), Candidate(api, "b")
    assert await leader.step()
    assert not await standby.step()
    api.fail("GET", LEASE_PATH, *[ApiError(403, "Forbidden", "no rights")] * 2)
    assert await leader.step()
    assert not await standby.step()
    assert standby.leadership.trouble == "403 Forbidden: no rights"
    assert await leader.step()
    assert leader.leadership.trouble is None


async def test_a_leader_keeps_renewing(api: StubApi, pauses: list[float]) -> None:
    candidate = Candidate(api, "a")
    await candidate.step()
    acquired = api.objects[LEASE_PATH]["spec"]["acquireTime"]
    for _ in range(5):
        assert await candidate.leadership.keep()
        candidate.clock.now_s += pauses[-1]
    assert candidate.clock.now_s >= 1000 + DURATION_S * 2 / 3, "it leads for longer than one renewal is good for"
    assert len(api.made("PUT")) == 5
    spec = api.objects[LEASE_PATH]["spec"]
    assert (spec["acquireTime"], spec["leaseTransitions"]) == (acquired, 0)


async def test_a_leader_has_several_tries_before_it_gives_up(api: StubApi, pauses: list[float]) -> None:
    candidate = Candidate(api, "a")
    await candidate.step()
    api.fail("GET", LEASE_PATH, AWAY, AWAY, AWAY)
    for _ in range(3):
        candidate.clock.now_s += candidate.leadership.pause_s
        assert await candidate.leadership.keep()
    candidate.clock.now_s += pauses[-1] / 2
    assert await candidate.leadership.keep()


async def test_a_leader_without_answers_gives_up_when_its_time_is_over(api: StubApi, pauses: list[float]) -> None:
    candidate = Candidate(api, "a")
    await candidate.step()
    api.fail("GET", LEASE_PATH, *[AWAY] * 100)
    while candidate.leadership.held:
        assert await candidate.leadership.keep()
        candidate.clock.now_s += pauses[-1]
    with pytest.raises(LeadershipLostError):
        await candidate.leadership.keep()
    assert candidate.clock.now_s == pytest.approx(1000 + DURATION_S * 2 / 3)


async def test_a_leader_whose_request_hangs_gives_up_all_the_same(api: StubApi) -> None:
    leadership = Leadership(api, "system", "default", "a", duration_s=0.15)  # type: ignore[arg-type]
    await leadership.step()

    async def hang(_: Request) -> None:
        await asyncio.Event().wait()

    api.before = hang
    with pytest.raises(LeadershipLostError):
        await asyncio.wait_for(leadership.keep(), 10)


async def test_a_leader_that_was_replaced_while_it_was_paused_gives_up(api: StubApi) -> None:
    paused, standby = Candidate(api, "a"), Candidate(api, "b")
    await paused.step()
    await standby.step()
    await standby.step(after_s=DURATION_S + 1)
    paused.clock.now_s += DURATION_S + 1
    with pytest.raises(LeadershipLostError):
        await paused.leadership.keep()
    assert holder(api) == "b"


async def test_a_released_lease_is_taken_at_once(api: StubApi) -> None:
    leader, standby = Candidate(api, "a"), Candidate(api, "b")
    await leader.step()
    await standby.step()
    await leader.leadership.release()
    assert not leader.leadership.held
    assert await standby.step()


async def test_only_the_holder_releases(api: StubApi) -> None:
    await Candidate(api, "a").step()
    standby = Candidate(api, "b")
    await standby.step()
    await standby.leadership.release()
    assert holder(api) == "a"


async def test_installations_in_one_namespace_lead_side_by_side(api: StubApi) -> None:
    assert await Candidate(api, "a").step()
    other = Leadership(api, "system", "blue", "b", DURATION_S, Monotonic())  # type: ignore[arg-type]
    assert await other.step()
    assert f"{LEASE_PATH}-blue" in api.objects
