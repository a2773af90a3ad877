"""Cron schedules: their occurrences, at changes of the clocks too."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from controller.core.instants import rfc3339
from controller.core.schedule import GAP_COUNT_LIMIT, Gap, cron
from tests.unit.core.objects import DAY_MS, HOUR_MS, MINUTE_MS, ms


def occurrences(expression: str, zone: str, after: str, count: int) -> list[str]:
    schedule, instant_ms, found = cron(expression, zone), ms(after), []
    for _ in range(count):
        following_ms = schedule.next_after(instant_ms)
        assert following_ms is not None
        instant_ms = following_ms
        found.append(rfc3339(instant_ms))
    return found


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("*/20 * * * *", ["2026-03-01T10:20:00Z", "2026-03-01T10:40:00Z", "2026-03-01T11:00:00Z"]),
        ("30 6 * * MON-FRI", ["2026-03-02T06:30:00Z", "2026-03-03T06:30:00Z", "2026-03-04T06:30:00Z"]),
        ("0 0 1,15 * *", ["2026-03-15T00:00:00Z", "2026-04-01T00:00:00Z", "2026-04-15T00:00:00Z"]),
        ("0 12 13 * 5", ["2026-03-06T12:00:00Z", "2026-03-13T12:00:00Z", "2026-03-20T12:00:00Z"]),
        ("5 4 29 2 *", ["2028-02-29T04:05:00Z", "2032-02-29T04:05:00Z", "2036-02-29T04:05:00Z"]),
    ],
)
def test_a_cron_expression_in_utc(expression: str, expected: list[str]) -> None:
    assert occurrences(expression, "UTC", "2026-03-01T10:00:00Z", 3) == expected


def test_the_time_zone_decides_and_utc_is_the_default() -> None:
    after_ms = ms("2026-01-10T00:00:00Z")
    assert cron("0 9 * * *", "Asia/Kolkata").next_after(after_ms) == ms("2026-01-10T09:00:00+05:30")
    assert cron("0 9 * * *", None).next_after(after_ms) == ms("2026-01-10T09:00:00Z")


@pytest.mark.parametrize(("offset_ms", "expected"), [(-1, "10:00:00Z"), (0, "10:01:00Z"), (1, "10:01:00Z")])
def test_the_next_occurrence_is_strictly_later_to_the_millisecond(offset_ms: int, expected: str) -> None:
    found_ms = cron("* * * * *", "UTC").next_after(ms("2026-03-01T10:00:00Z") + offset_ms)
    assert found_ms == ms(f"2026-03-01T{expected}")


def test_a_time_that_does_not_exist_runs_right_after_the_gap() -> None:
    assert occurrences("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 2) == [
        "2026-03-29T01:00:00Z",  # 03:00 summer time, right after 01:59:59 winter time
        "2026-03-30T00:30:00Z",
    ]


def test_a_time_that_exists_twice_runs_once() -> None:
    assert occurrences("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2) == [
        "2026-10-25T00:30:00Z",  # the first of both
        "2026-10-26T01:30:00Z",
    ]


def test_a_time_that_exists_twice_does_not_run_again_when_one_asks_in_between() -> None:
    between_ms = ms("2026-10-25T01:10:00Z")  # 02:10, for the second time
    assert cron("30 2 * * *", "Europe/Berlin").next_after(between_ms) == ms("2026-10-26T01:30:00Z")


def test_what_runs_every_half_hour_does_so_through_both_changes_of_the_clocks() -> None:
    for day in ("2026-03-29", "2026-10-25"):
        start_ms = ms(f"{day}T00:00:00Z")
        found = occurrences("*/30 * * * *", "Europe/Berlin", f"{day}T00:00:00Z", 6)
        assert [ms(instant) for instant in found] == [start_ms + 30 * MINUTE_MS * n for n in range(1, 7)]


@pytest.mark.parametrize(
    ("after", "until", "gap"),
    [
        ("10:00", "10:14", None),
        ("10:00", "10:15", (1, "10:15", None)),
        ("10:15", "10:29", None),
        ("10:14", "10:30", (2, "10:30", "10:15")),
        ("10:00", "11:59", (7, "11:45", "11:30")),
        ("11:00", "10:00", None),
    ],
)
def test_the_gap_of_a_quarter_hourly_cron(after: str, until: str, gap: tuple[int, str, str | None] | None) -> None:
    found = cron("*/15 * * * *", "UTC").gap(ms(f"2026-03-01T{after}:00Z"), ms(f"2026-03-01T{until}:00Z"))
    if gap is None:
        assert found is None
    else:
        count, latest, previous = gap
        previous_ms = None if previous is None else ms(f"2026-03-01T{previous}:00Z")
        assert found == Gap(count, ms(f"2026-03-01T{latest}:00Z"), previous_ms)


def test_a_gap_of_many_occurrences_stops_to_count_but_still_ends_with_the_last() -> None:
    until_ms = ms("2026-03-01T00:00:30Z")
    found = cron("* * * * *", "UTC").gap(until_ms - 365 * DAY_MS, until_ms)
    last_ms = until_ms - 30_000
    assert found == Gap(GAP_COUNT_LIMIT, last_ms, last_ms - MINUTE_MS)


def test_a_time_that_does_not_exist_is_found_in_a_gap_that_holds_nothing_else() -> None:
    found = cron("30 2 * * *", "Europe/Berlin").gap(ms("2026-03-29T00:59:59Z"), ms("2026-03-29T01:00:00Z"))
    assert found == Gap(1, ms("2026-03-29T01:00:00Z"), None)


def test_a_time_that_exists_twice_is_found_in_a_gap_that_ends_before_its_second_coming() -> None:
    # From 02:00 summer time until 02:10 winter time: 02:30 summer time lies between.
    found = cron("30 2 * * *", "Europe/Berlin").gap(ms("2026-10-25T00:00:00Z"), ms("2026-10-25T01:10:00Z"))
    assert found == Gap(1, ms("2026-10-25T00:30:00Z"), None)


# Not among them: zones whose clocks change at midnight or by half an hour. There what CronSim answers for an hour
# field like */2 depends, around the change, on where it starts from.
CHANGES = {
    "Europe/Berlin": ["2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z"],
    "America/New_York": ["2026-03-08T07:00:00Z", "2026-11-01T06:00:00Z"],
    "Pacific/Auckland": ["2026-04-04T14:00:00Z", "2026-09-26T14:00:00Z"],
    "UTC": ["2026-03-01T00:00:00Z"],
}


@st.composite
def near_a_change(draw: st.DrawFn) -> tuple[str, int]:
    zone = draw(st.sampled_from(sorted(CHANGES)))
    change_ms = ms(draw(st.sampled_from(CHANGES[zone])))
    return zone, change_ms + draw(st.integers(-30, 30)) * 10 * MINUTE_MS + draw(st.sampled_from([-1, 0, 1, 30_000]))


FIELDS = st.tuples(
    st.sampled_from(["*", "*/7", "*/30", "0", "30", "0,30", "59"]),
    st.sampled_from(["*", "*/2", "0", "1", "2", "3", "0-3", "1,2,5", "23"]),
    st.sampled_from(["*", "*", "1", "29", "8-25"]),
    st.sampled_from(["*", "*", "3,10,11", "2"]),
    st.sampled_from(["*", "*", "SUN", "0-6", "1"]),
)


@settings(deadline=None, max_examples=200)
@given(fields=FIELDS, where=near_a_change(), span_ms=st.integers(0, 12) | st.integers(0, 40 * 60))
@example(fields=("30", "2", "*", "*", "*"), where=("Europe/Berlin", ms("2026-10-25T00:10:00Z")), span_ms=60)
def test_a_gap_is_what_one_meets_going_from_one_occurrence_to_the_next(
    fields: tuple[str, ...], where: tuple[str, int], span_ms: int
) -> None:
    zone, after_ms = where
    schedule, until_ms = cron(" ".join(fields), zone), after_ms + span_ms * MINUTE_MS
    met: list[int] = []
    occurrence_ms = schedule.next_after(after_ms)
    while occurrence_ms is not None and occurrence_ms <= until_ms and len(met) <= GAP_COUNT_LIMIT:
        assert occurrence_ms > (met[-1] if met else after_ms)
        met.append(occurrence_ms)
        occurrence_ms = schedule.next_after(occurrence_ms)
    found = schedule.gap(after_ms, until_ms)
    if len(met) > GAP_COUNT_LIMIT:
        assert found is not None
        assert found.count == GAP_COUNT_LIMIT
        assert found.previous_ms is not None
        assert schedule.next_after(found.previous_ms) == found.latest_ms
        following_ms = schedule.next_after(found.latest_ms)
        assert following_ms is None or following_ms > until_ms
    else:
        assert found == (Gap(len(met), met[-1], met[-2] if len(met) > 1 else None) if met else None)


@settings(deadline=None)
@given(fields=FIELDS, where=near_a_change(), step_ms=st.integers(1, 3 * HOUR_MS))
def test_the_next_occurrence_does_not_depend_on_when_one_asks(
    fields: tuple[str, ...], where: tuple[str, int], step_ms: int
) -> None:
    zone, after_ms = where
    schedule = cron(" ".join(fields), zone)
    next_ms = schedule.next_after(after_ms)
    assert next_ms is not None
    assert schedule.next_after(min(after_ms + step_ms, next_ms - 1)) == next_ms
