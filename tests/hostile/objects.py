"""API objects as the schema lets them in, written by somebody who wants to see what happens."""

from typing import Any

from hypothesis import strategies as st

from controller.core.identity import job_name, manual_job_name
from controller.core.timer import API_VERSION, KIND, TRIGGER_ANNOTATION
from tests.unit.core.objects import UID, ms
from tests.unit.core.schedule.drawing import timers as specs

Object = dict[str, Any]

NOW_MS = ms("2026-03-01T11:00:00Z")

TEXTS = st.sampled_from(
    [
        "",
        " ",
        "a",
        "💣",
        "\u202eleft to right",
        "a\u0000b",
        "\n\r\t",
        "é" * 400,
        "x" * 3000,
        "null",
        "\ufeff",
        "'\"`$(id)",
    ]
)
DATES = st.sampled_from(
    [
        "2026-03-01T10:00:00Z",
        "2026-03-01T11:30:00.123Z",
        "1000-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00Z",
        "2999-12-31T23:59:59Z",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59.999Z",
        "2024-02-29T00:00:00Z",
    ]
)
COUNTS = st.sampled_from([0, 1, 3, 2**31 - 1])
LARGE = st.sampled_from([0, 1, 2**53, 2**63 - 1])
GENERATIONS = st.sampled_from([-(2**63), -1, 0, 1, 2, 3, 2**63 - 1])


