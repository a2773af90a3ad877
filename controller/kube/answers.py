"""What an API server, or whatever stands before it, answers besides objects, read: refusals, and lines of a watch."""

import time
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from controller.core.nesting import read_json
from controller.kube.errors import ApiError, ApiUnreachableError

_MESSAGE_LIMIT = 600


def refusal(status: int, retry_after: str | None, payload: bytes) -> ApiError:
    """The error of an answer that is none: its status, its Retry-After and its body."""
    try:
        body = orjson.loads(payload)
        message, reason, details = str(body.get("message", "")), str(body.get("reason", "")), body.get("details") or {}
        causes = tuple(str(cause.get("reason", "")) for cause in details.get("causes") or ())
        retry_after = retry_after or str(details.get("retryAfterSeconds", ""))
        go_on = str((body.get("metadata") or {}).get("continue", ""))
    except (ValueError, AttributeError, TypeError):
        message, reason, causes, go_on = payload[:_MESSAGE_LIMIT].decode(errors="replace"), "", (), ""
    return ApiError(status, reason, message[:_MESSAGE_LIMIT], causes, _seconds(retry_after), go_on)


def _seconds(retry_after: str | None) -> float | None:
    """How long a server wants to be left alone: seconds, or the time of day at which to come back."""
    if not retry_after:
        return None
    if retry_after.isdecimal() and len(retry_after) < 10:
        return float(retry_after) or None
    try:
        left_s = parsedate_to_datetime(retry_after).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
    return left_s if left_s > 0 else None


def change(line: bytes, path: str) -> dict[str, Any]:
    """A line of a watch. Raises ApiError and ApiUnreachableError."""
    try:
        event: dict[str, Any] = read_json(line)
    except ValueError:
        raise ApiUnreachableError(f"watch {path}: the answer is not JSON") from None
    if not isinstance(event, dict) or not isinstance(event.get("object"), dict):
        raise ApiUnreachableError(f"watch {path}: the answer is not a change of an object")
    if event.get("type") == "ERROR":
        status = event["object"]
        raise ApiError(status.get("code", 0), status.get("reason", ""), status.get("message", ""))
    return event
