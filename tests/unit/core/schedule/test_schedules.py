"""`schedules`: several expressions, each in a zone of its own."""

import pytest

from controller.core.reasons import Reason
from tests.unit.core.objects import ms
from tests.unit.core.schedule.asking import backwards, following, last, refusal, schedule, utc, within

OFFICES = [
    {"cron": "0 9 * * MON-FRI", "timeZone": "Europe/Berlin"},
    {"cron": "0 9 * * MON-FRI", "timeZone": "America/New_York"},
]


def test_all_of_them_are_due_each_in_its_own_zone() -> None:
    asked = schedule(schedules=OFFICES)
    expected = [
        "2026-03-06T09:00:00+01:00",
        "2026-03-06T09:00:00-05:00",
        "2026-03-09T09:00:00+01:00",
        "2026-03-09T09:00:00-04:00",  # New York has summer time already
    ]
    assert following(asked, "2026-03-06T00:00:00Z", 4) == utc(*expected)
    assert backwards(asked, "2026-03-09T13:00:00Z", 4) == utc(*reversed(expected))


def test_the_zone_of_the_timer_is_that_of_schedules_without_one_and_utc_its_default() -> None:
    entries = [{"cron": "0 9 * * *"}, {"cron": "0 9 * * *", "timeZone": "Asia/Kathmandu"}]
    assert following(schedule(schedules=entries, timeZone="Asia/Tokyo"), "2026-03-06T00:00:00+09:00", 2) == utc(
        "2026-03-06T09:00:00+09:00", "2026-03-06T09:00:00+05:45"
    )
    assert following(schedule(schedules=entries), "2026-03-06T00:00:00Z", 2) == utc(
        "2026-03-06T09:00:00+05:45", "2026-03-06T09:00:00Z"
    )


@pytest.mark.parametrize(
    "entries",
    [
        [{"cron": "0 9 * * *"}, {"cron": "0 9 * * *"}],
        [{"cron": "0 9 * * *"}, {"cron": "0 0 9 * * *"}],
        [{"cron": "0 10 * * *", "timeZone": "Africa/Lagos"}, {"cron": "0 9 * * *"}],
        [{"cron": "0 9 * * *"}, {"cron": "0 9 31 2 *"}],
        [{"cron": "0 9 * * *"}],
    ],
)
def test_an_instant_that_several_of_them_name_occurs_once(entries: list[dict[str, str]]) -> None:
    asked = schedule(schedules=entries)
    expected = ["2026-03-06T09:00:00Z", "2026-03-07T09:00:00Z", "2026-03-08T09:00:00Z"]
    assert within(asked, "2026-03-06T00:00:00Z", "2026-03-09T00:00:00Z") == expected
    assert backwards(asked, "2026-03-09T00:00:00Z", 3) == expected[::-1]
    assert asked.count(ms("2026-03-06T00:00:00Z"), ms("2026-03-09T00:00:00Z")) == (3, True)


def test_a_fixed_interval_can_be_among_them() -> None:
    asked = schedule(schedules=[{"cron": "@every 40m"}, {"cron": "@hourly"}])  # created at 10:00
    assert following(asked, "2026-03-01T10:00:00Z", 5) == [
        "2026-03-01T10:40:00Z",
        "2026-03-01T11:00:00Z",
        "2026-03-01T11:20:00Z",
        "2026-03-01T12:00:00Z",
        "2026-03-01T12:40:00Z",
    ]


def test_a_window_holds_for_all_of_them() -> None:
    asked = schedule(schedules=OFFICES, startTime="2026-03-06T08:00:01Z", endTime="2026-03-09T08:00:00Z")
    assert following(asked, "2026-01-01T00:00:00Z", 9) == ["2026-03-06T14:00:00Z", "2026-03-09T08:00:00Z"]


def test_one_that_never_fires_takes_nothing_from_the_others() -> None:
    asked = schedule(schedules=[{"cron": "0 0 31 2 *"}, {"cron": "0 9 * * *"}])
    assert following(asked, "2026-03-06T00:00:00Z", 1) == ["2026-03-06T09:00:00Z"]
    assert last(asked, "2026-03-06T00:00:00Z") == "2026-03-05T09:00:00Z"


def test_where_none_of_them_ever_fires_there_is_no_occurrence() -> None:
    asked = schedule(schedules=[{"cron": "0 0 31 2 *"}, {"cron": ", * * * *"}])
    assert asked.next_after(0) is None
    assert asked.last_until(0) is None
    assert asked.count(0, ms("2026-03-06T00:00:00Z")) == (0, True)


def test_sixteen_are_accepted_and_seventeen_are_not() -> None:
    entries = [{"cron": f"{minute} 9 * * *"} for minute in range(17)]
    assert len(following(schedule(schedules=entries[:16]), "2026-03-06T00:00:00Z", 16)) == 16
    refused = refusal(schedules=entries)
    assert refused.reason is Reason.INVALID_SPEC
    assert refused.message.startswith("spec.schedules has 17 entries: at most 16 are accepted")


def test_an_empty_list_is_refused() -> None:
    # A timer that names no time is a mistake; the schema wants one schedule at least.
    refused = refusal(schedules=[])
    assert refused.reason is Reason.INVALID_SPEC
    assert refused.message.startswith("spec.schedules ")


@pytest.mark.parametrize("number", range(3))
def test_a_schedule_that_is_refused_is_named_by_its_place(number: int) -> None:
    entries = [{"cron": "0 9 * * *"} for _ in range(3)]
    entries[number] = {"cron": "60 9 * * *"}
    refused = refusal(schedules=entries)
    assert refused.reason is Reason.INVALID_SCHEDULE
    assert refused.message.startswith(f"spec.schedules[{number}].cron '60 9 * * *' is not a cron expression: minute ")
