"""Posting Events: in the background, what went wrong first, and within the budget of each timer."""

import pytest

from controller.core.events import EventDraft
from controller.core.reasons import Reason
from controller.core.timer import Timer
from controller.kube.errors import ApiError, ApiUnreachableError
from controller.observe import metrics
from controller.reconcile.herald import BURST, Herald
from tests.unit.core.objects import UID, timer
from tests.unit.kube.stub_api import TOO_MANY_REQUESTS, Request
from tests.unit.reconcile.desk import HOURLY, Desk, uid

WARNING = EventDraft("Warning", Reason.FORBIDDEN, "no Jobs here")
NORMAL = EventDraft("Normal", Reason.SUCCESSFUL_CREATE, "Created job a")
EVENTS = "/api/v1/namespaces/default/events"
FIVE_MINUTES_S = 300


@pytest.fixture
def herald(desk: Desk, pauses: list[float]) -> Herald:
    """Fifty a second; pauses take no time."""
    return Herald(desk.api, desk.health, "leader-1", 50, desk.monotonic)  # type: ignore[arg-type]


@pytest.fixture
def nightly() -> Timer:
    return timer(HOURLY)


async def post_all(desk: Desk, herald: Herald) -> list[Request]:
    """Post what is waiting; all that was posted so far."""
    while herald._warnings or herald._normal:
        assert await herald.step()
    return desk.api.made("POST")


async def posted(desk: Desk, herald: Herald) -> int:
    """How many there are, with what is posted now."""
    return len(await post_all(desk, herald))


async def test_an_event_names_its_timer_and_says_what_went_on(desk: Desk, herald: Herald, nightly: Timer) -> None:
    herald.tell(nightly, [WARNING])
    (request,) = await post_all(desk, herald)
    assert request.path == EVENTS
    event = request.body
    assert (event["type"], event["reason"], event["message"]) == ("Warning", "Forbidden", "no Jobs here")
    assert event["involvedObject"] == {
        "apiVersion": "redistimer.dev/v1alpha1",
        "kind": "RedisTimer",
        "namespace": "default",
        "name": "nightly",
        "uid": UID,
        "resourceVersion": nightly.resource_version,
    }
    assert event["source"] == {"component": "redistimer-controller", "host": "leader-1"}
    assert event["metadata"]["namespace"] == "default"
    assert event["metadata"]["name"].startswith("nightly.")


async def test_events_have_names_of_their_own(desk: Desk, herald: Herald, nightly: Timer) -> None:
    herald.tell(nightly, [NORMAL] * 10 + [WARNING] * 10)
    names = {request.body["metadata"]["name"] for request in await post_all(desk, herald)}
    assert len(names) == 20


async def test_a_message_can_be_as_long_as_it_likes(desk: Desk, herald: Herald, nightly: Timer) -> None:
    herald.tell(nightly, [EventDraft("Warning", Reason.FORBIDDEN, "x" * 100_000)])
    (request,) = await post_all(desk, herald)
    assert len(request.body["message"]) == 1024


async def test_to_tell_waits_for_nobody(desk: Desk, herald: Herald, nightly: Timer) -> None:
    herald.tell(nightly, [WARNING, NORMAL])
    assert desk.api.requests == []


async def test_what_went_wrong_is_told_before_what_went_well_and_each_in_its_order(
    desk: Desk, herald: Herald, nightly: Timer
) -> None:
    second = EventDraft("Warning", Reason.MISS_SCHEDULE, "Missed 1 run(s).")
    ended = EventDraft("Normal", Reason.SAW_COMPLETED_JOB, "Saw completed job: a")
    herald.tell(nightly, [NORMAL, WARNING, ended, second])
    reasons = [request.body["reason"] for request in await post_all(desk, herald)]
    assert reasons == ["Forbidden", "MissSchedule", "SuccessfulCreate", "SawCompletedJob"]


async def test_events_are_posted_at_the_rate_that_is_set(
    desk: Desk, herald: Herald, nightly: Timer, pauses: list[float]
) -> None:
    herald.tell(nightly, [NORMAL] * 3)
    await post_all(desk, herald)
    assert pauses == [0.02] * 3


