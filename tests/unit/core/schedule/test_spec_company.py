"""Which timing fields go together: exactly one says when, and not every other one has a meaning beside it."""

from itertools import combinations
from typing import Any

import pytest

from controller.core.reasons import Reason
from tests.unit.core.schedule.asking import refusal, timing

KINDS: dict[str, Any] = {
    "schedule": "0 9 * * *",
    "schedules": [{"cron": "0 9 * * *"}],
    "at": "2026-05-01T00:00:00Z",
    "afterCreation": "1h",
    "every": "1h",
}
RECURRING = ("schedule", "schedules", "every")
ONCE = ("at", "afterCreation")

BESIDE: dict[str, Any] = {
    "timeZone": "Europe/Berlin",
    "startTime": "2026-05-01T00:00:00Z",
    "endTime": "2026-06-01T00:00:00Z",
    "jitter": "5m",
    "exclude": [{"date": "2026-12-25"}],
}


def test_a_spec_that_does_not_say_when_is_told_which_fields_there_are() -> None:
    refused = refusal()
    assert refused.reason is Reason.INVALID_SPEC
    assert refused.message == (
        "spec has no schedule: exactly one of schedule, schedules, at, afterCreation, every is needed, "
        'for example schedule: "30 6 * * 1-5"'
    )


@pytest.mark.parametrize("field", BESIDE)
def test_no_other_field_says_when(field: str) -> None:
    assert refusal(**{field: BESIDE[field]}).message.startswith("spec has no schedule: ")


@pytest.mark.parametrize("kinds", [*combinations(KINDS, 2), *combinations(KINDS, 3), tuple(KINDS)])
def test_several_fields_that_say_when_are_refused_by_name(kinds: tuple[str, ...]) -> None:
    refused = refusal(**{kind: KINDS[kind] for kind in kinds})
    assert refused.reason is Reason.INVALID_SPEC
    assert refused.message.startswith(f"spec has {' and '.join(kinds)}: exactly one of schedule, schedules, at, ")


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_enough(kind: str) -> None:
    assert timing(**{kind: KINDS[kind]})


@pytest.mark.parametrize("kind", KINDS)
def test_jitter_goes_with_every_kind(kind: str) -> None:
    assert timing(**{kind: KINDS[kind]}, jitter="5m")


@pytest.mark.parametrize("kind", RECURRING)
@pytest.mark.parametrize("field", ["startTime", "endTime", "exclude"])
def test_a_window_and_exclusions_go_with_what_recurs(kind: str, field: str) -> None:
    assert timing(**{kind: KINDS[kind], field: BESIDE[field]})


@pytest.mark.parametrize("kind", RECURRING)
def test_all_of_them_go_together(kind: str) -> None:
    assert timing(**{kind: KINDS[kind]}, **BESIDE)


@pytest.mark.parametrize("kind", ONCE)
@pytest.mark.parametrize("field", ["startTime", "endTime", "exclude", "timeZone"])
def test_beside_what_fires_once_they_are_refused(kind: str, field: str) -> None:
    refused = refusal(**{kind: KINDS[kind], field: BESIDE[field]})
    assert refused.reason is Reason.INVALID_SPEC
    assert refused.message.startswith(f"spec.{field} is accepted only beside schedule, schedules and ")
    assert refused.message.endswith(f"not beside {kind}: remove it")


@pytest.mark.parametrize("kind", ["schedule", "schedules"])
def test_a_time_zone_goes_with_expressions(kind: str) -> None:
    assert timing(**{kind: KINDS[kind]}, timeZone="Europe/Berlin")
    assert timing(schedule="@every 1h", timeZone="Europe/Berlin")


def test_beside_an_interval_a_time_zone_is_accepted_only_where_it_decides_about_exclusions() -> None:
    assert timing(every="1h", timeZone="Europe/Berlin", exclude=BESIDE["exclude"])
    message = refusal(every="1h", timeZone="Europe/Berlin").message
    assert message.startswith("spec.timeZone is accepted only beside ")
    assert "not beside every" in message


@pytest.mark.parametrize(
    "changes",
    [
        {"suspend": True},
        {"startingDeadlineSeconds": 10},
        {"concurrencyPolicy": "Allow"},
        {"successfulJobsHistoryLimit": 0},
        {"jobTemplate": {}},
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_fields_that_say_nothing_about_when_are_none_of_its_business(kind: str, changes: dict[str, Any]) -> None:
    assert timing(**{kind: KINDS[kind]}, **changes)
