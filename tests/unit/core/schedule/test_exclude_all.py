"""Where everything is excluded, or nearly: that is found out soon, and decades are jumped over."""

from typing import Any

import pytest

from controller.core.schedule.occurrences import missed
from tests.unit.core.objects import DAY_MS, ms
from tests.unit.core.schedule.asking import backwards, cron, following, last, schedule

NOW = "2026-06-01T00:00:00Z"

SPECS: list[dict[str, Any]] = [
    {"schedule": "0 9 * * *"},
    {"schedule": "* * * * * *"},
    {"schedule": "0 9 29 2 *"},
    {"schedule": "0 9 L * 5#5"},
    {"schedule": "30 2 * * *", "timeZone": "Europe/Berlin"},
    {"schedule": "@every 1s"},
    {"every": "1s"},
    {"every": "1h", "timeZone": "Antarctica/Troll"},
    {"every": "1000h"},
    {"schedules": [{"cron": "0 9 * * *"}, {"cron": "@every 7h"}, {"cron": "*/5 * * * *", "timeZone": "Asia/Tokyo"}]},
    {"schedule": "0 9 * * *", "startTime": "2026-01-01T00:00:00Z"},
]

ALWAYS = [
    [{"cron": "* * * * *"}],
    [{"cron": "* 0-11 * * *"}, {"cron": "* 12-23 * * *"}],
    [{"cron": "*/2 * * * *"}, {"cron": "1-59/2 * * * *"}],
    [{"cron": "* * * * 1-5"}, {"cron": "* * * * SAT,SUN"}],
    [{"cron": "* * 1-15 * *"}, {"cron": "* * 16-31 * *"}, {"from": "2026-01-01", "to": "2030-12-31"}],
]


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("exclude", ALWAYS)
def test_where_all_is_excluded_nothing_is_next_or_last_or_counted(
    spec: dict[str, Any], exclude: list[dict[str, str]]
) -> None:
    asked = schedule(**spec, exclude=exclude)
    assert asked.next_after(ms(NOW)) is None
    assert asked.last_until(ms(NOW)) is None
    assert asked.count(ms(NOW) - 10 * DAY_MS, ms(NOW)) == (0, True)
    assert missed(asked, 0, ms(NOW)).latest == ()


@pytest.mark.parametrize(
    ("spec", "exclude", "expected"),
    [
        ({"schedule": "0 9 * * *"}, [{"from": "2026-06-01", "to": "2060-12-31"}], "2061-01-01T09:00:00Z"),
        ({"schedule": "0 0 1 6 *"}, [{"from": "2026-06-01", "to": "2060-06-01"}], "2061-06-01T00:00:00Z"),
        ({"every": "1s"}, [{"from": "2026-06-01", "to": "2060-12-31"}], "2061-01-01T00:00:00Z"),
        ({"schedule": "@every 24h"}, [{"from": "2026-06-01", "to": "2060-12-31"}], "2061-01-01T10:00:00Z"),
        (
            {"schedule": "0 9 * * *"},
            [{"from": f"{year}-01-01", "to": f"{year}-12-31"} for year in range(2060, 2025, -1)],
            "2061-01-01T09:00:00Z",
        ),
        (
            {"schedules": [{"cron": "0 9 * * *", "timeZone": "Asia/Tokyo"}, {"cron": "0 9 * * *"}]},
            [{"from": "2026-06-01", "to": "2060-12-31"}],
            "2061-01-01T00:00:00Z",
        ),
        # The only free minutes are those of the 29th of February.
        ({"schedule": "0 9 * * *"}, [{"cron": "* * * 1,3-12 *"}, {"cron": "* * 1-28 2 *"}], "2028-02-29T09:00:00Z"),
        ({"every": "1h"}, [{"cron": "* * * 1,3-12 *"}, {"cron": "* * 1-28 2 *"}], "2028-02-29T00:00:00Z"),
    ],
)
def test_what_comes_after_a_long_time_is_found(
    spec: dict[str, Any], exclude: list[dict[str, str]], expected: str
) -> None:
    asked = schedule(**spec, exclude=exclude)
    assert following(asked, NOW, 1) == [expected]
    assert last(asked, expected) == expected
    assert asked.count(ms(expected) - 1, ms(expected)) == (1, True)


def test_what_was_before_a_long_time_is_found() -> None:
    asked = cron("0 9 * * *", exclude=[{"from": "1990-01-01", "to": "2030-12-31"}])
    assert backwards(asked, NOW, 2) == ["1989-12-31T09:00:00Z", "1989-12-30T09:00:00Z"]
    interval = schedule(
        every="1h", startTime="1989-12-31T22:00:00Z", exclude=[{"from": "1990-01-01", "to": "2030-12-31"}]
    )
    assert backwards(interval, NOW, 9) == ["1989-12-31T23:00:00Z", "1989-12-31T22:00:00Z"]


@pytest.mark.parametrize("spec", [{"schedule": "0 * * * *"}, {"every": "1h"}], ids=str)
def test_days_passed_over_as_dates_do_not_count_as_tried(spec: dict[str, Any]) -> None:
    """Before and after 60 years of dates lies a day on which a cron excludes all."""
    dates = {"from": "2026-03-03", "to": "2086-04-30"}
    asked = schedule(**spec, exclude=[dates, {"cron": "* * 2 3 *"}, {"cron": "* * 1 5 *"}])
    assert following(asked, "2026-03-01T23:30:00Z", 1) == ["2086-05-02T00:00:00Z"]
    assert backwards(asked, "2086-05-01T12:00:00Z", 1) == ["2026-03-01T23:00:00Z"]
