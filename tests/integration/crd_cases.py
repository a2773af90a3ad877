"""The tables behind test_crd.py: what the API server must accept as a RedisTimer, and what it must refuse how."""

from typing import Any

CONTAINER = {"name": "hello", "image": "busybox:1.37", "command": ["date"]}
JOB_TEMPLATE = {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [CONTAINER]}}}}

ACCEPTED = [
    {"schedule": "* * * * *"},
    {"schedule": "*/15 0-6,22 1,15 jan-MAR,12 mon-Fri"},
    {"schedule": "0 0 ? * 0"},
    {"schedule": "  5   4\t* * * "},
    {"schedule": ",".join(map(str, range(60))) + " * * * *"},
    {"schedule": "0 9 * * *", "timeZone": "Europe/Berlin"},
    {"schedule": "0 9 * * *", "timeZone": "America/Argentina/ComodRivadavia"},
    {"schedule": "0 9 * * *", "timeZone": "Etc/GMT+1"},
    {"schedule": "0 9 * * *", "timeZone": "UTC"},
    {"at": "2027-03-01T09:00:00Z"},
    {"at": "2027-03-01T09:00:00.250+01:00"},
    {"at": "2028-02-29T23:59:59-11:30"},
    {"afterCreation": "1s"},
    {"afterCreation": "1h30m"},
    {"every": "45s"},
    {"every": "1h0m5s"},
    {"every": "90m"},
    {"every": "87600h"},
    {"every": "1m", "suspend": True, "startingDeadlineSeconds": 0, "concurrencyPolicy": "Allow"},
    {"every": "1m", "successfulJobsHistoryLimit": 0, "failedJobsHistoryLimit": 0},
]

