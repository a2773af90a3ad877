"""What a spec calls for, by the auditor's own calculation: the examples are worked out by hand."""

import pytest

from tests.chaos.occurrences import Spec, due_between, instant_ms, same_timing

CREATED = "2026-11-29T12:00:10Z"


def due(spec: Spec, after: str, until: str) -> list[str]:
    """The times of day of what is due after one and until the other."""
    day = "2026-11-29T"
    found = due_between(spec, instant_ms(CREATED), instant_ms(f"{day}{after}Z"), instant_ms(f"{day}{until}Z"))
    midnight = instant_ms(f"{day}00:00:00Z")
    return [
        f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}" for one in found for ms in [one - midnight]
    ]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"every": "25s"}, ["12:00:35", "12:01:00", "12:01:25"]),
        ({"every": "1m", "startTime": "2026-11-29T12:00:20Z"}, ["12:00:20", "12:01:20"]),
        ({"every": "25s", "endTime": "2026-11-29T12:01:00Z"}, ["12:00:35", "12:01:00"]),
        ({"every": "25s", "suspend": True}, []),
        ({"schedule": "*/20 * * * * *"}, ["12:00:20", "12:00:40", "12:01:00", "12:01:20"]),
        ({"schedule": "3,50 * * * * *"}, ["12:00:50", "12:01:03"]),
        ({"schedule": "* * * * *"}, ["12:01:00"]),
        ({"schedule": "1,7 * * * *", "timeZone": "Asia/Tokyo"}, ["12:01:00"]),
        ({"schedules": [{"cron": "30 * * * * *"}, {"cron": "*/30 * * * * *"}]}, ["12:00:30", "12:01:00"]),
        ({"schedule": "*/20 * * * * *", "exclude": [{"cron": "1,2 * * * *"}]}, ["12:00:20", "12:00:40"]),
        ({"at": "2026-11-29T13:01:00+01:00"}, ["12:01:00"]),
        ({"afterCreation": "1m5s"}, ["12:01:15"]),
    ],
)
def test_each_kind_of_schedule_is_due_when_it_says(spec: Spec, expected: list[str]) -> None:
    assert due(spec, "12:00:10", "12:01:25") == expected


def test_the_beginning_of_a_span_is_not_in_it_and_its_end_is() -> None:
    assert due({"every": "10s"}, "12:00:20", "12:00:40") == ["12:00:30", "12:00:40"]


def test_a_field_that_is_not_understood_is_an_error_and_not_a_guess() -> None:
    with pytest.raises(AssertionError, match="only seconds and minutes"):
        due({"schedule": "0 12 * * *"}, "12:00:10", "12:01:25")


def test_only_what_says_when_is_timing() -> None:
    spec = {"every": "5s", "suspend": False, "jobTemplate": {"spec": {}}, "startingDeadlineSeconds": 5}
    assert same_timing(spec, {"every": "5s", "jobTemplate": {}})
    assert not same_timing(spec, {"every": "6s"})
    assert not same_timing(spec, {"every": "5s", "suspend": True})