@pytest.mark.parametrize("draft", [NORMAL, WARNING], ids=["Normal", "Warning"])
async def test_a_timer_may_say_so_much_at_once_and_then_one_thing_every_five_minutes(
    desk: Desk, herald: Herald, nightly: Timer, draft: EventDraft
) -> None:
    herald.tell(nightly, [draft] * 40)
    assert await posted(desk, herald) == BURST == 25
    desk.monotonic.now_s += FIVE_MINUTES_S - 1
    herald.tell(nightly, [draft])
    assert await posted(desk, herald) == BURST
    desk.monotonic.now_s += 1
    herald.tell(nightly, [draft] * 5)
    assert await posted(desk, herald) == BURST + 1
    desk.monotonic.now_s += 2 * FIVE_MINUTES_S
    herald.tell(nightly, [draft] * 5)
    assert await posted(desk, herald) == BURST + 3


async def test_after_a_long_silence_it_may_say_so_much_again_and_no_more(
    desk: Desk, herald: Herald, nightly: Timer
) -> None:
    herald.tell(nightly, [NORMAL] * 40)
    await post_all(desk, herald)
    desk.monotonic.now_s += 100 * 24 * 3600
    herald.tell(nightly, [NORMAL] * 40)
    assert await posted(desk, herald) == 2 * BURST


async def test_what_was_not_said_is_not_held_against_a_timer(desk: Desk, herald: Herald, nightly: Timer) -> None:
    herald.tell(nightly, [NORMAL] * 1000)
    await post_all(desk, herald)
    desk.monotonic.now_s += FIVE_MINUTES_S
    herald.tell(nightly, [NORMAL])
    assert await posted(desk, herald) == BURST + 1


async def test_good_news_use_up_nothing_of_what_may_be_said_of_bad(desk: Desk, herald: Herald, nightly: Timer) -> None:
    herald.tell(nightly, [NORMAL] * 40)
    herald.tell(nightly, [WARNING])
    assert await posted(desk, herald) == BURST + 1


async def test_one_timer_uses_up_nothing_of_another(desk: Desk, herald: Herald, nightly: Timer) -> None:
    herald.tell(nightly, [NORMAL] * 40)
    herald.tell(timer(HOURLY, uid=uid(2), name="other"), [NORMAL])
    assert await posted(desk, herald) == BURST + 1


async def test_only_so_many_timers_are_remembered_and_the_quietest_goes_first(
    desk: Desk, herald: Herald, nightly: Timer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controller.reconcile.herald._REMEMBERED", 2)
    herald.tell(nightly, [NORMAL] * BURST)
    for number in (2, 3):
        herald.tell(timer(HOURLY, uid=uid(number)), [NORMAL])
    before = await posted(desk, herald)
    herald.tell(nightly, [NORMAL])
    assert await posted(desk, herald) == before + 1, "it is as if it had said nothing yet"


def over_budget() -> float:
    """How many Events have been left out so far."""
    return metrics.CONTROLLER.get_sample_value("redistimer_events_total", {"result": "over budget"}) or 0


async def test_of_more_than_can_wait_the_oldest_go_and_are_counted(
    desk: Desk, nightly: Timer, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controller.reconcile.herald.LONGEST_QUEUE", 3)
    small = Herald(desk.api, desk.health, "leader-1", 50, desk.monotonic)  # type: ignore[arg-type]
    before = over_budget()
    small.tell(nightly, [EventDraft("Normal", Reason.SUCCESSFUL_CREATE, str(number)) for number in range(5)])
    assert small.waiting == 3
    assert over_budget() == before + 2
    assert [request.body["message"] for request in await post_all(desk, small)] == ["2", "3", "4"]


@pytest.mark.parametrize(
    "error",
    [
        ApiError(403, "Forbidden", "the namespace is terminating"),
        ApiError(404, "NotFound", "no such namespace"),
        TOO_MANY_REQUESTS,
        ApiUnreachableError("away"),
    ],
)
async def test_an_event_that_cannot_be_written_is_let_go_and_in_nobodys_way(
    desk: Desk, herald: Herald, nightly: Timer, error: Exception
) -> None:
    desk.api.fail("POST", EVENTS, error)
    herald.tell(nightly, [WARNING, NORMAL])
    assert await posted(desk, herald) == 2
    assert len([path for path in desk.api.objects if path.startswith(EVENTS)]) == 1


async def test_with_nothing_to_tell_a_step_waits_for_something(
    desk: Desk, herald: Herald, nightly: Timer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controller.reconcile.herald._IDLE_S", 0.001)
    assert await herald.step()
    assert desk.api.requests == []
    herald.tell(nightly, [NORMAL])
    assert await herald.step()
    assert len(desk.api.made("POST")) == 1