def _some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Object]:
    """An object with any of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


_conditions = st.lists(
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["Ready", "TemplateValid", "Complete", "Stalled", "Suspended", "Foreign"]),
            "status": st.sampled_from(["True", "False", "Unknown"]),
            "reason": st.sampled_from(
                ["Scheduled", "InvalidTemplate", "TemplateAccepted", "Forbidden", "ByHand", "x" * 1024]
            ),
            "message": TEXTS,
            "lastTransitionTime": DATES,
        },
        optional={"observedGeneration": st.just(1) | LARGE},
    ),
    max_size=4,
    unique_by=lambda one: one["type"],
)

statuses = _some(
    observedGeneration=GENERATIONS,
    timingHash=TEXTS.map(lambda text: text[:128]),
    handledThrough=DATES,
    nextScheduleTime=DATES,
    lastScheduleTime=DATES,
    lastMissedTime=DATES,
    lastSkippedTime=DATES,
    lastSuccessfulTime=DATES,
    lastFailedTime=DATES,
    lastHandledTrigger=TEXTS,
    scheduleSummary=TEXTS,
    activeCount=COUNTS,
    consecutiveFailures=COUNTS,
    active=st.lists(
        st.fixed_dictionaries({"name": TEXTS, "uid": TEXTS}, optional={"scheduledAt": DATES, "trigger": TEXTS}),
        max_size=3,
    ),
    lastFailure=st.fixed_dictionaries({"jobName": TEXTS}, optional={"reason": TEXTS, "message": TEXTS}),
    runs=_some(succeeded=LARGE, failed=LARGE, missed=LARGE, skipped=LARGE),
    conditions=_conditions,
    committedRun=st.fixed_dictionaries(
        {"scheduledAt": DATES, "jobName": TEXTS, "jobUid": TEXTS}, optional={"started": st.booleans()}
    ),
    committedRequest=st.fixed_dictionaries(
        {"trigger": TEXTS, "jobName": TEXTS, "jobUid": TEXTS}, optional={"started": st.booleans()}
    ),
)

_managed_fields = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "manager": TEXTS,
            "time": DATES,
            "subresource": st.sampled_from(["", "status", "scale"]),
            "fieldsV1": st.sampled_from(
                [{}, {"f:spec": {}}, {"f:status": {}}, {"f:status": {"f:observedGeneration": {}}}]
            ),
        },
    ),
    max_size=3,
)

_metadata = st.fixed_dictionaries(
    {
        "namespace": st.just("default"),
        "name": st.just("nightly"),
        "uid": st.just(UID),
        "resourceVersion": st.just("7"),
        "creationTimestamp": st.sampled_from(["2026-03-01T10:00:00Z", "1970-01-01T00:00:00Z"]),
        "generation": st.sampled_from([1, 2, 2**53]),
    },
    optional={
        "annotations": st.none() | st.dictionaries(st.just(TRIGGER_ANNOTATION) | TEXTS, TEXTS, max_size=2),
        "labels": st.none() | st.dictionaries(TEXTS, TEXTS, max_size=2),
        "managedFields": st.none() | _managed_fields,
        "deletionTimestamp": DATES,
        "finalizers": st.just(["a/b"]),
    },
)

_policies = _some(
    suspend=st.booleans(),
    startingDeadlineSeconds=st.sampled_from([0, 1, 2**31 - 1]),
    concurrencyPolicy=st.sampled_from(["Allow", "Forbid", "Replace"]),
    missedRunPolicy=st.sampled_from(["Latest", "Skip", "All"]),
    missedRunLimit=st.sampled_from([1, 10_000]),
    maxConsecutiveFailures=st.sampled_from([1, 1_000_000]),
    successfulJobsHistoryLimit=COUNTS,
    failedJobsHistoryLimit=COUNTS,
    ttlSecondsAfterComplete=COUNTS,
    guarantee=st.sampled_from(["Standard", "Strict"]),
    jitter=st.sampled_from(["1s", "24h"]),
)
_labels = st.sampled_from([None, {}, {f"k{n}": "v" for n in range(20)}])
_templates = st.sampled_from([{}, {"spec": {}}, {"metadata": None, "spec": None}]) | st.builds(
    lambda labels, text: {
        "metadata": {"labels": labels, "annotations": {"a": text}},
        "spec": {"template": {"metadata": {"labels": labels, "annotations": {"a": text}}, "spec": {"x": text}}},
    },
    _labels,
    TEXTS,
)
_once = st.sampled_from(
    [
        {"at": "1970-01-01T00:00:00Z"},
        {"at": "2999-12-31T23:59:59.999+00:00"},
        {"afterCreation": "87600h"},
        {"every": "1s"},
        {"every": "87600h", "startTime": "2999-12-31T23:59:59Z"},
        {"schedule": "* * * * * *"},
        {"schedule": "0 0 30 2 *"},
        {"schedule": "0 0 29 2 *", "timeZone": "Asia/Kathmandu"},
        {"schedule": "💣"},
        {"schedule": "* * * * *", "timeZone": "Nowhere/Atall"},
        {"every": "1s", "exclude": [{"date": "2026-03-01"}] * 256},
    ]
)

timer_objects = st.builds(
    lambda metadata, timing, policy, template, status: {
        "metadata": metadata,
        "spec": {**timing, **policy, "jobTemplate": template},
        **({} if status is None else {"status": status}),
    },
    _metadata,
    specs().map(lambda drawn: drawn[0]) | _once,
    _policies,
    _templates,
    st.none() | statuses,
)

_OCCURRENCES = [0, 1, NOW_MS - 3_600_000, NOW_MS, NOW_MS + 10**12, 253_402_300_799_999, 2**63]
_names = (
    st.sampled_from([job_name("nightly", UID, occurrence_ms) for occurrence_ms in _OCCURRENCES])
    | st.sampled_from([manual_job_name("nightly", UID, text) for text in ("", "x", "💣")])
    | st.sampled_from(["a", "nightly-", "-", "nightly-zzzzzzzz-" + "z" * 40, f"{job_name('nightly', UID, 0)}_0"])
)
_owners = st.lists(
    st.fixed_dictionaries(
        {
            "apiVersion": st.sampled_from([API_VERSION, "redistimer.dev/v9", "batch/v1", "x"]),
            "kind": st.sampled_from([KIND, "CronJob"]),
            "name": st.sampled_from(["nightly", "x"]),
            "uid": st.sampled_from([UID, "another"]),
        },
        optional={"controller": st.booleans()},
    ),
    max_size=2,
)
_job_conditions = st.lists(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["Complete", "Failed", "Suspended"]), "status": st.sampled_from(["True", "False"])},
        optional={"lastTransitionTime": DATES, "reason": TEXTS, "message": TEXTS},
    ),
    max_size=2,
)

job_objects = st.builds(
    lambda name, uid, owners, meta, spec, status: {
        "metadata": {"namespace": "default", "name": name, "uid": uid, "ownerReferences": owners, **meta},
        "spec": spec,
        "status": status,
    },
    _names,
    st.sampled_from(["job-1", "job-2", "job-3"]),
    st.none() | _owners,
    st.fixed_dictionaries(
        {"resourceVersion": st.sampled_from(["1", "9"])},
        optional={
            "creationTimestamp": st.sampled_from(["2026-03-01T10:30:00Z", "9999-12-31T23:59:59Z"]),
            "annotations": st.none()
            | st.dictionaries(
                st.sampled_from([TRIGGER_ANNOTATION, "redistimer.dev/uncommitted", "redistimer.dev/scheduled-at"]),
                TEXTS | st.sampled_from(["1", "²", "9" * 400]),
                max_size=2,
            ),
            "labels": st.none() | st.dictionaries(TEXTS, TEXTS, max_size=2),
        },
    ),
    st.none() | _some(suspend=st.booleans()),
    st.none() | _some(conditions=st.none() | _job_conditions, completionTime=DATES, startTime=DATES),
)