# The spec; the field the refusal names; words it must contain: what was found, what is accepted, what to do.
REFUSED: list[tuple[dict[str, Any], str, list[str]]] = [
    ({}, "spec", ["when to run is missing", '("*/5 * * * *")', '("2027-03-01T09:00:00Z")', '("10m")', '("1h30m")']),
    (
        {"at": "2027-03-01T09:00:00Z", "every": "5s"},
        "spec",
        ["found at, every,", "accepts only one of schedule, at, afterCreation and every"],
    ),
    (
        {"schedule": "* * * * *", "afterCreation": "5s"},
        "spec",
        ["found schedule, afterCreation,", "accepts only one of schedule, at, afterCreation and every"],
    ),
    ({"schedule": ""}, "spec.schedule", ['""', "found no field, accepted are five: minute, hour,"]),
    ({"schedule": "0 9 * *"}, "spec.schedule", ['"0 9 * *"', "found too few fields, accepted are five: minute,"]),
    ({"schedule": "0 0 9 * * *"}, "spec.schedule", ['"0 0 9 * * *"', "found six fields", 'every: "30s"']),
    ({"schedule": "0 0 9 * * * *"}, "spec.schedule", ["found too many fields, accepted are five"]),
    ({"schedule": "@daily"}, "spec.schedule", ['"@daily"', "accepted are five fields", '"0 0 * * *" for @daily']),
    (
        {"schedule": "@every 5m"},
        "spec.schedule",
        ['"@every 5m"', 'instead of @every use spec.every, as in every: "5m"'],
    ),
    (
        {"schedule": "TZ=Europe/Berlin 0 9 * * *"},
        "spec.schedule",
        ["time zone is not accepted inside schedule", "take TZ= or CRON_TZ= out", 'timeZone: "Europe/Berlin"'],
    ),
    ({"schedule": "CRON_TZ=UTC @daily"}, "spec.schedule", ["give the zone in spec.timeZone"]),
    ({"schedule": "H 9 * * *"}, "spec.schedule", ["the field for minute is not understood", "accepted are digits"]),
    ({"schedule": "0 9.5 * * *"}, "spec.schedule", ["the field for hour is not understood", "accepted are digits"]),
    ({"schedule": "0 9 L * *"}, "spec.schedule", ["the field for day of month is not understood"]),
    ({"schedule": "0 9 * MON *"}, "spec.schedule", ["the field for month is not understood", "JAN to DEC"]),
    ({"schedule": "0 9 * * MONDAY"}, "spec.schedule", ["the field for day of week is not", "SUN to SAT"]),
    ({"schedule": "* * * * *" * 60}, "spec.schedule", ["may not be more than 512"]),
    (
        {"schedule": "* * * * *", "timeZone": "Mars/Phobos"},
        "spec.timeZone",
        ["unknown time zone Mars/Phobos", "accepted is a name of the IANA time zone database, as Europe/Berlin"],
    ),
    ({"schedule": "* * * * *", "timeZone": "Local"}, "spec.timeZone", ['"Local"', "as Europe/Berlin", "not Local"]),
    ({"schedule": "* * * * *", "timeZone": ""}, "spec.timeZone", ['""', "leave timeZone out for UTC"]),
    ({"schedule": "* * * * *", "timeZone": "+02:00"}, "spec.timeZone", ['"+02:00"', "not an offset"]),
    ({"schedule": "* * * * *", "timeZone": "../etc"}, "spec.timeZone", ['"../etc"', "as Europe/Berlin"]),
    (
        {"at": "2027-03-01T09:00:00Z", "timeZone": "UTC"},
        "spec.timeZone",
        ["accepted only beside schedule", "at names its own offset", "remove timeZone"],
    ),
    ({"every": "5s", "timeZone": "UTC"}, "spec.timeZone", ["accepted only beside schedule", "remove timeZone"]),
    ({"afterCreation": "5s", "timeZone": "UTC"}, "spec.timeZone", ["accepted only beside schedule", "remove timeZone"]),
    ({"at": "tomorrow"}, "spec.at", ['"tomorrow"', 'as in "2027-03-01T09:00:00+01:00"']),
    ({"at": "2027-03-01T09:00:00"}, "spec.at", ["accepted are a date, a time and an offset"]),
    ({"at": "2027-02-29T09:00:00Z"}, "spec.at", ['"2027-02-29T09:00:00Z"', "accepted are a date,"]),
    ({"at": "2027-03-01T24:00:00Z"}, "spec.at", ['"2027-03-01T24:00:00Z"', "accepted are a date,"]),
    ({"at": "2027-03-01T09:00:00.0001Z"}, "spec.at", ["at most milliseconds"]),
    ({"at": "3000-01-01T00:00:00Z"}, "spec.at", ["years 1970 to 2999"]),
    ({"afterCreation": "1d"}, "spec.afterCreation", ['"1d"', '"1h30m"', "no days"]),
    ({"afterCreation": "0s"}, "spec.afterCreation", ['"0s"', "accepted is a duration from 1s to 87600h"]),
    ({"every": "500ms"}, "spec.every", ['"500ms"', 'as in "45s", "10m" or "1h30m"', "milliseconds"]),
    ({"every": ""}, "spec.every", ['""', 'as in "45s", "10m" or "1h30m"']),
    ({"every": "90"}, "spec.every", ['"90"', "no number without a unit"]),
    ({"every": "-5s"}, "spec.every", ['"-5s"', "signs"]),
    ({"every": "1.5h"}, "spec.every", ['"1.5h"', "fractions"]),
    ({"every": "30m1h"}, "spec.every", ['"30m1h"', "in this order"]),
    ({"every": "0h0m0s"}, "spec.every", ["accepted is a duration from 1s to 87600h (ten years)"]),
    ({"every": "87600h1s"}, "spec.every", ["accepted is a duration from 1s to 87600h (ten years)"]),
    ({"every": "99999h9999999m999999999s"}, "spec.every", ["accepted is a duration from 1s to 87600h"]),
    ({"every": 90}, "spec.every", ["must be of type string", '"integer"']),
    (
        {"every": "5s", "concurrencyPolicy": "Forbid"},
        "spec.concurrencyPolicy",
        ['"Forbid"', "Forbid is not supported yet, only Allow is accepted"],
    ),
    ({"every": "5s", "concurrencyPolicy": "Never"}, "spec.concurrencyPolicy", ['"Never"', "only Allow is accepted"]),
    ({"every": "5s", "startingDeadlineSeconds": -1}, "spec.startingDeadlineSeconds", ["greater than or equal to 0"]),
    ({"every": "5s", "successfulJobsHistoryLimit": -1}, "spec.successfulJobsHistoryLimit", ["equal to 0"]),
    ({"every": "5s", "failedJobsHistoryLimit": -1}, "spec.failedJobsHistoryLimit", ["equal to 0"]),
    ({"every": "5s", "jobTemplate": None}, "spec.jobTemplate", ["Required value"]),
]

# What replaces the Pod spec; where the refusal points; what it says.
BAD_POD_SPECS: list[tuple[dict[str, Any], str, str]] = [
    ({"restartPolicy": "Never", "containers": []}, "spec.containers", "should have at least 1 items"),
    ({"restartPolicy": "Never"}, "spec.containers", "Required value"),
    ({"containers": [CONTAINER]}, "spec.restartPolicy", "Required value"),
    ({"restartPolicy": "Always", "containers": [CONTAINER]}, "spec.restartPolicy", '"OnFailure", "Never"'),
    ({"restartPolicy": "Never", "containers": [{"name": "a"}]}, "spec.containers[0].image", "Required value"),
    ({"restartPolicy": "Never", "containers": [CONTAINER, CONTAINER]}, "spec.containers[1]", "Duplicate value"),
    (
        {"restartPolicy": "Never", "containers": [CONTAINER | {"command": "date"}]},
        "spec.containers[0].command",
        "must be of type array",
    ),
]


def manifest(spec: dict[str, Any], name: str = "timer") -> dict[str, Any]:
    """A RedisTimer with this spec; jobTemplate may be left out."""
    return {
        "apiVersion": "redistimer.dev/v1alpha1",
        "kind": "RedisTimer",
        "metadata": {"name": name},
        "spec": {"jobTemplate": JOB_TEMPLATE} | spec,
    }
