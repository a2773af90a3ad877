"""The one vocabulary of reasons: conditions, Events, reports and metrics all take theirs from here.

Names follow CronJob's where it has one for the same thing.
"""

from enum import StrEnum


class Reason(StrEnum):
    """Why a timer, an occurrence or a condition is as it is."""

    SCHEDULED = "Scheduled"
    SUSPENDED = "Suspended"
    TOO_MANY_FAILURES = "TooManyFailures"

    COMPLETE = "Complete"
    COMPLETED_WITH_FAILURES = "CompletedWithFailures"
    MISSED = "Missed"
    NEVER_FIRES = "NeverFires"

    INVALID_SPEC = "InvalidSpec"
    INVALID_SCHEDULE = "InvalidSchedule"
    UNKNOWN_TIME_ZONE = "UnknownTimeZone"

    SUCCESSFUL_CREATE = "SuccessfulCreate"
    SAW_COMPLETED_JOB = "SawCompletedJob"
    SUCCESSFUL_DELETE = "SuccessfulDelete"

    MISS_SCHEDULE = "MissSchedule"
    JOB_ALREADY_ACTIVE = "JobAlreadyActive"

    TEMPLATE_ACCEPTED = "TemplateAccepted"
    TEMPLATE_NOT_CHECKED = "TemplateNotChecked"

    INVALID_TEMPLATE = "InvalidTemplate"
    FORBIDDEN = "Forbidden"
    QUOTA_EXCEEDED = "QuotaExceeded"
    NAMESPACE_TERMINATING = "NamespaceTerminating"
    JOB_NAME_TAKEN = "JobNameTaken"
    FAILED_CREATE = "FailedCreate"


COMPLETE_REASONS = frozenset({Reason.COMPLETE, Reason.COMPLETED_WITH_FAILURES, Reason.MISSED, Reason.NEVER_FIRES})
"""No occurrence is left."""

SPEC_PROBLEMS = frozenset({Reason.INVALID_SPEC, Reason.INVALID_SCHEDULE, Reason.UNKNOWN_TIME_ZONE})
"""Nothing but an edit of the timer mends these."""

CREATE_PROBLEMS = frozenset(
    {
        Reason.INVALID_TEMPLATE,
        Reason.FORBIDDEN,
        Reason.QUOTA_EXCEEDED,
        Reason.NAMESPACE_TERMINATING,
        Reason.JOB_NAME_TAKEN,
        Reason.FAILED_CREATE,
    }
)
"""The API server did not take an occurrence's Job; tried again with backoff until the occurrence is missed."""

TEMPLATE_REASONS = frozenset({Reason.TEMPLATE_ACCEPTED, Reason.TEMPLATE_NOT_CHECKED, Reason.INVALID_TEMPLATE})
"""What a check of a jobTemplate can end with."""
