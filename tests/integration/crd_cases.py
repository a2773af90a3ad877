"""The tables behind test_crd.py: what the API server must accept as a RedisTimer, and what it must refuse how."""

from typing import Any

CONTAINER = {"name": "hello", "image": "busybox:1.37", "command": ["date"]}
JOB_TEMPLATE = {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [CONTAINER]}}}}

FIVE = "found {}, accepted are five: minute, hour, day of month, month, day of week,"
ONE_OF = "accepts only one of schedule, schedules, at, afterCreation and every"
ONCE = "accepted only beside schedule, schedules and every: {} runs once; remove {}"
OVERLAP = "accepted are Allow (runs may overlap), Forbid (a run is skipped while an earlier one is active) and Replace"
OVERDUE = "accepted are Latest (of several overdue runs the latest starts), Skip (a run more than a minute late does"
HOLIDAYS = [{"date": "2026-12-25"}]
REPEATING_ONLY = {
    "timeZone": "UTC",
    "startTime": "2027-03-01T09:00:00Z",
    "endTime": "2027-03-01T09:00:00Z",
    "exclude": HOLIDAYS,
}

# What spec.schedule and spec.schedules[].cron take alike.
GOOD_CRONS = [
    "* * * * *",
    "*/15 0-6,22 1,15 jan-MAR,12 mon-Fri",
    "0 0 ? * 0",
    "  5   4\t* * * ",
    "5\u00a04 * * *",
    "+5 4 * * *",
    ",".join(map(str, range(60))) + " * * * *",
    "*/10 * * * * *",
    "59 59 23 31 DEC ?",
    "0 0 L * *",
    "0 0 LW * *",
    "0 0 * * 5#3,FRI#1",
    "0 0 * * 5L",
    "0 0 * * friL",
    "H H * * *",
    "H H(1-5) H/7 * *",
    "H H(0-29)/10 * * * *",
    "@yearly",
    "@annually",
    "@monthly",
    "@weekly",
    "@daily",
    "@midnight",
    "@hourly",
    "@every 90s",
    "@every 1h30m",
    "@every 1.5h",
    "@every 30m1h",
    "@every .5h1.s1500ms",
    # Nobody means these, but a CronJob takes them.
    "@every +90s",
    "@every -5m",
    "@every 0",
]

# Each with words the refusal must contain.
BAD_CRONS: list[tuple[str, list[str]]] = [
    ("", ['""', FIVE.format("no field"), 'as in "*/5 * * * *"', 'six, with the second in front, as in "30 */5']),
    ("  ", [FIVE.format("no field")]),
    ("0 9 * *", ['"0 9 * *"', FIVE.format("too few fields"), 'six, with the second in front, as in "30 */5 * * * *"']),
    ("daily", [FIVE.format("too few fields")]),
    ("0 0 9 * * * *", [FIVE.format("too many fields"), "six, with the second in front"]),
    ("@dayly", ['"@dayly"', "found an unknown macro, accepted are @yearly,", '"@daily" or "@every 1h30m"']),
    ("@reboot", ["@yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly and @every with a duration"]),
    ("@Daily", ["found an unknown macro", "in lower case"]),
    (" @daily", ["found an unknown macro", "without spaces around"]),
    ("@daily ", ["found an unknown macro", "without spaces around"]),
    ("@daily * * * *", ["found an unknown macro"]),
    ("@everyday", ["found an unknown macro"]),
    ("@every", ['"@every"', "@every needs a duration", '"@every 90s", "@every 1h30m" or "@every 1.5h"']),
    ("@every 5", ["@every needs a duration", "numbers with units"]),
    ("@every 1d", ["@every needs a duration", "no days"]),
    ("@every 5m-", ["@every needs a duration"]),
    ("@every .h", ["@every needs a duration"]),
    ("@every  5m", ["@every needs a duration", "one space in front"]),
    ("@every 5m ", ["@every needs a duration"]),
    (
        "TZ=Europe/Berlin 0 9 * * *",
        ["time zone is not accepted inside", "take TZ= or CRON_TZ= out and give", 'as in timeZone: "Europe/Berlin"'],
    ),
    ("CRON_TZ=UTC @daily", ["take TZ= or CRON_TZ= out and give the zone in timeZone"]),
    ("CRON_TZ=UTC 0 9.5 *", ["take TZ= or CRON_TZ= out and give the zone in timeZone"]),
    ("@daily TZ=UTC", ["take TZ= or CRON_TZ= out and give the zone in timeZone"]),
    ("5. 9 *", [FIVE.format("too few fields")]),
    ("5. 9 * * *", ["the field for minute has a character that no field can have", "letters and * ? , - / + # ( )"]),
    ("0 9:30 * * *", ["the field for hour has a character that no field can have", "accepted are digits, letters and"]),
    ("0 9 =1 * *", ["the field for day of month has a character"]),
    ("0 9 * J\u00e4n *", ["the field for month has a character"]),
    ("0 9 * * 1;2", ["the field for day of week has a character"]),
    ("0.5 0 9 * * *", ["the field for second has a character"]),
    ("0 0 9 * * 1~5", ["the field for day of week has a character"]),
    ("* * * * *" * 60, ["may not be more than 512"]),
]

