"""Timers as few bytes: a hundred thousand of them are kept in a tenth of the memory, and read again when needed."""

import zlib
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import orjson

from controller.core.slim import slim
from controller.core.timer import Timer, parse_timer

READ_AT_ONCE = 1_000
"""So many timers stay read: those that something happens to are looked at several times in a row."""

_LEVEL, _WINDOW, _MEMORY = 3, -11, 2
"""No header, and a window of 2 KB: timers are shorter than that, as a rule. Measured: more of each is only slower."""

_INSTANT = "2026-11-22T10:00:00Z"
_GENERATION = {"observedGeneration": 1}
_TYPICAL = {
    "metadata": {
        "annotations": {"redistimer.dev/trigger": ""},
        "managedFields": [
            {"fieldsV1": {"f:spec": {}}, "time": _INSTANT},
            {"fieldsV1": {"f:status": {"f:observedGeneration": {}}}, "subresource": "status", "time": _INSTANT},
        ],
    },
    "spec": {
        "at": _INSTANT,
        "every": "1h30m",
        "exclude": [{"date": "2026-12-25", "from": "2026-12-24", "to": "2027-01-01", "cron": "* * * * SAT,SUN"}],
        "missedRunPolicy": "Skip",
        "concurrencyPolicy": "Forbid",
        "guarantee": "Strict",
        "maxConsecutiveFailures": 3,
        "schedules": [{"cron": "30 6 * * 1-5", "timeZone": "Europe/Berlin"}],
        "suspend": True,
    },
    "status": {
        "committedRun": {"jobName": "-", "jobUid": "-", "scheduledAt": _INSTANT, "started": True},
        "lastFailedTime": _INSTANT,
        "lastFailure": {"jobName": "", "message": "", "reason": "BackoffLimitExceeded"},
        "lastHandledTrigger": "",
        "lastMissedTime": _INSTANT,
        "lastSkippedTime": _INSTANT,
        "conditions": [
            {
                "lastTransitionTime": _INSTANT,
                "message": "spec.suspend is true: nothing fires until it is false.",
                **_GENERATION,
                "reason": "Suspended",
                "status": "True",
                "type": "Suspended",
            },
        ],
    },
}
_USUAL = {
    "metadata": {
        "creationTimestamp": _INSTANT,
        "generation": 1,
        "managedFields": [
            {"fieldsV1": {"f:spec": {}}, "time": _INSTANT},
            {"fieldsV1": {"f:status": {"f:observedGeneration": {}}}, "subresource": "status", "time": _INSTANT},
        ],
        "name": "",
        "namespace": "default",
        "resourceVersion": "1",
        "uid": "-4",
    },
    "spec": {
        "concurrencyPolicy": "Allow",
        "failedJobsHistoryLimit": 1,
        "guarantee": "Standard",
        "missedRunPolicy": "Latest",
        "schedule": "0 0 * * *",
        "startingDeadlineSeconds": 300,
        "successfulJobsHistoryLimit": 3,
        "suspend": False,
        "timeZone": "Europe/Berlin",
    },
    "status": {
        "active": [],
        "activeCount": 0,
        "conditions": [
            {
                "lastTransitionTime": _INSTANT,
                "message": "The timer fires as scheduled.",
                **_GENERATION,
                "reason": "Scheduled",
                "status": "True",
                "type": "Ready",
            },
            {
                "lastTransitionTime": _INSTANT,
                "message": "The API server accepts a Job of this template.",
                **_GENERATION,
                "reason": "TemplateAccepted",
                "status": "True",
                "type": "TemplateValid",
            },
        ],
        "consecutiveFailures": 0,
        "handledThrough": _INSTANT,
        "lastScheduleTime": _INSTANT,
        "lastSuccessfulTime": _INSTANT,
        "nextScheduleTime": _INSTANT,
        **_GENERATION,
        "runs": {"failed": 0, "missed": 0, "skipped": 0, "succeeded": 1},
        "scheduleSummary": "0 0 * * *",
        "timingHash": "",
    },
}
_DICTIONARY = b"".join(orjson.dumps(part, option=orjson.OPT_SORT_KEYS) for part in (_TYPICAL, _USUAL))
"""What timers are expected to say. What they do say is stored as the difference; the usual at the end costs least."""

# Made once, as that costs as much as a timer.
_COMPRESSOR = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW, _MEMORY, zlib.Z_DEFAULT_STRATEGY, _DICTIONARY)
_DECOMPRESSOR = zlib.decompressobj(_WINDOW, _DICTIONARY)

_read: OrderedDict[bytes, Timer] = OrderedDict()


def pack(obj: Mapping[str, Any]) -> bytes:
    """The timer of an object without its jobTemplate, to be read by `unpack`. Raises what parse_timer does."""
    slimmer = slim(obj)
    timer = parse_timer(slimmer)
    compressor = _COMPRESSOR.copy()
    packed = compressor.compress(orjson.dumps(slimmer, option=orjson.OPT_SORT_KEYS)) + compressor.flush()
    _remember(packed, timer)
    return packed


def unpack(packed: bytes) -> Timer:
    """The timer that was packed. One that was packed or unpacked a short while ago costs nothing."""
    timer = _read.get(packed)
    if timer is None:
        decompressor = _DECOMPRESSOR.copy()
        timer = parse_timer(orjson.loads(decompressor.decompress(packed)))
        _remember(packed, timer)
    else:
        _read.move_to_end(packed)
    return timer


def _remember(packed: bytes, timer: Timer) -> None:
    _read[packed] = timer
    if len(_read) > READ_AT_ONCE:
        _read.popitem(last=False)
