"""CronJobs become RedisTimers: what stays, what is said about what does not, and what is refused."""

from typing import Any

import pytest

from controller.core.cronjob.conversion import CRON_JOB_FIELDS, ConversionError, Converted, to_cron_job, to_timer
from tests.unit.core.converting import NO_ZONE, NOW_MS, TEMPLATE, Object, exported, imported, obj, problems_of

# What stays.


def test_a_cron_job_becomes_a_timer_with_every_field_that_it_has() -> None:
    spec = {
        "schedule": "30 6 * * 1-5",
        "timeZone": "Asia/Tokyo",
        "suspend": False,
        "startingDeadlineSeconds": 3600,
        "concurrencyPolicy": "Replace",
        "successfulJobsHistoryLimit": 1,
        "failedJobsHistoryLimit": 0,
        "jobTemplate": TEMPLATE,
    }
    assert set(spec) == set(CRON_JOB_FIELDS)
    assert imported(spec) == Converted(
        {
            "apiVersion": "redistimer.dev/v1alpha1",
            "kind": "RedisTimer",
            "metadata": {"name": "report", "namespace": "billing"},
            "spec": spec,
        },
        (),
    )
    assert exported(spec).manifest["spec"] == spec
    assert exported(spec).manifest["apiVersion"] == "batch/v1"
    assert exported(spec).remarks == ()


def test_fields_are_written_in_the_order_in_which_people_read_them() -> None:
    manifest = imported({"suspend": False}).manifest
    assert list(manifest["spec"]) == ["schedule", "timeZone", "suspend", "jobTemplate"]


def test_what_the_api_server_owns_goes_and_what_users_wrote_stays() -> None:
    before = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {
            "name": "report",
            "namespace": "billing",
            "uid": "1",
            "resourceVersion": "2",
            "generation": 3,
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "managedFields": [{}],
            "labels": {"team": "billing"},
            "annotations": {"why": "audit", "kubectl.kubernetes.io/last-applied-configuration": "{}"},
        },
        "spec": {
            "schedule": "@daily",
            "timeZone": "UTC",
            "jobTemplate": {
                "metadata": {"creationTimestamp": None},
                "spec": {
                    "template": {
                        "metadata": {"creationTimestamp": None, "labels": {"a": "b"}},
                        "spec": {"containers": []},
                    }
                },
            },
        },
        "status": {"lastScheduleTime": "2026-01-01T00:00:00Z"},
    }
    assert to_timer(before, "default", NOW_MS).manifest == {
        "apiVersion": "redistimer.dev/v1alpha1",
        "kind": "RedisTimer",
        "metadata": {
            "name": "report",
            "namespace": "billing",
            "labels": {"team": "billing"},
            "annotations": {"why": "audit"},
        },
        "spec": {
            "schedule": "@daily",
            "timeZone": "UTC",
            "jobTemplate": {"spec": {"template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": []}}}},
        },
    }


def test_what_our_own_commands_have_annotated_is_not_for_a_cron_job() -> None:
    annotations = {"redistimer.dev/trigger": "1", "redistimer.dev/backfill": "{}", "why": "audit"}
    assert exported({}, annotations=annotations).manifest["metadata"]["annotations"] == {"why": "audit"}


def test_a_manifest_is_suspended_on_request_and_that_is_nothing_to_remark() -> None:
    assert imported({}, suspend=True).manifest["spec"]["suspend"] is True
    assert imported({}, suspend=True).remarks == ()
    assert to_cron_job(obj({}), "default", NOW_MS, suspend=True).manifest["spec"]["suspend"] is True


def test_null_is_as_good_as_nothing() -> None:
    assert "suspend" not in imported({"suspend": None, "startingDeadlineSeconds": None}).manifest["spec"]


# Zones.


def test_a_cron_job_without_a_zone_is_remarked_on() -> None:
    assert imported({"timeZone": None}).remarks == (NO_ZONE,)


@pytest.mark.parametrize("text", ["* * * * *", "*/5 * * * *", "3,18,33,48 * * * *", "@every 1h"])
def test_but_not_where_it_runs_at_the_same_time_in_every_zone(text: str) -> None:
    assert NO_ZONE not in imported({"schedule": text, "timeZone": None}).remarks


@pytest.mark.parametrize("text", ["0 * * * *", "*/10 * * * *", "*/5 9-17 * * *", "*/5 * 1 * *", "*/5 * * 1 *"])
def test_some_zones_are_half_an_hour_or_a_quarter_apart_and_all_have_days_of_their_own(text: str) -> None:
    assert NO_ZONE in imported({"schedule": text, "timeZone": None}).remarks