GOOD_ZONES = ["Europe/Berlin", "America/Argentina/ComodRivadavia", "Etc/GMT+1", "UTC"]

BAD_ZONES: list[tuple[str, list[str]]] = [
    ("Mars/Phobos", ["unknown time zone Mars/Phobos", "accepted is a name of the IANA time zone database, as Europe/"]),
    ("Local", ['"Local"', "as Europe/Berlin", "not Local"]),
    ("local", ['"local"', "not Local"]),
    ("", ['""', "leave timeZone out for the default"]),
    ("+02:00", ['"+02:00"', "not an offset"]),
    ("../etc", ['"../etc"', "as Europe/Berlin"]),
    ("Z" * 65, ["may not be more than 64"]),
]

GOOD_INSTANTS = ["2027-03-01T09:00:00Z", "2027-03-01T09:00:00.250+01:00", "2028-02-29T23:59:59-11:30"]

BAD_INSTANTS: list[tuple[str, list[str]]] = [
    ("tomorrow", ['"tomorrow"', 'as in "2027-03-01T09:00:00+01:00"']),
    ("2027-03-01", ["accepted are a date, a time and an offset"]),
    ("2027-03-01T09:00:00", ["accepted are a date, a time and an offset"]),
    ("2027-02-29T09:00:00Z", ['"2027-02-29T09:00:00Z"', "accepted are a date,"]),
    ("2027-03-01T24:00:00Z", ['"2027-03-01T24:00:00Z"', "accepted are a date,"]),
    ("2027-03-01T09:00:00.0001Z", ["at most milliseconds"]),
    ("3000-01-01T00:00:00Z", ["years 1970 to 2999"]),
    ("0" * 65, ["may not be more than 64"]),
]

BAD_DURATIONS: list[tuple[Any, list[str]]] = [
    ("1d", ['"1d"', '"1h30m"', "no days"]),
    ("500ms", ['"500ms"', 'as in "45s", "10m" or "1h30m"', "milliseconds"]),
    ("", ['""', 'as in "45s", "10m" or "1h30m"']),
    ("90", ['"90"', "no number without a unit"]),
    ("-5s", ['"-5s"', "signs"]),
    ("1.5h", ['"1.5h"', "fractions"]),
    ("30m1h", ['"30m1h"', "in this order"]),
    ("0s", ['"0s"', "accepted is a duration from 1s to "]),
    ("0h0m0s", ["accepted is a duration from 1s to "]),
    ("99999h9999999m999999999s", ["accepted is a duration from 1s to "]),
    ("1" * 33, ["may not be more than 32"]),
    (90, ["must be of type string", '"integer"']),
]

