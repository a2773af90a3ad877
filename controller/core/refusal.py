"""Why the API server refused a Job, in the project's own words."""

from collections.abc import Collection

from controller.core.reasons import Reason

SHORTEST_BACKOFF_MS = 1_000
LONGEST_BACKOFF_MS = 60_000

REQUEST_BACKOFF_MS = 10_000
"""Between two attempts at a run that was asked for by hand: until it is created, or the request is withdrawn."""


def refusal_reason(status: int, message: str, causes: Collection[str]) -> Reason:
    """The reason of an HTTP status, message and causes (`details.causes[].reason` of a Kubernetes Status)."""
    if "NamespaceTerminating" in causes or (status == 404 and "namespaces" in message):
        return Reason.NAMESPACE_TERMINATING
    if status == 403:
        return Reason.QUOTA_EXCEEDED if "exceeded quota" in message else Reason.FORBIDDEN
    if status in (400, 413, 422):
        return Reason.INVALID_TEMPLATE
    return Reason.FAILED_CREATE


def try_again_ms(due_ms: int, now_ms: int, next_ms: int | None) -> int:
    """When to try a refused occurrence again.

    The wait is as long as it is overdue already, which doubles it each time and needs no memory of attempts. The
    next occurrence is not waited over: it decides what becomes of this one.
    """
    wait_ms = min(max(now_ms - due_ms, SHORTEST_BACKOFF_MS), LONGEST_BACKOFF_MS)
    return now_ms + wait_ms if next_ms is None else max(now_ms + SHORTEST_BACKOFF_MS, min(now_ms + wait_ms, next_ms))