def test_whoever_knows_the_zone_of_the_machine_can_name_it() -> None:
    named = imported({"timeZone": None}, time_zone="Asia/Tokyo")
    assert named.manifest["spec"]["timeZone"] == "Asia/Tokyo"
    assert named.remarks == ()
    assert imported({"timeZone": "UTC"}, time_zone="Asia/Tokyo").manifest["spec"]["timeZone"] == "UTC"


@pytest.mark.parametrize("prefix", ["TZ=Asia/Tokyo ", "CRON_TZ=Asia/Tokyo  "])
def test_a_zone_inside_the_expression_is_moved_to_its_field(prefix: str) -> None:
    moved = imported({"schedule": f"{prefix}30 6 * * *", "timeZone": None})
    assert moved.manifest["spec"] == {"schedule": "30 6 * * *", "timeZone": "Asia/Tokyo", "jobTemplate": TEMPLATE}
    assert moved.remarks == (f"the zone in schedule '{prefix}30 6 * * *' is moved to timeZone: Asia/Tokyo",)


def test_the_local_zone_inside_the_expression_is_as_good_as_none() -> None:
    local = imported({"schedule": "TZ=Local 30 6 * * *", "timeZone": None})
    assert "timeZone" not in local.manifest["spec"]
    assert local.remarks == (NO_ZONE,)


def test_two_zones_are_one_too_many() -> None:
    assert problems_of(to_timer, {"schedule": "TZ=UTC 30 6 * * *", "timeZone": "Asia/Tokyo"}) == [
        "spec.schedule 'TZ=UTC 30 6 * * *' names a zone, and so does spec.timeZone: remove one"
    ]


def test_an_unknown_zone_is_refused_wherever_it_is() -> None:
    (inside,) = problems_of(to_timer, {"schedule": "TZ=Mars/Phobos 30 6 * * *", "timeZone": None})
    assert inside.startswith("the zone in spec.schedule, 'Mars/Phobos' is not a time zone of the IANA database")
    (field,) = problems_of(to_timer, {"timeZone": "Mars/Phobos"})
    assert field.startswith("spec.timeZone 'Mars/Phobos' is not a time zone of the IANA database")


def test_an_exported_cron_job_always_names_its_zone() -> None:
    assert exported({"timeZone": None}).manifest["spec"]["timeZone"] == "UTC"


# Clock changes: what a CronJob really does there is asked in tests/oracle.


@pytest.mark.parametrize("convert", [imported, exported])
def test_the_first_nights_in_which_both_differ_are_told(convert: Any) -> None:
    assert convert({"schedule": "30 2 * * *", "timeZone": "Europe/Berlin"}).remarks == (
        (
            "timeZone Europe/Berlin: on 2027-03-28 a RedisTimer runs at 03:00 in place of what the clocks jump over, "
            "a CronJob does not"
        ),
        "timeZone Europe/Berlin: on 2027-10-31, 02:30 comes twice, and a CronJob runs both times, a RedisTimer once",
    )


def test_many_times_are_told_in_short() -> None:
    (overlap,) = imported({"schedule": "*/10 1 * * *", "timeZone": "America/New_York"}).remarks
    assert "01:00, 01:10, 01:20 and 3 more come twice" in overlap


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("30 6 * * *", "Europe/Berlin"),
        ("30 2 * * *", "Asia/Tokyo"),
        ("30 2 * * *", "UTC"),
        ("0 * * * *", "Europe/Berlin"),
        ("*/7 * * * *", "Europe/Berlin"),
        ("0 2,3 28 3 *", "Europe/Berlin"),  # what was jumped over runs at 03:00, and so does 03:00
        ("30 2 1 6 *", "Europe/Berlin"),
        ("0 0 31 2 *", "Europe/Berlin"),
        ("@every 1h", "Europe/Berlin"),
    ],
)
def test_nothing_is_said_where_the_change_of_the_clocks_touches_nothing(text: str, zone: str) -> None:
    assert [remark for remark in imported({"schedule": text, "timeZone": zone}).remarks if "on 2" in remark] == []


def test_a_run_that_meets_a_change_only_years_later_is_found() -> None:
    (remark,) = imported({"schedule": "30 2 25 3 *", "timeZone": "Europe/Berlin"}).remarks
    assert remark.startswith("timeZone Europe/Berlin: on 2029-03-25 a RedisTimer runs at 03:00")


# Other remarks.