GOOD_DATES = ["1970-01-01", "2026-12-25", "2028-02-29", "2999-12-31"]

BAD_DATES: list[tuple[str, list[str]]] = [
    ("25.12.2026", ['"25.12.2026"', 'accepted is a date that exists: year, month and day, as in "2026-12-25"']),
    ("2027-02-29", ['"2027-02-29"', "accepted is a date that exists"]),
    ("2026-12-32", ["accepted is a date that exists"]),
    ("2026-12-25T00:00:00Z", ["accepted is a date that exists", "without a time"]),
    ("2026-1-1", ["accepted is a date that exists"]),
    ("", ['""', "accepted is a date that exists"]),
    ("1969-12-31", ["years 1970 to 2999"]),
    ("3000-01-01", ["years 1970 to 2999"]),
    ("0" * 33, ["may not be more than 32"]),
]

# Besides the characters, of which the schedule's own are enough.
BAD_EXCLUDED_CRONS: list[tuple[str, list[str]]] = [
    ("", [FIVE.format("no field"), 'as in "* 0-5 * * *"']),
    ("* 0-5 *", ['"* 0-5 *"', FIVE.format("too few fields"), 'as in "* 0-5 * * *"']),
    ("* * 0-5 * * *", [FIVE.format("six fields"), "the second has no field here"]),
    ("* * 0-5 * * * *", [FIVE.format("too many fields")]),
    ("@daily", ['"@daily"', "macros are not accepted in exclude", 'as in "* 0-5 * * *"']),
    (" @every 5m", ["macros are not accepted in exclude"]),
    ("TZ=UTC * 0-5 * * *", ["take TZ= or CRON_TZ= out; what is excluded is read in the zone of the schedule"]),
    ("TZ=UTC @daily", ["take TZ= or CRON_TZ= out"]),
    ("@daily * * * *", ["macros are not accepted in exclude"]),
    ("@H", ["macros are not accepted in exclude"]),
    ("@daily TZ=UTC", ["take TZ= or CRON_TZ= out"]),
    ("TZ=UTC H", ["take TZ= or CRON_TZ= out"]),
    ("H 0-5 * * *", ['"H 0-5 * * *"', "H is not accepted in exclude", 'write the values, as in "* 0-5 * * *"']),
    ("* H(0-5) * * *", ["H is not accepted in exclude"]),
    ("0,h/5 0-5 * * *", ["H is not accepted in exclude"]),
    ("* * * * H", ["H is not accepted in exclude"]),
    ("* 9:30 *", [FIVE.format("too few fields")]),
    ("* 9:30 * * *", ["the field for hour has a character that no field can have"]),
    ("* 0-5 * * *" * 60, ["may not be more than 512"]),
]

SUSPENDED = {"spec": {**JOB_TEMPLATE["spec"], "suspend": True}}

POLICIES: list[dict[str, Any]] = [
    {"concurrencyPolicy": "Replace", "missedRunPolicy": "Latest"},
    {"concurrencyPolicy": "Replace", "missedRunPolicy": "Skip", "startingDeadlineSeconds": 600},
    {"concurrencyPolicy": "Forbid", "missedRunPolicy": "All", "maxConsecutiveFailures": 1},
    {"missedRunPolicy": "All", "missedRunLimit": 1, "ttlSecondsAfterComplete": 0},
    {"concurrencyPolicy": "Allow", "missedRunPolicy": "All", "missedRunLimit": 10_000},
    {"maxConsecutiveFailures": 1_000_000, "ttlSecondsAfterComplete": 2_147_483_647},
    {"guarantee": "Standard", "jobTemplate": SUSPENDED},
    {"guarantee": "Strict", "jobTemplate": {"spec": {**JOB_TEMPLATE["spec"], "suspend": False}}},
]

