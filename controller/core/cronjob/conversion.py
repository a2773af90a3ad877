"""CronJobs become RedisTimers and back, with remarks on what does not stay the same. No I/O.

The two share their words, so most of a manifest is carried over as it is. What the other side cannot say is an error
that names the field; what it says and means otherwise is a remark.
"""

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from controller.core.cronjob.clock_changes import differences, is_zoneless
from controller.core.cronjob.manifest import Object, manifest_of, mentions, remarks_on_keepers
from controller.core.cronjob.plain_cron import plain_expression
from controller.core.policy import Concurrency, Guarantee, MissedRuns, read_policy
from controller.core.problems import SpecError, cut
from controller.core.reasons import Reason
from controller.core.schedule.reading import CronText, cron_texts, read_schedule
from controller.core.schedule.zones import DEFAULT_ZONE, zone_of
from controller.core.timer import API_VERSION, GROUP, KIND, SPEC_FIELDS

CRON_JOB = "CronJob"
CRON_JOB_API_VERSION = "batch/v1"

CRON_JOB_FIELDS = (
    "schedule",
    "timeZone",
    "suspend",
    "startingDeadlineSeconds",
    "concurrencyPolicy",
    "successfulJobsHistoryLimit",
    "failedJobsHistoryLimit",
    "jobTemplate",
)
"""All fields of a CronJob's spec, in the order in which they are written."""

CRON_JOB_NAME_LIMIT = 52
"""The Jobs of a CronJob append eleven characters to its name."""

_ONLY_TIMERS = {
    "at": "a CronJob does not run just once, but a plain Job does",
    "afterCreation": "a CronJob does not run just once, but a plain Job does",
    "every": "a CronJob counts no interval from its creation: write a cron expression",
    "startTime": "a CronJob runs from its creation on",
    "endTime": "a CronJob runs until it is suspended or deleted",
    "jitter": "a CronJob does not delay its runs",
    "exclude": "a CronJob leaves out no days",
    "maxConsecutiveFailures": "a CronJob goes on however often it fails",
}
"""What a CronJob cannot do, and why."""

_ZONE_INSIDE = re.compile(r"(?:CRON_)?TZ=([^ ]*) (.*)", re.DOTALL)
_WHOLE_NUMBERS = ("startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit")
_LARGEST_NUMBER = 2**31 - 1
_CRON_JOB_TIME = "batch.kubernetes.io/cronjob-scheduled-timestamp"
_TIMER_TIME = f"{GROUP}/scheduled-at"

_FORBID = (
    "concurrencyPolicy Forbid: what is due while a Job is active, a CronJob starts when it ends, a RedisTimer never"
)
_NO_DEADLINE = "startingDeadlineSeconds 0: a CronJob never starts anything with it, a RedisTimer what is in time"
_SUSPENDED = "suspend: what was due meanwhile, a CronJob can still start when it is resumed, a RedisTimer never does"


@dataclass(frozen=True, slots=True)
class Converted:
    """A manifest to apply, and what does not mean the same as before, a sentence each."""

    manifest: dict[str, Any]
    remarks: tuple[str, ...]