def test_what_forbid_and_suspend_mean_otherwise_is_told_in_both_directions() -> None:
    for convert in (imported, exported):
        assert convert({"concurrencyPolicy": "Forbid"}).remarks[0].startswith("concurrencyPolicy Forbid: ")
        assert convert({"suspend": True}).remarks[0].startswith("suspend: what was due meanwhile")
        assert convert({"suspend": False, "concurrencyPolicy": "Replace"}).remarks == ()


def test_an_interval_counts_from_elsewhere() -> None:
    assert imported({"schedule": "@every 1h", "timeZone": None}).remarks == (
        "schedule @every: each counts from its own creation, so that the times move",
    )


def test_a_deadline_of_nothing_wakes_a_cron_job_that_never_ran() -> None:
    (remark,) = imported({"startingDeadlineSeconds": 0}).remarks
    assert remark.startswith("startingDeadlineSeconds 0: ")
    assert imported({"startingDeadlineSeconds": 1}).remarks == ()


def test_whoever_else_keeps_the_manifest_is_named() -> None:
    cron_job = obj(
        {},
        labels={"argocd.argoproj.io/instance": "billing"},
        annotations={"meta.helm.sh/release-name": "billing"},
        ownerReferences=[{"kind": "Backup", "name": "nightly"}],
    )
    owned, helm, argo = to_timer(cron_job, "default", NOW_MS).remarks
    assert owned == "it belongs to Backup/nightly, which may write it again"
    assert "it is kept by Helm" in helm
    assert "it is kept by Argo CD" in argo


def test_a_template_that_reads_the_time_of_its_run_finds_it_elsewhere() -> None:
    def reading(what: str) -> Object:
        path = {"fieldPath": f"metadata.annotations['{what}']"}
        container = {"name": "a", "image": "b", "env": [{"name": "AT", "valueFrom": {"fieldRef": path}}]}
        return {"jobTemplate": {"spec": {"template": {"spec": {"containers": [container]}}}}}

    (theirs,) = imported(reading("batch.kubernetes.io/cronjob-scheduled-timestamp")).remarks
    assert theirs.startswith("jobTemplate mentions batch.kubernetes.io/cronjob-scheduled-timestamp")
    (ours,) = exported(reading("redistimer.dev/scheduled-at")).remarks
    assert ours.startswith("jobTemplate mentions redistimer.dev/scheduled-at")


def test_a_time_to_live_after_the_end_is_left_out_as_there_is_no_end() -> None:
    left_out = exported({"ttlSecondsAfterComplete": 60})
    assert "ttlSecondsAfterComplete" not in left_out.manifest["spec"]
    assert left_out.remarks == ("ttlSecondsAfterComplete is left out: a CronJob is never complete",)


# What is refused.


def test_everything_that_is_wrong_is_told_at_once() -> None:
    spec = {
        "timezone": "UTC",
        "colour": "red",
        "jitter": "5m",
        "schedule": "61 * * * *",
        "suspend": "no",
        "startingDeadlineSeconds": -1,
        "failedJobsHistoryLimit": True,
        "concurrencyPolicy": "Never",
        "jobTemplate": {"spec": {}},
    }
    problems = problems_of(to_timer, spec)
    begins = [
        "spec.timezone is not a field of a CronJob: did you mean timeZone?",
        "spec.colour is not a field of a CronJob: there are schedule, timeZone, ",
        "spec.jitter is a field of a RedisTimer, not of a CronJob: write kind: RedisTimer",
        "spec.suspend 'no' is neither true nor false",
        "spec.startingDeadlineSeconds -1 is not a whole number from 0 to 2147483647",
        "spec.failedJobsHistoryLimit true is not a whole number",
        "spec.concurrencyPolicy 'Never' is not accepted: choose from Allow, Forbid, Replace",
        "spec.jobTemplate.spec.template.spec is missing",
        "spec.schedule '61 * * * *' is not a cron expression: minute '61' is out of range",
    ]
    assert len(problems) == len(begins)
    for begin in begins:
        assert any(problem.startswith(begin) for problem in problems), begin


def test_without_a_spec_or_a_schedule_there_is_nothing_to_convert() -> None:
    assert problems_of(to_timer, {"schedule": None}) == [
        "spec.schedule is missing: a CronJob has a cron expression there"
    ]
    for convert in (to_timer, to_cron_job):
        with pytest.raises(ConversionError, match="spec is missing"):
            convert({"metadata": {"name": "report"}}, "default", NOW_MS)


def test_labels_that_are_none_are_refused() -> None:
    assert problems_of(to_timer, {}, labels=["a"]) == ["metadata.labels is no object: write key: value, a line each"]