ACCEPTED: list[dict[str, Any]] = [
    *({"schedule": cron} for cron in GOOD_CRONS),
    {"schedules": [{"cron": cron} for cron in GOOD_CRONS[:16]]},
    {"schedules": [{"cron": cron} for cron in GOOD_CRONS[16:32]]},
    {"schedules": [{"cron": "0 9 * * *", "timeZone": zone} for zone in GOOD_ZONES]},
    {"schedules": [{"cron": "0 9 * * *"}, {"cron": "0 9 * * *", "timeZone": "UTC"}], "timeZone": "Europe/Berlin"},
    *({"schedule": "0 9 * * *", "timeZone": zone} for zone in GOOD_ZONES),
    {"schedule": "@every 1h", "timeZone": "Europe/Berlin"},
    *({"at": instant} for instant in GOOD_INSTANTS),
    {"afterCreation": "1s"},
    {"afterCreation": "1h30m"},
    {"every": "45s"},
    {"every": "1h0m5s"},
    {"every": "90m"},
    {"every": "87600h"},
    {"every": "1m", "suspend": True, "startingDeadlineSeconds": 0, "concurrencyPolicy": "Allow"},
    {"every": "1m", "successfulJobsHistoryLimit": 0, "failedJobsHistoryLimit": 0},
    *({"every": "1h", "startTime": instant} for instant in GOOD_INSTANTS),
    *({"every": "1h", "endTime": instant} for instant in GOOD_INSTANTS),
    {"schedule": "@every 1h", "startTime": "2027-03-01T09:00:00Z", "endTime": "2027-03-01T09:00:00Z"},
    {"schedule": "* * * * *", "startTime": "2027-03-01T09:30:00+02:00", "endTime": "2027-03-01T08:00:00Z"},
    {"schedules": [{"cron": "@daily"}], "startTime": "2027-03-01T09:00:00Z", "endTime": "2999-12-31T23:59:59.999Z"},
    {"schedule": "* * * * *", "jitter": "1s"},
    {"schedules": [{"cron": "@daily"}], "jitter": "24h"},
    {"at": "2027-03-01T09:00:00Z", "jitter": "1h30m"},
    {"afterCreation": "10m", "jitter": "1440m"},
    {"every": "1m", "jitter": "23h59m60s"},
    {"schedule": "* * * * *", "exclude": []},
    {"schedule": "* * * * *", "exclude": [{"date": date} for date in GOOD_DATES]},
    {"schedules": [{"cron": "@daily"}], "exclude": [{"from": "2026-12-24", "to": "2027-01-01"}]},
    {"every": "1h", "exclude": [{"from": "2026-12-25", "to": "2026-12-25"}]},
    {"every": "1h", "exclude": HOLIDAYS, "timeZone": "Europe/Berlin"},
    {
        "schedule": "* * * * *",
        "exclude": [
            {"cron": "* 0-5 * * *"},
            {"cron": " */2 0-6,22 1,15 jan-MAR,12 thu,FRI "},
            {"cron": "* * L * *"},
            {"cron": "* * LW mar ?"},
            {"cron": "* * * * 5#3,thu#1,FRIL"},
        ],
    },
    {"schedule": "* * * * *", "exclude": [{"cron": "* 0-5 * * *"}] * 16 + HOLIDAYS * 240},
    *({"every": "1m"} | policy for policy in POLICIES),
    {"at": "2027-03-01T09:00:00Z", "missedRunPolicy": "Skip", "ttlSecondsAfterComplete": 86_400},
    {"afterCreation": "10m", "missedRunPolicy": "All", "maxConsecutiveFailures": 3},
]

