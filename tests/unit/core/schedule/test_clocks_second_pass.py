"""Asked while the wall clock shows, for the second time, what it has shown before."""

import pytest

from tests.unit.core.objects import ms
from tests.unit.core.schedule.asking import cron, following, last, utc

# The zone, the expression, an instant of the second pass, the last occurrence before it and the next one after it.
SECOND_PASS = [
    (
        "Europe/Berlin",
        "30 2 * * *",
        "2026-10-25T02:10:00+01:00",
        "2026-10-25T02:30:00+02:00",
        "2026-10-26T02:30:00+01:00",
    ),
    (
        "Europe/Berlin",
        "30 2 * * *",
        "2026-10-25T02:50:00+01:00",
        "2026-10-25T02:30:00+02:00",
        "2026-10-26T02:30:00+01:00",
    ),
    (
        "Europe/Berlin",
        "30 2 * * *",
        "2026-10-25T02:00:00+01:00",
        "2026-10-25T02:30:00+02:00",
        "2026-10-26T02:30:00+01:00",
    ),
    (
        "Europe/Berlin",
        "30 1,2,3 * * *",
        "2026-10-25T02:10:00+01:00",
        "2026-10-25T02:30:00+02:00",
        "2026-10-25T03:30:00+01:00",
    ),
    (
        "Europe/Berlin",
        "0 */2 * * *",
        "2026-10-25T02:10:00+01:00",
        "2026-10-25T02:00:00+02:00",
        "2026-10-25T04:00:00+01:00",
    ),
    (
        "Europe/Berlin",
        "* 2 * * *",
        "2026-10-25T02:10:00+01:00",
        "2026-10-25T02:59:00+02:00",
        "2026-10-26T02:00:00+01:00",
    ),
    (
        "Europe/Berlin",
        "7 30 2 * * *",
        "2026-10-25T02:10:00+01:00",
        "2026-10-25T02:30:07+02:00",
        "2026-10-26T02:30:07+01:00",
    ),
    (
        "America/New_York",
        "30 1 * * *",
        "2026-11-01T01:10:00-05:00",
        "2026-11-01T01:30:00-04:00",
        "2026-11-02T01:30:00-05:00",
    ),
    (
        "Australia/Lord_Howe",
        "45 1 * * *",
        "2026-04-05T01:40:00+10:30",
        "2026-04-05T01:45:00+11:00",
        "2026-04-06T01:45:00+10:30",
    ),
    (
        "Australia/Lord_Howe",
        "45 * * * *",
        "2026-04-05T01:40:00+10:30",
        "2026-04-05T01:45:00+11:00",
        "2026-04-05T02:45:00+10:30",
    ),
    (
        "America/Sao_Paulo",
        "30 23 * * *",
        "2018-02-17T23:10:00-03:00",
        "2018-02-17T23:30:00-02:00",
        "2018-02-18T23:30:00-03:00",
    ),
    (
        "America/Havana",
        "15,45 0 * * *",
        "2024-11-03T00:30:00-05:00",
        "2024-11-03T00:45:00-04:00",
        "2024-11-04T00:15:00-05:00",
    ),
    (
        "Antarctica/Troll",
        "30 1,2 * * *",
        "2026-10-25T01:10:00+00:00",
        "2026-10-25T02:30:00+02:00",
        "2026-10-26T01:30:00+00:00",
    ),
]


@pytest.mark.parametrize(("zone", "expression", "between", "before", "after"), SECOND_PASS)
def test_who_asks_in_the_second_pass_finds_what_occurred_in_the_first(
    zone: str, expression: str, between: str, before: str, after: str
) -> None:
    asked = cron(expression, zone)
    assert following(asked, between, 1) == utc(after)
    assert [last(asked, between)] == utc(before)


@pytest.mark.parametrize(("zone", "expression", "between", "before", "after"), SECOND_PASS)
def test_who_counts_to_or_from_the_second_pass_counts_each_occurrence_once(
    zone: str, expression: str, between: str, before: str, after: str
) -> None:
    asked = cron(expression, zone)
    assert asked.count(ms(before), ms(between)) == (0, True)
    assert asked.count(ms(before) - 1, ms(between)) == (1, True)
    assert asked.count(ms(between), ms(after) - 1) == (0, True)
    assert asked.count(ms(between), ms(after)) == (1, True)
