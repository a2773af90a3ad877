"""What is compared: specs that a CronJob and a RedisTimer share, word for word.

Everything is due at full minutes, as CronJobs are. Minute 0 is the first one that all of them have lived to see.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.integration.world import NO_PODS, template

Object = dict[str, Any]

MINUTES = range(4)
MINUTE_MS = 60_000

# Longer than a minute, and over far from any full one.
SLOW_S = 75
# Of a Job that is still there when its timer is edited, 80 seconds after it began.
LONG_S = 95

ZONE = "Asia/Kathmandu"
"""Its hours begin at a quarter past those of UTC, so that even minutes tell whether it was heeded."""

LONG_NAME = "a-name-with-as-many-characters-as-a-cronjob-may-have"

EVERY_MINUTE = "* * * * *"
NEVER_NOW = "0 0 29 2 *"


def job(seconds: int = 1, exit_code: int = 0, **job_spec: Any) -> Object:
    """A jobTemplate whose Pod sleeps and exits."""
    return template(["sh", "-c", f"sleep {seconds}; exit {exit_code}"], **job_spec)


def failing(**job_spec: Any) -> Object:
    """A jobTemplate whose Job fails soon."""
    return job(exit_code=3, **({"backoffLimit": 0} | job_spec))


JOBS = {"quick": job(), "slow": job(SLOW_S), "failing": failing()}
POLICIES = ("Allow", "Forbid", "Replace")


def minutes(first_ms: int, *numbers: int, zone: str = "UTC") -> str:
    """A cron expression that is due at some of the compared minutes, and at no other for a while."""
    first = datetime.fromtimestamp(first_ms / 1000, UTC).astimezone(ZoneInfo(zone))
    times = [first + timedelta(minutes=number) for number in numbers]
    # Where an hour ends between them, two more come of it: far from all that is compared.
    hours = sorted({time.hour for time in times})
    return f"{','.join(str(time.minute) for time in times)} {','.join(map(str, hours))} * * *"


def rich_template() -> Object:
    """A jobTemplate in which as much as possible is said. It has no Pods, and never finishes."""
    rich = template(
        ["true"],
        parallelism=0,
        completions=3,
        completionMode="Indexed",
        backoffLimitPerIndex=2,
        maxFailedIndexes=1,
        activeDeadlineSeconds=86_400,
        ttlSecondsAfterFinished=3_600,
        podReplacementPolicy="Failed",
        podFailurePolicy={"rules": [{"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [42]}}]},
    )
    # Of a Job's metadata only labels and annotations are taken over, by both.
    rich["metadata"] = {
        "name": "not-taken-over",
        "finalizers": ["example.com/not-taken-over"],
        "labels": {"team": "billing", "app.kubernetes.io/name": "report"},
        "annotations": {"example.com/note": "mine"},
    }
    pod = rich["spec"]["template"]
    pod["metadata"] = {"labels": {"tier": "batch"}, "annotations": {"example.com/pod-note": "mine, too"}}
    pod["spec"] |= {
        "serviceAccountName": "default",
        "terminationGracePeriodSeconds": 7,
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "batch", "operator": "Exists", "effect": "NoSchedule"}],
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1000},
        "volumes": [{"name": "scratch", "emptyDir": {}}],
    }
    pod["spec"]["containers"][0] |= {
        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)2"}],
        "resources": {"requests": {"cpu": "10m"}, "limits": {"memory": "64Mi"}},
        "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
    }
    return rich


def marked_job() -> Object:
    """A jobTemplate with labels and annotations, whose Job has a Pod."""
    marked = job()
    marked["metadata"] = {"labels": {"team": "billing"}, "annotations": {"example.com/note": "mine"}}
    marked["spec"]["template"]["metadata"] = {"labels": {"tier": "batch"}, "annotations": {"example.com/pod": "yes"}}
    return marked


def marked_pods() -> Object:
    """A jobTemplate without labels, but for those of its Pods: the API server gives them to a Job that has none."""
    marked = template(parallelism=0)
    marked["spec"]["template"]["metadata"] = {"labels": {"tier": "batch"}}
    return marked


def specs(first_ms: int) -> dict[str, Object]:
    """All that run side by side, by name. `first_ms` is minute 0."""
    every_minute: dict[str, Object] = {
        **{
            f"{policy.lower()}-{kind}": {"concurrencyPolicy": policy, "jobTemplate": JOBS[kind]}
            for policy in POLICIES
            for kind in JOBS
        },
        "forbid-slow-deadline": {
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": 10,
            "jobTemplate": JOBS["slow"],
        },
        "keep-no-succeeded": {"successfulJobsHistoryLimit": 0, "jobTemplate": JOBS["quick"]},
        "keep-one-succeeded": {"successfulJobsHistoryLimit": 1, "jobTemplate": JOBS["quick"]},
        "keep-no-failed": {"failedJobsHistoryLimit": 0, "jobTemplate": JOBS["failing"]},
        "keep-two-failed": {"failedJobsHistoryLimit": 2, "jobTemplate": JOBS["failing"]},
        "tried-twice": {"jobTemplate": failing(backoffLimit=1)},
        "short-lived": {"successfulJobsHistoryLimit": 9, "jobTemplate": job(ttlSecondsAfterFinished=2)},
        "marked": {"jobTemplate": marked_job()},
        "marked-pods": {"jobTemplate": marked_pods()},
        "rich": {"jobTemplate": rich_template()},
        "deadline": {"startingDeadlineSeconds": 30, "jobTemplate": NO_PODS},
        "deadline-of-nothing": {"startingDeadlineSeconds": 0, "jobTemplate": NO_PODS},
        "suspended": {"suspend": True, "jobTemplate": NO_PODS},
        "resumed": {"suspend": True, "jobTemplate": NO_PODS},
        "resumed-deadline": {"suspend": True, "startingDeadlineSeconds": 10, "jobTemplate": NO_PODS},
        "new-template": {"jobTemplate": NO_PODS},
        "job-deleted": {"jobTemplate": NO_PODS},
        "deleted": {"jobTemplate": NO_PODS},
        "orphaned": {"jobTemplate": NO_PODS},
        LONG_NAME: {"jobTemplate": NO_PODS},
    }
    others: dict[str, Object] = {
        "in-a-zone": {
            "schedule": minutes(first_ms, 0, 2, zone=ZONE),
            "timeZone": ZONE,
            "jobTemplate": NO_PODS,
        },
        "in-no-zone": {"schedule": minutes(first_ms, 0, 2, zone=ZONE), "jobTemplate": NO_PODS},
        "interval": {"schedule": "@every 65s", "jobTemplate": NO_PODS},
        "new-interval": {"schedule": "@every 65s", "jobTemplate": NO_PODS},
        "short-interval": {"schedule": "@every 20s", "jobTemplate": NO_PODS},
        "new-schedule": {"schedule": minutes(first_ms, 0), "jobTemplate": NO_PODS},
        "new-schedule-active": {"schedule": minutes(first_ms, 0), "jobTemplate": job(LONG_S)},
        **{
            f"by-hand-{policy.lower()}": {
                "schedule": minutes(first_ms, 1),
                "concurrencyPolicy": policy,
                "jobTemplate": JOBS["slow"],
            }
            for policy in POLICIES
        },
    }
    return {name: {"schedule": EVERY_MINUTE} | spec for name, spec in every_minute.items()} | others


def refused_specs() -> dict[str, Object]:
    """Those whose Jobs are refused for a while, by name."""
    spec = {"schedule": EVERY_MINUTE, "jobTemplate": NO_PODS}
    return {"refused": spec, "refused-deadline": spec | {"startingDeadlineSeconds": 10}}
