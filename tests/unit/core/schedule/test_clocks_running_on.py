"""What repeats with a period that divides the change of the clocks goes on in real time."""

import pytest

from controller.core.instants import rfc3339
from tests.unit.core.objects import HOUR_MS, MINUTE_MS, SECOND_MS, ms
from tests.unit.core.schedule.asking import backwards, cron, within

# The zone, and what is due at this instant, at which clocks are set.
FORWARD_AND_BACK = [
    ("Europe/Berlin", ["2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z"]),
    ("America/New_York", ["2026-03-08T07:00:00Z", "2026-11-01T06:00:00Z"]),
    ("Africa/Casablanca", ["2024-03-10T02:00:00Z", "2024-04-14T02:00:00Z"]),
    ("America/Sao_Paulo", ["2018-02-18T02:00:00Z", "2018-11-04T03:00:00Z"]),
    ("America/Havana", ["2024-03-10T05:00:00Z", "2024-11-03T05:00:00Z"]),
    ("Antarctica/Troll", ["2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z"]),
    ("Pacific/Apia", ["2011-12-30T10:00:00Z"]),
]

EVERY_HOUR_OR_LESS = [
    ("0 * * * *", HOUR_MS),
    ("0 0-23 * * *", HOUR_MS),
    ("0 */1 * * *", HOUR_MS),
    ("0 ? ? * ?", HOUR_MS),
    ("*/30 * * * *", 30 * MINUTE_MS),
    ("0,30 0-11,12-23 * * *", 30 * MINUTE_MS),
    ("*/5 * * * *", 5 * MINUTE_MS),
    ("* * * * *", MINUTE_MS),
    ("*/20 * * * * *", 20 * SECOND_MS),
    ("0 0 * * * *", HOUR_MS),
]


def assert_runs_on(expression: str, zone: str, change: str, step_ms: int) -> None:
    """Due are all multiples of a step before and after an instant."""
    asked, change_ms, around_ms = cron(expression, zone), ms(change), max(2 * HOUR_MS, step_ms)
    steps = [rfc3339(change_ms + offset_ms) for offset_ms in range(-around_ms, around_ms + 1, step_ms)]
    assert within(asked, rfc3339(ms(steps[0]) - 1), steps[-1]) == steps
    assert backwards(asked, steps[-1], len(steps)) == steps[::-1]
    assert asked.count(ms(steps[0]), ms(steps[-1])) == (len(steps) - 1, True)


@pytest.mark.parametrize(("zone", "changes"), FORWARD_AND_BACK)
@pytest.mark.parametrize(("expression", "step_ms"), EVERY_HOUR_OR_LESS)
def test_what_repeats_every_hour_or_within_it_runs_on(
    zone: str, changes: list[str], expression: str, step_ms: int
) -> None:
    for change in changes:
        assert_runs_on(expression, zone, change, step_ms)


@pytest.mark.parametrize("change", ["2026-04-04T15:00:00Z", "2026-10-03T15:30:00Z"])
@pytest.mark.parametrize(
    ("expression", "step_ms"),
    [("*/30 * * * *", 30 * MINUTE_MS), ("*/15 * * * *", 15 * MINUTE_MS), ("* * * * *", MINUTE_MS)],
)
def test_so_does_what_repeats_within_half_an_hour_where_clocks_are_set_by_that(
    change: str, expression: str, step_ms: int
) -> None:
    assert_runs_on(expression, "Australia/Lord_Howe", change, step_ms)


@pytest.mark.parametrize("change", ["2026-03-29T00:00:00Z", "2026-10-25T00:00:00Z"])
def test_so_does_what_repeats_every_two_hours_where_clocks_are_set_by_that(change: str) -> None:
    # Clocks are set an hour later; even hours are due at even hours of UTC before and after.
    assert_runs_on("0 */2 * * *", "Antarctica/Troll", change, 2 * HOUR_MS)


@pytest.mark.parametrize(("expression", "hours"), [("0 */2 * * *", 2), ("0 */8 * * *", 8), ("0 0,12 * * *", 12)])
def test_so_does_what_repeats_within_a_day_where_that_is_missing(expression: str, hours: int) -> None:
    assert_runs_on(expression, "Pacific/Apia", "2011-12-30T10:00:00Z", hours * HOUR_MS)


@pytest.mark.parametrize(
    ("expression", "expected_instants"),
    [
        ("15 * 29 3 *", ["2026-03-28T23:15:00Z", "2026-03-29T00:15:00Z", "2026-03-29T01:15:00Z"]),
        (
            "15 * 25 10 *",
            ["2026-10-24T22:15:00Z", "2026-10-24T23:15:00Z", "2026-10-25T00:15:00Z", "2026-10-25T01:15:00Z"],
        ),
    ],
)
def test_the_days_of_what_runs_on_are_those_of_the_wall_clock(expression: str, expected_instants: list[str]) -> None:
    day = expected_instants[0]
    assert (
        within(cron(expression, "Europe/Berlin"), day.replace(":15:", ":00:"), expected_instants[-1])
        == expected_instants
    )


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29", 23), ("2026-03-30", 24), ("2026-10-25", 25), ("2026-10-26", 24)]
)
def test_a_day_has_as_many_hours_as_its_wall_clock_shows(day: str, hours: int) -> None:
    month_and_day = f"{int(day[8:])} {int(day[5:7])}"
    asked = cron(f"0 * {month_and_day} *", "Europe/Berlin")
    assert asked.count(ms("2026-01-01T00:00:00Z"), ms("2026-12-31T00:00:00Z")) == (hours, True)
