"""RedisTimers become CronJobs where a CronJob can do the same, and come back as what they were."""

from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.core.cronjob.conversion import CRON_JOB_FIELDS, ConversionError, to_cron_job, to_timer
from controller.core.schedule.occurrences import iterate
from controller.core.schedule.reading import read_schedule
from controller.core.timer import SPEC_FIELDS
from tests.unit.core.converting import NOW_MS, TEMPLATE, Object, exported, obj, problems_of
from tests.unit.core.objects import DAY_MS
from tests.unit.core.schedule.drawing import Place, around, timers


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"schedule": None, "at": "2027-01-01T00:00:00Z"}, "spec.at '2027-01-01T00:00:00Z': a CronJob does not run ju"),
        ({"schedule": None, "afterCreation": "10m"}, "spec.afterCreation '10m': a CronJob does not run just once"),
        ({"schedule": None, "every": "1h"}, "spec.every '1h': a CronJob counts no interval from its creation: write"),
        (
            {"schedule": "@every 1h"},
            "spec.schedule '@every 1h': a CronJob counts intervals from another creation: write",
        ),
        ({"schedule": None, "schedules": [{"cron": "@daily"}] * 2}, "spec.schedules has 2 entries: a CronJob has one"),
        ({"schedule": "*/10 * * * * *"}, "spec.schedule '*/10 * * * * *': a CronJob has no field for seconds"),
        ({"schedule": "0 0 L * *"}, "spec.schedule '0 0 L * *': a CronJob does not know L, LW, n#k and nL, which day-"),
        ({"schedule": "0 0 * * FRI#3"}, "spec.schedule '0 0 * * FRI#3': a CronJob does not know L, LW, n#k and nL, wh"),
        ({"startTime": "2027-01-01T00:00:00Z"}, "spec.startTime '2027-01-01T00:00:00Z': a CronJob runs from its crea"),
        ({"endTime": "2027-01-01T00:00:00Z"}, "spec.endTime '2027-01-01T00:00:00Z': a CronJob runs until it is"),
        ({"jitter": "5m"}, "spec.jitter '5m': a CronJob does not delay its runs"),
        ({"exclude": [{"date": "2026-12-25"}]}, 'spec.exclude [{"date": "2026-12-25"}]: a CronJob leaves out no days'),
        ({"missedRunPolicy": "Skip"}, "spec.missedRunPolicy Skip: of several overdue runs a CronJob starts the latest"),
        ({"missedRunPolicy": "All"}, "spec.missedRunPolicy All: of several overdue runs a CronJob starts the latest"),
        ({"maxConsecutiveFailures": 3}, "spec.maxConsecutiveFailures 3: a CronJob goes on however often it fails"),
        ({"guarantee": "Strict"}, "spec.guarantee Strict: a CronJob can run twice for one time"),
        ({"schedule": "61 * * * *"}, "spec.schedule '61 * * * *' is not a cron expression"),
        ({"timeZone": "Mars/Phobos"}, "spec.timeZone 'Mars/Phobos' is not a time zone of the IANA database"),
        ({"jiter": "5m"}, "spec.jiter is not a field of a RedisTimer: did you mean jitter?"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_a_cron_job_cannot_do_is_refused_with_its_field(spec: Object, problem: str) -> None:
    (told,) = problems_of(to_cron_job, spec)
    assert told.startswith(problem)


def test_every_field_of_a_timer_is_carried_over_refused_or_left_out_with_a_word() -> None:
    """Whoever adds a field to a RedisTimer has to decide what becomes of it."""
    values: Object = {
        "schedules": [{"cron": "@daily"}, {"cron": "@hourly"}],
        "at": "2027-01-01T00:00:00Z",
        "afterCreation": "10m",
        "every": "1h",
        "startTime": "2027-01-01T00:00:00Z",
        "endTime": "2027-01-01T00:00:00Z",
        "jitter": "5m",
        "exclude": [{"date": "2026-12-25"}],
        "missedRunPolicy": "All",
        "missedRunLimit": 7,
        "maxConsecutiveFailures": 3,
        "guarantee": "Strict",
        "ttlSecondsAfterComplete": 60,
    }
    assert set(SPEC_FIELDS) == set(CRON_JOB_FIELDS) | set(values)
    for name, value in values.items():
        spec = {name: value} | ({"schedule": None} if name in ("schedules", "at", "afterCreation", "every") else {})
        if name == "ttlSecondsAfterComplete":
            assert name in exported(spec).remarks[0]
        elif name == "missedRunLimit":
            # Says nothing without missedRunPolicy All, beside which the API server accepts it.
            assert name not in exported(spec).manifest["spec"]
        else:
            assert name in problems_of(to_cron_job, spec)[0]


def test_a_name_that_leaves_no_room_for_those_of_jobs_is_refused() -> None:
    assert problems_of(to_cron_job, {}, name="x" * 53) == [
        "metadata.name has 53 characters: that of a CronJob has at most 52"
    ]
    assert exported({}, name="x" * 52)


# What can be said in other words.


@pytest.mark.parametrize(
    ("spec", "schedule", "zone"),
    [
        ({"schedule": "@daily"}, "@daily", "UTC"),
        ({"schedule": "  30   6 * * MON-FRI"}, "  30   6 * * MON-FRI", "UTC"),
        ({"schedule": "0 30 6 * * *"}, "30 6 * * *", "UTC"),
        ({"schedule": None, "schedules": [{"cron": "0 9 * * *", "timeZone": "Asia/Tokyo"}]}, "0 9 * * *", "Asia/Tokyo"),
        ({"schedule": None, "timeZone": "Asia/Tokyo", "schedules": [{"cron": "@daily"}]}, "@daily", "Asia/Tokyo"),
        ({"missedRunPolicy": "Latest", "exclude": []}, "30 6 * * *", "UTC"),
    ],
    ids=str,
)
def test_what_a_cron_job_can_say_is_said(spec: Object, schedule: str, zone: str) -> None:
    converted = exported(spec).manifest["spec"]
    assert (converted["schedule"], converted["timeZone"]) == (schedule, zone)
    assert set(converted) <= set(CRON_JOB_FIELDS)


def test_a_spread_time_is_written_out_as_the_time_that_it_is() -> None:
    converted = exported({"schedule": "H 1,H(3-5) * * *"})
    text = converted.manifest["spec"]["schedule"]
    assert converted.remarks == (f"spec.schedule 'H 1,H(3-5) * * *' of billing/report is written out: {text}",)
    minute, hours, *days = text.split()
    assert minute.isdecimal()
    assert hours in ("1,3", "1,4", "1,5")
    assert days == ["*", "*", "*"]


def test_a_spread_time_goes_by_the_namespace() -> None:
    def schedule(namespace: str) -> Any:
        timer = {"metadata": {"name": "report"}, "spec": obj({"schedule": "H H * * *"})["spec"]}
        return to_cron_job(timer, namespace, NOW_MS).manifest["spec"]["schedule"]

    assert schedule("billing") == exported({"schedule": "H H * * *"}).manifest["spec"]["schedule"]
    assert len({schedule(f"team-{number}") for number in range(5)}) > 1


# There and back.


def spread(place: Place) -> st.SearchStrategy[tuple[Object, Place]]:
    """Timers with `H` in some fields, some with the second 0."""
    item = st.sampled_from(["H", "H/7", "h(1-5)", "H(2-6)/2", "*", "3,H", "*/5"])
    texts = st.tuples(st.sampled_from(["", "0 "]), st.lists(item, min_size=5, max_size=5))
    return texts.map(lambda parts: ({"schedule": parts[0] + " ".join(parts[1]), "timeZone": place.zone}, place))


@settings(deadline=None, max_examples=300)
@given(timers() | timers().flatmap(lambda timer: spread(timer[1])), st.data())
def test_what_comes_back_from_being_a_cron_job_fires_at_the_same_times(
    timer: tuple[Object, Place], data: st.DataObject
) -> None:
    spec, place = timer
    before = {"metadata": {"name": "report", "namespace": "billing"}, "spec": spec | {"jobTemplate": TEMPLATE}}
    try:
        cron_job = to_cron_job(before, "default", NOW_MS).manifest
    except ConversionError:
        return
    assert set(cron_job["spec"]) <= set(CRON_JOB_FIELDS)
    after = to_timer(cron_job, "default", NOW_MS).manifest
    since_ms = data.draw(around(place.change_ms, 1440)) - DAY_MS
    there_and_back = [
        list(islice(iterate(read_schedule(one, since_ms, "billing/report"), since_ms), 20))
        for one in (before["spec"], after["spec"])
    ]
    assert there_and_back[0] == there_and_back[1]
    assert after["metadata"] == before["metadata"]
