"""What tests of conversions share: a manifest, and either way of converting it."""

from typing import Any

import pytest

from controller.core.cronjob.conversion import ConversionError, Converted, to_cron_job, to_timer
from tests.unit.core.objects import ms

NOW_MS = ms("2026-11-25T10:00:00Z")
TEMPLATE = {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "b"}]}}}}

NO_ZONE = (
    "timeZone is not set: a CronJob goes by the zone of the machine that the controller manager runs on, often UTC, "
    "a RedisTimer always by UTC"
)
FORBID = (
    "concurrencyPolicy Forbid: what is due while a Job is active, a CronJob starts when it ends, a RedisTimer never"
)

Object = dict[str, Any]


def obj(spec: Object, **metadata: Any) -> Object:
    """A CronJob or a RedisTimer: both have these words. None removes a field."""
    metadata = {"name": "report", "namespace": "billing"} | metadata
    return {"metadata": metadata, "spec": {"schedule": "30 6 * * *", "timeZone": "UTC", "jobTemplate": TEMPLATE} | spec}


def imported(spec: Object, **options: Any) -> Converted:
    """The RedisTimer of a CronJob."""
    return to_timer(obj(spec), "default", NOW_MS, **options)


def exported(spec: Object, **metadata: Any) -> Converted:
    """The CronJob of a RedisTimer."""
    return to_cron_job(obj(spec, **metadata), "default", NOW_MS)


def problems_of(convert: Any, spec: Object, **metadata: Any) -> list[str]:
    """Why this cannot be converted."""
    with pytest.raises(ConversionError) as caught:
        convert(obj(spec, **metadata), "default", NOW_MS)
    return list(caught.value.problems)