class ConversionError(ValueError):
    """What the other side cannot say. Each of `problems` names a field and says what to do."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


def to_timer(
    cron_job: Object, namespace: str, now_ms: int, suspend: bool = False, time_zone: str | None = None
) -> Converted:
    """The RedisTimer that does what a CronJob does; raises ConversionError.

    `namespace` counts where the manifest names none. With `suspend` the timer is made suspended. `time_zone` is what a
    CronJob goes by that names none, the zone of the controller manager's machine; None where nobody knows it.
    """
    spec, problems = _spec(cron_job, CRON_JOB_FIELDS, CRON_JOB)
    remarks: list[str] = []
    try:
        remarks += _settle_zone(spec, time_zone)
        read_schedule(spec, now_ms, _owner(cron_job, namespace))
    except SpecError as error:
        problems.append(error.message)
    if problems:
        raise ConversionError(problems)
    remarks += _remarks(spec, now_ms, _owner(cron_job, namespace))
    if mentions(spec["jobTemplate"], _CRON_JOB_TIME):
        remarks.append(f"jobTemplate mentions {_CRON_JOB_TIME}: Jobs of a RedisTimer have {_TIMER_TIME} instead")
    remarks += remarks_on_keepers(cron_job)
    return Converted(manifest_of(API_VERSION, KIND, cron_job, _in_order(spec, suspend)), tuple(remarks))


def to_cron_job(timer: Object, namespace: str, now_ms: int, suspend: bool = False) -> Converted:
    """The CronJob that does what a RedisTimer does; raises ConversionError.

    `namespace` counts where the manifest names none: `H` goes by it. With `suspend` the CronJob is made suspended.
    """
    owner = _owner(timer, namespace)
    spec, problems = _spec(timer, SPEC_FIELDS, KIND)
    problems += _not_for_cron_jobs(timer, spec)
    remarks: list[str] = []
    try:
        if cron := _one_expression(spec):
            text = plain_expression(cron.text, cron.where, owner)
            zone_of(cron.zone, cron.zone_where)
            if text != cron.text:
                remarks.append(f"{cron.where} {cron.text!r} of {owner} is written out: {text}")
            # Always with its zone: without one a CronJob goes by whatever the controller manager's machine has.
            spec |= {"schedule": text, "timeZone": cron.zone}
    except SpecError as error:
        problems.append(error.message)
    if problems:
        raise ConversionError(problems)
    remarks += _remarks(spec, now_ms, owner)
    if "ttlSecondsAfterComplete" in spec:
        remarks.append("ttlSecondsAfterComplete is left out: a CronJob is never complete")
    if mentions(spec["jobTemplate"], _TIMER_TIME):
        remarks.append(
            f"jobTemplate mentions {_TIMER_TIME}: Jobs of a CronJob have {_CRON_JOB_TIME}, their Pods nothing"
        )
    remarks += remarks_on_keepers(timer)
    return Converted(manifest_of(CRON_JOB_API_VERSION, CRON_JOB, timer, _in_order(spec, suspend)), tuple(remarks))


def _owner(obj: Object, namespace: str) -> str:
    metadata = obj["metadata"]
    return f"{metadata.get('namespace') or namespace}/{metadata.get('name') or metadata.get('generateName') or ''}"


def _spec(obj: Object, known: tuple[str, ...], kind: str) -> tuple[dict[str, Any], list[str]]:
    """The fields that are given, and what is wrong with those that both sides have."""
    given = obj.get("spec")
    if not isinstance(given, Mapping):
        raise ConversionError([f"spec is missing: a {kind} has a schedule and a jobTemplate there"])
    for field in ("labels", "annotations"):
        if not isinstance(obj["metadata"].get(field) or {}, Mapping):
            raise ConversionError([f"metadata.{field} is no object: write key: value, a line each"])
    # An empty list excludes nothing.
    spec = {str(field): value for field, value in given.items() if value is not None and value != []}
    return spec, [*_problems(spec, known, kind)]


def _problems(spec: Object, known: tuple[str, ...], kind: str) -> Iterator[str]:
    for field in spec:
        if field not in known:
            yield _unknown(field, known, kind)
    if spec.get("suspend") not in (None, True, False):
        yield f"spec.suspend {shown(spec['suspend'])} is neither true nor false: write it without quotes"
    for field in _WHOLE_NUMBERS:
        value = spec.get(field, 0)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LARGEST_NUMBER:
            yield f"spec.{field} {shown(value)} is not a whole number from 0 to {_LARGEST_NUMBER}"
    try:
        read_policy(spec)
    except SpecError as error:
        yield error.message
    template: Any = spec.get("jobTemplate")
    for field in ("spec", "template", "spec"):
        template = template.get(field) if isinstance(template, Mapping) else None
    if not isinstance(template, Mapping):
        yield "spec.jobTemplate.spec.template.spec is missing: there is nothing to run"


def _unknown(field: str, known: tuple[str, ...], kind: str) -> str:
    if field in SPEC_FIELDS:
        return f"spec.{field} is a field of a {KIND}, not of a {kind}: write kind: {KIND}, apiVersion: {API_VERSION}"
    meant = near(field, known)
    hint = f"did you mean {meant}?" if meant else f"there are {', '.join(known)}"
    return f"spec.{cut(field)} is not a field of a {kind}: {hint}"


def near(field: str, known: Iterable[str]) -> str | None:
    """The known field that somebody surely meant, None where there is none."""
    same = {name.lower(): name for name in known}
    matches = difflib.get_close_matches(field.lower(), same, n=1, cutoff=0.8)
    return same[matches[0]] if matches else None


def _settle_zone(spec: dict[str, Any], time_zone: str | None) -> Iterator[str]:
    """Say in timeZone by which zone a CronJob goes; what there is to remark. Raises SpecError."""
    text = spec.get("schedule")
    if text is None:
        raise SpecError(Reason.INVALID_SPEC, f"spec.schedule is missing: a {CRON_JOB} has a cron expression there")
    if not isinstance(text, str):
        # read_schedule says what is wrong.
        return
    if inside := _ZONE_INSIDE.fullmatch(text):
        if "timeZone" in spec:
            raise SpecError(
                Reason.INVALID_SPEC, f"spec.schedule {shown(text)} names a zone, and so does spec.timeZone: remove one"
            )
        spec["schedule"] = inside[2].strip()
        # As Go reads it: nothing is UTC, and Local is that of the machine.
        if inside[1] != "Local":
            zone_of(inside[1] or DEFAULT_ZONE, "the zone in spec.schedule,")
            spec["timeZone"] = inside[1] or DEFAULT_ZONE
            yield f"the zone in schedule {shown(text)} is moved to timeZone: {spec['timeZone']}"
    if "timeZone" in spec or is_zoneless(spec["schedule"], ""):
        return
    if time_zone is not None:
        spec["timeZone"] = time_zone
        return
    yield (
        "timeZone is not set: a CronJob goes by the zone of the machine that the controller manager runs on, "
        "often UTC, a RedisTimer always by UTC"
    )


def _not_for_cron_jobs(timer: Object, spec: Object) -> Iterator[str]:
    for field, why in _ONLY_TIMERS.items():
        if field in spec:
            yield f"spec.{field} {shown(spec[field])}: {why}"
    if spec.get("missedRunPolicy", MissedRuns.LATEST) in (MissedRuns.SKIP, MissedRuns.ALL):
        yield (
            f"spec.missedRunPolicy {spec['missedRunPolicy']}: of several overdue runs a CronJob starts the latest, and "
            "startingDeadlineSeconds is all that it knows besides"
        )
    if spec.get("guarantee") == Guarantee.STRICT:
        yield "spec.guarantee Strict: a CronJob can run twice for one time, if its first Job is gone: choose Standard"
    length = len(str(timer["metadata"].get("name") or ""))
    if length > CRON_JOB_NAME_LIMIT:
        yield f"metadata.name has {length} characters: that of a CronJob has at most {CRON_JOB_NAME_LIMIT}"


def _one_expression(spec: Object) -> CronText | None:
    """The expression that a spec goes by; None where it goes by another kind of schedule. Raises SpecError."""
    if any(field in spec for field in ("at", "afterCreation", "every")):
        return None
    crons = cron_texts(spec)
    if len(crons) > 1:
        raise SpecError(
            Reason.INVALID_SPEC,
            f"spec.schedules has {len(crons)} entries: a CronJob has one schedule. Make a {KIND} of each, and export "
            "these",
        )
    return crons[0]


def _remarks(spec: Object, now_ms: int, owner: str) -> Iterator[str]:
    """What the same words do not mean on both sides."""
    if spec["schedule"].startswith("@every"):
        yield "schedule @every: each counts from its own creation, so that the times move"
    zone = spec.get("timeZone", DEFAULT_ZONE)
    yield from (f"timeZone {zone}: {difference}" for difference in differences(spec["schedule"], zone, owner, now_ms))
    if spec.get("concurrencyPolicy") == Concurrency.FORBID:
        yield _FORBID
    if spec.get("startingDeadlineSeconds") == 0:
        yield _NO_DEADLINE
    if spec.get("suspend"):
        yield _SUSPENDED


def _in_order(spec: dict[str, Any], suspend: bool) -> dict[str, Any]:
    spec = spec | ({"suspend": True} if suspend else {})
    return {field: spec[field] for field in CRON_JOB_FIELDS if field in spec}


def shown(value: object) -> str:
    """A value of a manifest for a message: a text in quotes, anything else as JSON."""
    return cut(repr(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str))