# What follows "accepted" in the refusal of a number.
BAD_NUMBERS: list[tuple[str, list[int], str]] = [
    ("missedRunLimit", [0, 10_001], "1 to 10000; leave missedRunLimit out for 100, and use missedRunPolicy Skip"),
    ("maxConsecutiveFailures", [0, 1_000_001], "1 to 1000000 failed runs in a row; leave maxConsecutiveFailures"),
    (
        "ttlSecondsAfterComplete",
        [-1, 2_147_483_648, 10**12],
        "0 to 2147483647 seconds; leave ttlSecondsAfterComplete out",
    ),
]

# The spec; the field the refusal names; words it must contain: what was found, what is accepted, what to do.
REFUSED: list[tuple[dict[str, Any], str, list[str]]] = [
    (
        {},
        "spec",
        [
            "when to run is missing",
            'schedule ("*/5 * * * *"), schedules ([{cron: "0 9 * * *", timeZone: "Europe/Berlin"}])',
            'at ("2027-03-01T09:00:00Z"), afterCreation ("10m") or every ("1h30m")',
        ],
    ),
    ({"at": "2027-03-01T09:00:00Z", "every": "5s"}, "spec", ["found at, every,", ONE_OF]),
    ({"schedule": "* * * * *", "afterCreation": "5s"}, "spec", ["found schedule, afterCreation,", ONE_OF]),
    (
        {"schedule": "* * * * *", "schedules": [{"cron": "* * * * *"}]},
        "spec",
        ["found schedule, schedules,", ONE_OF],
    ),
    ({"schedules": [{"cron": "* * * * *"}], "every": "5s"}, "spec", ["found schedules, every,", ONE_OF]),
    *(({"schedule": cron}, "spec.schedule", words) for cron, words in BAD_CRONS),
    *(({"schedules": [{"cron": cron}]}, "spec.schedules[0].cron", words) for cron, words in BAD_CRONS),
    ({"schedules": []}, "spec.schedules", ["should have at least 1 items"]),
    ({"schedules": [{"cron": "@daily"}] * 17}, "spec.schedules", ["must have at most 16 items"]),
    ({"schedules": [{"timeZone": "UTC"}]}, "spec.schedules[0].cron", ["Required value"]),
    ({"schedules": ["@daily"]}, "spec.schedules[0]", ["must be of type object"]),
    *(({"schedule": "0 9 * * *", "timeZone": zone}, "spec.timeZone", words) for zone, words in BAD_ZONES),
    *(
        ({"schedules": [{"cron": "0 9 * * *", "timeZone": zone}]}, "spec.schedules[0].timeZone", words)
        for zone, words in BAD_ZONES
    ),
    (
        {"at": "2027-03-01T09:00:00Z", "timeZone": "UTC"},
        "spec.timeZone",
        [
            "accepted only beside schedule, schedules, and every with exclude: at names its own offset",
            "remove timeZone",
        ],
    ),
    (
        {"every": "5s", "timeZone": "UTC"},
        "spec.timeZone",
        ["every with exclude: a duration is the same in every zone", "remove timeZone"],
    ),
    (
        {"afterCreation": "5s", "timeZone": "UTC"},
        "spec.timeZone",
        ["accepted only beside schedule, schedules, and every with exclude", "remove timeZone"],
    ),
    *(({"at": instant}, "spec.at", words) for instant, words in BAD_INSTANTS),
    *(({"every": "5s", "startTime": instant}, "spec.startTime", words) for instant, words in BAD_INSTANTS),
    *(({"every": "5s", "endTime": instant}, "spec.endTime", words) for instant, words in BAD_INSTANTS),
    *(({"afterCreation": text}, "spec.afterCreation", words) for text, words in BAD_DURATIONS),
    *(({"every": text}, "spec.every", words) for text, words in BAD_DURATIONS),
    *(({"every": "5s", "jitter": text}, "spec.jitter", words) for text, words in BAD_DURATIONS),
    ({"afterCreation": "87600h1s"}, "spec.afterCreation", ["accepted is a duration from 1s to 87600h (ten years)"]),
    ({"every": "87600h1s"}, "spec.every", ["accepted is a duration from 1s to 87600h (ten years)"]),
    ({"every": "5s", "jitter": "24h1s"}, "spec.jitter", ['"24h1s"', "accepted is a duration from 1s to 24h"]),
    *(
        (once | {field: REPEATING_ONLY[field]}, f"spec.{field}", [ONCE.format(*once, field)])
        for once in ({"at": "2027-03-01T09:00:00Z"}, {"afterCreation": "5s"})
        for field in ("startTime", "endTime", "exclude")
    ),
    (REPEATING_ONLY, "spec", ["when to run is missing"]),
    *(
        (REPEATING_ONLY | kind | {"afterCreation": "5s"}, "spec", [ONE_OF])
        for kind in ({"schedule": "@daily"}, {"schedules": [{"cron": "@daily"}]}, {"every": "5s"})
    ),
    (
        {"every": "5s", "startTime": "2027-03-01T09:00:00Z", "endTime": "2027-03-01T08:59:59.999Z"},
        "spec.endTime",
        ["2027-03-01T08:59:59.999Z is before startTime, 2027-03-01T09:00:00Z: nothing would run"],
    ),
    (
        {"schedule": "@daily", "startTime": "2027-03-01T09:00:00Z", "endTime": "2027-03-01T10:00:00+02:00"},
        "spec.endTime",
        ["2027-03-01T10:00:00+02:00 is before startTime, 2027-03-01T09:00:00Z", "an instant that is not before"],
    ),
    ({"every": "5s", "startTime": "x", "endTime": "2027-03-01T09:00:00Z"}, "spec.startTime", ["a time and an offset"]),
    (
        {"every": "5s", "startTime": "2027-03-01T09:00:00Z", "endTime": "2027-02-29T09:00:00Z"},
        "spec.endTime",
        ["accepted are a date, a time and an offset"],
    ),
    *(
        ({"schedule": "@daily", "exclude": [*HOLIDAYS, {"date": date}]}, "spec.exclude[1].date", words)
        for date, words in BAD_DATES
    ),
    *(
        ({"schedule": "@daily", "exclude": [{"from": date, "to": "2027-01-01"}]}, "spec.exclude[0].from", words)
        for date, words in BAD_DATES
    ),
    *(
        ({"schedule": "@daily", "exclude": [{"from": "2027-01-01", "to": date}]}, "spec.exclude[0].to", words)
        for date, words in BAD_DATES
    ),
    *(
        ({"schedule": "@daily", "exclude": [{"cron": cron}]}, "spec.exclude[0].cron", words)
        for cron, words in BAD_EXCLUDED_CRONS
    ),
    *(
        ({"every": "1h", "exclude": [entry]}, "spec.exclude[0]", [f"found {found}, accepted is exactly one of", *words])
        for entry, found, words in (
            ({}, "nothing", ['date ("2026-12-25"), from and to (from: "2026-12-28", to: "2027-01-01")']),
            ({"from": "2026-12-25"}, "from", ['from and to (from: "2026-12-28", to: "2027-01-01")']),
            ({"to": "2026-12-25"}, "to", ['cron ("* 0-5 * * *")']),
            ({"date": "2026-12-25", "from": "2026-12-25"}, "date, from", []),
            ({"date": "2026-12-25", "to": "2026-12-25"}, "date, to", []),
            ({"date": "2026-12-25", "cron": "* * * * *"}, "date, cron", []),
            ({"from": "2026-12-25", "cron": "* * * * *"}, "from, cron", []),
            ({"to": "2026-12-25", "cron": "* * * * *"}, "to, cron", []),
        )
    ),
    (
        {"every": "1h", "exclude": [{"from": "2027-01-02", "to": "2027-01-01"}]},
        "spec.exclude[0].to",
        ["2027-01-01 is before from, 2027-01-02: nothing would be left out", "a date that is not before from"],
    ),
    (
        {"every": "1h", "exclude": [{"cron": "* 0-5 * * *"}] * 17},
        "spec.exclude",
        ["found more than 16 entries with cron, at most 16 are accepted", '"* 0-5,22,23 * * *"'],
    ),
    ({"every": "1h", "exclude": HOLIDAYS * 257}, "spec.exclude", ["must have at most 256 items"]),
    *(
        ({"every": "5s", "concurrencyPolicy": text}, "spec.concurrencyPolicy", words)
        for text, words in (
            ("Never", ['"Never"', f'"Never": {OVERLAP} (the earlier run is deleted, the new one starts)']),
            ("", [f'"": {OVERLAP}']),
            ("forbid", ['"forbid"', "write Forbid, in just these letters and without spaces around; ", OVERLAP]),
            ("REPLACE ", ['"REPLACE "', "write Replace, in just these letters and without spaces around", OVERLAP]),
            ("A" * 33, ["may not be more than 32"]),
        )
    ),
    *(
        ({"every": "5s", "missedRunPolicy": text}, "spec.missedRunPolicy", words)
        for text, words in (
            ("None", ['"None"', f'"None": {OVERDUE} not start) and All (all overdue runs start, oldest first)']),
            ("all", ['"all"', "write All, in just these letters and without spaces around; ", OVERDUE]),
            (" Skip", ['" Skip"', "write Skip, in just these letters and without spaces around; ", OVERDUE]),
            ("A" * 33, ["may not be more than 32"]),
            (False, ["must be of type string"]),
        )
    ),
    *(
        ({"every": "5s", "guarantee": text}, "spec.guarantee", words)
        for text, words in (
            (
                "ExactlyOnce",
                ['"ExactlyOnce": accepted are Standard (one Job for each time, while it is kept) and Strict'],
            ),
            ("strict", ["write Strict, in just these letters and without spaces around; accepted are Standard"]),
            ("A" * 33, ["may not be more than 32"]),
        )
    ),
    (
        {"every": "5s", "guarantee": "Strict", "jobTemplate": SUSPENDED},
        "spec.guarantee",
        ["Strict is not accepted beside jobTemplate.spec.suspend true", "or use Standard where something else starts"],
    ),
    (
        {"every": "5s", "missedRunPolicy": "All", "concurrencyPolicy": "Replace"},
        "spec.missedRunPolicy",
        [
            "All is not accepted beside concurrencyPolicy Replace: each run made up for would replace the one before",
            "use concurrencyPolicy Forbid (they wait for one another) or Allow",
            "or missedRunPolicy Latest or Skip",
        ],
    ),
    *(
        (
            {"every": "5s", "missedRunLimit": 5} | policy,
            "spec.missedRunLimit",
            [f"All, found {found}; set", "or remove"],
        )
        for policy, found in (
            ({}, "Latest (the default)"),
            ({"missedRunPolicy": "Latest"}, "Latest (the default)"),
            ({"missedRunPolicy": "Skip", "concurrencyPolicy": "Replace"}, "Skip"),
        )
    ),
    # Of two that belong together, only the one that is wrong is told.
    ({"every": "5s", "missedRunPolicy": "all", "missedRunLimit": 5}, "spec.missedRunPolicy", ["write All"]),
    (
        {"every": "5s", "missedRunPolicy": "All", "concurrencyPolicy": "replace"},
        "spec.concurrencyPolicy",
        ["write Replace"],
    ),
    *(
        (
            {"every": "5s", "missedRunPolicy": "All", field: number},
            f"spec.{field}",
            [f"{number}: accepted are {accepted}"],
        )
        for field, numbers, accepted in BAD_NUMBERS
        for number in numbers
    ),
    ({"at": "2027-03-01T09:00:00Z", "ttlSecondsAfterComplete": "1h"}, "spec.ttlSecondsAfterComplete", ["type integer"]),
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
